//! Reads from one broker.

use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{Error, Result};
use kafka_protocol::messages::{FetchRequest, FetchResponse, ListOffsetsRequest};
use tokio::time::{sleep, sleep_until};

use super::aside;
use super::backoff::Backoff;
use super::fetched::What;
use super::offsets;
use super::plan::Turn;
use super::session::Session;
use super::shared::Shared;
use super::sift::Arrival;
use super::slot::Told;
use super::state::Node;
use crate::connection::Connection;

/// The last version that has the names of topics.
pub(super) const VERSION: i16 = 12;

/// An answer of so many bytes is handed over before the next request: it is done at once, and
/// somebody waits for it.
const SMALL: usize = 64 << 10;

/// Reads from a broker as long as it leads something that is assigned.
pub(super) async fn run(shared: Arc<Shared>, node: Arc<Node>) {
    let mut reader = Reader {
        shared: &shared,
        node: &node,
        link: None,
        session: Session::new(),
        left: Vec::new(),
        pace: Backoff::default(),
    };
    tokio::select! {
        biased;
        () = reader.read() => {}
        () = aside::read(&shared, &node) => {}
    }
}

/// A connection, and the version of a fetch on it.
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) version: i16,
}

impl Link {
    pub(super) async fn open(shared: &Shared, node: &Node) -> Result<Self> {
        let connection = shared.cluster.connect(node.number).await?;
        let version = connection.version::<FetchRequest>(VERSION)?;
        Ok(Self {
            connection,
            version,
        })
    }

    pub(super) async fn ask(
        &mut self,
        request: &FetchRequest,
        shared: &Shared,
    ) -> Result<FetchResponse> {
        // The broker may let this time pass before it begins to answer.
        let limit = shared.cluster.endpoint().timeout + shared.settings.max_wait;
        let asked = self.connection.ask_within(request, self.version, limit);
        asked.await
    }
}

/// Reads what is to come, one request after the other.
struct Reader<'a> {
    shared: &'a Shared,
    node: &'a Node,
    link: Option<Link>,
    session: Session,
    /// What came and was not looked at.
    left: Vec<Arrival>,
    pace: Backoff,
}

impl Reader<'_> {
    async fn read(&mut self) {
        loop {
            let turn = self.shared.state().turn(self.node, &self.shared.settings);
            if turn != Turn::Go && !self.left.is_empty() {
                // It makes up how much room there is.
                hand_over(self.shared, self.node, std::mem::take(&mut self.left)).await;
                continue;
            }
            match turn {
                Turn::Over => return,
                Turn::Rest(None) => self.node.wake.notified().await,
                Turn::Rest(Some(until)) => tokio::select! {
                    () = self.node.wake.notified() => {}
                    () = sleep_until(until) => {}
                },
                Turn::Go => {
                    if let Err(error) = self.go().await {
                        self.give_up(&error).await;
                    }
                }
            }
        }
    }

    async fn go(&mut self) -> Result<()> {
        let link = match &mut self.link {
            Some(link) => link,
            none => none.insert(Link::open(self.shared, self.node).await?),
        };
        let read_committed = self.shared.settings.read_committed;
        let offsets = self.shared.state().plan_offsets(self.node, read_committed);
        if let Some((request, sought)) = offsets {
            hand_over(self.shared, self.node, std::mem::take(&mut self.left)).await;
            let connection = &mut link.connection;
            let version = connection.version::<ListOffsetsRequest>(offsets::VERSION)?;
            let answer = connection.ask(&request, version).await?;
            let mut state = self.shared.state();
            state.settle_offsets(self.node, &sought, &answer);
            drop(state);
            self.shared.told();
        }
        let request = self.shared.state().plan(
            self.node,
            &mut self.session,
            &self.shared.settings,
            link.version,
        );
        let Some(request) = request else {
            return Ok(());
        };
        let was_whole = self.session.is_whole();
        let left = std::mem::take(&mut self.left);
        let asked = link.ask(&request, self.shared);
        // It is sent before what came is looked at, so that the broker has something to do, too.
        let (answer, ()) = tokio::join!(biased; asked, hand_over(self.shared, self.node, left));
        let throttled = answer.as_ref().map_or(0, |answer| answer.throttle_time_ms);
        let is_heeded = self.settle(answer)?;
        self.pause(throttled).await;
        match is_heeded || !was_whole {
            true => self.pace.reset(),
            false => {
                let wait = self.pace.grow();
                sleep(wait).await;
            }
        }
        Ok(())
    }

    /// Takes up an answer. Returns whether it is one.
    fn settle(&mut self, answer: Result<FetchResponse>) -> Result<bool> {
        let mut state = self.shared.state();
        state.polled(self.node, &self.session);
        let answer = answer?;
        let asked = self.session.heed(&answer);
        if !asked {
            return Ok(false);
        }
        let arrivals = state.settle(self.node, &self.session, answer);
        let is_doubted = state.is_doubted(self.node);
        drop(state);
        if is_doubted {
            self.shared.seek.notify_one();
        }
        let size: usize = arrivals.iter().map(|arrival| arrival.bytes.len()).sum();
        match size <= SMALL {
            true => self.shared.hand_over(self.node, &arrivals),
            false => self.left = arrivals,
        }
        self.shared.told();
        Ok(true)
    }

    /// A broker that has too much to do says for how long not to ask it.
    async fn pause(&mut self, millis: i32) {
        let Ok(millis @ 1..) = u64::try_from(millis) else {
            return;
        };
        hand_over(self.shared, self.node, std::mem::take(&mut self.left)).await;
        sleep(Duration::from_millis(millis).min(self.shared.cluster.endpoint().timeout)).await;
    }

    /// The connection is of no use, or there is none. Perhaps others lead the partitions now.
    async fn give_up(&mut self, error: &Error) {
        tracing::debug!(%error, node = self.node.number, "reading from a broker failed");
        self.link = None;
        self.session.begin_anew();
        hand_over(self.shared, self.node, std::mem::take(&mut self.left)).await;
        self.shared.doubt(self.node, error);
        let wait = self.pace.grow();
        sleep(wait).await;
    }
}

/// Hands over what came, and lets others have their turn in between.
async fn hand_over(shared: &Shared, node: &Node, arrivals: Vec<Arrival>) {
    for arrival in arrivals {
        shared.hand_over(node, &[arrival]);
        tokio::task::yield_now().await;
    }
}

impl Shared {
    /// Who leads the partitions of a broker is to be asked anew.
    fn doubt(&self, node: &Node, error: &Error) {
        let mut state = self.state();
        if node.run != state.run {
            return;
        }
        let mut refused = Vec::new();
        for slot in state.slots.values_mut() {
            if slot.leader == Some(node.number) {
                slot.in_doubt = true;
                refused.push(slot.generation);
            }
        }
        if !error.is_transient() {
            for generation in refused {
                let what = What::Refused(error.duplicate());
                state.tell(generation, Told::Refused, what);
            }
        }
        drop(state);
        self.seek.notify_one();
        self.told();
    }

    /// Something may have been told of.
    pub(super) fn told(&self) {
        let has_more = self.state().has_more();
        if has_more {
            self.ready.notify_one();
        }
    }
}
