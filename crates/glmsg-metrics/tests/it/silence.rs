//! A look at a broker some parts of which give no answer.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, Layer as _};
use glmsg_core::ErrorKind;
use glmsg_metrics::prometheus_client::registry::Registry;
use glmsg_metrics::{Monitor, Options};
use tokio::time::Instant;

use crate::layered::{layered_with, scraped};
use crate::monitoring::group;
use crate::mute::{Mute, Silent};

/// A broker with these groups, looked at when a test says so, and what it exposes.
struct Watched {
    broker: Arc<dyn Broker>,
    silent: Arc<Silent>,
    monitor: Monitor,
    registry: Registry,
}

async fn watched(groups: &[(&str, &str)], options: Options) -> Watched {
    let mute = Mute::default();
    let silent = mute.silent();
    // Its own looks are far apart: the first is the test's.
    let (layer, registry) = layered_with(options.lag_interval(Duration::from_secs(1 << 20)));
    let broker = layer.layer(Arc::new(mute));
    for (topic, name) in groups {
        group(&broker, topic, name).await;
    }
    let monitor = Monitor::start(&layer, broker.clone());
    // The monitor's own first look.
    tokio::task::yield_now().await;
    Watched {
        broker,
        silent,
        monitor,
        registry,
    }
}

impl Watched {
    fn is_shown(&self, topic: &str, group: &str) -> bool {
        let name = format!("consumer_lag_messages{{topic=\"{topic}\",group=\"{group}\"}}");
        scraped(&self.registry).has(&name)
    }

    fn errors(&self, topic: &str, group: &str) -> f64 {
        let name = format!("consumer_lag_errors_total{{topic=\"{topic}\",group=\"{group}\"}}");
        let found = scraped(&self.registry);
        if found.has(&name) {
            found.get(&name)
        } else {
            0.0
        }
    }

    fn get(&self, name: &str) -> f64 {
        scraped(&self.registry).get(name)
    }
}

#[tokio::test(start_paused = true)]
async fn groups_that_give_no_answer_are_told_and_hide_no_others() {
    let new = [("a", "slow"), ("b", "slow"), ("c", "slow"), ("z", "last")];
    let look = watched(&[], Options::default()).await;
    for (topic, name) in new {
        group(&look.broker, topic, name).await;
    }
    look.silent.set(["a/slow", "b/slow", "c/slow"]);
    let error = look.monitor.look().await.expect_err("three have no answer");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("slow"), "{error}");
    assert!(look.is_shown("z", "last"));
    assert!(!look.is_shown("a", "slow"));
    assert_eq!(look.errors("c", "slow"), 1.0);
    assert_eq!(look.errors("z", "last"), 0.0);
    assert_eq!(look.get("lag_poll_errors_total"), 1.0);
    // The broker has answered the others.
    assert_eq!(look.get("broker_connected"), 1.0);

    look.silent.set(["b/slow"]);
    look.monitor.look().await.expect_err("one has no answer");
    assert!(look.is_shown("a", "slow") && look.is_shown("c", "slow"));
    assert_eq!(look.errors("a", "slow"), 1.0);
    look.silent.set([]);
    look.monitor.look().await.expect("all answer");
    assert!(look.is_shown("b", "slow"));
}

#[tokio::test(start_paused = true)]
async fn of_groups_that_are_named_one_alone_is_no_broker_that_is_gone() {
    let options = Options::default().watch("a", "slow").expect("valid");
    let options = options.watch("b", "billing").expect("valid");
    let look = watched(&[("a", "slow"), ("b", "billing")], options).await;
    look.silent.set(["a/slow"]);
    look.monitor.look().await.expect_err("one has no answer");
    assert_eq!(look.get("broker_connected"), 1.0);
    assert_eq!(look.errors("a", "slow"), 1.0);
    // It was seen before, and its numbers stay.
    assert!(look.is_shown("a", "slow") && look.is_shown("b", "billing"));
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_does_not_tell_its_groups_hides_no_others() {
    let look = watched(&[("a", "known")], Options::default()).await;
    group(&look.broker, "a", "new").await;
    group(&look.broker, "b", "billing").await;
    look.silent.set(["a"]);
    let error = look.monitor.look().await.expect_err("a is silent");
    assert!(error.to_string().contains("topic: a"), "{error}");
    assert!(look.is_shown("b", "billing"));
    assert_eq!(look.get("broker_connected"), 1.0);
    assert!(look.is_shown("a", "known") && !look.is_shown("a", "new"));
    // Nor does one that tells none of its topics.
    look.silent.set(["topics"]);
    look.broker
        .delete_topic(&"b".try_into().expect("valid"))
        .await
        .expect("deleted");
    look.monitor.look().await.expect_err("no topics are told");
    assert_eq!(look.get("broker_connected"), 1.0);
    assert!(!look.is_shown("b", "billing"));
    look.silent.set([]);
    look.monitor.look().await.expect("all answer");
    look.monitor.look().await.expect("all answer");
    assert!(look.is_shown("a", "new"));
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_answers_nothing_is_given_up_soon() {
    let look = watched(&[("a", "g"), ("b", "g"), ("c", "g")], Options::default()).await;
    look.silent
        .set(["topics", "a", "b", "c", "a/g", "b/g", "c/g"]);
    let began = Instant::now();
    look.monitor.look().await.expect_err("nothing answers");
    assert_eq!(look.get("broker_connected"), 0.0);
    assert_eq!(began.elapsed().as_secs(), 60);
    assert!(look.is_shown("a", "g"));
}

#[tokio::test(start_paused = true)]
async fn a_look_ends_in_its_time_and_the_next_goes_on_where_it_ended() {
    let look = watched(&[], Options::default()).await;
    for topic in ["a", "b", "c", "d", "e", "f", "g", "h", "z"] {
        group(&look.broker, topic, "g").await;
    }
    // The groups of two topics and seven others.
    look.silent.set([
        "a", "b", "c", "d/g", "e/g", "f/g", "g/g", "h/g", "a/g", "b/g",
    ]);
    for _ in 0..5 {
        let began = Instant::now();
        look.monitor.look().await.expect_err("most give no answer");
        assert!(began.elapsed() <= Duration::from_secs(210));
        assert_eq!(look.get("broker_connected"), 1.0);
    }
    assert!(look.is_shown("z", "g"));
    look.silent.set([]);
    for _ in 0..2 {
        look.monitor.look().await.expect("all answer");
    }
    for topic in ["a", "b", "c", "d", "e", "f", "g", "h", "z"] {
        assert!(look.is_shown(topic, "g"), "{topic}");
    }
}
