//! Listing, redriving and purging dead letters.
//!
//! They stand in a topic of the group with one partition, and so does what became of them: the
//! letters are those that no later record tells of. Who changes something does it in a
//! transaction, under a name that only one can have at a time.

mod change;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use glmsg_broker::{DeadLetterQuery, DeadLetterSelector, Page, PageToken};
use glmsg_core::{
    DeadLetter, DeadLetterReason, Error, ErrorKind, GroupName, MessageId, Original, Result,
    TopicName,
};
use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;

use self::change::{Changed, change};
use crate::cluster::Cluster;
use crate::connection::{Link, Place, apart, blocking};
use crate::entry::{Content, Entry};
use crate::moving::{DEAD_AT, DETAIL, LETTER, REASON};
use crate::names::GroupNames;
use crate::read_record::ReadRecord as _;
use crate::record;
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
        blocking(move || read_letters(&link, range)).await
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

    /// Waits until what was committed up to here shows: the cluster says that it is committed before
    /// every partition has heard of it. Transactions of others may hold it up, so not for ever.
    async fn await_shown(&self, topic: &str, end: i64) {
        let until = Instant::now() + self.link.config().timeout;
        loop {
            let partition = vec![(topic.to_owned(), 0)];
            match self.link.offsets(partition, Place::End).await {
                Ok(shown) if shown.values().any(|shown| *shown < end) => {}
                _ => return,
            }
            if Instant::now() > until {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Gives letters back to their group, or throws them away. Returns how many.
    pub(crate) async fn settle_letters(
        self: &Arc<Self>,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
        redrive: bool,
    ) -> Result<u64> {
        let names = self.find_group(topic, group).await?;
        let (cluster, topic, which) = (Arc::clone(self), topic.clone(), which.clone());
        apart(async move { cluster.settle_in_turn(&topic, names, which, redrive).await }).await
    }

    async fn settle_in_turn(
        &self,
        topic: &TopicName,
        names: GroupNames,
        which: DeadLetterSelector,
        redrive: bool,
    ) -> Result<u64> {
        // Of one process one at a time: between processes the cluster sees to it.
        let _turn = self.changing_letters.lock().await;
        let mut tries = 0;
        loop {
            let range = self.letters_range(&names).await?;
            if range.from == range.to {
                return Ok(0);
            }
            let retry = names.retry.clone();
            let (link, of, which) = (Arc::clone(&self.link), names.clone(), which.clone());
            let changed = blocking(move || change(&link, &of, &which, redrive)).await;
            tries += 1;
            match changed {
                Ok(Changed { count, next, end }) => {
                    self.await_shown(&names.dead, end).await;
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
        if record.find_header(SETTLED).is_some() {
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
    let text = |key| {
        record
            .find_header(key)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
    };
    Some(Letter {
        id: text(LETTER)?.parse().ok()?,
        reason: text(REASON)?.parse().ok()?,
        detail: text(DETAIL).unwrap_or_default().into(),
        dead_at: record
            .number_in(DEAD_AT)
            .map_or_else(|| record.stored_at(), glmsg_core::Timestamp::from_micros),
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
