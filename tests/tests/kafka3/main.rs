//! The suite on three brokers, with three copies of which two must have a message, in production:
//! what a topic has to be like there is looked at whenever one is opened.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod topics;

mod with_one_partition {
    use glmsg_tests::Kafka3;

    glmsg_conformance::suite!(Kafka3; delivery, batch, ordering, groups, redelivery, lease, retry,
        ttl, priority, dead_letter, replay, retention, idempotence, limits, shutdown, reconnect,
        consumer, health, frames, live, storage);
}

mod across_processes {
    use glmsg_tests::Kafka3Partitions;

    glmsg_conformance::process_suite!(Kafka3Partitions; worker = env!("CARGO_BIN_EXE_worker"),
        url = Kafka3Partitions::url);
}
