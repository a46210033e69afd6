//! What a traffic process is to do, and how it is told.

use std::path::PathBuf;

use glmsg_faults::process::Launch;
use serde::{Deserialize, Serialize};

use super::{Consumption, Publication};

/// The variable that holds the plan.
const VARIABLE: &str = "GLMSG_TRAFFIC_PLAN";

/// What a traffic process is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Its name in the ledger.
    pub name: String,
    /// The folder of the ledger.
    pub ledger: PathBuf,
    /// The broker.
    pub url: String,
    /// The topic.
    pub topic: String,
    /// The group, for a consumer.
    pub group: String,
    /// What it does.
    pub role: Role,
}

/// What a traffic process does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Role {
    /// It publishes until it is told to end.
    Publish(Publication),
    /// It consumes until it is told to end.
    Consume(Consumption),
}

impl Plan {
    /// The plan of this process.
    ///
    /// # Panics
    /// If there is none.
    pub fn of_this_process() -> Self {
        let text = std::env::var(VARIABLE).expect("a plan in GLMSG_TRAFFIC_PLAN");
        serde_json::from_str(&text).expect("a plan")
    }

    /// How to start `program`, a binary that runs [`main`](super::main), with this plan.
    pub fn launch(&self, program: &str) -> Launch {
        let text = serde_json::to_string(self).expect("a plan is JSON");
        Launch::new(program).env(VARIABLE, text)
    }
}
