//! Waiting for a broker that does not answer: how long, what is said meanwhile, and what is tried
//! again.
//!
//! A backend tries again by itself for some seconds. What lasts longer, a restart of the server or
//! a fail-over, is waited out here.

use std::pin::pin;
use std::time::Duration;

use glmsg::{BoxSource, Broker, ErrorKind, HealthStatus, Received, RetryClass, Source};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::progress::Progress;

/// How long a server may take for an answer before it is said that it is waited for.
const NOTICE: Duration = Duration::from_secs(1);
/// The same for a file: that it is locked for long is told by the broker itself.
const FILE_NOTICE: Duration = Duration::from_secs(5);
/// How long to look away after a failure, growing up to the second.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
/// How often a broker that is waited for is asked how it is.
const PROBE: Duration = Duration::from_millis(500);
/// A broker that fails again so soon after it seemed well was not well.
const RELAPSE: Duration = Duration::from_secs(5);

/// The time-out given on the command line: how long to wait for a broker that does not answer.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = crate::arguments::duration(text)?;
    if timeout < PAUSES[0] {
        return Err("it must be 100ms at least".to_owned());
    }
    Ok(timeout)
}

/// Waits for the broker of one command.
pub(crate) struct Waiting {
    /// The broker as it is shown, without a password.
    place: String,
    limit: Duration,
    notice: Duration,
    progress: Progress,
    /// Ends a wait at once.
    interrupt: CancellationToken,
    /// A broker without room is waited for, too.
    rides_full: bool,
    outage: Option<Outage>,
    /// The last one, and when the broker said that it is well again; no call has shown it yet.
    seems_over: Option<(Outage, Instant)>,
}

/// A time in which the broker does not answer.
struct Outage {
    since: Instant,
    last: Option<glmsg::Error>,
    is_said: bool,
    pause: Duration,
    resume_at: Instant,
}

/// Why a call has no answer that is of use.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// The user does not want to wait any longer.
    Interrupted,
    /// The time is over; the text says what was waited for, and why.
    TimedOut(String),
    /// The broker refuses, and will go on refusing.
    Refused(glmsg::Error),
}

/// The answer to a call that may have been made several times.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    pub(crate) value: T,
    /// An earlier try may have been carried out, though its answer did not come.
    pub(crate) is_repeated: bool,
}

impl From<Unanswered> for Failure {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Interrupted => Self::failed("interrupted"),
            Unanswered::TimedOut(text) => Self::Failed(text),
            Unanswered::Refused(error) => error.into(),
        }
    }
}

impl Waiting {
    pub(crate) fn new(
        place: String,
        limit: Duration,
        progress: Progress,
        interrupt: CancellationToken,
    ) -> Self {
        let is_server = place.contains("://");
        Self {
            place,
            limit,
            notice: if is_server { NOTICE } else { FILE_NOTICE },
            progress,
            interrupt,
            rides_full: false,
            outage: None,
            seems_over: None,
        }
    }

    /// Waits for a broker without room, too, from now on.
    pub(crate) fn ride_out_full(&mut self) {
        self.rides_full = true;
    }

    /// `true` while the broker does not answer.
    pub(crate) fn is_waiting(&self) -> bool {
        self.outage.is_some()
    }

    /// Makes a call until it is answered or the time is over. `what` completes "waiting for the
    /// broker to …". Only for calls that may be carried out twice.
    pub(crate) async fn ride<T>(
        &mut self,
        what: &str,
        mut call: impl AsyncFnMut() -> glmsg::Result<T>,
    ) -> Result<Answer<T>, Unanswered> {
        let mut is_repeated = false;
        loop {
            self.look_away().await?;
            let since = Instant::now();
            let answer = {
                let mut attempt = pin!(call());
                loop {
                    let begun = self.outage.as_ref().map_or(since, |outage| outage.since);
                    let is_said = self.outage.as_ref().is_some_and(|outage| outage.is_said);
                    tokio::select! {
                        biased;
                        answer = &mut attempt => break answer,
                        () = self.interrupt.cancelled(), if is_said => {
                            return Err(Unanswered::Interrupted);
                        }
                        () = sleep_until(begun + self.limit) => {
                            self.outage_since(since);
                            return Err(self.time_out(what));
                        }
                        () = sleep_until(begun + self.notice), if !is_said => {
                            if self.interrupt.is_cancelled() {
                                return Err(Unanswered::Interrupted);
                            }
                            self.outage_since(since);
                            self.say(what);
                        }
                    }
                }
            };
            match answer {
                Ok(value) => {
                    self.is_over();
                    return Ok(Answer { value, is_repeated });
                }
                Err(error) => {
                    is_repeated |= error.kind() != ErrorKind::Unavailable;
                    self.failed(since, what, error)?;
                }
            }
        }
    }

    /// Receives. Returns also without a delivery, when a broker that was waited for is well again.
    /// Cancel-safe; the caller looks at the interrupt.
    pub(crate) async fn receive(
        &mut self,
        broker: &dyn Broker,
        source: &mut BoxSource,
        batch: &mut Vec<Received>,
        most: usize,
    ) -> Result<(), Unanswered> {
        const WHAT: &str = "give out messages";
        loop {
            let resume_at = self.outage.as_ref().map(|outage| outage.resume_at);
            sleep_until(resume_at.unwrap_or_else(Instant::now)).await;
            // A receive that is not answered looks like one that finds nothing, so that the
            // broker is asked beside it.
            let is_waiting = self.is_waiting();
            let now = Instant::now();
            let begun = self.outage.as_ref().map_or(now, |outage| outage.since);
            let received = tokio::select! {
                biased;
                received = source.recv(batch, most) => received,
                () = is_well(broker), if is_waiting => {
                    self.seems_over();
                    return Ok(());
                }
                () = sleep_until(begun + self.limit), if is_waiting => {
                    return Err(self.time_out(WHAT));
                }
            };
            match received {
                Ok(_) => {
                    self.is_over();
                    return Ok(());
                }
                // Until just now it may have waited for messages, for hours, of a broker that was well.
                Err(error) => self.failed(Instant::now(), WHAT, error)?,
            }
        }
    }

    /// A call that was begun at `since` has failed: whether to make it again.
    pub(crate) fn failed(
        &mut self,
        since: Instant,
        what: &str,
        error: glmsg::Error,
    ) -> Result<(), Unanswered> {
        if !self.is_passing(&error) {
            return Err(Unanswered::Refused(error));
        }
        let limit = self.limit;
        let now = Instant::now();
        let outage = self.outage_since(since);
        outage.last = Some(error);
        outage.resume_at = now + outage.pause;
        outage.pause = (2 * outage.pause).min(PAUSES[1]);
        let end = outage.since + limit;
        outage.resume_at = outage.resume_at.min(end);
        if now >= end {
            return Err(self.time_out(what));
        }
        self.say(what);
        Ok(())
    }

    /// `true` if the same call may be answered later.
    fn is_passing(&self, error: &glmsg::Error) -> bool {
        let passes = match error.kind() {
            ErrorKind::Full => self.rides_full,
            ErrorKind::Unavailable
            | ErrorKind::Timeout
            | ErrorKind::Indeterminate
            | ErrorKind::Throttled => true,
            _ => false,
        };
        passes && error.retry_class() != RetryClass::Never
    }

    /// The outage there is, or the one that begins with a call made at `since`.
    fn outage_since(&mut self, since: Instant) -> &mut Outage {
        let relapse = self.seems_over.take();
        let relapse = relapse.filter(|(_, well)| well.elapsed() < RELAPSE);
        self.outage.get_or_insert_with(|| match relapse {
            Some((outage, _)) => outage,
            None => Outage {
                since,
                last: None,
                is_said: false,
                pause: PAUSES[0],
                resume_at: since,
            },
        })
    }

    /// Waits until the next try.
    async fn look_away(&self) -> Result<(), Unanswered> {
        let Some(outage) = &self.outage else {
            return Ok(());
        };
        tokio::select! {
            biased;
            () = self.interrupt.cancelled(), if outage.is_said => Err(Unanswered::Interrupted),
            () = sleep_until(outage.resume_at) => Ok(()),
        }
    }

    /// Says once what is waited for.
    fn say(&mut self, what: &str) {
        let (place, limit) = (&self.place, self.limit);
        if let Some(outage) = self.outage.as_mut().filter(|outage| !outage.is_said) {
            outage.is_said = true;
            let why = reason(outage.last.as_ref());
            self.progress.note(&format!(
                "waiting {limit:?} at most for the broker at {place} to {what}: {why}"
            ));
        }
    }

    /// The broker has answered a call.
    fn is_over(&mut self) {
        self.say_over();
        (self.outage, self.seems_over) = (None, None);
    }

    /// The broker says that it is well; whether it is, the next calls show.
    fn seems_over(&mut self) {
        self.say_over();
        let now = Instant::now();
        self.seems_over = self.outage.take().map(|outage| (outage, now));
    }

    fn say_over(&self) {
        let Some(outage) = self.outage.as_ref().filter(|outage| outage.is_said) else {
            return;
        };
        let (place, seconds) = (&self.place, outage.since.elapsed().as_secs_f64());
        self.progress.note(&format!(
            "the broker at {place} answers again, after {seconds:.1} s"
        ));
    }

    fn time_out(&self, what: &str) -> Unanswered {
        let (place, limit) = (&self.place, self.limit);
        let last = self.outage.as_ref().and_then(|outage| outage.last.as_ref());
        let why = last.map_or_else(
            || "check that it runs and can be reached".to_owned(),
            ToString::to_string,
        );
        Unanswered::TimedOut(format!(
            "the broker at {place} did not {what} within {limit:?}: {why}; --timeout waits longer"
        ))
    }
}

fn reason(error: Option<&glmsg::Error>) -> &str {
    error.map_or("it does not answer", glmsg::Error::message)
}

/// Waits until the broker says that it is well.
async fn is_well(broker: &dyn Broker) {
    loop {
        sleep(PROBE).await;
        if broker.health().await.status != HealthStatus::Unhealthy {
            return;
        }
    }
}
