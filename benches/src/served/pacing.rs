//! A steady flow of single messages through a server.

use glmsg::GroupName;

use super::Served;
use super::store::ServedStore;
use crate::outcome::must_equal;
use crate::pacing::flow;
use crate::{Measured, Outcome, Stopwatch, sample};

/// A [`flow`] to a consumer on its defaults.
pub(crate) async fn paced(served: Served, per_second: u64, seconds: u64) -> Outcome<Measured> {
    let store = ServedStore::create(&served).await?;
    let ServedStore { broker, topic } = &store;
    let start = || Stopwatch::start_with_server(served.pid);
    let measured = flow(broker, topic, per_second, seconds, start).await?;
    store.must_hold(per_second * seconds + 1).await?;
    let lag = broker.lag(topic, &GroupName::new(sample::GROUP)?).await?;
    must_equal("messages left behind", lag.total() + lag.dead_letters, 0)?;
    broker.close().await?;
    Ok(measured)
}
