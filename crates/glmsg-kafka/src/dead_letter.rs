//! Listing, redriving and purging dead letters.
//!
//! They stand in a topic of the group with one partition, and so does what became of them: the
//! letters are those that no later record tells of. Who changes something does it in a
//! transaction, under a name that only one can have at a time.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{DeadLetterQuery, DeadLetterSelector, Page, PageToken};
use glmsg_core::{
    DeadLetter, DeadLetterReason, Error, ErrorKind, GroupName, MessageId, Original, Result,
    TopicName,
};
use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::cluster::Cluster;
use crate::connection::{Link, Place, apart};
use crate::entry::{Content, Entry};
use crate::error::from_kafka;
use crate::error::transaction::{Verdict, verdict};
use crate::moving::{DEAD_AT, DETAIL, LETTER, REASON};
use crate::names::GroupNames;
use crate::record::{self, header};
use crate::scan::Range;

/// The header of a record that tells of letters that are no more: their offsets are its value.
const SETTLED: &str = "gm-settled";
/// How often a change is begun anew because another came between.
const TRIES: u32 = 20;

/// A dead letter as it stands in the topic.
#[derive(Debug)]
struct Letter {
    id: MessageId,
    reason: DeadLetterReason,
    detail: Box<str>,
    dead_at: glmsg_core::Timestamp,
    entry: Entry,
}

/// The letters that there are, by their offsets.
type Letters = BTreeMap<i64, Letter>;

impl Cluster {
    pub(crate) async fn letters(&self, names: &GroupNames) -> Result<u64> {
        let letters = self.read_letters(names).await?;
        Ok(letters.len() as u64)
    }

    async fn read_letters(&self, names: &GroupNames) -> Result<Letters> {
        let range = self.letters_range(names).await?;
        let link = Arc::clone(&self.link);
        apart(move || read_letters(&link, range)).await
    }

    async fn letters_range(&self, names: &GroupNames) -> Result<Range> {
        let partition = vec![(names.dead.clone(), 0)];
        let (from, to) = tokio::try_join!(
            self.link.offsets(partition.clone(), Place::Begin),
            self.link.offsets(partition, Place::End),
        )?;
        let only = |offsets: BTreeMap<_, i64>| offsets.into_values().next().unwrap_or(0);
        Ok(Range {
            topic: names.dead.clone(),
            partition: 0,
            from: only(from),
            to: only(to),
            most: usize::MAX,
        })
    }

    pub(crate) async fn list_letters(&self, query: &DeadLetterQuery) -> Result<Page<DeadLetter>> {
        let names = self.find_group(&query.topic, &query.group).await?;
        let after = match &query.after {
            None => -1,
            Some(PageToken(text)) => text.parse().map_err(|_| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    "this is no page of these dead letters",
                )
            })?,
        };
        let letters = self.read_letters(&names).await?;
        let chosen = letters
            .into_iter()
            .filter(|(offset, letter)| *offset > after && is_chosen(&query.selector, letter));
        let mut items: Vec<(i64, Letter)> = chosen.take(query.limit.saturating_add(1)).collect();
        let has_more = items.len() > query.limit;
        items.truncate(query.limit);
        let next = items
            .last()
            .filter(|_| has_more)
            .map(|(offset, _)| PageToken(offset.to_string()));
        let items = items
            .into_iter()
            .map(|(_, letter)| shown(&query.topic, &query.group, letter))
            .collect();
        Ok(Page { items, next })
    }

    /// Gives letters back to their group, or throws them away. Returns how many.
    pub(crate) async fn settle_letters(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
        redrive: bool,
    ) -> Result<u64> {
        let names = self.find_group(topic, group).await?;
        // Of one process one at a time: between processes the cluster sees to it.
        let _turn = self.changing_letters.lock().await;
        let mut tries = 0;
        loop {
            let range = self.letters_range(&names).await?;
            if range.from == range.to {
                return Ok(0);
            }
            let retry = names.retry.clone();
            let (link, names, which) = (Arc::clone(&self.link), names.clone(), which.clone());
            let changed = apart(move || change(&link, &names, &which, redrive)).await;
            tries += 1;
            match changed {
                Ok((count, next)) => {
                    // They come before what is new.
                    if let Some(next) = next {
                        self.tell(topic, (&retry, 0), next, (3, true));
                    }
                    return Ok(count);
                }
                Err(e) if e.kind() == ErrorKind::Conflict && tries < TRIES => {
                    let pause = Duration::from_millis(fastrand::u64(1..50));
                    tokio::time::sleep(pause).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Changes letters in a transaction. Whoever had one open under this name is shut out by it. Tells
/// how many, and where the first stands that was given back.
fn change(
    link: &Link,
    names: &GroupNames,
    which: &DeadLetterSelector,
    redrive: bool,
) -> Result<(u64, Option<i64>)> {
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
        return Ok((0, None));
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
            .headers(sent.headers)
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
    let now = glmsg_core::Clock::now(&glmsg_core::SystemClock);
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
        let headers = rdkafka::message::OwnedHeaders::new();
        let sent = record::Sent {
            value: part.join(" ").into_bytes(),
            headers: header(headers, SETTLED, what),
        };
        send(&names.dead, None, sent)?;
    }
    commit(&producer, timeout * 2)?;
    Ok((chosen.len() as u64, next))
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

fn link_range(link: &Link, topic: &str) -> Result<(i64, i64)> {
    let client = link.producer.client();
    let found = client.fetch_watermarks(topic, 0, link.config().timeout);
    found.map_err(|e| from_kafka(&e, false))
}

/// How many letters there are in a range.
pub(crate) fn count_letters(link: &Link, range: Range) -> Result<u64> {
    Ok(read_letters(link, range)?.len() as u64)
}

/// A process that dies, or has no answer, between writing a letter and committing that it has leaves
/// the message where it was, and another writes the letter again: the first of an origin counts.
fn read_letters(link: &Link, range: Range) -> Result<Letters> {
    let (mut letters, mut settled) = (Letters::new(), HashSet::new());
    let mut origins: HashSet<Box<str>> = HashSet::new();
    link.scan(&[range], |record| {
        if record::find(record, SETTLED).is_some() {
            let offsets = std::str::from_utf8(record.payload().unwrap_or_default());
            let offsets = offsets.unwrap_or_default().split(' ');
            settled.extend(offsets.filter_map(|offset| offset.parse::<i64>().ok()));
        } else if let Some(letter) = read(record) {
            let origin = letter.entry.origin.clone();
            if origin.is_none_or(|origin| origins.insert(origin)) {
                letters.insert(record.offset(), letter);
            }
        }
    })?;
    letters.retain(|offset, _| !settled.contains(offset));
    Ok(letters)
}

fn read(record: &BorrowedMessage<'_>) -> Option<Letter> {
    let text = |key| record::find(record, key).and_then(|bytes| std::str::from_utf8(bytes).ok());
    Some(Letter {
        id: text(LETTER)?.parse().ok()?,
        reason: text(REASON)?.parse().ok()?,
        detail: text(DETAIL).unwrap_or_default().into(),
        dead_at: record::number(record, DEAD_AT).map_or_else(
            || record::stored_at(record),
            glmsg_core::Timestamp::from_micros,
        ),
        entry: record::read(record),
    })
}

fn is_chosen(selector: &DeadLetterSelector, letter: &Letter) -> bool {
    match selector {
        DeadLetterSelector::All => true,
        DeadLetterSelector::Ids(ids) => ids.contains(&letter.id),
        DeadLetterSelector::Reason(reason) => letter.reason == *reason,
    }
}

fn shown(topic: &TopicName, group: &GroupName, letter: Letter) -> DeadLetter {
    let original = match letter.entry.content {
        Content::Message(message) => Original::Message(message),
        Content::Bytes(bytes, _) => Original::Bytes(bytes),
    };
    DeadLetter {
        id: letter.id,
        topic: topic.clone(),
        group: group.clone(),
        original,
        reason: letter.reason,
        detail: letter.detail,
        attempts: letter.entry.attempts,
        history: letter.entry.history,
        dead_at: letter.dead_at,
    }
}
