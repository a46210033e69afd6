//! A group as this process takes part in it: what its sources and settlers share with the thread
//! that reads.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use glmsg_broker::Token;
use glmsg_core::{Clock as _, Error, GroupName, Result, SystemClock, Timestamp, TopicName};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use crate::absence::{Absence, Reason};
use crate::bell::Bell;
use crate::broker::no_group;
use crate::connection::Link;
use crate::inbox::{Inbox, Moved};
use crate::names::{GroupNames, TopicNames};
use crate::progress::Progress;
use crate::reader::{self, intake::Intake};

/// When what could not be moved elsewhere is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// A group as this process takes part in it.
pub(crate) struct Group {
    pub(crate) topic: TopicName,
    pub(crate) group: GroupName,
    pub(crate) topics: Arc<TopicNames>,
    pub(crate) names: GroupNames,
    pub(crate) link: Arc<Link>,
    pub(crate) runtime: Handle,
    inbox: Mutex<Inbox>,
    /// Something may be deliverable.
    pub(crate) ready: Notify,
    bell: Bell,
    pub(crate) intake: Intake,
    /// The thread knows that there is something to be committed.
    is_noticed: AtomicBool,
    /// How many changes somebody waits for to be committed.
    wanted: AtomicU64,
    /// How many changes are committed.
    committed: watch::Sender<u64>,
    /// The thread has ended.
    pub(crate) ended: watch::Sender<bool>,
    is_closing: AtomicBool,
    taking_part: Mutex<TakingPart>,
    failure: Mutex<Option<Error>>,
    absence: Absence,
    /// When the thread was last seen at work.
    last_turn: Mutex<Instant>,
    /// How its partitions here move on.
    progress: Mutex<Progress>,
    /// The process stood still for long: its partitions may be somebody else's by now.
    is_unsure: AtomicBool,
}

/// The inbox, for one at a time.
pub(crate) struct OpenInbox<'a> {
    inbox: MutexGuard<'a, Inbox>,
    intake: &'a Intake,
}

impl Deref for OpenInbox<'_> {
    type Target = Inbox;

    fn deref(&self) -> &Inbox {
        &self.inbox
    }
}

impl DerefMut for OpenInbox<'_> {
    fn deref_mut(&mut self) -> &mut Inbox {
        &mut self.inbox
    }
}

impl Drop for OpenInbox<'_> {
    fn drop(&mut self) {
        self.intake.note_level(&self.inbox);
    }
}

/// That a source takes part in a group, as long as this lives.
#[derive(Debug)]
pub(crate) struct Membership(pub(crate) Arc<Group>);

impl Drop for Membership {
    fn drop(&mut self) {
        self.0.taking_part().sources -= 1;
        self.0.nudge();
    }
}

/// How many sources there are, and whether there will be no more.
#[derive(Debug)]
struct TakingPart {
    sources: usize,
    is_over: bool,
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("topic", &self.topic)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

impl Group {
    /// Begins to take part.
    pub(crate) fn begin(
        link: &Arc<Link>,
        (topic, topics): (&TopicName, Arc<TopicNames>),
        (group, names): (&GroupName, GroupNames),
    ) -> Result<Arc<Self>> {
        let this = Arc::new(Self {
            topic: topic.clone(),
            group: group.clone(),
            topics,
            link: Arc::clone(link),
            runtime: Handle::current(),
            inbox: Mutex::new(Inbox::new(names.kind.ordering())),
            names,
            ready: Notify::new(),
            bell: Bell::default(),
            intake: Intake::new(link),
            is_noticed: AtomicBool::new(false),
            wanted: AtomicU64::new(0),
            committed: watch::Sender::new(0),
            ended: watch::Sender::new(false),
            is_closing: AtomicBool::new(false),
            // Who begins is the first; without one the thread would end.
            taking_part: Mutex::new(TakingPart {
                sources: 1,
                is_over: false,
            }),
            failure: Mutex::default(),
            absence: Absence::new(),
            last_turn: Mutex::new(Instant::now()),
            progress: Mutex::default(),
            is_unsure: AtomicBool::new(false),
        });
        reader::start(&this)?;
        Ok(this)
    }

    /// The inbox, with all that has arrived.
    pub(crate) fn inbox(&self) -> OpenInbox<'_> {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        self.intake.hand_over(&mut inbox);
        OpenInbox {
            inbox,
            intake: &self.intake,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn taking_part(&self) -> MutexGuard<'_, TakingPart> {
        self.taking_part
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Another source takes part, unless the thread is ending.
    pub(crate) fn join(&self) -> bool {
        let mut taking_part = self.taking_part();
        let is_over = taking_part.is_over || self.is_closing.load(SeqCst) || self.check().is_err();
        taking_part.sources += usize::from(!is_over);
        !is_over
    }

    /// Whether the thread is to end. Nobody joins any more then.
    pub(crate) fn is_over(&self) -> bool {
        let mut taking_part = self.taking_part();
        // What is out can still be settled.
        let is_idle = taking_part.sources == 0 && self.inbox().held() == 0;
        taking_part.is_over |= is_idle || self.is_closing.load(SeqCst);
        taking_part.is_over
    }

    /// How many sources take part.
    pub(crate) fn sources(&self) -> u64 {
        self.taking_part().sources as u64
    }

    /// Has the thread look at once.
    pub(crate) fn nudge(&self) {
        self.bell.ring();
    }

    /// There is something to be committed, soon.
    pub(crate) fn notice(&self) {
        if !self.is_noticed.swap(true, SeqCst) {
            self.nudge();
        }
    }

    /// The thread looks now: what changes later is to be told of again.
    pub(crate) fn has_looked(&self) {
        self.is_noticed.store(false, SeqCst);
    }

    /// The thread has seen that there is something, and looks again by itself.
    pub(crate) fn has_noticed(&self) {
        self.is_noticed.store(true, SeqCst);
    }

    /// Whether somebody waits for more to be committed than is.
    pub(crate) fn is_awaited(&self) -> bool {
        self.wanted.load(SeqCst) > *self.committed.borrow()
    }

    /// Has one source look whether there is something for it. It wakes the next if there is more.
    pub(crate) fn offer(&self) {
        self.ready.notify_one();
    }

    /// Waits until somebody [nudges](Self::nudge), or as long as this.
    pub(crate) fn rest(&self, most: Duration) {
        self.bell.wait(most);
    }

    /// So many changes are committed.
    pub(crate) fn committed(&self, changes: u64) {
        self.committed.send_if_modified(|done| {
            let is_more = *done < changes;
            *done = (*done).max(changes);
            is_more
        });
    }

    /// How long the thread may stand still before its partitions may be somebody else's.
    fn doubtful(&self) -> Duration {
        self.link.config().session_timeout / 3
    }

    fn since_last_turn(&self) -> MutexGuard<'_, Instant> {
        self.last_turn
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread is at work.
    pub(crate) fn turn(self: &Arc<Self>) {
        if self.absence.is_due() {
            self.see_whether_it_is_there(Reason::Time);
        }
        let before = std::mem::replace(&mut *self.since_last_turn(), Instant::now());
        if before.elapsed() > self.doubtful() {
            self.is_unsure.store(true, SeqCst);
        }
    }

    /// The cluster has taken a commit, so the partitions are ours.
    pub(crate) fn is_sure_now(&self) {
        self.is_unsure.store(false, SeqCst);
    }

    /// Makes sure that deliveries are still ours, where that may not be: a lease has run out, or the
    /// process has stood still. A commit tells, as the cluster takes none of a member it has shut
    /// out; what was shut out is gone from the inbox afterwards.
    pub(crate) async fn make_sure(&self, tokens: impl Iterator<Item = Token>) -> Result<()> {
        let stood_still =
            self.is_unsure.load(SeqCst) || self.since_last_turn().elapsed() > self.doubtful();
        let changes = {
            let now = self.now();
            let mut inbox = self.inbox();
            let mut tokens = tokens;
            if !stood_still && !tokens.any(|token| inbox.is_late(token, now)) {
                return Ok(());
            }
            inbox.commit_all_again();
            inbox.changes
        };
        self.await_commit(changes).await
    }

    /// Waits until all that has changed is committed.
    pub(crate) async fn commit_all(&self) -> Result<()> {
        let changes = self.inbox().changes;
        self.await_commit(changes).await
    }

    /// Waits until all is committed; and until the group is left, where nobody takes part.
    pub(crate) async fn settle(&self) -> Result<()> {
        if self.is_over() {
            self.nudge();
            self.await_end().await;
            return self.check();
        }
        self.commit_all().await
    }

    /// Waits until so many changes are committed.
    pub(crate) async fn await_commit(&self, changes: u64) -> Result<()> {
        self.wanted.fetch_max(changes, SeqCst);
        self.nudge();
        let mut committed = self.committed.subscribe();
        let mut ended = self.ended.subscribe();
        tokio::select! {
            _ = committed.wait_for(|done| *done >= changes) => Ok(()),
            _ = ended.wait_for(|ended| *ended) => self.check(),
        }
    }

    /// Perhaps the topic or the group was deleted.
    pub(crate) fn see_whether_it_is_there(self: &Arc<Self>, reason: Reason) {
        let names = [&*self.names.retry, self.topics.base()];
        let this = Arc::clone(self);
        self.absence
            .look((&self.runtime, &self.link), names, reason, move || {
                this.fail(no_group(&this.topic, &this.group));
            });
    }

    /// The group can go on no more: the thread ends, or who joins again would wait for it for ever.
    pub(crate) fn fail(&self, error: Error) {
        let failure = self.failure.lock();
        // Before it closes: whoever hears of the end finds out why.
        failure
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
        self.close();
        self.ready.notify_waiters();
    }

    pub(crate) fn check(&self) -> Result<()> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure
            .as_ref()
            .map_or(Ok(()), |error| Err(error.duplicate()))
    }

    /// Waits until the thread has ended.
    pub(crate) async fn await_end(&self) {
        let mut ended = self.ended.subscribe();
        // It cannot be gone: this group holds it.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Ends taking part: what is done is committed, and the partitions are free for others.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, SeqCst);
        self.nudge();
    }

    /// A message waits elsewhere from now on; or here, where it could not be moved.
    pub(crate) fn end_retry(&self, moved: &Moved, result: Result<()>) -> Result<()> {
        let again = self.now().after(AGAIN);
        let mut inbox = self.inbox();
        let ended = match result {
            Ok(()) => {
                inbox.moved(moved);
                Ok(())
            }
            // It is not acked, so it is as safe here.
            Err(error) => match inbox.stays(moved, again) {
                true => Ok(()),
                false => Err(error),
            },
        };
        drop(inbox);
        self.nudge();
        self.offer();
        ended
    }

    /// A message has become a dead letter, or has not.
    pub(crate) fn end_burial(&self, moved: &Moved, result: &Result<()>) {
        let again = self.now().after(AGAIN);
        let mut inbox = self.inbox();
        match result {
            Ok(()) => inbox.moved(moved),
            // As a lease that runs out soon: then it comes back, and is tried again.
            Err(_) => inbox.not_moved(moved, again),
        }
        drop(inbox);
        self.nudge();
        self.offer();
    }
}
