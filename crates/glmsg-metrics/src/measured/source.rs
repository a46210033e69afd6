//! A member's deliveries, counted.

use std::sync::Arc;

use glmsg_broker::{BoxSource, Intake, Received, Source};
use glmsg_core::{Clock, Result, SystemClock};

use super::settler::MeasuredSettler;
use crate::held::Held;
use crate::series::GroupSeries;

pub(crate) struct MeasuredSource {
    inner: BoxSource,
    /// Looked up once: a message costs no look by name.
    series: Arc<GroupSeries>,
    held: Arc<Held>,
}

impl MeasuredSource {
    pub(super) fn new(inner: BoxSource, series: Arc<GroupSeries>) -> Self {
        let held = Arc::default();
        Self {
            inner,
            series,
            held,
        }
    }
}

impl Source for MeasuredSource {
    type Settler = MeasuredSettler;

    fn settler(&self) -> MeasuredSettler {
        MeasuredSettler {
            inner: self.inner.settler(),
            series: self.series.clone(),
            held: self.held.clone(),
        }
    }

    async fn recv(&mut self, buf: &mut Vec<Received>, max: usize) -> Result<Intake> {
        let before = buf.len();
        let intake = self.inner.recv(buf, max).await?;
        let received = &buf[before..];
        self.series.received(intake, received, SystemClock.now());
        self.held.received(received);
        Ok(intake)
    }
}
