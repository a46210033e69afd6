//! Members that leave in the background, and closing a broker after they have.

use std::sync::Arc;
use std::time::Duration;

use crate::broker::Shared;

/// How long closing waits for them. A server that does not answer is not worth more: what they
/// held comes again when its lease has run out.
const PATIENCE: Duration = Duration::from_secs(2);

/// A member that is leaving, until this is dropped.
pub(crate) struct Leaving(Arc<Shared>);

impl Leaving {
    pub(crate) fn begin(shared: &Arc<Shared>) -> Self {
        shared.leaving.send_modify(|members| *members += 1);
        Self(Arc::clone(shared))
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.leaving.send_modify(|members| *members -= 1);
    }
}

impl Shared {
    /// Waits until those who are leaving have given back what they had.
    pub(crate) async fn await_leaving(&self) {
        let mut leaving = self.leaving.subscribe();
        let _ = tokio::time::timeout(PATIENCE, leaving.wait_for(|members| *members == 0)).await;
    }
}
