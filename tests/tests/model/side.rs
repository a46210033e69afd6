//! One of the two backends under comparison, with its members.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{
    BoxSettler, BoxSource, Broker, GroupConfig, Intake, Ordering, Received, Source,
    SubscribeOptions,
};
use glmsg_core::{Error, GroupName, MemberName, Result, TopicName};

use crate::clocked::Clocked;

/// The groups of every history: one without order, one with order by key, and one that is deleted
/// and made anew.
pub(crate) const GROUPS: [&str; 3] = ["plain", "keyed", "renewed"];

/// One backend and its members.
pub(crate) struct Side<F> {
    pub(crate) fixture: F,
    pub(crate) broker: Arc<dyn Broker>,
    /// Two for each group.
    members: Vec<[(BoxSource, BoxSettler); 2]>,
}

pub(crate) fn topic() -> TopicName {
    TopicName::new("model").expect("a valid name")
}

pub(crate) fn group(n: usize) -> GroupName {
    GroupName::new(GROUPS[n]).expect("a valid name")
}

pub(crate) fn group_config(n: usize) -> GroupConfig {
    let ordering = if n == 1 {
        Ordering::PerKey
    } else {
        Ordering::None
    };
    GroupConfig::default().ordering(ordering)
}

impl<F: Clocked> Side<F> {
    pub(crate) async fn new(fixture: F) -> Self {
        Self {
            broker: fixture.broker().await,
            fixture,
            members: Vec::new(),
        }
    }

    /// Members join all groups, with leases of their own.
    pub(crate) async fn join_all(&mut self) -> Result<()> {
        self.members.clear();
        self.fixture.rest().await;
        for n in 0..GROUPS.len() {
            self.members.push(self.join(n).await?);
        }
        Ok(())
    }

    /// The members of a group that was made anew.
    pub(crate) async fn rejoin(&mut self, n: usize) -> Result<()> {
        self.members[n] = self.join(n).await?;
        self.fixture.rest().await;
        Ok(())
    }

    async fn join(&self, n: usize) -> Result<[(BoxSource, BoxSettler); 2]> {
        let join = async |name: &str, lease: u64| {
            let options = SubscribeOptions::new(topic(), group(n))?
                .ordering(group_config(n).ordering)
                .member(MemberName::new(name)?)
                .lease(Duration::from_secs(lease));
            let source = self.broker.open_source(&options).await?;
            let settler = Source::settler(&source);
            Ok::<_, Error>((source, settler))
        };
        Ok([join("brief", 1).await?, join("long", 3).await?])
    }

    /// Everything that is open is gone, and opened again.
    pub(crate) async fn crash(&mut self) -> Result<()> {
        self.members.clear();
        self.broker = self.fixture.reopen().await;
        self.join_all().await
    }

    pub(crate) fn settler(&self, group: usize, member: usize) -> BoxSettler {
        self.members[group][member].1.clone()
    }

    /// What can be received within `limit`, which may be zero: then what is there at once.
    pub(crate) async fn receive(
        &mut self,
        (group, member): (usize, usize),
        max: usize,
        limit: Duration,
    ) -> Result<(Vec<Received>, Intake)> {
        let mut buf = Vec::new();
        let source = &mut self.members[group][member].0;
        let received = F::within(limit, source.recv(&mut buf, max)).await;
        if received.is_none() {
            self.fixture.rest().await;
        }
        let intake = received.unwrap_or(Ok(Intake::default()))?;
        Ok((buf, intake))
    }
}
