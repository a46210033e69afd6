//! Any backend's live source.

use std::fmt;

use glmsg_core::Result;

use super::{LiveEvent, LiveSource};
use crate::BoxFuture;

trait DynLiveSource: Send {
    fn recv<'a>(&'a mut self, buf: &'a mut Vec<LiveEvent>, max: usize)
    -> BoxFuture<'a, Result<()>>;
}

impl<S: LiveSource> DynLiveSource for S {
    fn recv<'a>(
        &'a mut self,
        buf: &'a mut Vec<LiveEvent>,
        max: usize,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(LiveSource::recv(self, buf, max))
    }
}

/// Any backend's [`LiveSource`].
pub struct BoxLiveSource(Box<dyn DynLiveSource>);

impl BoxLiveSource {
    /// Erases `source`.
    pub fn new(source: impl LiveSource) -> Self {
        Self(Box::new(source))
    }
}

impl fmt::Debug for BoxLiveSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxLiveSource")
    }
}

impl LiveSource for BoxLiveSource {
    async fn recv(&mut self, buf: &mut Vec<LiveEvent>, max: usize) -> Result<()> {
        self.0.recv(buf, max).await
    }
}
