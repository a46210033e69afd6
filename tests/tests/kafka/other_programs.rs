//! Other programs read what glmsg wrote, as `docs/wire-format.md` says, and glmsg reads what they wrote.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use glmsg::{Broker, ContentType, Message, MessageId, Priority, TopicConfig};
use glmsg_faults::services;
use rdkafka::config::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::Value;

/// A topic of its own on the cluster.
struct Place {
    url: String,
    servers: String,
    /// What the topic is to Kafka.
    topic: String,
    broker: Arc<dyn Broker>,
}

impl Place {
    async fn new(settings: &str) -> Self {
        let service = services::get("KAFKA_URL");
        let servers = service.trim_start_matches("kafka://").to_owned();
        let namespace = format!("o-{}", MessageId::new());
        let url = format!("{service}?namespace={namespace}&partitions=1{settings}");
        let broker = glmsg::connect(&url).await.expect("the cluster answers");
        let topic = "flights".try_into().expect("a name");
        let config = TopicConfig::default();
        broker.create_topic(&topic, &config).await.expect("a topic");
        Self {
            url,
            servers,
            topic: format!("{namespace}.flights"),
            broker,
        }
    }

    async fn publish(&self, message: &Message) {
        let outcome = self.broker.publish(std::slice::from_ref(message)).await;
        let outcome = outcome.expect("an outcome");
        assert!(
            matches!(outcome[0], glmsg::Published::Stored),
            "{outcome:?}"
        );
    }

    fn kcat(&self, args: &[&str], stdin: &[u8]) -> String {
        let mut command = Command::new(services::get("KCAT"));
        command
            .args(["-b", &self.servers, "-t", &self.topic])
            .args(args);
        finish(command, stdin)
    }

    /// What kcat reads, one object for each record.
    fn read(&self) -> Vec<Record> {
        let text = self.kcat(&["-C", "-e", "-q", "-J", "-o", "beginning"], b"");
        let records = text.lines().map(|line| {
            let record: Value = serde_json::from_str(line).expect("JSON");
            let words = record["headers"].as_array().cloned().unwrap_or_default();
            let words: Vec<String> = words.iter().map(shown).collect();
            let headers = words
                .chunks(2)
                .map(|pair| (pair[0].clone(), pair[1].clone()));
            Record {
                key: record["key"].as_str().map(str::to_owned),
                payload: shown(&record["payload"]),
                headers: headers.collect(),
            }
        });
        records.collect()
    }

    /// What `glmsg consume` prints of so many messages.
    fn consume(&self, count: usize) -> Vec<Value> {
        let count = count.to_string();
        let mut command = Command::new(glmsg_program());
        command.args(["consume", "flights", "--group", "g", "--count", &count]);
        command.env("GLMSG_BROKER", &self.url);
        let text = finish(command, b"");
        let objects = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        objects.collect()
    }
}

#[derive(Debug)]
struct Record {
    key: Option<String>,
    payload: String,
    headers: BTreeMap<String, String>,
}

fn shown(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// The command line: `cargo build --package glmsg-cli --all-features` puts it beside the tests.
fn glmsg_program() -> PathBuf {
    let this = std::env::current_exe().expect("the test's own program");
    let profile = this.ancestors().nth(2).expect("a target directory");
    let program = profile.join("glmsg");
    let remedy = "run `cargo build --package glmsg-cli --all-features`";
    assert!(
        program.exists(),
        "there is no {}: {remedy}",
        program.display()
    );
    program
}

/// Runs it to its end, and returns what it printed.
fn finish(mut command: Command, stdin: &[u8]) -> String {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut input = child.stdin.take().expect("an input");
    input.write_all(stdin).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

fn flight() -> Message {
    let message = Message::builder("flights")
        .payload(r#"{"from":"DTW"}"#)
        .key("DTW");
    let message = message
        .priority(Priority::Normal)
        .content_type(ContentType::JSON);
    let message = message
        .header("tenant", "acme")
        .correlation_id("c-1")
        .max_retries(7);
    message.build().expect("a valid message")
}

#[tokio::test(flavor = "multi_thread")]
async fn kcat_reads_payload_key_and_headers() {
    let place = Place::new("").await;
    let message = flight();
    place.publish(&message).await;
    let records = place.read();
    let [record] = &records[..] else {
        panic!("one record: {records:?}");
    };
    assert_eq!(record.payload, r#"{"from":"DTW"}"#);
    assert_eq!(record.key.as_deref(), Some("DTW"));
    let created = message.created_at().as_micros().to_string();
    for (name, value) in [
        ("gm-id", message.id().to_string()),
        ("gm-created", created),
        ("gm-correlation-id", "c-1".to_owned()),
        ("gm-max-retries", "7".to_owned()),
        ("content-type", "application/json".to_owned()),
        ("tenant", "acme".to_owned()),
    ] {
        assert_eq!(record.headers.get(name), Some(&value), "{name}: {record:?}");
    }
    assert!(record.headers["gm-provenance"].starts_with("sha256:"));
    assert!(!record.headers.contains_key("gm-priority"), "{record:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kcat_reads_an_event_in_binary_mode() {
    let place = Place::new("&encoding=cloudevents").await;
    let message = flight();
    place.publish(&message).await;
    let records = place.read();
    let [record] = &records[..] else {
        panic!("one record: {records:?}");
    };
    assert_eq!(record.payload, r#"{"from":"DTW"}"#);
    for (name, value) in [
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", message.id().to_string()),
        ("ce_type", "flights".to_owned()),
        ("ce_partitionkey", "DTW".to_owned()),
        ("content-type", "application/json".to_owned()),
    ] {
        assert_eq!(record.headers.get(name), Some(&value), "{name}: {record:?}");
    }
    assert!(record.headers.contains_key("ce_source"), "{record:?}");
    assert!(record.headers.contains_key("ce_time"), "{record:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn glmsg_consumes_what_kcat_wrote() {
    let place = Place::new("").await;
    place.kcat(
        &[
            "-P",
            // To a new topic the first of two could be refused for a moment, and go again after the second.
            "-X",
            "max.in.flight.requests.per.connection=1",
            "-K",
            "|",
            "-H",
            "tenant=acme",
            "-H",
            "content-type=text/plain",
        ],
        b"DTW|first\nLAS|second\n",
    );
    let messages = place.consume(2);
    let payloads: Vec<&Value> = messages.iter().map(|message| &message["payload"]).collect();
    assert_eq!(payloads, ["first", "second"]);
    let first = &messages[0];
    assert_eq!(first["key"], "DTW");
    assert_eq!(first["headers"]["tenant"], "acme");
    assert_eq!(first["content_type"], "text/plain");
    has_defaults(first);
}

#[tokio::test(flavor = "multi_thread")]
async fn glmsg_consumes_what_a_plain_producer_wrote() {
    let place = Place::new("").await;
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &place.servers)
        .create()
        .expect("a producer");
    let headers = OwnedHeaders::new().insert(Header {
        key: "trace",
        value: Some("t-1"),
    });
    let bare = BaseRecord::<[u8], [u8]>::to(&place.topic).payload(b"a text");
    let bytes = BaseRecord::<[u8], [u8]>::to(&place.topic).payload(&[0xff, 0, 1]);
    producer
        .send(bare.headers(headers))
        .map_err(|(e, _)| e)
        .expect("it is taken");
    producer
        .send(bytes)
        .map_err(|(e, _)| e)
        .expect("it is taken");
    producer
        .flush(Duration::from_secs(30))
        .expect("it is stored");
    let messages = place.consume(2);
    assert_eq!(messages[0]["payload"], "a text");
    assert_eq!(messages[0]["headers"]["trace"], "t-1");
    assert_eq!(messages[0]["key"], Value::Null);
    assert_eq!(messages[0]["content_type"], "application/octet-stream");
    has_defaults(&messages[0]);
    assert!(messages[1].to_string().contains("/wAB"), "{}", messages[1]);
    assert_ne!(messages[0]["id"], messages[1]["id"]);
}

/// What a record without an envelope does not say.
fn has_defaults(message: &Value) {
    assert_eq!(message["topic"], "flights", "{message}");
    assert_eq!(message["priority"], "normal", "{message}");
    assert_eq!(message["max_retries"], 3, "{message}");
    assert_eq!(message["attempt"], 1, "{message}");
    assert_eq!(message["correlation_id"], Value::Null, "{message}");
    let id = message["id"].as_str().expect("an id");
    assert_eq!(&id[14..15], "8", "an id that follows from the place: {id}");
    assert!(message["created_at"].is_string(), "{message}");
}
