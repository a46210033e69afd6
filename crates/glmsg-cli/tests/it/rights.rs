//! Users of a server who may do their part and no more.

use crate::metrics::{scraped_at_its_end, shows};
use crate::redis::Redis;

#[test]
fn who_may_not_list_groups_receives_for_its_own_and_sees_its_lag() {
    let redis = Redis::start();
    // What the consumer of `docs/backends/redis.md` lacks: reading the list of groups as a whole.
    let consumer = redis.user("consumer", &["-hgetall", "-smembers"]);
    redis.run_with(&["publish", "t"], "1\n2\n3\n").success();
    redis.run(&["groups", "create", "t", "g"]).success();
    let as_consumer = |args: &[&str]| redis.run(&[&["--broker", &consumer], args].concat());

    as_consumer(&["groups", "list", "t"]).fails(1, &["does not allow"]);

    let received = as_consumer(&["consume", "t", "--group", "g", "--count", "2"]).success();
    assert_eq!(received.objects().len(), 2);
    let lag = as_consumer(&["--json", "lag", "t", "--group", "g"]).success();
    assert_eq!(lag.objects()[0]["lag"], 1);
}

#[test]
fn who_may_not_list_groups_has_the_metrics_of_its_own() {
    let redis = Redis::start();
    let consumer = redis.user("consumer", &["-hgetall", "-smembers"]);
    redis.run_with(&["publish", "t"], "1\n2\n3\n").success();
    redis.run(&["groups", "create", "t", "g"]).success();
    let consume = [
        "--broker", &consumer, "consume", "t", "--group", "g", "--count", "2",
    ];
    let (_, answer) = scraped_at_its_end(redis.command(&consume));
    shows(
        &answer,
        "consumer_lag_messages",
        "topic=\"t\",group=\"g\"",
        1,
    );
    assert!(answer.contains("\nlag_poll_errors_total 0\n"), "{answer}");
    assert!(answer.contains("\nbroker_connected 1"), "{answer}");
}
