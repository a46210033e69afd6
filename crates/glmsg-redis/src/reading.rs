//! How a source asks the server for deliveries: by the fetch step, which sees everything, or by
//! plain reads, which cost the server least and see only what is new.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::Intake;
use glmsg_core::{Error, ErrorKind, GroupName, Result, TopicName};
use redis::{Pipeline, Value};
use tokio::time::Instant;

use crate::RedisSettler;
use crate::broker::no_group;
use crate::connection::{Answers, Dedicated, First, Head, Request, apart};
use crate::digits::Digits;
use crate::encode::{bytes, count, fine, list, millis, next, number, text};
use crate::keys::ORPHANS;
use crate::outbox::{Acks, Way};
use crate::place::EntryId;

/// How many words a read has at most.
const WORDS: usize = 20;
/// How many bytes a read takes with the acks of few messages.
const ROOM: usize = 1024;

/// What asking brought.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) raws: Vec<Raw>,
    pub(crate) intake: Intake,
    /// What the fetch step saw besides.
    pub(crate) look: Option<Look>,
    /// Something came back or is scheduled: the fetch step must look.
    pub(crate) rang: bool,
    /// The server refused to read: the topic or the group may be gone.
    pub(crate) was_refused: bool,
}

impl Look {
    /// Which lanes had anything in them: the bell rings when another gets its first.
    pub(crate) fn lanes(&self) -> [bool; 4] {
        let mut lanes = [false, true, false, false];
        for (lane, last) in lanes.iter_mut().zip(self.behind.iter().skip(1)) {
            *lane |= last != "0-0";
        }
        lanes
    }
}

impl Batch {
    /// Nothing came, and the fetch step must look.
    fn rung() -> Self {
        Self {
            rang: true,
            ..Self::default()
        }
    }
}

/// What the fetch step tells of the group.
#[derive(Debug)]
pub(crate) struct Look {
    /// State of the lane picker, which the step keeps for us.
    pub(crate) picks: [i64; 2],
    /// When something becomes due.
    pub(crate) due_in: Option<Duration>,
    /// The last ids of the bell and of the lanes.
    pub(crate) behind: Vec<String>,
    /// The server's clock in milliseconds.
    pub(crate) now: i64,
    /// Only one lane has anything, and nothing has come back: plain reads deliver in order.
    pub(crate) is_plain: bool,
}

/// A delivery as the server hands it out.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) lane: u8,
    pub(crate) id: EntryId,
    pub(crate) attempt: u32,
    /// When it expires, in milliseconds of the server's clock, if nobody has looked yet.
    pub(crate) expires: Option<i64>,
    pub(crate) history: Bytes,
    pub(crate) body: Bytes,
    /// The group keeps a time of its own for it.
    pub(crate) is_noted: bool,
    /// The body is a frame, and these of its messages are finished.
    pub(crate) finished: Option<Bytes>,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) settler: RedisSettler,
    pub(crate) topic: TopicName,
    pub(crate) group: GroupName,
    /// Its name on the streams, which ends with its lease in milliseconds.
    pub(crate) consumer: Arc<str>,
}

/// Asks by the fetch step. With `is_in_doubt` an earlier answer was lost; with `is_thorough` it
/// looks through all members' leases even if another member has just done so.
pub(crate) async fn look(
    asker: Asker,
    picks: [i64; 2],
    (max, entries): (usize, usize),
    is_in_doubt: bool,
    is_thorough: bool,
) -> Result<Batch> {
    let shared = &asker.settler.shared;
    let keys = &asker.settler.group;
    loop {
        let mut call = shared.scripts.fetch.of_group(keys);
        call.arg(&*asker.consumer).arg(max).arg(&picks).arg(entries);
        call.arg(if is_thorough { "1" } else { "0" });
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(call);
        let replies = shared.link.send(keys.slot, &pipeline).await?;
        let is_in_doubt = is_in_doubt || replies.was_resent;
        let answer = fine(next(&mut replies.values.into_iter())?)?;
        let mut words = list(answer)?.into_iter();
        match text(next(&mut words)?)?.as_str() {
            "OK" => {
                if is_in_doubt {
                    // What an earlier try took is given back before anything is handed out.
                    let batch = looked(&mut words)?;
                    give_back_unknown(&asker, &batch.raws).await?;
                    return Ok(batch);
                }
                return looked(&mut words);
            }
            "LOST" => shared.recover(&asker.topic, &asker.group, keys).await?,
            _ => return Err(no_group(&asker.topic, &asker.group)),
        }
    }
}

fn looked(words: &mut impl Iterator<Item = Value>) -> Result<Batch> {
    let picks = [number(next(words)?)?, number(next(words)?)?];
    let due_in = u64::try_from(number(next(words)?)?).ok();
    let intake = Intake {
        expired: count(next(words)?)?,
        dead_lettered: count(next(words)?)?,
        undecodable: 0,
    };
    let behind = list(next(words)?)?.into_iter().map(text);
    let behind = behind.collect::<Result<Vec<String>>>()?;
    let raws = list(next(words)?)?.into_iter().map(raw);
    let raws = raws.collect::<Result<Vec<Raw>>>()?;
    let look = Look {
        picks,
        due_in: due_in.map(Duration::from_millis),
        behind,
        now: number(next(words)?)?,
        is_plain: number(next(words)?)? == 1,
    };
    Ok(Batch {
        raws,
        intake,
        look: Some(look),
        ..Batch::default()
    })
}

fn raw(value: Value) -> Result<Raw> {
    let mut words = list(value)?.into_iter();
    let lane = u8::try_from(number(next(&mut words)?)?).unwrap_or(0);
    let id = entry_id(next(&mut words)?)?;
    let mut raw = Raw {
        lane,
        id,
        attempt: u32::try_from(number(next(&mut words)?)?).unwrap_or(u32::MAX),
        expires: None,
        history: bytes(next(&mut words)?)?,
        body: bytes(next(&mut words)?)?,
        finished: None,
        is_noted: false,
    };
    match words.next() {
        None | Some(Value::Nil) => raw.is_noted = words.next().is_some(),
        Some(finished) => raw.finished = Some(bytes(finished)?),
    }
    Ok(raw)
}

fn entry_id(value: Value) -> Result<EntryId> {
    let id = bytes(value)?;
    let id = std::str::from_utf8(&id).ok().and_then(EntryId::parse);
    id.ok_or_else(|| Error::new(ErrorKind::Unexpected, "the server sent an id that is none"))
}

/// Reads what is new, and waits for it. A connection that broke is not given back: then what the
/// server handed out is given back to the group.
pub(crate) async fn read(
    asker: Asker,
    mut connection: Dedicated,
    acks: Option<Acks>,
    wait: Duration,
    (max, lanes): (usize, [bool; 4]),
) -> (Option<Dedicated>, Result<Batch>) {
    let keys = &asker.settler.group;
    let (count, block) = (Digits::of(max as u64), Digits::of(millis(wait).max(1)));
    let mut words: Vec<&[u8]> = Vec::with_capacity(WORDS);
    words.extend([
        b"XREADGROUP".as_slice(),
        b"GROUP",
        keys.stream_name.as_bytes(),
    ]);
    words.extend([asker.consumer.as_bytes(), b"COUNT", count.as_bytes()]);
    words.extend([
        b"BLOCK",
        block.as_bytes(),
        b"STREAMS",
        keys.bell().as_bytes(),
    ]);
    let streams = words.len() - 1;
    for lane in [3, 2, 1, 0] {
        if lanes[usize::from(lane)] {
            words.push(keys.lane(lane).as_bytes());
        }
    }
    let streams = words.len() - streams;
    words.extend(std::iter::repeat_n(b">".as_slice(), streams));
    let request = Request::behind(acks.map(with_read).unwrap_or_default(), &words);
    let error = match connection.send(request, wait).await {
        Ok(answers) => match plain(&asker, answers) {
            Ok(batch) => return (Some(connection), Ok(batch)),
            // The topic or the group is gone: the fetch step tells which, and why.
            Err(error) => {
                tracing::debug!(%error, "a plain read was refused");
                let mut batch = Batch::rung();
                batch.was_refused = true;
                return (Some(connection), Ok(batch));
            }
        },
        Err(error) => error,
    };
    tracing::debug!(%error, "a plain read broke off");
    // Apart, as it may hold what an ack waits for, while nobody receives and this is not polled.
    let given_back = apart(async move { give_back_unknown(&asker, &[]).await });
    (None, given_back.await.map(|()| Batch::rung()))
}

/// Waits until there may be something, and takes nothing: for groups that keep the order of keys.
pub(crate) async fn wait(
    asker: Asker,
    mut connection: Dedicated,
    wait: Duration,
    behind: Vec<String>,
) -> (Option<Dedicated>, Result<Batch>) {
    let keys = &asker.settler.group;
    let block = Digits::of(millis(wait).max(1));
    let mut words: Vec<&[u8]> = Vec::with_capacity(WORDS);
    words.extend([
        b"XREAD".as_slice(),
        b"COUNT",
        b"1",
        b"BLOCK",
        block.as_bytes(),
    ]);
    words.extend([b"STREAMS".as_slice(), keys.bell().as_bytes()]);
    words.extend((0..4).map(|lane| keys.lane(lane).as_bytes()));
    words.extend(behind.iter().map(String::as_bytes));
    let answer = connection.send(Request::new(&words), wait).await;
    (answer.is_ok().then_some(connection), Ok(Batch::rung()))
}

/// Acks go along. What is not told of what became of them sends them again.
fn with_read(acks: Acks) -> (Vec<u8>, Option<First>) {
    let mut bytes = Vec::with_capacity(ROOM);
    let commands = acks.put(&mut bytes);
    let tell = Box::new(move |mut answers: Answers| {
        if let Ok(values) = answers.values() {
            acks.done(values, Way::Read);
        }
    });
    (bytes, Some(First { commands, tell }))
}

fn plain(asker: &Asker, mut answers: Answers) -> Result<Batch> {
    let keys = &asker.settler.group;
    let mut batch = Batch::default();
    if let Some(Head::Refusal { .. }) = answers.peek() {
        return fine(answers.value()?).map(|_| batch);
    }
    let mut lanes = 0;
    for _ in 0..answers.list()? {
        answers.list()?;
        let name = answers.word()?;
        let lane = (0..4_u8).find(|lane| keys.lane(*lane).as_bytes() == name);
        let Some(lane) = lane else {
            answers.value()?;
            batch.rang = true;
            continue;
        };
        lanes += 1;
        let entries = answers.list()?;
        batch.raws.reserve(entries);
        for _ in 0..entries {
            batch.raws.push(entry(lane, &mut answers)?);
        }
    }
    // Several lanes at once are weighed by the fetch step from now on.
    batch.rang |= lanes > 1;
    Ok(batch)
}

fn entry(lane: u8, answers: &mut Answers) -> Result<Raw> {
    answers.list()?;
    let id = answers.entry_id()?;
    let (mut body, mut expires, mut finished) = (Bytes::new(), None, None);
    for _ in 0..answers.list()? / 2 {
        match answers.word()? {
            b"d" => body = answers.text()?,
            // Elsewhere there are no frames.
            b"f" if lane == 1 => (body, finished) = (answers.text()?, Some(Bytes::new())),
            b"x" => {
                expires = std::str::from_utf8(answers.word()?)
                    .ok()
                    .and_then(|at| at.parse().ok());
            }
            _ => drop(answers.text()?),
        }
    }
    Ok(Raw {
        lane,
        id,
        attempt: 1,
        expires,
        history: Bytes::new(),
        body,
        finished,
        is_noted: false,
    })
}

/// Gives back what the server says we hold and we know nothing of: its delivery was lost on the
/// way. Otherwise it would wait for its lease to run out.
pub(crate) async fn give_back_unknown(asker: &Asker, but: &[Raw]) -> Result<()> {
    let keys = &asker.settler.group;
    let shared = &asker.settler.shared;
    let mut pipeline = Pipeline::with_capacity(5);
    for lane in 0..=ORPHANS {
        let mut pending = redis::cmd("XPENDING");
        pending.arg(keys.stream(lane)).arg(&keys.stream_name);
        pending.arg("-").arg("+").arg(10_000).arg(&*asker.consumer);
        pipeline.add_command(pending);
    }
    let replies = shared.link.send(keys.slot, &pipeline).await?;
    let mut unknown = Vec::new();
    for (lane, pending) in (0..=ORPHANS).zip(replies.values) {
        let pending = match list(pending) {
            Ok(pending) => pending,
            // Nothing was ever on its own.
            Err(_) if lane == ORPHANS => break,
            // Where the group is gone there is nothing to give back.
            Err(_) => return Ok(()),
        };
        for entry in pending {
            let mut words = list(entry)?.into_iter();
            let id = entry_id(next(&mut words)?)?;
            let attempt = words.nth(2).map(number).transpose()?.unwrap_or(1);
            let stands = |other: u8| other.min(ORPHANS) == lane;
            let is_known = asker.settler.deliveries().holds(stands, id)
                || but.iter().any(|raw| stands(raw.lane) && raw.id == id);
            if !is_known {
                unknown.push((lane, id, u32::try_from(attempt).unwrap_or(u32::MAX)));
            }
        }
    }
    if unknown.is_empty() {
        return Ok(());
    }
    priorities(asker, &mut unknown).await?;
    let until = Instant::now();
    let tokens: Vec<_> = {
        let mut deliveries = asker.settler.deliveries();
        let held = unknown
            .into_iter()
            .map(|(lane, id, attempt)| crate::member::Held {
                lane,
                id,
                attempt,
                until,
                is_noted: false,
                is_leaving: false,
                part: None,
            });
        held.map(|held| deliveries.add(held)).collect()
    };
    asker.settler.give_back(&tokens).await
}

/// Of what is on its own, the lane has its priority.
async fn priorities(asker: &Asker, entries: &mut [(u8, EntryId, u32)]) -> Result<()> {
    let keys = &asker.settler.group;
    let alone = entries.iter_mut().filter(|(lane, ..)| *lane == ORPHANS);
    let alone: Vec<_> = alone.collect();
    if alone.is_empty() {
        return Ok(());
    }
    let mut pipeline = Pipeline::with_capacity(alone.len());
    for (_, id, _) in &alone {
        let mut range = redis::cmd("XRANGE");
        range
            .arg(keys.stream(ORPHANS))
            .arg(id.text().as_bytes())
            .arg(id.text().as_bytes());
        pipeline.add_command(range);
    }
    let replies = asker.settler.shared.link.send(keys.slot, &pipeline).await?;
    for ((lane, ..), found) in alone.into_iter().zip(replies.values) {
        let fields = list(found)?.into_iter().next().map(list).transpose()?;
        let fields = fields.and_then(|entry| entry.into_iter().nth(1)).map(list);
        let mut fields = fields.transpose()?.unwrap_or_default().into_iter();
        // As the fetch step takes one that says nothing.
        *lane = ORPHANS + 1;
        while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
            if bytes(name)? == "p" {
                let priority = text(value)?.parse().ok().filter(|p| *p < ORPHANS);
                *lane = ORPHANS + priority.unwrap_or(1);
            }
        }
    }
    Ok(())
}
