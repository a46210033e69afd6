//! What a consumer that has ended leaves behind: nothing.

use crate::redis::Redis;

#[test]
fn a_consumer_that_has_ended_is_no_member() {
    let redis = Redis::start();
    redis.run_with(&["publish", "t"], "1\n").success();
    // It ends while it waits for more, with a read under way.
    let consume = ["consume", "t", "--group", "g", "--wait", "1"];
    assert_eq!(redis.json(&consume).len(), 1);
    assert!(redis.json(&["groups", "members", "t", "g"]).is_empty());
}
