//! Listing, redriving and purging dead letters.

use glmsg_broker::{DeadLetterQuery, DeadLetterSelector, Page, PageToken};
use glmsg_core::{
    DeadLetter, DeadLetterReason, Error, ErrorKind, GroupName, MessageId, Original, Result,
    Timestamp, TopicName,
};
use redis::{Cmd, Value};

use crate::broker::Shared;
use crate::encode::{bytes, count, decode, decode_history, list, next, number, text};
use crate::keys::GroupKeys;

/// How many letters one step moves or lists.
const PIECE: usize = 500;

impl Shared {
    fn letters(
        &self,
        keys: &GroupKeys,
        what: &str,
        range: (&str, &str),
        limit: usize,
        which: &DeadLetterSelector,
    ) -> Cmd {
        let mut call = self.scripts.letters.of_group(keys);
        call.arg(what).arg(range.0).arg(range.1).arg(limit);
        match which {
            DeadLetterSelector::All => call.arg("all"),
            DeadLetterSelector::Reason(reason) => call.arg("reason").arg(*reason as u8),
            DeadLetterSelector::Ids(ids) => {
                call.arg("ids");
                for id in ids {
                    call.arg(id.as_bytes().as_slice());
                }
                &mut call
            }
        };
        call
    }

    /// A page of the dead letters that `query` means.
    pub(crate) async fn list_letters(&self, query: &DeadLetterQuery) -> Result<Page<DeadLetter>> {
        let (topic, group) = (&query.topic, &query.group);
        let keys = self.find_group(topic, group).await?;
        let mut after = match &query.after {
            Some(page) => checked(page)?.to_owned(),
            None => String::new(),
        };
        let (mut items, mut upto) = (Vec::new(), String::new());
        loop {
            let wanted = query.limit.saturating_sub(items.len());
            let call = self.letters(
                &keys,
                "list",
                (&after, &upto),
                wanted.min(PIECE),
                &query.selector,
            );
            let answer = self.run(keys.slot, call).await?;
            let mut words = self.answer(answer, topic, Some(group))?;
            after = text(next(&mut words)?)?;
            upto = text(next(&mut words)?)?;
            for letter in list(next(&mut words)?)? {
                items.push(read(letter, topic, group)?);
            }
            if after.is_empty() {
                return Ok(Page { items, next: None });
            }
            if items.len() >= query.limit {
                let next = Some(PageToken(after));
                return Ok(Page { items, next });
            }
        }
    }

    /// Redrives or purges, piece by piece, what was dead when it began.
    pub(crate) async fn move_letters(
        &self,
        what: &str,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        let keys = self.find_group(topic, group).await?;
        let (mut after, mut upto, mut moved) = (String::new(), String::new(), 0);
        loop {
            let call = self.letters(&keys, what, (&after, &upto), PIECE, which);
            let answer = self.run(keys.slot, call).await?;
            let mut words = self.answer(answer, topic, Some(group))?;
            after = text(next(&mut words)?)?;
            upto = text(next(&mut words)?)?;
            moved += count(next(&mut words)?)?;
            if after.is_empty() {
                return Ok(moved);
            }
        }
    }
}

fn checked(page: &PageToken) -> Result<&str> {
    let is_ours = page.0.len() == 16 && page.0.bytes().all(|b| b.is_ascii_hexdigit());
    if is_ours {
        return Ok(&page.0);
    }
    let shown: String = page.0.chars().take(40).collect();
    Err(Error::new(
        ErrorKind::InvalidArgument,
        "the page token is none of this broker's",
    )
    .with("page token", shown))
}

fn read(letter: Value, topic: &TopicName, group: &GroupName) -> Result<DeadLetter> {
    let mut words = list(letter)?.into_iter();
    let id = bytes(next(&mut words)?)?;
    let attempts = number(next(&mut words)?)?;
    let dead_at = Timestamp::from_micros(number(next(&mut words)?)?);
    let reason = usize::try_from(number(next(&mut words)?)?).unwrap_or(0);
    let detail = text(next(&mut words)?)?;
    let history = bytes(next(&mut words)?)?;
    let body = bytes(next(&mut words)?)?;
    let original = match decode(&body) {
        Ok(message) => Original::Message(message),
        Err(_) => Original::Bytes(body),
    };
    let reason = DeadLetterReason::ALL.get(reason).copied();
    Ok(DeadLetter {
        id: MessageId::from_bytes(id.as_ref().try_into().unwrap_or_default()),
        topic: topic.clone(),
        group: group.clone(),
        original,
        reason: reason.unwrap_or(DeadLetterReason::MaxRetries),
        detail: detail.into(),
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        history: decode_history(&history),
        dead_at,
    })
}
