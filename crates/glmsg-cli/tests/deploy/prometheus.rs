//! A real Prometheus, with the configuration and the rules of `deploy/prometheus`.

use std::net::SocketAddr;
use std::time::Duration;

use glmsg_faults::process::Launch;
use glmsg_faults::server::Server;
use glmsg_faults::{services, until};
use serde_json::Value;
use tempfile::TempDir;

use crate::http::{encoded, get};
use crate::{endpoint, kit};

/// How long it may take until there is something to show.
const PATIENCE: Duration = Duration::from_secs(90);

/// A Prometheus that scrapes a target every second.
pub(crate) struct Prometheus {
    server: Server,
    _folder: TempDir,
}

impl Prometheus {
    /// Started with the files; only the target and the intervals are not theirs.
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let folder = TempDir::new().unwrap();
        let config = kit::text("deploy/prometheus/prometheus.yml");
        let (head, _) = config
            .split_once("    dns_sd_configs:\n")
            .expect("how it finds targets");
        let config = format!("{head}    static_configs:\n      - targets: ['{target}']\n");
        let quick = config.replace("interval: 15s", "interval: 1s");
        assert_ne!(quick, config, "the intervals");
        std::fs::write(folder.path().join("prometheus.yml"), quick).unwrap();
        let rules = kit::text("deploy/prometheus/rules.yml");
        std::fs::write(folder.path().join("rules.yml"), rules).unwrap();

        let program = services::find("PROMETHEUS");
        let program = program.expect("PROMETHEUS is not known: run `cargo xtask deploy` first");
        let config = folder.path().join("prometheus.yml");
        let launch = Launch::new(program)
            .args([format!("--config.file={}", config.display())])
            .args(["--storage.tsdb.path={dir}/data"])
            .args(["--web.listen-address=127.0.0.1:{port}"]);
        let ready =
            |probe: glmsg_faults::server::Probe| async move { get(probe.addr, "/-/ready").is_ok() };
        Self {
            server: Server::start(launch, ready).await,
            _folder: folder,
        }
    }

    /// What it answers to a question of its API.
    pub(crate) fn ask(&self, path: &str) -> Value {
        let answer = get(self.server.addr(), &format!("/api/v1/{path}"));
        let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer["data"].take()
    }

    /// The values of a query, without those that are no numbers.
    pub(crate) fn query(&self, query: &str) -> Vec<f64> {
        let data = self.ask(&format!("query?query={}", encoded(query)));
        let results = data["result"].as_array().expect("results").iter();
        let values = results.filter_map(|result| result["value"][1].as_str()?.parse().ok());
        values.filter(|value: &f64| value.is_finite()).collect()
    }

    /// Waits until a query has data.
    pub(crate) async fn has_data(&self, what: &str, query: &str) {
        let condition = format!("{what}: `{query}` has data");
        until(&condition, PATIENCE, || async {
            !self.query(query).is_empty()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_can_be_evaluated_and_every_recorded_series_is_there() {
    let prometheus = Prometheus::start(endpoint::start()).await;
    let rules = || -> Vec<Value> {
        let data = prometheus.ask("rules");
        let groups = data["groups"].as_array().expect("groups").clone();
        let rules = groups.into_iter().map(|mut group| group["rules"].take());
        rules
            .flat_map(|rules| rules.as_array().expect("rules").clone())
            .collect()
    };
    until("every rule was evaluated", PATIENCE, || async {
        rules().iter().all(|rule| rule["health"] != "unknown")
    })
    .await;
    let rules = rules();
    let wrong: Vec<_> = rules.iter().filter(|rule| rule["health"] != "ok").collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let count = |kind: &str| rules.iter().filter(|rule| rule["type"] == kind).count();
    assert!(
        count("recording") >= 7 && count("alerting") >= 15,
        "{rules:#?}"
    );
    for rule in rules.iter().filter(|rule| rule["type"] == "recording") {
        let name = rule["name"].as_str().expect("a name");
        prometheus.has_data("a recorded series", name).await;
    }
}
