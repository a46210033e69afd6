//! What a log line of a handler says of its message.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::io;
use std::sync::{Arc, Mutex};

use glmsg_broker::{Broker, BrokerExt, Consumer, HandlerError, Incoming, Layer};
use glmsg_core::Message;
use glmsg_memory::MemoryBroker;
use glmsg_tracing::{LogFormat, TraceContext, TracingLayer, log_layer};
use serde_json::Value;
use tokio::sync::mpsc;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

/// Keeps what is written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Paper {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Paper {
    /// Writes the log of this thread from now on.
    fn start(level: &str, log_messages: bool) -> (Self, DefaultGuard) {
        let paper = Self::default();
        let filter = level.parse().unwrap();
        let lines = log_layer(&filter, LogFormat::Json, log_messages, paper.clone());
        let subscriber = tracing_subscriber::registry().with(lines);
        (paper, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn lines(&self) -> Vec<Value> {
        let text = self.text();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn line(&self, message: &str) -> Value {
        let lines = self.lines();
        let found = lines.iter().find(|line| line["message"] == message);
        found
            .unwrap_or_else(|| panic!("no line `{message}` in {lines:#?}"))
            .clone()
    }
}

/// Publishes one message and handles it once.
async fn handle_one(
    layer: TracingLayer,
    message: Message,
    answer: fn() -> Result<(), HandlerError>,
) -> Arc<dyn Broker> {
    let broker = layer.layer(Arc::new(MemoryBroker::default()));
    let (done, mut is_done) = mpsc::unbounded_channel();
    let consumer = Consumer::new(broker.clone(), message.topic().clone(), "agents")
        .start(move |_: Incoming| {
            let done = done.clone();
            async move {
                tokio::task::yield_now().await;
                tracing::warn!(seats = 3, "a line of the user's");
                done.send(()).unwrap();
                answer()
            }
        })
        .await
        .unwrap();
    broker.send(message).await.unwrap();
    is_done.recv().await.unwrap();
    consumer.shutdown().await.unwrap();
    broker
}

fn message() -> Message {
    Message::builder("flights")
        .payload("a secret payload")
        .key("a secret key")
        .header("token", "a secret header")
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_line_in_a_handler_names_the_message_and_its_trace_at_any_level() {
    let (paper, _guard) = Paper::start("WARNING", false);
    let context = TraceContext::generate(true);
    let message = message().with_traceparent(&context.to_string()).unwrap();
    let id = message.id().to_string();
    handle_one(TracingLayer::new(), message, || Ok(())).await;

    let line = paper.line("a line of the user's");
    assert_eq!(
        (&line["level"], &line["seats"]),
        (&"WARN".into(), &3.into())
    );
    let span = &line["spans"][0];
    assert_eq!(span["name"], "process");
    assert_eq!(span["messaging.message.id"], id);
    assert_eq!(span["messaging.destination.name"], "flights");
    assert_eq!(span["messaging.consumer.group.name"], "agents");
    assert_eq!(span["glmsg.attempt"], 1);
    let trace = format!("{:032x}", context.trace_id());
    assert_eq!(span["trace_id"], trace);
}

#[tokio::test]
async fn a_line_of_a_target_that_is_named_names_the_message_too() {
    let (paper, _guard) = Paper::start("log_lines=warn", false);
    handle_one(TracingLayer::new(), message(), || Ok(())).await;
    let line = paper.line("a line of the user's");
    assert_eq!(line["spans"][0]["name"], "process");
}

#[test]
fn targets_of_ours_have_the_level_that_is_asked_for_them() {
    for (level, told) in [
        ("warn", ["warn"].as_slice()),
        ("glmsg=debug", &["warn", "info"]),
        ("off,glmsg::settle=debug", &["warn", "info", "debug"]),
        ("debug,glmsg::settle=off", &[]),
        ("off", &[]),
    ] {
        let (paper, _guard) = Paper::start(level, false);
        tracing::warn!(target: "glmsg::settle", "warn");
        tracing::info!(target: "glmsg::settle", "info");
        tracing::debug!(target: "glmsg::settle", "debug");
        let lines = paper.lines();
        let lines: Vec<_> = lines.iter().map(|line| &line["message"]).collect();
        assert_eq!(lines, told, "{level}");
    }
}

#[tokio::test]
async fn a_dead_letter_is_a_line_of_its_message() {
    let (paper, _guard) = Paper::start("WARNING", false);
    let message = message();
    let id = message.id().to_string();
    let refuse = || Err(HandlerError::reject("no such flight"));
    handle_one(TracingLayer::new(), message, refuse).await;

    let line = paper.line("dead letter");
    assert_eq!(line["spans"][0]["messaging.message.id"], id);
    assert_eq!(line["reason"], "rejected");
}

#[tokio::test]
async fn messages_are_lines_where_asked_for_and_show_no_content() {
    for (log, level) in [(true, "ERROR"), (false, "DEBUG")] {
        let (paper, _guard) = Paper::start(level, log);
        let layer = TracingLayer::new().log_messages(log);
        handle_one(layer, message(), || Ok(())).await;
        let is_told = |what: &str| paper.lines().iter().any(|line| line["message"] == what);
        assert_eq!((is_told("published"), is_told("received")), (log, log));
        if log {
            let line = paper.line("published");
            assert_eq!(
                (&line["bytes"], &line["outcome"]),
                (&16.into(), &"stored".into())
            );
        }
        assert!(!paper.text().contains("secret"), "{}", paper.text());
    }
}

#[tokio::test]
async fn a_service_that_exports_nothing_passes_on_the_trace() {
    let broker = TracingLayer::new().layer(Arc::new(MemoryBroker::default()));
    let (seen, mut sight) = mpsc::unbounded_channel();
    let next = broker.clone();
    let first = Consumer::new(broker.clone(), "flights", "agents")
        .start(move |_: Incoming| {
            let next = next.clone();
            async move { Ok(next.send(Message::new("seats", "3")?).await?) }
        })
        .await
        .unwrap();
    let second = Consumer::new(broker.clone(), "seats", "agents")
        .start(move |incoming: Incoming| {
            seen.send(TraceContext::of(&incoming)).unwrap();
            async { Ok(()) }
        })
        .await
        .unwrap();
    let request = TraceContext::generate(true);
    request.scope(broker.send(message())).await.unwrap();
    assert_eq!(sight.recv().await.unwrap(), Some(request));
    // Of no trace, and so is what follows from it.
    broker.send(message()).await.unwrap();
    assert_eq!(sight.recv().await.unwrap(), None);
    first.shutdown().await.unwrap();
    second.shutdown().await.unwrap();
}
