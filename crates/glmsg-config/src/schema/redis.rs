//! The keys of Redis.

use super::{Form, Key};

const DAY_S: u64 = 24 * 3600;

/// The largest number of days that is safe to count in seconds.
const DAYS: Form = Form::Whole {
    least: 1,
    most: 36_500,
};

pub(super) const KEYS: &[Key] = &[
    Key::new("redis.host", Form::Text, "The name or IP address of the server.")
        .defaults_to("localhost")
        .also_by("GREENLANG_REDIS_HOST"),
    Key::new(
        "redis.port",
        Form::Whole {
            least: 1,
            most: 65_535,
        },
        "The port of the server.",
    )
    .defaults_to("6379")
    .also_by("GREENLANG_REDIS_PORT"),
    Key::new(
        "redis.mode",
        Form::Word(&["single", "sentinel", "cluster"]),
        "Whether there is one server, a master that sentinels watch, or a cluster.",
    )
    .defaults_to("single"),
    Key::new(
        "redis.nodes",
        Form::List,
        "The sentinels, or some nodes of the cluster, each as HOST or HOST:PORT. Default: `redis.host` and `redis.port`.",
    ),
    Key::new(
        "redis.master",
        Form::Text,
        "What the sentinels call the master. The mode `sentinel` needs it.",
    ),
    Key::new(
        "redis.db",
        Form::Whole {
            least: 0,
            most: 65_535,
        },
        "The number of the database. A cluster has only 0.",
    )
    .defaults_to("0")
    .original(),
    Key::new(
        "redis.username",
        Form::Text,
        "The user to log in as. Default: the server's default user.",
    )
    .original(),
    Key::new("redis.password", Form::Secret, "The password to log in with.")
        .also_by("GREENLANG_REDIS_PASSWORD"),
    Key::new(
        "redis.password_file",
        Form::Path,
        "A file with the password, which is read at every connect, so that it can be changed.",
    ),
    Key::new(
        "redis.sentinel_username",
        Form::Text,
        "The user to log in to the sentinels as.",
    ),
    Key::new(
        "redis.sentinel_password",
        Form::Secret,
        "The password to log in to the sentinels with.",
    ),
    Key::new(
        "redis.sentinel_password_file",
        Form::Path,
        "A file with the password for the sentinels, which is read once.",
    ),
    Key::new("redis.tls", Form::Flag, "Whether to speak TLS.").defaults_to("false"),
    Key::new(
        "redis.tls_ca",
        Form::Path,
        "A PEM file of whom to trust. Default: whom the system trusts.",
    ),
    Key::new("redis.tls_cert", Form::Path, "A PEM file with our certificate."),
    Key::new(
        "redis.tls_key",
        Form::Path,
        "A PEM file with the key of our certificate.",
    ),
    Key::new(
        "redis.namespace",
        Form::Text,
        "The first part of the name of every key on the server.",
    )
    .defaults_to("glmsg"),
    Key::new(
        "redis.client_name",
        Form::Text,
        "The name that the server shows for our connections.",
    )
    .defaults_to("glmsg"),
    Key::new(
        "redis.durability",
        Form::Text,
        "What a stored message must have survived: `local`, `fsynced` or `replicated:N`.",
    )
    .defaults_to("local"),
    Key::new(
        "redis.eviction",
        Form::Word(&["refuse", "warn"]),
        "What to do with a server that throws keys away when it is full. `production` refuses `warn`.",
    )
    .defaults_to("refuse"),
    Key::new(
        "redis.max_connections",
        Form::Whole {
            least: 1,
            most: 10_000,
        },
        "The most connections for publishes and acks that wait for the disk or replicas.",
    )
    .defaults_to("50")
    .also_by("GREENLANG_REDIS_MAX_CONNECTIONS"),
    Key::new(
        "redis.socket_timeout",
        Form::Number {
            least: 0.1,
            most: 3600.0,
        },
        "How long an operation is tried, connecting included, before it fails.",
    )
    .defaults_to("5.0")
    .unit_of("s")
    .original(),
    Key::new(
        "redis.socket_connect_timeout",
        Form::Only(
            "5.0",
            "connecting is part of an operation, and has the time of redis.socket_timeout",
        ),
        "The original's; the time to connect is part of `redis.socket_timeout`.",
    )
    .defaults_to("5.0")
    .unit_of("s")
    .original(),
    Key::new(
        "redis.decode_responses",
        Form::Only("false", "payloads are bytes, and reach a handler as they were sent"),
        "The original's; payloads are bytes.",
    )
    .defaults_to("false")
    .original(),
    Key::new(
        "redis.encoding",
        Form::Only("utf-8", "all text of glmsg is UTF-8"),
        "The original's; all text is UTF-8.",
    )
    .defaults_to("utf-8")
    .original(),
    Key::new(
        "redis.aof_enabled",
        Form::Flag,
        "Whether the server keeps a log on its disk, as far as you know. `production` refuses `false`, and looks at the server.",
    )
    .defaults_to("true")
    .original(),
    Key::new(
        "redis.rdb_enabled",
        Form::Only(
            "true",
            "snapshots are the server's affair; what keeps messages is its log, redis.aof_enabled",
        ),
        "The original's; glmsg neither needs snapshots nor turns them off.",
    )
    .defaults_to("true")
    .original(),
    Key::new(
        "redis.consumer_timeout_ms",
        Form::Only(
            "5000",
            "a consumer is told by the server when a message comes, and does not ask again and again",
        ),
        "The original's; a receive waits on the server until a message comes.",
    )
    .defaults_to("5000")
    .unit_of("ms")
    .original(),
    Key::new(
        "redis.max_stream_length",
        Form::Whole {
            least: 1,
            most: 1 << 32,
        },
        "The original's name for `topic.max_len`.",
    )
    .for_key("topic.max_len", 1),
    Key::new(
        "redis.message_ttl_days",
        DAYS,
        "The original's name for `topic.max_age_s`, in days.",
    )
    .unit_of("days")
    .for_key("topic.max_age_s", DAY_S),
    Key::new(
        "redis.dlq_ttl_days",
        DAYS,
        "The original's name for `topic.dead_letter_age_s`, in days.",
    )
    .unit_of("days")
    .for_key("topic.dead_letter_age_s", DAY_S),
    Key::new(
        "redis.batch_size",
        Form::Whole {
            least: 1,
            most: 100_000,
        },
        "The original's name for `consumer.prefetch`.",
    )
    .for_key("consumer.prefetch", 1),
    Key::new(
        "redis.max_retries",
        Form::Whole {
            least: 0,
            most: 1000,
        },
        "The original's name for `message.max_retries`.",
    )
    .for_key("message.max_retries", 1),
];
