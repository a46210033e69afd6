//! Giving letters back and throwing them away, so that of many who do one wins.

use std::time::Duration;

use glmsg_broker::DeadLetterSelector;
use glmsg_core::{Clock as _, Result, SystemClock};
use rdkafka::consumer::Consumer as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::{Letter, SETTLED, is_chosen, read_letters};
use crate::connection::Link;
use crate::encode::for_library;
use crate::entry::Entry;
use crate::error::from_kafka;
use crate::error::transaction::{Verdict, verdict};
use crate::names::GroupNames;
use crate::record;
use crate::scan::Range;

/// What a transaction has changed.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) count: u64,
    /// Where the first stands that was given back.
    pub(super) next: Option<i64>,
    /// Where the letters ended then.
    pub(super) end: i64,
}

/// Changes letters in a transaction. Whoever had one open under this name is shut out by it.
pub(super) fn change(
    link: &Link,
    names: &GroupNames,
    which: &DeadLetterSelector,
    redrive: bool,
) -> Result<Changed> {
    let timeout = link.config().timeout;
    let mut config = link.config().producer()?;
    config.set("transactional.id", &names.dead);
    config.set("transaction.timeout.ms", "10000");
    config.set("message.timeout.ms", "10000");
    let made = config.create();
    let producer: BaseProducer = made.map_err(|e| from_kafka(&e, false))?;
    let wrong = |e: rdkafka::error::KafkaError| from_kafka(&e, true);
    producer.init_transactions(timeout * 2).map_err(wrong)?;
    // Read now: what others had begun is done or undone.
    let (from, to) = link_range(link, &names.dead)?;
    let range = Range {
        topic: names.dead.clone(),
        partition: 0,
        from,
        to,
        most: usize::MAX,
    };
    let letters = read_letters(link, range)?;
    let chosen: Vec<(&i64, &Letter)> = letters
        .iter()
        .filter(|(_, letter)| is_chosen(which, letter))
        .filter(|(_, letter)| !redrive || letter.entry.message().is_some())
        .collect();
    if chosen.is_empty() {
        return Ok(Changed::default());
    }
    // Where the first of them will stand.
    let next = match redrive {
        true => Some(link_range(link, &names.retry)?.1),
        false => None,
    };
    producer.begin_transaction().map_err(wrong)?;
    let send = |topic: &str, key: Option<&[u8]>, sent: record::Sent| {
        let mut out = BaseRecord::<[u8], [u8]>::to(topic)
            .payload(&sent.value)
            .headers(for_library(&sent.headers))
            .partition(0);
        out.key = key;
        loop {
            match producer.send(out) {
                Ok(()) => return Ok(()),
                Err((error, back)) => {
                    let full = rdkafka::error::RDKafkaErrorCode::QueueFull;
                    if error.rdkafka_error_code() != Some(full) {
                        return Err(from_kafka(&error, false));
                    }
                    producer.poll(Duration::from_millis(10));
                    out = back;
                }
            }
        }
    };
    let now = SystemClock.now();
    if redrive {
        for (_, letter) in &chosen {
            let Some(message) = letter.entry.message() else {
                continue;
            };
            let mut entry = Entry::of_message(message.clone(), now);
            entry.due = Some(now);
            send(
                &names.retry,
                entry.key().map(str::as_bytes),
                record::write(&entry),
            )?;
        }
    }
    let offsets: Vec<String> = chosen
        .iter()
        .map(|(offset, _)| offset.to_string())
        .collect();
    // Many fit one record, and not any number.
    for part in offsets.chunks(10_000) {
        let what: &[u8] = if redrive { b"redriven" } else { b"purged" };
        let mut headers = glmsg_kafka_wire::NewHeaders::new();
        headers.put(SETTLED, Some(what));
        let sent = record::Sent {
            value: part.join(" ").into_bytes(),
            headers,
        };
        send(&names.dead, None, sent)?;
    }
    commit(&producer, timeout * 2)?;
    Ok(Changed {
        count: chosen.len() as u64,
        next,
        // Whether or not this is found out: they are changed.
        end: uncommitted_end(link, names).unwrap_or(0),
    })
}

fn commit(producer: &BaseProducer, timeout: Duration) -> Result<()> {
    let mut tries = 0;
    loop {
        let Err(error) = producer.commit_transaction(timeout) else {
            return Ok(());
        };
        tries += 1;
        match verdict(&error) {
            Verdict::Retry if tries < 5 => {}
            Verdict::Abort => {
                // If that fails, too, the next one of this name does it.
                let _ = producer.abort_transaction(timeout);
                return Err(from_kafka(&error, true));
            }
            Verdict::Retry | Verdict::Fatal => return Err(from_kafka(&error, true)),
        }
    }
}

/// Where the letters end, with what not every reader is shown yet. Other clients are told of the end
/// of what is committed.
fn uncommitted_end(link: &Link, names: &GroupNames) -> Result<i64> {
    link.as_outsider(&names.id, |client| {
        let found = client.fetch_watermarks(&names.dead, 0, link.config().timeout);
        Ok(found.map_err(|e| from_kafka(&e, false))?.1)
    })
}

fn link_range(link: &Link, topic: &str) -> Result<(i64, i64)> {
    let client = link.client();
    let found = client.fetch_watermarks(topic, 0, link.config().timeout);
    found.map_err(|e| from_kafka(&e, false))
}
