//! Storing a batch, through restarts of the server.

use glmsg::{Broker, Error, ErrorKind, Message, Published, RetryClass};

use super::feed::Made;
use super::tally::Tally;
use super::{Args, OnError};
use crate::failure::Failure;
use crate::table::counted;
use crate::waiting::Waiting;

/// A batch on its way.
struct Storing<'a> {
    broker: &'a dyn Broker,
    args: &'a Args,
    tally: &'a mut Tally,
    /// What is not known to be stored, in the input's order.
    open: Vec<&'a Made>,
    /// Some of that may be stored by an earlier try.
    is_repeated: bool,
    /// A try has no answer yet.
    is_under_way: bool,
    /// The first that cannot be stored: its place, and why.
    failed: Option<(u64, &'static str, Error)>,
}

/// Stores a batch, and counts what became of it. What may or may not be stored is published again,
/// the same messages, before anything behind them.
pub(super) async fn store(
    broker: &dyn Broker,
    waiting: &mut Waiting,
    args: &Args,
    made: &[Made],
    tally: &mut Tally,
) -> Result<(), Failure> {
    let Some(first) = made.first() else {
        return Ok(());
    };
    let piece = args.format.piece();
    let what = format!("store {piece} {} and what follows", first.number);
    let mut storing = Storing {
        broker,
        args,
        tally,
        open: made.iter().collect(),
        is_repeated: false,
        is_under_way: false,
        failed: None,
    };
    let stored = waiting.ride(&what, async || storing.attempt().await).await;
    let doubt = storing.doubt();
    let Storing { tally, failed, .. } = storing;
    if let Some((number, what, error)) = failed {
        return Err(tally.cut_short(&format!("{piece} {number}: {what}: {error}")));
    }
    match stored {
        Ok(_) => Ok(()),
        Err(unanswered) => {
            let why = Failure::from(unanswered).to_string();
            Err(tally.cut_short(&format!("{why}{doubt}")))
        }
    }
}

impl Storing<'_> {
    /// What is to be said of messages that are given up: the broker may have got them.
    fn doubt(&self) -> String {
        match self.open.len() {
            open if open > 0 && (self.is_repeated || self.is_under_way) => {
                format!(
                    "; {} may be stored all the same",
                    counted(open as u64, "message")
                )
            }
            _ => String::new(),
        }
    }

    async fn attempt(&mut self) -> Result<(), Error> {
        let messages: Vec<Message> = self.open.iter().map(|m| m.message.clone()).collect();
        // Set before, as this future may be dropped while it waits.
        self.is_under_way = true;
        let published = self.broker.publish(&messages).await;
        self.is_under_way = false;
        let published = published.inspect_err(|error| {
            self.is_repeated |= error.kind() != ErrorKind::Unavailable;
        })?;
        let mut unsure = None;
        let mut again = Vec::new();
        for (made, outcome) in std::mem::take(&mut self.open).into_iter().zip(published) {
            let (what, error) = match outcome {
                Published::Stored => {
                    self.tally.stored += 1;
                    continue;
                }
                Published::Duplicate => {
                    // An earlier try has stored it, and its answer was lost.
                    let (stored, there) = (self.is_repeated, !self.is_repeated);
                    self.tally.stored += u64::from(stored);
                    self.tally.duplicates += u64::from(there);
                    continue;
                }
                Published::Rejected(e) if self.args.on_error == OnError::Skip => {
                    self.tally.name_skipped(self.args, made.number, e.message());
                    continue;
                }
                Published::Indeterminate(e) if e.retry_class() != RetryClass::Never => {
                    unsure.get_or_insert(e);
                    again.push(made);
                    continue;
                }
                Published::Full(e) => ("the topic is full", e),
                Published::Rejected(e) => ("it is refused", e),
                Published::Indeterminate(e) => ("it may or may not be stored", e),
            };
            self.failed.get_or_insert((made.number, what, error));
        }
        self.open = again;
        match unsure {
            Some(error) if self.failed.is_none() => {
                self.is_repeated = true;
                Err(error)
            }
            _ => Ok(()),
        }
    }
}
