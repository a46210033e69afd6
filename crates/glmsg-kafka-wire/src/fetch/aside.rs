//! Reads what is not to wait: a partition that is assigned, resumed or moved while a broker waits
//! for others to have something. A second connection, which is made when it is first of use.

use std::time::Duration;

use glmsg_core::Result;
use tokio::time::sleep;

use super::broker::Link;
use super::session::Session;
use super::shared::Shared;
use super::state::Node;

/// Most answers do not take longer, and then the other connection has it read.
const SOON: Duration = Duration::from_millis(2);

/// Reads what is not to wait, as long as it is not ended.
pub(super) async fn read(shared: &Shared, node: &Node) {
    let mut link = None;
    loop {
        node.aside.notified().await;
        sleep(SOON).await;
        while shared.state().aside(node).is_some() {
            match read_once(shared, node, &mut link).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::debug!(%error, node = node.number, "reading aside failed");
                    link = None;
                    // It is read in its turn, and what is wrong is found out there.
                    break;
                }
            }
        }
    }
}

/// Returns whether anything could be asked for.
async fn read_once(shared: &Shared, node: &Node, link: &mut Option<Link>) -> Result<bool> {
    let link = match link {
        Some(link) => link,
        none => none.insert(Link::open(shared, node).await?),
    };
    let mut session = Session::none();
    let request = {
        let mut state = shared.state();
        state.plan_aside(node, &mut session, &shared.settings, link.version)
    };
    let Some(request) = request else {
        return Ok(false);
    };
    let asked: Vec<u64> = session.asked().collect();
    let answer = link.ask(&request, shared).await;
    let mut state = shared.state();
    let (arrivals, done) = match answer {
        Ok(answer) if session.heed(&answer) => (state.settle(node, &session, answer), Ok(true)),
        Ok(_) => (Vec::new(), Ok(false)),
        Err(error) => (Vec::new(), Err(error)),
    };
    if node.run == state.run {
        for generation in asked {
            if let Some(slot) = state.slots.get_mut(&generation) {
                slot.is_aside = false;
                // There may be more.
                slot.is_fresh = slot.arriving > 0;
            }
        }
    }
    let is_doubted = state.is_doubted(node);
    drop(state);
    shared.hand_over(node, &arrivals);
    shared.told();
    if is_doubted {
        shared.seek.notify_one();
    }
    // Nobody else may have had anything to read.
    node.wake.notify_one();
    done
}
