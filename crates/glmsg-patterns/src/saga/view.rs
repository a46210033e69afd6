//! How far a saga has come, as its journal tells.

use std::collections::BTreeMap;

use glmsg_core::Timestamp;
use serde_json::Value;

use super::journal::{Entry, Request};
use super::{SagaId, SagaStatus, StepView};

/// How far a saga has come.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SagaView {
    /// Its identity.
    pub id: SagaId,
    /// The name of its definition.
    pub name: String,
    /// The version of its definition.
    pub version: u32,
    /// Where it stands.
    pub status: SagaStatus,
    /// What it was started with.
    pub input: Value,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
    /// Why it is compensated or parked.
    pub reason: Option<String>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When its journal was written last.
    pub updated_at: Timestamp,
    /// When its steps must be done.
    pub deadline: Option<Timestamp>,
    /// Who ran it last.
    pub owner: Option<String>,
    /// The version of its journal's last entry.
    pub journal_version: u64,
    /// The fencing token of the last owner.
    pub fence: u64,
    /// Somebody asked for it to be compensated, and it is still running.
    pub(super) cancelled: Option<String>,
}

impl SagaView {
    /// The saga whose journal begins with this entry.
    pub(super) fn begin(id: SagaId, entry: Entry, at: Timestamp) -> Option<Self> {
        let Entry::Started {
            name,
            version,
            input,
            steps,
            deadline_us,
        } = entry
        else {
            return None;
        };
        Some(Self {
            id,
            name,
            version,
            status: SagaStatus::Running,
            input,
            steps: steps.into_iter().map(StepView::new).collect(),
            reason: None,
            started_at: at,
            updated_at: at,
            deadline: deadline_us.map(Timestamp::from_micros),
            owner: None,
            journal_version: 1,
            fence: 0,
            cancelled: None,
        })
    }

    /// What the steps that are done returned, by their names.
    pub fn outputs(&self) -> BTreeMap<String, Value> {
        let done = self.steps.iter().filter_map(|step| {
            let output = step.output.clone()?;
            Some((step.name.clone(), output))
        });
        done.collect()
    }

    fn step(&mut self, name: &str) -> Option<&mut StepView> {
        self.steps.iter_mut().find(|step| step.name == name)
    }

    /// Takes in the journal's next entry.
    pub(super) fn apply(&mut self, entry: &Entry, at: Timestamp) {
        self.journal_version += 1;
        self.updated_at = at;
        match entry {
            Entry::Started { .. } => {}
            Entry::Claimed { owner } => {
                self.owner = Some(owner.clone());
                self.fence = self.journal_version;
            }
            Entry::Compensating { reason } => {
                self.status = SagaStatus::Compensating;
                self.reason = Some(reason.clone());
                self.cancelled = None;
            }
            Entry::Parked { step, error } => {
                self.status = SagaStatus::Parked;
                let why = self.reason.take().map(without_parked).unwrap_or_default();
                self.reason = Some(format!("{why}{PARKED}{step} keeps failing: {error}"));
            }
            Entry::Completed => self.status = SagaStatus::Completed,
            Entry::Compensated => self.status = SagaStatus::Compensated,
            Entry::Requested { request, reason } => self.requested(*request, reason),
            Entry::StepStarted { step, .. }
            | Entry::StepDone { step, .. }
            | Entry::StepFailed { step, .. }
            | Entry::CompensationStarted { step, .. }
            | Entry::CompensationDone { step }
            | Entry::CompensationFailed { step, .. } => {
                if let Some(step) = self.step(step) {
                    step.apply(entry);
                }
            }
        }
    }

    fn requested(&mut self, request: Request, reason: &str) {
        match (self.status, request) {
            (SagaStatus::Running, Request::Compensate) => {
                self.cancelled = Some(reason.to_owned());
            }
            (SagaStatus::Parked, _) => {
                self.status = SagaStatus::Compensating;
                for step in &mut self.steps {
                    step.compensation_attempts = 0;
                    step.is_undo_open = false;
                    step.has_undo_failed = false;
                    step.retry_at = None;
                }
                self.reason = self.reason.take().map(without_parked);
            }
            _ => self.steps.iter_mut().for_each(|step| step.retry_at = None),
        }
    }
}

/// Between why a saga is compensated and why that has stopped.
const PARKED: &str = "; parked: the compensation of ";

fn without_parked(reason: String) -> String {
    match reason.split_once(PARKED) {
        Some((why, _)) => why.to_owned(),
        None => reason,
    }
}
