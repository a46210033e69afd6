//! Who publishes and who consumes, each step in the ledger before the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use glmsg_faults::ledger::{Received, Settlement, Writer};

use crate::queue::{GROUP, LEASE, Queue};

/// Whether there is nothing more to do.
#[derive(Clone, Default)]
pub(crate) struct Ended(Arc<AtomicBool>);

impl Ended {
    pub(crate) fn tell(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn told(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The time between two looks of a queue that has nothing, and two tries of one that does not answer.
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) async fn publisher(url: String, ledger: Writer, name: String, ended: Ended) {
    let mut queue = Queue::new(url);
    for n in 0.. {
        if ended.told() {
            return;
        }
        let id = format!("{name}-{n}");
        loop {
            ledger.pub_try(&id);
            match queue.publish(&id).await.as_deref() {
                Some("DUP") => ledger.pub_dup(&id),
                Some(_) => ledger.pub_ok(&id),
                None => {
                    ledger.pub_indeterminate(&id);
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            }
            break;
        }
    }
}

pub(crate) async fn consumer(url: String, ledger: Writer, poison: &str, ended: Ended) {
    let mut queue = Queue::new(url);
    let me = ledger.process().to_owned();
    let group = ledger.group(GROUP);
    while !ended.told() {
        let batch = queue.receive(&me).await;
        for (position, id, attempt) in &batch {
            let received = Received {
                attempt: *attempt,
                lease_ms: u64::try_from(LEASE.as_millis()).unwrap(),
                position: Some(position.clone()),
            };
            group.recv(id, received);
        }
        for delivered in &batch {
            let (_, id, _) = delivered;
            // Its handler fails each time, and nobody says so: the lease runs out.
            if id == poison {
                continue;
            }
            group.done(id);
            let settling = group.settling(id);
            settling.ack(match queue.ack(&me, delivered).await.as_deref() {
                Some("OK") => Settlement::Accepted,
                Some("STALE") => Settlement::Stale,
                Some(_) => Settlement::Gone,
                None => Settlement::Unknown,
            });
        }
        if batch.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
