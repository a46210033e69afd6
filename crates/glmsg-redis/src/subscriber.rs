//! Joining a group and receiving.

mod asking;
mod framed;

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use glmsg_broker::{
    GroupConfig, Intake, Ordering, Received, Settled, Settler, Source, SubscribeOptions, Token,
};
use glmsg_core::{Error, ErrorKind, MessageId, Result, clean_error_text};
use tokio::sync::watch;
use tokio::time::Instant;

use self::asking::{Asking, Attended, Task};
use crate::RedisSettler;
use crate::acker::Wish;
use crate::broker::{Shared, closed};
use crate::connection::Dedicated;
use crate::encode::{count, decode, decode_history, millis, next};
use crate::keys::GroupKeys;
use crate::leaving::Leaving;
use crate::member::{Deliveries, Held};
use crate::reading::{self, Asker, Batch, Look, Raw};

/// How long a wait lasts at most. Leases of others that run out wake nobody.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// The most deliveries of one fetch.
const MOST: usize = 500;
/// Receives of fewer are weighed one by one between lanes and by what came back; larger ones take
/// what is there, and what came back comes with the next.
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
    /// Fetched and not handed out yet.
    ready: VecDeque<Received>,
    /// When that was fetched.
    fetched_at: Instant,
    /// Fetched, and no message: to be made dead letters.
    wrong: Vec<(Token, Box<str>)>,
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
            wrong: Vec::new(),
            stale: Vec::new(),
            intake: Intake::default(),
            per_entry,
            is_mortal: false,
        })
    }

    /// How long a wait may last: leases of others that run out wake nobody, and our own must be
    /// known to run when something comes.
    fn longest_wait(&self) -> Duration {
        LONGEST_WAIT.min(self.lease / 4)
    }

    /// When the fetch step must look again.
    fn look_in(&self) -> Duration {
        let longest = self.longest_wait();
        let due = self.look.as_ref().and_then(|look| look.due_in);
        let at = self.looked_at + due.map_or(longest, |due| due.min(longest));
        at.saturating_duration_since(Instant::now())
    }

    /// Begins to ask for at most `max`.
    async fn begin(&mut self, max: usize) -> Result<()> {
        let max = max.min(MOST);
        let entries = self.entries_for(max);
        let (asker, look_in) = (self.asker.clone(), self.look_in());
        let since = Instant::now();
        let look = match &self.look {
            // Small receives are weighed exactly; large ones take what is there.
            Some(look) if !self.must_look && !look_in.is_zero() => look,
            _ => {
                let (picks, doubt) = (self.picks, self.is_in_doubt);
                // What only looks now and then leaves it to one member to look for all.
                let is_routine = self.look.is_some() && !self.must_look && !self.is_small(max);
                let thorough = doubt || self.was_refused || !is_routine;
                let most = (max, entries);
                let task = async move {
                    let looked = reading::look(asker, picks, most, doubt, thorough);
                    (None, looked.await)
                };
                self.asking = Some(Asking {
                    since,
                    // Apart, as what it holds of the shared connection others wait for.
                    task: Task::Apart(tokio::spawn(task)),
                    waits_on: None,
                    carries_acks: false,
                });
                return Ok(());
            }
        };
        let (behind, lanes) = (look.behind.clone(), look.lanes());
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let group = &self.asker.settler.group;
                self.asker.settler.shared.link.dedicated(group.slot).await?
            }
        };
        let waits_on = Some(connection.client_id());
        let mut carries_acks = false;
        let task = if asker.settler.group.is_by_key {
            Task::Here(Box::pin(reading::wait(asker, connection, look_in, behind)))
        } else {
            let acks = asker.settler.take_acks();
            carries_acks = acks.is_some();
            let task = reading::read(asker, connection, acks, look_in, (entries, lanes));
            Task::Here(Box::pin(task))
        };
        self.asking = Some(Asking {
            since,
            task,
            waits_on,
            carries_acks,
        });
        Ok(())
    }

    /// Asks, and keeps what comes.
    async fn ask(&mut self, max: usize) -> Result<()> {
        if self.asking.is_none() {
            self.begin(max).await?;
        }
        let attended = Attended(&mut self.asking);
        let Some(asking) = attended.0 else {
            return Ok(());
        };
        let since = asking.since;
        let asked = asking.task.end().await;
        *attended.0 = None;
        drop(attended);
        let Some((connection, batch)) = asked else {
            return Err(closed());
        };
        if connection.is_some() {
            self.connection = connection;
        }
        match batch {
            Ok(batch) => {
                self.keep(batch, since, max);
                Ok(())
            }
            Err(error) => {
                (self.must_look, self.is_in_doubt) = (true, true);
                Err(error)
            }
        }
    }

    fn keep(&mut self, batch: Batch, since: Instant, max: usize) {
        self.must_look = batch.rang;
        self.was_refused = batch.was_refused;
        let is_empty = batch.raws.is_empty();
        if let Some(look) = batch.look {
            self.picks = look.picks;
            self.looked_at = since;
            self.is_in_doubt = false;
            // Small receives are weighed one by one as long as there is something.
            let is_over = is_empty && batch.intake == Intake::default();
            self.must_look = !is_over && (self.is_small(max) || !look.is_plain);
            self.look = Some(look);
        } else {
            let taken = i64::try_from(batch.raws.len()).unwrap_or(0);
            self.picks[0] = (self.picks[0] + taken) % 16;
            // A read that begins takes what is new before what has come back.
            self.must_look |= self.is_small(max);
        }
        if is_empty && batch.intake == Intake::default() {
            return;
        }
        self.fetched_at = since;
        self.intake.expired += batch.intake.expired;
        self.intake.dead_lettered += batch.intake.dead_lettered;
        let until = since + self.lease;
        let now = self.now();
        self.note_sizes(&batch.raws);
        let settler = self.asker.settler.clone();
        let mut deliveries = settler.deliveries();
        for raw in batch.raws {
            if raw.finished.is_some() {
                self.open_frame(&mut deliveries, &raw, until, now);
                continue;
            }
            let token = deliveries.add(Held {
                lane: raw.lane,
                id: raw.id,
                attempt: raw.attempt,
                until,
                is_leaving: false,
                part: None,
            });
            match decode(&raw.body) {
                Ok(message) => {
                    let received = Received {
                        message,
                        token,
                        attempt: raw.attempt,
                        history: decode_history(&raw.history),
                    };
                    // The server decides; our reckoning only says whom to ask about.
                    match raw.expires {
                        Some(at) if at <= now + 5 => self.stale.push(received),
                        _ => self.ready.push_back(received),
                    }
                }
                Err(e) => self.wrong.push((token, clean_error_text(&e.to_string()))),
            }
        }
    }

    /// The server's clock in milliseconds, about.
    fn now(&self) -> i64 {
        let elapsed = i64::try_from(self.looked_at.elapsed().as_millis()).unwrap_or(0);
        self.look.as_ref().map_or(0, |look| look.now) + elapsed
    }

    /// Has the server decide about what seems past its time.
    async fn expire(&mut self) -> Result<()> {
        let tokens = self.stale.iter().map(|received| received.token);
        let wishes: Vec<Wish> = tokens.map(Wish::expire).collect();
        let settled = self.asker.settler.settle(&wishes).await?;
        for (received, settled) in self.stale.drain(..).zip(settled) {
            match settled {
                Settled::DeadLettered(_) => self.intake.expired += 1,
                // Where it was among the others.
                Settled::Released => {
                    let number = received.token.fence();
                    let at = self.ready.partition_point(|r| r.token.fence() < number);
                    self.ready.insert(at, received);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Has what is no message buried.
    async fn condemn(&mut self) -> Result<()> {
        let each = self.wrong.iter();
        let wishes: Vec<Wish> = each
            .map(|(token, why)| Wish::bury(*token, MessageId::new().as_bytes(), why))
            .collect();
        let settled = self.asker.settler.settle(&wishes).await?;
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
        let settled = self.asker.settler.extend(&tokens, self.lease).await?;
        let mut is_ours = settled.into_iter().map(Settled::is_current);
        self.ready.retain(|_| is_ours.next().unwrap_or(false));
        self.fetched_at = Instant::now();
        Ok(())
    }

    async fn receive(&mut self, buf: &mut Vec<Received>, max: usize) -> Result<Intake> {
        self.set_stale_aside(max);
        loop {
            self.asker.settler.shared.check_open()?;
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

impl Drop for RedisSource {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let mut tokens: Vec<Token> = self.ready.iter().map(|r| r.token).collect();
        tokens.extend(self.stale.iter().map(|r| r.token));
        tokens.extend(self.wrong.iter().map(|(token, _)| *token));
        let (asker, asking, lease) = (self.asker.clone(), self.asking.take(), self.lease);
        let leaving = Leaving::begin(&asker.settler.shared);
        runtime.spawn(async move {
            let _leaving = leaving;
            let settler = &asker.settler;
            if let Some(mut asking) = asking {
                if let Some(id) = asking.waits_on {
                    let mut unblock = redis::cmd("CLIENT");
                    unblock.arg("UNBLOCK").arg(id);
                    // If it does not wait, or cannot be told, it ends by itself.
                    let _ = settler.shared.run(settler.group.slot, unblock).await;
                }
                if let Some((_, Ok(batch))) = asking.task.end().await {
                    let until = asking.since + lease;
                    let mut deliveries = settler.deliveries();
                    for Raw {
                        lane, id, attempt, ..
                    } in batch.raws
                    {
                        tokens.push(deliveries.add(Held {
                            lane,
                            id,
                            attempt,
                            until,
                            is_leaving: false,
                            part: None,
                        }));
                    }
                }
            }
            // Nobody is left to tell; what is not given back here comes again when its lease ends.
            if !tokens.is_empty() {
                let _ = settler.give_back(&tokens).await;
            }
            let mut leave = settler.shared.scripts.leave.of_group(&settler.group);
            leave.arg(&*asker.consumer);
            let _ = settler.shared.run(settler.group.slot, leave).await;
        });
    }
}
