//! A member of the group, through restarts of the server.

use std::sync::Arc;

use glmsg::{
    BoxSettler, BoxSource, Broker, ErrorKind, GroupName, Nack, Received, Settled, Settler, Source,
    SubscribeOptions, Token, TopicName,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Args;
use crate::arguments::start_text;
use crate::exporter::Exporter;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::leases::Leases;
use crate::session::{Session, unopened};
use crate::table::counted;
use crate::waiting::{Answer, Unanswered, Waiting};

/// A member of the group. Its calls wait for a broker that does not answer.
pub(super) struct Member {
    pub(super) broker: Arc<dyn Broker>,
    pub(super) leases: Leases,
    pub(super) waiting: Waiting,
    place: (TopicName, GroupName),
    source: BoxSource,
    settler: BoxSettler,
    /// When it was asked last why nothing comes, there was something to come.
    is_owed: bool,
}

/// What came of settling.
pub(super) type Outcomes = Answer<Vec<Settled>>;

impl Member {
    /// Opens the broker and becomes a member; `None` if the user would not wait for that. A group
    /// that this created is named: one that a mistyped name brought into being keeps the topic's
    /// messages until somebody deletes it.
    pub(super) async fn join(
        session: &Session,
        args: &Args,
        options: &SubscribeOptions,
        interrupt: &Interrupt,
    ) -> Result<Option<(Self, Exporter)>, Failure> {
        let mut waiting = session.waiting(args.timeout, interrupt);
        let broker = match session.connect_waiting(&mut waiting).await {
            Ok(broker) => broker,
            Err(Unanswered::Interrupted) => return Ok(None),
            Err(Unanswered::Refused(error)) => return Err(unopened(&error)),
            Err(unanswered) => return Err(unanswered.into()),
        };
        let (topic, group) = (&options.topic, &options.group);
        let serving = args.metrics.serve_member(session, broker, topic, group);
        let (broker, exporter) = serving.await?;
        let what = format!("let {group} read {topic}");
        let mut is_new = false;
        let joined = waiting.ride(&what, async || {
            // Asked again with each try: an earlier one may have created it.
            is_new |= match broker.groups(topic).await {
                Ok(groups) => groups.iter().all(|known| known.name != *group),
                Err(e) if e.kind() == ErrorKind::NotFound => true,
                // Who may receive for a group need not be allowed to list them.
                Err(e) if e.kind() == ErrorKind::PermissionDenied => false,
                Err(e) => return Err(e),
            };
            broker.open_source(options).await
        });
        let source = match joined.await {
            Ok(joined) => joined.value,
            Err(Unanswered::Interrupted) => return Ok(None),
            Err(unanswered) => return Err(unanswered.into()),
        };
        if is_new {
            session.progress.note(&format!(
                "created group {group} of {topic}, from {}; remove it with: \
                 glmsg groups delete {topic} {group}",
                start_text(&options.config.start)
            ));
        }
        // A member makes room.
        waiting.ride_out_full();
        let member = Self {
            leases: Leases::new(source.settler(), options.lease),
            settler: source.settler(),
            place: (topic.clone(), group.clone()),
            source,
            broker,
            waiting,
            is_owed: false,
        };
        Ok(Some((member, exporter)))
    }

    /// Receives `most` messages at most, and holds their leases. None where a broker that was
    /// waited for is there again. Cancel-safe.
    pub(super) async fn receive(
        &mut self,
        batch: &mut Vec<Received>,
        most: usize,
    ) -> Result<(), Failure> {
        let Self {
            broker,
            source,
            waiting,
            is_owed,
            ..
        } = self;
        let was_waiting = waiting.is_waiting();
        waiting
            .receive(broker.as_ref(), source, batch, most)
            .await?;
        *is_owed &= batch.is_empty() && !was_waiting;
        self.leases.hold(batch.iter().map(|r| r.token));
        Ok(())
    }

    /// Whether it is the topic that is silent, after a time in which nothing came. A broker that has
    /// gone is silent, too, and tells it late; it is waited for from now on. So is one that has
    /// something to give, and may just have come back: once, as others may hold it. A user who will
    /// not wait has heard enough.
    pub(super) async fn is_silent(&mut self, finish: &CancellationToken) -> Result<bool, Failure> {
        if self.waiting.is_waiting() {
            return Ok(false);
        }
        let since = Instant::now();
        let (topic, group) = &self.place;
        let asked = tokio::select! {
            biased;
            () = finish.cancelled() => return Ok(true),
            asked = self.broker.lag(topic, group) => asked,
        };
        let error = match asked {
            Ok(lag) => {
                let was_owed = std::mem::replace(&mut self.is_owed, lag.undelivered > 0);
                return Ok(was_owed || !self.is_owed);
            }
            Err(error) => error,
        };
        self.is_owed = false;
        match self.waiting.failed(since, "give out messages", error) {
            Ok(()) => Ok(false),
            // Who may not ask has a broker that answers.
            Err(Unanswered::Refused(_)) => Ok(true),
            Err(unanswered) => Err(unanswered.into()),
        }
    }

    pub(super) async fn ack(&mut self, tokens: &[Token]) -> Result<Outcomes, Failure> {
        let (settler, count) = (&self.settler, tokens.len());
        let what = to("ack", count);
        let acked = self.waiting.ride(&what, async || settler.ack(tokens).await);
        let acked = acked.await.map_err(|e| unsettled(e, count))?;
        self.leases.let_go(tokens);
        Ok(acked)
    }

    pub(super) async fn nack(&mut self, nacks: &[Nack]) -> Result<Outcomes, Failure> {
        let (settler, count) = (&self.settler, nacks.len());
        let what = to("take back", count);
        let nacked = self.waiting.ride(&what, async || settler.nack(nacks).await);
        let nacked = nacked.await.map_err(|e| unsettled(e, count))?;
        let tokens: Vec<Token> = nacks.iter().map(|nack| nack.token).collect();
        self.leases.let_go(&tokens);
        Ok(nacked)
    }

    /// Gives back what was not handled, so that it is there for others at once. A broker that is
    /// waited for already is not waited for again: the leases run out.
    pub(super) async fn release(&mut self, tokens: &[Token]) -> Result<(), Failure> {
        self.leases.let_go(tokens);
        if tokens.is_empty() || self.waiting.is_waiting() {
            return Ok(());
        }
        let settler = &self.settler;
        let what = to("take back", tokens.len());
        let released = self
            .waiting
            .ride(&what, async || settler.release(tokens).await);
        released.await?;
        Ok(())
    }
}

fn to(settle: &str, count: usize) -> String {
    format!("{settle} {}", counted(count as u64, "message"))
}

fn unsettled(unanswered: Unanswered, count: usize) -> Failure {
    let come = match count {
        1 => "it comes",
        _ => "they come",
    };
    let what = counted(count as u64, "message");
    let failure = Failure::from(unanswered);
    Failure::failed(format!(
        "{failure}; {what} may not be settled: {come} again when the lease runs out"
    ))
}
