//! The suite on the Kafka backend.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests, which tell what they counted"
)]

mod groups;
mod instances;
mod leaving;
mod letters;
mod login;
mod new_topics;
mod other_programs;
mod raw;
mod standstill;
mod topics;

mod with_one_partition {
    use glmsg_tests::Kafka;

    glmsg_conformance::suite!(Kafka; delivery, batch, ordering, groups, redelivery, lease, retry,
        ttl, priority, dead_letter, replay, retention, idempotence, limits, shutdown, reconnect,
        consumer, health, frames, live, storage);
}

mod across_processes {
    use glmsg_tests::KafkaPartitions;

    glmsg_conformance::process_suite!(KafkaPartitions; worker = env!("CARGO_BIN_EXE_worker"),
        url = KafkaPartitions::url);
}
