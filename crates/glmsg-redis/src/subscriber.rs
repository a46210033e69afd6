//! Joining a group and receiving.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use glmsg_broker::{
    GroupConfig, Intake, Ordering, Received, Settled, Settler, Source, SubscribeOptions, Token,
};
use glmsg_core::{Error, ErrorKind, GroupName, MessageId, Result, TopicName, clean_error_text};
use redis::{Pipeline, Value};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::RedisSettler;
use crate::acker::Wish;
use crate::broker::{Shared, closed, no_group};
use crate::connection::Dedicated;
use crate::encode::{bytes, count, decode, decode_history, fine, list, millis, next, number, text};
use crate::keys::{GroupKeys, TopicKeys};
use crate::member::{Deliveries, Held};
use crate::place::EntryId;

/// How long a wait lasts at most. Leases of others that run out wake nobody.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// The most deliveries of one fetch.
const MOST: usize = 500;

/// A subscription of a [`RedisBroker`](crate::RedisBroker). Dropping it leaves the group, and gives
/// back what was fetched and not handed out.
pub struct RedisSource {
    settler: RedisSettler,
    topic: TopicName,
    group: GroupName,
    topic_keys: Arc<TopicKeys>,
    /// Its name on the streams, which ends with its lease in milliseconds.
    consumer: Arc<str>,
    lease: Duration,
    closed: watch::Receiver<bool>,
    /// State of the lane picker, which the fetch step keeps for us.
    picks: [i64; 2],
    /// A fetch under way. It goes on when a receive is given up.
    fetching: Option<JoinHandle<Result<Fetched>>>,
    waiting: Option<JoinHandle<Option<Dedicated>>>,
    connection: Option<Dedicated>,
    /// Fetched and not handed out yet.
    ready: VecDeque<Received>,
    /// When that was fetched.
    fetched_at: Instant,
    /// Fetched, and no message: to be made dead letters.
    wrong: Vec<(Token, Box<str>)>,
    /// What happened and was not reported yet.
    intake: Intake,
}

/// What a fetch brought.
struct Fetched {
    asked_at: Instant,
    picks: [i64; 2],
    /// When something becomes due.
    due_in: Option<Duration>,
    intake: Intake,
    /// The last ids of the bell and of the lanes.
    behind: Vec<String>,
    raws: Vec<Raw>,
}

struct Raw {
    lane: u8,
    id: EntryId,
    attempt: u32,
    history: Bytes,
    body: Bytes,
}

impl fmt::Debug for RedisSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSource")
            .field("topic", &self.topic)
            .field("group", &self.group)
            .field("consumer", &self.consumer)
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
        };
        let mut join = shared.scripts.join.of_group(&settler.group);
        join.arg(&*consumer);
        let joined = shared.run(topic_keys.slot, join).await?;
        drop(shared.answer(joined, topic, Some(group))?);
        Ok(Self {
            settler,
            topic: topic.clone(),
            group: group.clone(),
            topic_keys,
            consumer,
            lease: options.lease,
            closed: shared.closed.subscribe(),
            picks: [0, 0],
            fetching: None,
            waiting: None,
            connection: None,
            ready: VecDeque::new(),
            fetched_at: Instant::now(),
            wrong: Vec::new(),
            intake: Intake::default(),
        })
    }

    /// Fetches what is deliverable, in a task of its own: what the server has handed out must not
    /// be lost with a receive that is given up.
    async fn fetch(&mut self, max: usize) -> Result<Fetched> {
        let fetching = match &mut self.fetching {
            Some(fetching) => fetching,
            none => none.insert(tokio::spawn(fetch(
                self.settler.clone(),
                self.topic.clone(),
                self.group.clone(),
                Arc::clone(&self.consumer),
                self.picks,
                max.min(MOST),
            ))),
        };
        let fetched = fetching.await;
        self.fetching = None;
        fetched.unwrap_or_else(|_| Err(closed()))
    }

    fn keep(&mut self, fetched: Fetched) {
        self.picks = fetched.picks;
        self.fetched_at = fetched.asked_at;
        self.intake.expired += fetched.intake.expired;
        self.intake.dead_lettered += fetched.intake.dead_lettered;
        let until = fetched.asked_at + self.lease;
        let mut deliveries = self.settler.deliveries();
        for raw in fetched.raws {
            let token = deliveries.add(Held {
                lane: raw.lane,
                id: raw.id,
                attempt: raw.attempt,
                until,
            });
            match decode(&raw.body) {
                Ok(message) => self.ready.push_back(Received {
                    message,
                    token,
                    attempt: raw.attempt,
                    history: decode_history(&raw.history),
                }),
                Err(e) => self.wrong.push((token, clean_error_text(&e.to_string()))),
            }
        }
    }

    /// Has what is no message buried.
    async fn condemn(&mut self) -> Result<()> {
        let each = self.wrong.iter();
        let wishes: Vec<Wish> = each
            .map(|(token, why)| Wish::bury(*token, MessageId::new().as_bytes(), why))
            .collect();
        let settled = self.settler.settle(&wishes).await?;
        let buried = settled.into_iter().filter(|s| s.is_current()).count();
        self.intake.dead_lettered += buried as u64;
        self.wrong.clear();
        Ok(())
    }

    /// What was fetched for a receive that was given up may have waited here for long: it is
    /// handed out only if it is still ours, and with a whole lease.
    async fn renew(&mut self) -> Result<()> {
        if self.ready.is_empty() || self.fetched_at.elapsed() < self.lease / 2 {
            return Ok(());
        }
        let tokens: Vec<Token> = self.ready.iter().map(|received| received.token).collect();
        let settled = self.settler.extend(&tokens, self.lease).await?;
        let mut is_ours = settled.into_iter().map(Settled::is_current);
        self.ready.retain(|_| is_ours.next().unwrap_or(false));
        self.fetched_at = Instant::now();
        Ok(())
    }

    /// Waits until something is published, comes back or becomes due.
    async fn wait(&mut self, fetched: &Fetched) -> Result<()> {
        let wait = fetched.due_in.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        if self.waiting.is_none() {
            let connection = match self.connection.take() {
                Some(connection) => connection,
                None => {
                    self.settler
                        .shared
                        .link
                        .dedicated(self.topic_keys.slot)
                        .await?
                }
            };
            let reading = read(connection, &self.topic_keys, &fetched.behind, wait);
            self.waiting = Some(tokio::spawn(reading));
        }
        let Some(waiting) = &mut self.waiting else {
            return Ok(());
        };
        // A wait begun by a receive that was given up may last longer than this one.
        if let Ok(read) = tokio::time::timeout(wait, waiting).await {
            self.waiting = None;
            self.connection = read.ok().flatten();
        }
        Ok(())
    }

    async fn receive(&mut self, buf: &mut Vec<Received>, max: usize) -> Result<Intake> {
        loop {
            self.settler.shared.check_open()?;
            if !self.wrong.is_empty() {
                self.condemn().await?;
            }
            self.renew().await?;
            if !self.ready.is_empty() || self.intake != Intake::default() {
                let taken = max.min(self.ready.len());
                buf.extend(self.ready.drain(..taken));
                return Ok(std::mem::take(&mut self.intake));
            }
            let mut fetched = self.fetch(max).await?;
            if fetched.raws.is_empty() && fetched.intake == Intake::default() {
                self.picks = fetched.picks;
                self.wait(&fetched).await?;
            } else {
                fetched.behind.clear();
                self.keep(fetched);
            }
        }
    }
}

fn last_eight(id: MessageId) -> [u8; 8] {
    let [_, _, _, _, _, _, _, _, rest @ ..] = *id.as_bytes();
    rest
}

async fn fetch(
    settler: RedisSettler,
    topic: TopicName,
    group: GroupName,
    consumer: Arc<str>,
    picks: [i64; 2],
    max: usize,
) -> Result<Fetched> {
    let shared = &settler.shared;
    loop {
        let mut call = shared.scripts.fetch.of_group(&settler.group);
        call.arg(&*consumer).arg(max).arg(&picks);
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(call);
        let asked_at = Instant::now();
        let replies = shared.link.send(settler.group.slot, &pipeline).await?;
        let answer = fine(next(&mut replies.values.into_iter())?)?;
        let mut words = list(answer)?.into_iter();
        match text(next(&mut words)?)?.as_str() {
            "OK" => return fetched(asked_at, &mut words),
            "LOST" => shared.recover(&topic, &group, &settler.group).await?,
            _ => return Err(no_group(&topic, &group)),
        }
    }
}

fn fetched(asked_at: Instant, words: &mut impl Iterator<Item = Value>) -> Result<Fetched> {
    let picks = [number(next(words)?)?, number(next(words)?)?];
    let due_in = u64::try_from(number(next(words)?)?).ok();
    let intake = Intake {
        expired: count(next(words)?)?,
        dead_lettered: count(next(words)?)?,
    };
    let behind = list(next(words)?)?.into_iter().map(text);
    let behind = behind.collect::<Result<Vec<String>>>()?;
    let raws = list(next(words)?)?.into_iter().map(raw);
    Ok(Fetched {
        asked_at,
        picks,
        due_in: due_in.map(Duration::from_millis),
        intake,
        behind,
        raws: raws.collect::<Result<Vec<Raw>>>()?,
    })
}

fn raw(value: Value) -> Result<Raw> {
    let mut words = list(value)?.into_iter();
    let lane = u8::try_from(number(next(&mut words)?)?).unwrap_or(0);
    let id = text(next(&mut words)?)?;
    Ok(Raw {
        lane,
        id: EntryId::parse(&id).unwrap_or(EntryId::ZERO),
        attempt: u32::try_from(number(next(&mut words)?)?).unwrap_or(u32::MAX),
        history: bytes(next(&mut words)?)?,
        body: bytes(next(&mut words)?)?,
    })
}

/// Reads nothing away: whoever wakes fetches. `None` if the connection broke.
fn read(
    mut connection: Dedicated,
    keys: &TopicKeys,
    behind: &[String],
    wait: Duration,
) -> impl Future<Output = Option<Dedicated>> + Send + 'static {
    let mut read = redis::cmd("XREAD");
    read.arg("COUNT")
        .arg(1)
        .arg("BLOCK")
        .arg(millis(wait).max(1))
        .arg("STREAMS");
    read.arg(keys.bell());
    for lane in 0..4 {
        read.arg(keys.lane(lane));
    }
    read.arg(behind);
    let mut pipeline = Pipeline::with_capacity(1);
    pipeline.add_command(read);
    async move {
        let read = connection
            .send(&pipeline, wait + Duration::from_secs(2))
            .await;
        read.ok().map(|_| connection)
    }
}

impl Source for RedisSource {
    type Settler = RedisSettler;

    fn settler(&self) -> RedisSettler {
        self.settler.clone()
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

impl Drop for RedisSource {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if let Some(waiting) = self.waiting.take() {
            waiting.abort();
        }
        let mut tokens: Vec<Token> = self.ready.iter().map(|r| r.token).collect();
        tokens.extend(self.wrong.iter().map(|(token, _)| *token));
        let (settler, fetching) = (self.settler.clone(), self.fetching.take());
        let (consumer, lease) = (Arc::clone(&self.consumer), self.lease);
        runtime.spawn(async move {
            if let Some(Ok(Ok(fetched))) = match fetching {
                Some(fetching) => Some(fetching.await),
                None => None,
            } {
                let until = fetched.asked_at + lease;
                let mut deliveries = settler.deliveries();
                for Raw {
                    lane, id, attempt, ..
                } in fetched.raws
                {
                    tokens.push(deliveries.add(Held {
                        lane,
                        id,
                        attempt,
                        until,
                    }));
                }
            }
            // Nobody is left to tell; what is not given back here comes again when its lease ends.
            if !tokens.is_empty() {
                let _ = settler.release(&tokens).await;
            }
            let mut leave = settler.shared.scripts.leave.of_group(&settler.group);
            leave.arg(&*consumer);
            let _ = settler.shared.run(settler.group.slot, leave).await;
        });
    }
}
