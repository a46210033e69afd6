//! The suite on the memory backend.

mod with_a_clock_moved_by_hand {
    use glmsg_tests::MemoryByHand;

    glmsg_conformance::suite!(MemoryByHand; delivery, batch, ordering, groups, redelivery, lease,
        retry, ttl, priority, dead_letter, replay, retention, idempotence, limits, shutdown,
        reconnect, consumer, health, frames, live, storage);
}

mod with_a_running_clock {
    use glmsg_tests::Memory;

    glmsg_conformance::suite!(Memory; delivery, batch, ordering, groups, redelivery, lease, retry,
        ttl, priority, dead_letter, replay, retention, idempotence, limits, shutdown, reconnect,
        consumer, health, frames, live, storage);
}
