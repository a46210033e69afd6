//! The keys of topics, messages and consumers.

use super::{Form, Key};

pub(super) const TOPICS: &[Key] = &[
    Key::new(
        "topic.max_len",
        Form::Whole {
            least: 1,
            most: 1 << 32,
        },
        "The most messages of a new topic, acked ones kept for replay included. Not on Kafka.",
    )
    .defaults_to("100000")
    .unit_of("messages"),
    Key::new(
        "topic.max_age_s",
        Form::Whole {
            least: 1,
            most: 3_153_600_000,
        },
        "How long a new topic keeps an acked message for replay.",
    )
    .defaults_to("604800")
    .unit_of("s"),
    Key::new(
        "topic.dead_letter_age_s",
        Form::Whole {
            least: 1,
            most: 3_153_600_000,
        },
        "How long a new topic keeps a dead letter.",
    )
    .defaults_to("2592000")
    .unit_of("s"),
    Key::new(
        "topic.overflow",
        Form::Word(&["reject", "drop-oldest"]),
        "What happens when a new topic is full of messages that are not acked. `production` refuses `drop-oldest`. Not on Kafka.",
    )
    .defaults_to("reject"),
    Key::new(
        "topic.frames",
        Form::Whole {
            least: 2,
            most: 1000,
        },
        "Pack so many messages of a new topic into a frame at most. On Redis alone. Default: none are packed.",
    )
    .unit_of("messages"),
    Key::new(
        "topic.frame_delay_ms",
        Form::Whole {
            least: 0,
            most: 100,
        },
        "How long a publish may be held back to share a frame. On Redis alone, with `topic.frames`.",
    )
    .unit_of("ms"),
    Key::new(
        "message.max_payload",
        Form::Whole {
            least: 1,
            most: 16_777_216,
        },
        "The largest payload that is accepted.",
    )
    .defaults_to("1048576")
    .unit_of("bytes"),
    Key::new(
        "message.max_retries",
        Form::Whole {
            least: 0,
            most: 1000,
        },
        "How often a message is tried again: what `glmsg publish` writes into it, and the most that a consumer allows. \
         Default: 3 for a new message, and what a message says for a consumer.",
    ),
];

pub(super) const CONSUMER: &[Key] = &[
    Key::new(
        "consumer.group",
        Form::Text,
        "The group, where none is named.",
    ),
    Key::new(
        "consumer.start",
        Form::Word(&["earliest", "latest"]),
        "Where a new group begins.",
    )
    .defaults_to("earliest"),
    Key::new(
        "consumer.prefetch",
        Form::Whole {
            least: 1,
            most: 100_000,
        },
        "How many messages may wait in the process beyond those being handled.",
    )
    .defaults_to("128")
    .unit_of("messages"),
    Key::new(
        "consumer.workers",
        Form::Whole {
            least: 1,
            most: 1000,
        },
        "How many messages are handled at the same time. Default: 8; 1 for `glmsg consume --exec`.",
    ),
    Key::new(
        "consumer.lease_ms",
        Form::Whole {
            least: 100,
            most: 3_600_000,
        },
        "How long a message is a consumer's before another may have it; renewed while it lives.",
    )
    .defaults_to("30000")
    .unit_of("ms"),
];
