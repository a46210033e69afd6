//! The model and a backend side by side: every step is taken on both, and everything compared.

use std::fmt::Debug;
use std::time::Duration;

use glmsg_broker::{
    BoxSettler, DeadLetterSelector, GroupConfig, Nack, Settler, StartFrom, Token, TopicConfig,
};
use glmsg_conformance::Fixture;
use glmsg_core::{DeadLetterReason, Error, Message, MessageId, Timestamp};
use glmsg_tests::{BEGINNING, MemoryByHand};

use crate::clocked::Clocked;
use crate::compare;
use crate::side::{Side, group, group_config, topic};
use crate::step::{Draft, Profile, Start, Step, Which};

pub(crate) type Outcome<T = ()> = Result<T, String>;

/// A delivery as both sides hold it. It is kept after it was settled, so that settling it again is
/// tried, too.
pub(crate) struct Held {
    pub(crate) model: (BoxSettler, Token),
    pub(crate) backend: (BoxSettler, Token),
}

/// The model and a backend.
pub(crate) struct Pair<F> {
    pub(crate) model: Side<MemoryByHand>,
    pub(crate) backend: Side<F>,
    profile: Profile,
    bounds: TopicConfig,
    now: Timestamp,
    published: Vec<Message>,
    pub(crate) held: [Vec<Held>; 3],
}

pub(crate) fn same<T: PartialEq + Debug>(what: &str, model: &T, backend: &T) -> Outcome {
    if model == backend {
        Ok(())
    } else {
        Err(format!(
            "{what}:\n  model   {model:?}\n  backend {backend:?}"
        ))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub(crate) fn broken(error: Error) -> String {
    format!("an error where none may be: {error}")
}

impl<F: Clocked> Pair<F> {
    pub(crate) async fn new(profile: Profile, fixture: F) -> Self {
        let mut pair = Self {
            model: Side::new(MemoryByHand::new().await).await,
            backend: Side::new(fixture).await,
            profile,
            bounds: profile.topic(),
            now: BEGINNING,
            published: Vec::new(),
            held: Default::default(),
        };
        pair.set_bounds().await.expect("a fresh topic");
        for n in 0..3 {
            pair.make_group(n, &group_config(n)).await.expect("a group");
        }
        pair.model.join_all().await.expect("members");
        pair.backend.join_all().await.expect("members");
        pair
    }

    async fn set_bounds(&mut self) -> Outcome {
        let (topic, bounds) = (topic(), &self.bounds);
        let model = self.model.broker.create_topic(&topic, bounds).await;
        let backend = self.backend.broker.create_topic(&topic, bounds).await;
        same("create_topic", &kind(&model), &kind(&backend))?;
        Ok(())
    }

    async fn make_group(&mut self, n: usize, config: &GroupConfig) -> Outcome<bool> {
        let (topic, group) = (topic(), group(n));
        let model = self.model.broker.create_group(&topic, &group, config);
        let model = model.await;
        let backend = self.backend.broker.create_group(&topic, &group, config);
        let backend = backend.await;
        same("create_group", &kind(&model), &kind(&backend))?;
        Ok(model.is_ok())
    }

    /// Takes a step on both sides, and compares.
    pub(crate) async fn take(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Nothing => return Ok(()),
            Step::Publish(drafts) => {
                let first = self.published.len();
                let drafts = drafts.iter().enumerate();
                let messages: Vec<_> = drafts.map(|(n, draft)| make(first + n, draft)).collect();
                self.publish(&messages).await?;
                self.published.extend(messages);
            }
            Step::Repeat(_) if self.published.is_empty() => {}
            Step::Repeat(pick) => {
                let again = self.published[pick % self.published.len()].clone();
                self.publish(&[again]).await?;
            }
            Step::Receive { group, member, max } => {
                let is_one = F::MEMBERS_WEIGH && self.profile.has_priorities();
                let member = if is_one { group % 2 } else { *member };
                self.receive(*group, member, *max).await?;
            }
            Step::Ack {
                group,
                first,
                count,
            } => {
                self.settle(*group, *first, *count, async |settler, tokens| {
                    settler.ack(&tokens).await
                })
                .await?;
            }
            Step::Release {
                group,
                first,
                count,
            } => {
                self.settle(*group, *first, *count, async |settler, tokens| {
                    settler.release(&tokens).await
                })
                .await?;
            }
            Step::Extend { group, pick, lease } => {
                let lease = (*lease).max(F::LATENESS);
                self.settle(*group, *pick, 1, async |settler, tokens| {
                    settler.extend(&tokens, lease).await
                })
                .await?;
            }
            Step::Retry { group, pick, delay } => {
                self.settle(*group, *pick, 1, async |settler, tokens| {
                    settler
                        .nack(&[Nack::retry(tokens[0], *delay, "failed")])
                        .await
                })
                .await?;
            }
            Step::Reject { group, pick } => {
                self.settle(*group, *pick, 1, async |settler, tokens| {
                    let reason = DeadLetterReason::Rejected;
                    settler
                        .nack(&[Nack::reject(tokens[0], reason, "bad")])
                        .await
                })
                .await?;
            }
            Step::Pass(by) => {
                // Kept as it is, down to the millisecond, and lengthened where it is too short.
                let by = match *by < F::LATENESS {
                    true => *by + F::LATENESS,
                    false => *by,
                };
                self.model.fixture.pass(by).await;
                self.backend.fixture.pass(by).await;
                self.now = self.now.after(by);
            }
            Step::Crash => {
                // The model has no process to lose; what its members held stays leased.
                self.model.join_all().await.map_err(broken)?;
                self.backend.crash().await.map_err(broken)?;
                self.held = Default::default();
            }
            Step::Redrive { group: n, which } => {
                let which = self.selector(*n, which).await?;
                let (topic, group) = (topic(), group(*n));
                let model = self.model.broker.redrive(&topic, &group, &which).await;
                let backend = self.backend.broker.redrive(&topic, &group, &which).await;
                same("redriven", &model.ok(), &backend.ok())?;
            }
            Step::Purge { group: n, which } => {
                let which = self.selector(*n, which).await?;
                let (topic, group) = (topic(), group(*n));
                let model = self.model.broker.purge(&topic, &group, &which).await;
                let backend = self.backend.broker.purge(&topic, &group, &which).await;
                same("purged", &model.ok(), &backend.ok())?;
            }
            Step::Regroup(start) => self.regroup(start).await?,
            Step::Bounds { max_len, overflow } => {
                self.bounds = self.profile.topic().max_len(*max_len).overflow(*overflow);
                self.set_bounds().await?;
            }
        }
        compare::everything::<F>(&self.model.broker, &self.backend.broker).await
    }

    /// Lets everything come due and takes it all, so that nothing differs unseen: in small receives
    /// or in one, which need not come to the same.
    pub(crate) async fn finish(&mut self) -> Outcome {
        let max = match self.published.len() % 2 {
            0 => 15,
            _ => 1000,
        };
        for _ in 0..4 {
            self.take(&Step::Pass(Duration::from_secs(5))).await?;
            for group in 0..3 {
                for _ in 0..=self.published.len() / max {
                    let all = Step::Receive {
                        group,
                        member: 0,
                        max,
                    };
                    let taken = self.take(&all).await;
                    taken.map_err(|e| format!("at the end: {e}"))?;
                }
            }
        }
        Ok(())
    }

    async fn selector(&self, n: usize, which: &Which) -> Outcome<DeadLetterSelector> {
        Ok(match which {
            Which::All => DeadLetterSelector::All,
            Which::Reason(reason) => DeadLetterSelector::Reason(*reason),
            Which::Nth(pick) => {
                let ids: Vec<MessageId> = compare::dead_ids(&self.model.broker, n).await;
                let chosen = ids.get(pick % ids.len().max(1)).copied();
                DeadLetterSelector::Ids(chosen.into_iter().collect())
            }
        })
    }

    async fn regroup(&mut self, start: &Start) -> Outcome {
        let (topic, group) = (topic(), group(2));
        let model = self.model.broker.delete_group(&topic, &group).await;
        let backend = self.backend.broker.delete_group(&topic, &group).await;
        same("delete_group", &kind(&model), &kind(&backend))?;
        self.held[2].clear();
        let start = match start {
            Start::Message(_) if self.published.is_empty() => StartFrom::Earliest,
            Start::Message(n) => StartFrom::Message(self.published[n % self.published.len()].id()),
            Start::Earliest => StartFrom::Earliest,
            Start::Latest => StartFrom::Latest,
            Start::Ago(d) => {
                let ago = i64::try_from(d.as_micros()).expect("a few seconds");
                StartFrom::Time(Timestamp::from_micros(self.now.as_micros() - ago))
            }
        };
        let config = GroupConfig::default().start(start);
        // A message that is scheduled or dropped is no place to start from, on either side.
        if !self.make_group(2, &config).await? {
            self.make_group(2, &GroupConfig::default()).await?;
        }
        self.model.rejoin(2).await.map_err(broken)?;
        self.backend.rejoin(2).await.map_err(broken)
    }
}

fn kind<T>(result: &glmsg_core::Result<T>) -> Option<glmsg_core::ErrorKind> {
    result.as_ref().err().map(Error::kind)
}

/// The message of this number.
fn make(n: usize, draft: &Draft) -> Message {
    let mut builder = Message::builder(topic())
        .payload(n.to_string())
        .priority(draft.priority)
        .max_retries(draft.retries);
    if let Some(key) = draft.key {
        builder = builder.key(format!("k{key}"));
    }
    if let Some(ttl) = draft.ttl {
        builder = builder.ttl(ttl);
    }
    if let Some(delay) = draft.delay {
        builder = builder.delay(delay);
    }
    builder.build().expect("a valid message")
}
