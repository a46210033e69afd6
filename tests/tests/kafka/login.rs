//! A cluster that wants TLS and a login (SCRAM-SHA-512).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use glmsg_broker::{
    Broker, Consumer, DeadLetterQuery, DeadLetterSelector, HandlerError, Incoming, Published,
};
use glmsg_core::{Error, ErrorKind, GroupName, Message, MessageId, TopicName};
use glmsg_faults::services;
use glmsg_kafka::{KafkaBroker, KafkaConfig};

/// Bounds a wait for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);
/// Within this a cluster that does not let us in is reported. The settings' timeout is 5 s.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

/// User, password and address of the service.
struct Place {
    user: String,
    password: String,
    host: String,
}

impl Place {
    fn find() -> Self {
        let url = services::get("KAFKA_SASL_URL");
        let rest = url.strip_prefix("kafka://").expect("a URL of ours");
        let (login, rest) = rest.split_once('@').expect("a login");
        let (user, password) = login.split_once(':').expect("a password");
        let (host, _) = rest.split_once('?').unwrap_or((rest, ""));
        Self {
            user: user.to_owned(),
            password: password.to_owned(),
            host: host.to_owned(),
        }
    }

    fn url(&self, password: &str, settings: &str) -> String {
        format!("kafka://{}:{password}@{}?{settings}", self.user, self.host)
    }
}

fn file(name: &str) -> String {
    format!("{}/{name}", services::get("TLS_DIR"))
}

fn scram() -> String {
    format!("ca={}&sasl=scram-sha-512", file("ca.pem"))
}

/// With the right credentials everything works that uses a client of its own: publishing,
/// consuming, dead letters, and the transaction of a redrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_right_credentials_everything_works() {
    let place = Place::find();
    let settings = format!("{}&namespace=t-{}", scram(), MessageId::new());
    let config = KafkaConfig::from_url(&place.url(&place.password, &settings));
    let opened = KafkaBroker::open(config.expect("a valid URL")).await;
    let kafka = Arc::new(opened.unwrap_or_else(|e| panic!("{e}; run `cargo xtask services up`")));
    let broker: Arc<dyn Broker> = kafka.clone();
    let topic = TopicName::new("t").expect("a valid name");
    let group = GroupName::new("g").expect("a valid name");
    let done = Arc::new(AtomicUsize::new(0));
    let (counted, was_bad) = (done.clone(), Arc::new(AtomicBool::new(false)));
    let handler = move |incoming: Incoming| {
        let (counted, was_bad) = (counted.clone(), was_bad.clone());
        async move {
            if &incoming.payload()[..] == b"bad" && !was_bad.swap(true, Ordering::SeqCst) {
                return Err(HandlerError::reject("not at first"));
            }
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    };
    let consumer = Consumer::new(broker.clone(), "t", "g").workers(1);
    let consumer = consumer.start(handler).await.expect("starts");
    for payload in ["bad", "a", "b", "c"] {
        let message = Message::new(&topic, payload).expect("a valid message");
        let outcome = broker.publish(&[message]).await.expect("an outcome");
        assert!(matches!(outcome[0], Published::Stored), "{outcome:?}");
    }
    let query = DeadLetterQuery::new(topic.clone(), group.clone());
    eventually("three messages and a dead letter", async || {
        let dead = broker.dead_letters(&query).await.expect("a page");
        done.load(Ordering::SeqCst) == 3 && dead.items.len() == 1
    })
    .await;
    let all = DeadLetterSelector::All;
    let redriven = broker
        .redrive(&topic, &group, &all)
        .await
        .expect("redrives");
    assert_eq!(redriven, 1);
    eventually("the redriven message", async || {
        done.load(Ordering::SeqCst) == 4
    })
    .await;
    consumer.shutdown().await.expect("drains");
    kafka.wipe().await.expect("cleans up");
}

/// Asks again until it is so.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let asked = tokio::time::timeout(PATIENCE, asking).await;
    asked.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain for {what}"));
}

/// How it is refused: in bounded time, with a remedy, and without a secret.
async fn refusal(url: &str, secret: &str) -> Error {
    let config = KafkaConfig::from_url(url).expect("a valid URL");
    let begun = Instant::now();
    let opened = tokio::time::timeout(PATIENCE, KafkaBroker::open(config)).await;
    let error = opened
        .expect("it is told in bounded time")
        .expect_err("it must not be let in");
    let took = begun.elapsed();
    assert!(took < TOLD_WITHIN, "told after {took:?}: {error}");
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains(secret), "it repeats the password: {text}");
    }
    error
}

#[tokio::test]
async fn a_wrong_password_is_reported_as_such() {
    let place = Place::find();
    let error = refusal(&place.url("wrong-c4n4ry", &scram()), "wrong-c4n4ry").await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(!error.is_transient(), "{error}");
    assert!(error.to_string().contains("password"), "{error}");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_reported_as_such() {
    let place = Place::find();
    let other = format!("ca={}&sasl=scram-sha-512", file("other-ca.pem"));
    for settings in [&*other, "tls=true&sasl=scram-sha-512"] {
        let error = refusal(&place.url(&place.password, settings), &place.password).await;
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert!(error.to_string().contains("ca=PATH"), "{error}");
    }
}

#[tokio::test]
async fn settings_that_are_missing_are_named() {
    let place = Place::find();
    let bare = format!("kafka://{}", place.host);
    let secure = format!("{bare}?ca={}", file("ca.pem"));
    let no_tls = place.url(&place.password, "sasl=scram-sha-512");
    for url in [&bare, &secure, &no_tls] {
        let error = refusal(url, &place.password).await;
        let text = error.to_string();
        assert!(
            text.contains("tls=true") || text.contains("login"),
            "{text}"
        );
    }
    let other_way = format!("ca={}&sasl=scram-sha-256", file("ca.pem"));
    let error = refusal(&place.url(&place.password, &other_way), &place.password).await;
    assert!(error.to_string().contains("sasl"), "{error}");
}
