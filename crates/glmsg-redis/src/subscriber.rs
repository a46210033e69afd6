//! Joining a group and receiving.

mod asking;
mod ending;
mod framed;
mod keeping;

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use glmsg_broker::{GroupConfig, Intake, Ordering, Received, Source, SubscribeOptions, Token};
use glmsg_core::{Error, ErrorKind, MessageId, Result, wire};
use tokio::sync::watch;
use tokio::time::Instant;

use self::asking::Asking;
use crate::RedisSettler;
use crate::broker::{Shared, closed};
use crate::connection::Dedicated;
use crate::encode::{count, millis, next};
use crate::keys::GroupKeys;
use crate::member::Deliveries;
use crate::reading::{Asker, Look};

/// Receives of fewer keep the order between lanes, and between what came back and what is new, to the
/// last message: what a plain read took out of turn is given back. Larger ones take what is there, and
/// what came back comes with the next.
const SMALL: usize = 16;

/// A subscription of a [`RedisBroker`](crate::RedisBroker). Dropping it leaves the group, and gives
/// back what was fetched and not handed out.
pub struct RedisSource {
    asker: Asker,
    lease: Duration,
    closed: watch::Receiver<bool>,
    picks: [i64; 2],
    /// Asking under way. It goes on when a receive is given up: what the server has handed out
    /// must not be lost with it.
    asking: Option<Asking>,
    connection: Option<Dedicated>,
    /// When the fetch step looked last, and what it saw then.
    looked_at: Instant,
    look: Option<Look>,
    must_look: bool,
    /// The server refused the last read.
    was_refused: bool,
    /// The answer to a look was lost: the server may hold something for us.
    is_in_doubt: bool,
    decoder: wire::Decoder,
    /// Fetched and not handed out yet.
    ready: VecDeque<Received>,
    /// When that was fetched.
    fetched_at: Instant,
    /// Fetched, and no message: to be made dead letters.
    wrong: Vec<(Token, Box<str>)>,
    /// Fetched out of turn: to be given back.
    early: Vec<Token>,
    /// Fetched, and past their time by our reckoning.
    stale: Vec<Received>,
    /// What happened and was not reported yet.
    intake: Intake,
    /// How many messages an entry holds, as far as we have seen.
    per_entry: usize,
    /// Some of what waits here has a time to live.
    is_mortal: bool,
}

impl fmt::Debug for RedisSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSource")
            .field("topic", &self.asker.topic)
            .field("group", &self.asker.group)
            .field("consumer", &self.asker.consumer)
            .field("ready", &self.ready.len())
            .finish_non_exhaustive()
    }
}

impl RedisSource {
    pub(crate) async fn join(shared: &Arc<Shared>, options: &SubscribeOptions) -> Result<Self> {
        options.check()?;
        let (topic, group) = (&options.topic, &options.group);
        let GroupConfig { ordering, .. } = options.config;
        let topic_keys = shared.keys(topic);
        let keys = match shared.find_group(topic, group).await {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let ensured = shared.ensure_group(topic, group, &options.config).await?;
                GroupKeys::new(&topic_keys, group, &ensured.row)
            }
            found => found?,
        };
        if keys.is_by_key != (ordering == Ordering::PerKey) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the group exists with another ordering",
            )
            .with("topic", topic)
            .with("group", group)
            .remedy("subscribe with the group's own ordering, or delete the group"));
        }
        let unique = MessageId::new();
        let first = u64::from_be_bytes(last_eight(unique)) >> 24 << 20;
        let base = format!("{}~{:08x}", options.member, first >> 32);
        let consumer: Arc<str> = format!("{base}@{}", millis(options.lease)).into();
        let settler = RedisSettler {
            shared: Arc::clone(shared),
            group: Arc::new(keys),
            consumer: base.into(),
            deliveries: Arc::new(Mutex::new(Deliveries::new(first))),
            outbox: Arc::default(),
        };
        let mut join = shared.scripts.join.of_group(&settler.group);
        join.arg(&*consumer);
        let joined = shared.run(topic_keys.slot, join).await?;
        let mut joined = shared.answer(joined, topic, Some(group))?;
        let per_entry = usize::try_from(count(next(&mut joined)?)?).unwrap_or(1);
        let asker = Asker {
            settler,
            topic: topic.clone(),
            group: group.clone(),
            consumer,
        };
        Ok(Self {
            asker,
            lease: options.lease,
            closed: shared.closed.subscribe(),
            picks: [0, 0],
            asking: None,
            connection: None,
            looked_at: Instant::now(),
            look: None,
            must_look: true,
            was_refused: false,
            is_in_doubt: false,
            ready: VecDeque::new(),
            fetched_at: Instant::now(),
            decoder: wire::Decoder::default(),
            wrong: Vec::new(),
            early: Vec::new(),
            stale: Vec::new(),
            intake: Intake::default(),
            per_entry,
            is_mortal: false,
        })
    }

    async fn receive(&mut self, buf: &mut Vec<Received>, max: usize) -> Result<Intake> {
        self.set_stale_aside(max);
        loop {
            self.asker.settler.shared.check_open()?;
            if !self.early.is_empty() {
                self.put_back().await?;
            }
            if !self.wrong.is_empty() {
                self.condemn().await?;
            }
            if !self.stale.is_empty() {
                self.expire().await?;
            }
            self.renew().await?;
            if !self.ready.is_empty() || self.intake != Intake::default() {
                let taken = max.min(self.ready.len());
                buf.extend(self.ready.drain(..taken));
                self.note_handed_out();
                return Ok(mem::take(&mut self.intake));
            }
            self.ask(max).await?;
        }
    }
}

fn last_eight(id: MessageId) -> [u8; 8] {
    let [_, _, _, _, _, _, _, _, rest @ ..] = *id.as_bytes();
    rest
}

impl Source for RedisSource {
    type Settler = RedisSettler;

    fn settler(&self) -> RedisSettler {
        self.asker.settler.clone()
    }

    async fn recv(&mut self, buf: &mut Vec<Received>, max: usize) -> Result<Intake> {
        if max == 0 {
            return Ok(Intake::default());
        }
        let mut closing = self.closed.clone();
        let received = tokio::select! {
            biased;
            received = self.receive(buf, max) => received,
            _ = closing.wait_for(|closed| *closed) => Err(closed()),
        };
        received.map_err(|e| e.operation("receive"))
    }
}
