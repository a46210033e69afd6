//! A Prometheus of a test's own, asked by its HTTP API.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use glmsg_faults::{Port, services};
use serde_json::Value;

use crate::kit;

/// For what takes a second or two on a machine that has time.
const PATIENCE: Duration = Duration::from_secs(120);

/// A Prometheus with the configuration and the rules of `deploy/`, that scrapes one endpoint.
pub(crate) struct Prometheus {
    child: Child,
    address: SocketAddr,
    directory: tempfile::TempDir,
    /// Held while it runs.
    _port: Port,
}

impl Prometheus {
    /// Starts it, and waits until it answers.
    pub(crate) fn scraping(endpoint: SocketAddr) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| -> PathBuf {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        write("rules.yml", &kit::rules());
        let config = write("prometheus.yml", &kit::config(endpoint));
        let port = Port::hold();
        let address = port.addr();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let child = Command::new(services::get("PROMETHEUS"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("PROMETHEUS names a program");
        let started = Self {
            child,
            address,
            directory,
            _port: port,
        };
        started.until("Prometheus answers", || {
            let found = started.try_get("/-/ready");
            found.map_or_else(|error| Err(error.to_string()), |_| Ok(()))
        });
        started
    }

    /// Looks again and again until something is so.
    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            match look() {
                Ok(found) => return found,
                Err(why) if Instant::now() > end => {
                    let log = std::fs::read_to_string(self.directory.path().join("log"));
                    panic!(
                        "waited {PATIENCE:?} until {what}: {why}\n{}",
                        log.unwrap_or_default()
                    );
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// What a query gives: one number, or why there is none.
    pub(crate) fn number(&self, query: &str) -> Result<f64, String> {
        let found = self.json(&format!("/api/v1/query?query={}", encoded(query)))?;
        let results = found["data"]["result"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        match results.as_slice() {
            [one] => {
                let text = one["value"][1].as_str().unwrap_or_default();
                text.parse().map_err(|_| format!("{query} is {text:?}"))
            }
            none_or_many => Err(format!("{query} has {} results", none_or_many.len())),
        }
    }

    /// Waits until a query gives this number.
    #[track_caller]
    pub(crate) fn until_is(&self, query: &str, expected: f64) {
        self.until(&format!("{query} is {expected}"), || {
            match self.number(query)? {
                found if found == expected => Ok(()),
                found => Err(format!("it is {found}")),
            }
        });
    }

    /// Waits until a query gives a number, or several.
    #[track_caller]
    pub(crate) fn until_has_data(&self, what: &str, query: &str) {
        self.until(&format!("{what}: `{query}` has data"), || {
            let found = self.json(&format!("/api/v1/query?query={}", encoded(query)))?;
            let results = found["data"]["result"].as_array().into_iter().flatten();
            let texts = results.filter_map(|result| result["value"][1].as_str());
            let mut numbers = texts.filter_map(|text| text.parse::<f64>().ok());
            let is_there = numbers.any(f64::is_finite);
            is_there.then_some(()).ok_or_else(|| found.to_string())
        });
    }

    /// All rules, as they were last evaluated.
    pub(crate) fn rules(&self) -> Result<Vec<Value>, String> {
        let found = self.json("/api/v1/rules")?;
        let groups = found["data"]["groups"].as_array().into_iter().flatten();
        let rules = groups.flat_map(|group| group["rules"].as_array().into_iter().flatten());
        Ok(rules.cloned().collect())
    }

    /// The state of an alert, of the topic, breaker or instance `of`: `inactive`, `pending` or `firing`.
    pub(crate) fn alert(&self, name: &str, of: &str) -> Result<String, String> {
        let found = self.json("/api/v1/alerts")?;
        let alerts = found["data"]["alerts"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let alert = alerts.iter().find(|alert| {
            let labels = &alert["labels"];
            let is_of = |label: &str| labels[label] == of;
            labels["alertname"] == name && ["topic", "breaker", "instance"].into_iter().any(is_of)
        });
        let state = alert.and_then(|alert| alert["state"].as_str());
        Ok(state.unwrap_or("inactive").to_owned())
    }

    /// Waits until an alert is in this state.
    #[track_caller]
    pub(crate) fn until_alert(&self, name: &str, of: &str, state: &str) {
        self.until(&format!("{name} of {of} is {state}"), || {
            match self.alert(name, of)? {
                found if found == state => Ok(()),
                found => Err(format!("it is {found}")),
            }
        });
    }

    fn json(&self, path: &str) -> Result<Value, String> {
        let body = self.try_get(path).map_err(|error| error.to_string())?;
        serde_json::from_str(&body).map_err(|error| format!("{error} in {body}"))
    }

    fn try_get(&self, path: &str) -> std::io::Result<String> {
        get(self.address, path)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The body of what a server answers, if it answers 200.
pub(crate) fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // HTTP/1.0: the body ends with the connection.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.contains(" 200 ") => Ok(body.to_owned()),
        _ => Err(std::io::Error::other(answer)),
    }
}

fn encoded(query: &str) -> String {
    let each = query.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    each.collect()
}

/// Whether `promtool` has nothing against `input`.
#[track_caller]
pub(crate) fn promtool(words: &[&str], input: &str) {
    let mut child = Command::new(services::get("PROMTOOL"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("PROMTOOL names a program");
    // Dropped at the end of the statement, which ends the input.
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "promtool {words:?}: {said}");
}
