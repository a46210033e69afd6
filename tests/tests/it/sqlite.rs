//! The suite on the SQLite backend.

mod with_a_clock_moved_by_hand {
    use glmsg_tests::SqliteByHand;

    glmsg_conformance::suite!(SqliteByHand; delivery, batch, ordering, groups, redelivery, lease,
        retry, ttl, priority, dead_letter, replay, retention, idempotence, limits, shutdown,
        reconnect, consumer, health, frames, live, storage);
}

mod with_a_running_clock {
    use glmsg_tests::Sqlite;

    glmsg_conformance::suite!(Sqlite; delivery, batch, ordering, groups, redelivery, lease, retry,
        ttl, priority, dead_letter, replay, retention, idempotence, limits, shutdown, reconnect,
        consumer, health, frames, live, storage);
}

mod across_processes {
    use glmsg_tests::Sqlite;

    glmsg_conformance::process_suite!(Sqlite; worker = env!("CARGO_BIN_EXE_worker"),
        url = Sqlite::url);
}
