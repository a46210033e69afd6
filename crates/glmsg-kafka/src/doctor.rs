//! How a cluster is set up, and what that means.

use std::collections::BTreeMap;
use std::sync::Arc;

use glmsg_broker::Finding;
use glmsg_core::Result;
use rdkafka::admin::ResourceSpecifier;

use crate::cluster::Cluster;
use crate::connection::{Link, blocking};
use crate::error::from_kafka;

/// What a broker says of itself.
#[derive(Debug, Default)]
struct Facts {
    brokers: usize,
    settings: BTreeMap<String, String>,
}

impl Facts {
    fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.setting(name)?.parse().ok()
    }
}

impl Cluster {
    pub(crate) async fn examine(&self) -> Result<Vec<Finding>> {
        let facts = self.link.facts().await?;
        let wanted = self.link.config().replication_factor();
        let copies = match wanted {
            -1 => facts.number("default.replication.factor"),
            copies => Some(i64::from(copies)),
        };
        let insync = self.link.config().min_insync.map(i64::from);
        let insync = insync.or_else(|| facts.number("min.insync.replicas"));
        let mut findings = vec![
            brokers(&facts),
            replication(copies),
            in_sync(copies, insync),
            election(facts.setting("unclean.leader.election.enable")),
            persistence(copies),
            positions(facts.number("offsets.retention.minutes")),
        ];
        findings.extend(self.examine_topics().await?);
        Ok(findings)
    }
}

impl Link {
    async fn facts(self: &Arc<Self>) -> Result<Facts> {
        let link = Arc::clone(self);
        let (brokers, first) = blocking(move || link.brokers()).await?;
        let mut settings = BTreeMap::new();
        let asked = [ResourceSpecifier::Broker(first)];
        let found = self.admin().describe_configs(&asked, &self.options()).await;
        // A user who may not ask is told so by what is missing.
        for resource in found
            .map_err(|e| from_kafka(&e, false))?
            .into_iter()
            .flatten()
        {
            for entry in resource.entries {
                settings.extend(entry.value.map(|value| (entry.name, value)));
            }
        }
        Ok(Facts { brokers, settings })
    }
}

fn brokers(facts: &Facts) -> Finding {
    match facts.brokers {
        1 => Finding::warning(
            "brokers",
            "the cluster has one broker: while it is down nothing works",
            "run three brokers",
        ),
        count => Finding::ok("brokers", format!("the cluster has {count} brokers")),
    }
}

fn replication(copies: Option<i64>) -> Finding {
    const SUBJECT: &str = "replication";
    match copies {
        None => unknown(SUBJECT, "how many copies a new topic has"),
        Some(1) => Finding::warning(
            SUBJECT,
            "a new topic has one copy: what its broker loses is lost",
            "set replication=3 in the URL, or default.replication.factor=3 on the brokers",
        ),
        Some(copies) => Finding::ok(SUBJECT, format!("a new topic has {copies} copies")),
    }
}

fn in_sync(copies: Option<i64>, insync: Option<i64>) -> Finding {
    const SUBJECT: &str = "in-sync-replicas";
    match (copies, insync) {
        (_, None) => unknown(
            SUBJECT,
            "how many copies must have a message before it is stored",
        ),
        (Some(copies), Some(1)) if copies > 1 => Finding::warning(
            SUBJECT,
            "a message counts as stored when one copy has it, so the loss of one broker can lose it",
            "set min_insync=2 in the URL, or min.insync.replicas=2 on the brokers",
        ),
        (_, Some(insync)) => Finding::ok(
            SUBJECT,
            format!("a message counts as stored when {insync} of its copies have it"),
        ),
    }
}

fn election(unclean: Option<&str>) -> Finding {
    const SUBJECT: &str = "election";
    match unclean {
        None => unknown(SUBJECT, "whether a copy that is behind may take over"),
        Some("true") => Finding::problem(
            SUBJECT,
            "a copy that is behind may take over, and what it has not is lost",
            "set unclean.leader.election.enable=false on the brokers",
        ),
        Some(_) => Finding::ok(SUBJECT, "only a copy that has everything takes over"),
    }
}

fn persistence(copies: Option<i64>) -> Finding {
    let what =
        "a message is stored in the memory of its brokers first: each writes it to its disk later";
    match copies {
        Some(copies) if copies > 1 => Finding::ok("persistence", what),
        _ => Finding::warning(
            "persistence",
            format!("{what}, and there is no other copy when the power fails"),
            "keep copies on machines that do not fail together",
        ),
    }
}

fn positions(minutes: Option<i64>) -> Finding {
    const SUBJECT: &str = "positions";
    match minutes {
        None => unknown(SUBJECT, "how long the cluster remembers where a group is"),
        Some(minutes) => Finding::ok(
            SUBJECT,
            format!(
                "a group that nobody reads is remembered for {} days; after that it begins anew",
                minutes / (24 * 60)
            ),
        ),
    }
}

fn unknown(subject: &'static str, what: &str) -> Finding {
    Finding::warning(
        subject,
        format!("the cluster does not say {what}"),
        "allow DescribeConfigs on the cluster, or see to it yourself",
    )
}

#[cfg(test)]
mod tests {
    use glmsg_broker::Severity;

    use super::*;

    #[test]
    fn what_loses_messages_is_a_problem_and_what_may_is_a_warning() {
        assert_eq!(election(Some("true")).severity, Severity::Problem);
        assert_eq!(election(Some("false")).severity, Severity::Ok);
        assert_eq!(in_sync(Some(3), Some(1)).severity, Severity::Warning);
        assert_eq!(in_sync(Some(3), Some(2)).severity, Severity::Ok);
        assert_eq!(replication(Some(1)).severity, Severity::Warning);
        assert_eq!(replication(Some(3)).severity, Severity::Ok);
        for unknown in [
            replication(None),
            in_sync(None, None),
            election(None),
            positions(None),
        ] {
            assert_eq!(unknown.severity, Severity::Warning, "{unknown:?}");
            assert!(unknown.remedy.is_some());
        }
    }
}
