//! A collector of the test's own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use glmsg_faults::{Port, services, until};
use tempfile::TempDir;

use crate::received::{Span, spans};

/// How long a collector may take to start, or to write what it has.
const PATIENCE: Duration = Duration::from_secs(60);

/// An OpenTelemetry Collector on a port of its own; it ends with this.
pub(crate) struct Collector {
    process: Child,
    port: Port,
    directory: TempDir,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let program = services::find("OTEL_COLLECTOR").unwrap_or_else(|| {
            panic!("there is no OpenTelemetry Collector: run `cargo xtask services collector`")
        });
        let directory = tempfile::tempdir().expect("a directory");
        let port = Port::hold();
        let (address, file) = (port.addr(), directory.path().join("spans.json"));
        let file = file.display();
        let config = format!(
            "receivers: {{otlp: {{protocols: {{http: {{endpoint: \"{address}\"}}}}}}}}\n\
             exporters: {{file: {{path: \"{file}\", flush_interval: 50ms}}}}\n\
             service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [file]}}}}}}\n"
        );
        let path = directory.path().join("collector.yaml");
        std::fs::write(&path, config).expect("a file");
        let log = std::fs::File::create(directory.path().join("log")).expect("a file");
        let process = Command::new(&program)
            .arg("--config")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut this = Self {
            process,
            port,
            directory,
        };
        this.wait().await;
        this
    }

    async fn wait(&mut self) {
        let address = self.port.addr();
        until("the collector listens", PATIENCE, || {
            let ended = self.process.try_wait().expect("a process");
            let log = self.directory.path().join("log");
            async move {
                if let Some(status) = ended {
                    let said = std::fs::read_to_string(log).unwrap_or_default();
                    panic!("the collector ended with {status}: {said}");
                }
                tokio::net::TcpStream::connect(address).await.is_ok()
            }
        })
        .await;
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.port.addr())
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("spans.json")
    }

    /// What it has received, once it is `count` spans or more.
    pub(crate) async fn received(&self, count: usize) -> Vec<Span> {
        let file = self.file();
        let read = || spans(&std::fs::read_to_string(&file).unwrap_or_default());
        until("the collector has written the spans", PATIENCE, || {
            let found = read().len() >= count;
            async move { found }
        })
        .await;
        read()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
