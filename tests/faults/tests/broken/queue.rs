//! A queue on a real server behind a proxy, with steps that are right and steps that are wrong.

use std::collections::BTreeSet;

use glmsg_faults::check::{Expectation, Remains, Report, check};
use glmsg_faults::ledger::{Received, Settlement, Writer, read_dir};
use glmsg_faults::proxy::Proxy;
use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamId, StreamRangeReply, StreamReadReply};
use tempfile::TempDir;

pub(crate) const QUEUE: &str = "queue";
pub(crate) const GROUP: &str = "g";

/// A server with a queue and its group, and the ledger of the case.
pub(crate) struct Case {
    pub(crate) redis: RedisServer,
    pub(crate) proxy: Proxy,
    pub(crate) dir: TempDir,
}

impl Case {
    pub(crate) async fn start() -> Self {
        let redis = RedisServer::start(Kind::Redis7, RedisSetup::default()).await;
        let created = ["XGROUP", "CREATE", QUEUE, GROUP, "0", "MKSTREAM"];
        redis.command(&created).await;
        Self {
            proxy: Proxy::start(redis.addr()).await,
            redis,
            dir: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn ledger(&self, process: &str) -> Writer {
        Writer::open(self.dir.path(), process)
    }

    pub(crate) async fn connect(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.redis.url_at(self.proxy.addr())).unwrap();
        // No time-out on a slow disk: a try more would be one copy more.
        let config = redis::AsyncConnectionConfig::new();
        let config = config
            .set_response_timeout(None)
            .set_connection_timeout(None);
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        connection.await.unwrap()
    }

    /// What the checker says, with what the queue holds in the end. Acked messages are deleted.
    pub(crate) async fn report(&self) -> Report {
        let mut connection = self.connect().await;
        let left: StreamRangeReply = connection.xrange_all(QUEUE).await.unwrap();
        let backlog: BTreeSet<String> = left.ids.iter().map(id_of).collect();
        let remains = Remains {
            backlog,
            ..Remains::default()
        };
        let expectation = Expectation::for_groups([GROUP]).remains(GROUP, remains);
        check(&read_dir(self.dir.path()).unwrap(), &expectation)
    }
}

pub(crate) fn id_of(entry: &StreamId) -> String {
    entry.get("id").expect("each entry has an id")
}

/// Publishing is right if it is idempotent: the second time it changes nothing and says so.
pub(crate) const PUBLISH_ONCE: &str = "if redis.call('SET', KEYS[2], 1, 'NX') then \
    redis.call('XADD', KEYS[1], '*', 'id', ARGV[1]) return 'OK' else return 'DUP' end";

/// A bound is right if it refuses what is new instead of dropping what is old.
pub(crate) const PUBLISH_BOUNDED: &str = "if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[2]) then return 'FULL' end \
    redis.call('XADD', KEYS[1], '*', 'id', ARGV[1]) return 'OK'";

/// Publishes with that command until it is answered. False if there is no room.
pub(crate) async fn publish(case: &Case, ledger: &Writer, id: &str, command: &redis::Cmd) -> bool {
    loop {
        ledger.pub_try(id);
        let mut connection = case.connect().await;
        let answer: redis::RedisResult<String> = command.query_async(&mut connection).await;
        match answer.as_deref() {
            Ok("DUP") => ledger.pub_dup(id),
            Ok("FULL") => {
                ledger.pub_full(id);
                return false;
            }
            Ok(_) => ledger.pub_ok(id),
            Err(_) => {
                ledger.pub_indeterminate(id);
                continue;
            }
        }
        return true;
    }
}

pub(crate) fn raw(id: &str) -> redis::Cmd {
    let mut command = redis::cmd("XADD");
    command.arg(QUEUE).arg("*").arg("id").arg(id);
    command
}

pub(crate) fn once(id: &str) -> redis::Cmd {
    let mut command = redis::cmd("EVAL");
    let seen = format!("seen:{id}");
    command
        .arg(PUBLISH_ONCE)
        .arg(2)
        .arg(QUEUE)
        .arg(seen)
        .arg(id);
    command
}

/// Delivers up to that many messages to a consumer that handles each.
pub(crate) async fn consume(case: &Case, ledger: &Writer, most: usize) -> usize {
    let mut connection = case.connect().await;
    let mut read = redis::cmd("XREADGROUP");
    read.arg("GROUP").arg(GROUP).arg(ledger.process());
    read.arg("COUNT")
        .arg(most)
        .arg("STREAMS")
        .arg(QUEUE)
        .arg(">");
    let reply: Option<StreamReadReply> = read.query_async(&mut connection).await.unwrap();
    let entries: Vec<StreamId> = reply
        .into_iter()
        .flat_map(|reply| reply.keys)
        .flat_map(|key| key.ids)
        .collect();
    for entry in &entries {
        receive(ledger, entry, 1);
        ledger.group(GROUP).done(&id_of(entry));
        ack(ledger, entry, &mut connection).await;
    }
    entries.len()
}

pub(crate) fn receive(ledger: &Writer, entry: &StreamId, attempt: u32) {
    let received = Received {
        attempt,
        lease_ms: 60_000,
        position: Some(entry.id.clone()),
    };
    ledger.group(GROUP).recv(&id_of(entry), received);
}

pub(crate) async fn ack(ledger: &Writer, entry: &StreamId, connection: &mut MultiplexedConnection) {
    let group = ledger.group(GROUP);
    let settling = group.settling(&id_of(entry));
    let mut settle = redis::pipe();
    settle.atomic().xack(QUEUE, GROUP, &[&entry.id]);
    settle.xdel(QUEUE, &[&entry.id]);
    let (acked, _): (u32, u32) = settle.query_async(connection).await.unwrap();
    settling.ack(match acked {
        1 => Settlement::Accepted,
        _ => Settlement::Gone,
    });
}
