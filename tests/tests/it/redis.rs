//! The suite on the Redis backend, on every kind of server.

macro_rules! suite_on {
    ($module:ident, $fixture:ident) => {
        mod $module {
            use glmsg_tests::$fixture;

            glmsg_conformance::suite!($fixture; delivery, batch, ordering, groups, redelivery,
                lease, retry, ttl, priority, dead_letter, replay, retention, idempotence, limits,
                shutdown, reconnect, consumer, health, frames, live, storage);
        }
    };
}

suite_on!(on_redis_7, Redis7);
suite_on!(on_redis_8, Redis8);
suite_on!(on_valkey_9, Valkey9);
suite_on!(on_sentinel, Sentinel);
suite_on!(on_cluster, Cluster);
suite_on!(behind_tls, Tls);

mod across_processes {
    use glmsg_tests::Redis7;

    glmsg_conformance::process_suite!(Redis7; worker = env!("CARGO_BIN_EXE_worker"),
        url = Redis7::url);
}
