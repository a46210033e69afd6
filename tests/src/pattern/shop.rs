//! A shop that writes its orders and their messages in one transaction, and is killed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::Broker;
use glmsg_core::Message;
use glmsg_patterns::outbox::{Outbox, OutboxRelay};
use rusqlite::{Connection, TransactionBehavior};
use tokio::runtime::Runtime;

use super::Process;

/// Its topic.
const TOPIC: &str = "orders";

fn open(db: &Path) -> Connection {
    let db = Connection::open(db).expect("the database opens");
    db.busy_timeout(Duration::from_secs(60)).expect("a bound");
    let table = "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY)";
    db.execute_batch(table).expect("a table");
    Outbox::install(&db).expect("an outbox");
    db
}

/// How many orders the database holds.
///
/// # Panics
/// If it cannot be read.
pub fn count_orders(db: &Path) -> u64 {
    let count = open(db).query_row("SELECT count(*) FROM orders", [], |row| row.get(0));
    let count: i64 = count.expect("the orders are counted");
    count.unsigned_abs()
}

/// Takes orders until there are so many, each in a transaction with its message, and relays them.
///
/// # Panics
/// If something fails.
pub async fn sell(broker: Arc<dyn Broker>, path: &Path, count: u64) {
    let mut db = open(path);
    let relay = OutboxRelay::new(path, broker).batch(16).start().await;
    let relay = relay.expect("the relay starts");
    // Where only the runtime is killed this goes on, as another process's would.
    let selling = tokio::task::spawn_blocking(move || while take_order(&mut db, count) {});
    selling.await.expect("it sells");
    relay.drained().await.expect("all is published");
    relay.shutdown().await.expect("it stops");
}

/// `false` if there are so many already.
fn take_order(db: &mut Connection, count: u64) -> bool {
    let order = db.transaction_with_behavior(TransactionBehavior::Immediate);
    let order = order.expect("a transaction");
    let insert = "INSERT INTO orders DEFAULT VALUES";
    order.execute(insert, []).expect("inserted");
    let id = order.last_insert_rowid().unsigned_abs();
    if id > count {
        return false;
    }
    let message = Message::text(TOPIC, id.to_string()).expect("a valid message");
    Outbox::enqueue(&order, &message).expect("enqueued");
    order.commit().expect("committed");
    true
}

/// A shop that can be killed.
#[derive(Debug)]
pub enum Shop {
    Process(Process),
    /// Its tasks end where they are when it is shut down.
    Runtime(Runtime, tokio::task::JoinHandle<()>),
}

impl Shop {
    /// Opens one, in a process of its own if the broker's store has a URL.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(
        program: &str,
        url: Option<&str>,
        broker: &Arc<dyn Broker>,
        db: &Path,
        count: u64,
    ) -> Self {
        if let Some(url) = url {
            let path = db.to_str().expect("a path of text");
            let words = ["shop", url, path, &count.to_string()];
            return Self::Process(Process::start(Path::new(program), &words));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime starts");
        let (broker, db) = (broker.clone(), db.to_owned());
        let selling = runtime.spawn(async move { sell(broker, &db, count).await });
        Self::Runtime(runtime, selling)
    }

    /// Kills it where it is.
    ///
    /// # Panics
    /// If it had failed before.
    pub fn kill9(self) {
        match self {
            Self::Process(process) => process.kill9(),
            Self::Runtime(runtime, _) => runtime.shutdown_background(),
        }
    }

    /// Waits until it has sold all.
    ///
    /// # Panics
    /// If it fails.
    pub async fn finish(self) {
        match self {
            Self::Process(process) => {
                let finishing = tokio::task::spawn_blocking(|| process.finish());
                finishing.await.expect("it ends well");
            }
            Self::Runtime(runtime, selling) => {
                selling.await.expect("it ends well");
                runtime.shutdown_background();
            }
        }
    }
}
