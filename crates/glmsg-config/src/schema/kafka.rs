//! The keys of Kafka.

use super::{Form, Key};

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "kafka.bootstrap_servers",
        Form::List,
        "Some of the cluster's brokers, each as HOST or HOST:PORT.",
    )
    .defaults_to("localhost:9092")
    .also_by("GREENLANG_KAFKA_BOOTSTRAP_SERVERS"),
    Key::new(
        "kafka.security_protocol",
        Form::Word(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]),
        "Whether to speak TLS (`SSL`), and to log in (`SASL`).",
    )
    .defaults_to("PLAINTEXT")
    .original(),
    Key::new(
        "kafka.sasl_mechanism",
        Form::Word(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]),
        "How to log in.",
    )
    .defaults_to("SCRAM-SHA-256")
    .original(),
    Key::new("kafka.sasl_username", Form::Text, "The user to log in as.").original(),
    Key::new(
        "kafka.sasl_password",
        Form::Secret,
        "The password to log in with.",
    )
    .original(),
    Key::new(
        "kafka.sasl_password_file",
        Form::Path,
        "A file with the password, which is read whenever a connection is made.",
    ),
    Key::new(
        "kafka.tls_ca",
        Form::Path,
        "A PEM file of whom to trust. Default: whom the system trusts.",
    ),
    Key::new("kafka.tls_cert", Form::Path, "A PEM file with our certificate."),
    Key::new(
        "kafka.tls_key",
        Form::Path,
        "A PEM file with the key of our certificate.",
    ),
    Key::new(
        "kafka.namespace",
        Form::Text,
        "Stands with a dot before the names of all topics and groups.",
    ),
    Key::new(
        "kafka.client_name",
        Form::Text,
        "The name that the cluster knows our clients by.",
    )
    .defaults_to("glmsg"),
    Key::new(
        "kafka.timeout_ms",
        Form::Whole {
            least: 10,
            most: 3_600_000,
        },
        "How long an operation is tried before it fails.",
    )
    .defaults_to("5000")
    .unit_of("ms"),
    Key::new(
        "kafka.acks",
        Form::Only(
            "all",
            "with 0 or 1 a message that was reported as stored is lost with one broker",
        ),
        "How many brokers must have a message: all that are in sync.",
    )
    .defaults_to("all")
    .original(),
    Key::new(
        "kafka.compression_type",
        Form::Word(&["none", "gzip", "snappy", "lz4", "zstd"]),
        "How what is sent is compressed. The original's default was `snappy`.",
    )
    .defaults_to("none")
    .original(),
    Key::new(
        "kafka.linger_ms",
        Form::Number {
            least: 0.0,
            most: 1000.0,
        },
        "How long a publish waits for others to go along with. The original's default was 10.",
    )
    .defaults_to("0.0")
    .unit_of("ms")
    .original(),
    Key::new(
        "kafka.batch_size",
        Form::Only(
            "16384",
            "what comes within kafka.linger_ms goes together, up to what the cluster takes",
        ),
        "The original's; batches are as large as what comes together.",
    )
    .defaults_to("16384")
    .unit_of("bytes")
    .original(),
    Key::new(
        "kafka.max_in_flight_requests",
        Form::Only("5", "order and storing once are kept up to 5 requests, and fewer gain nothing"),
        "The original's; 5 keep the order, and each message is stored once.",
    )
    .defaults_to("5")
    .original(),
    Key::new(
        "kafka.buffer_memory",
        Form::Only(
            "33554432",
            "what waits to be sent is bounded by glmsg itself; kafka.read_buffer bounds what was read",
        ),
        "The original's; glmsg bounds what waits to be sent by itself.",
    )
    .defaults_to("33554432")
    .unit_of("bytes")
    .original(),
    Key::new(
        "kafka.session_timeout_ms",
        Form::Whole {
            least: 6000,
            most: 300_000,
        },
        "How long a member of a group may be silent before its partitions go to others.",
    )
    .defaults_to("10000")
    .unit_of("ms")
    .original(),
    Key::new(
        "kafka.group_protocol",
        Form::Word(&["classic", "consumer"]),
        "How groups share out partitions.",
    )
    .defaults_to("classic"),
    Key::new(
        "kafka.instance",
        Form::Text,
        "Our name in all groups, which keeps our partitions for us while we restart.",
    ),
    Key::new(
        "kafka.num_partitions",
        Form::Whole {
            least: 1,
            most: 10_000,
        },
        "How many partitions a new topic gets. The original's default was 10.",
    )
    .defaults_to("4")
    .original(),
    Key::new(
        "kafka.replication_factor",
        Form::Whole {
            least: 1,
            most: 32_767,
        },
        "How many copies a new topic has; a cluster of fewer brokers refuses the topic. `production` refuses 1. Default: what \
         the cluster says. The original's default was 3.",
    )
    .original(),
    Key::new(
        "kafka.min_insync",
        Form::Whole {
            least: 1,
            most: 32_767,
        },
        "How many copies of a new topic must have a message before it counts as stored. `production` refuses 1. Default: what \
         the cluster says.",
    ),
    Key::new(
        "kafka.encoding",
        Form::Word(&["headers", "envelope", "cloudevents"]),
        "How a message is written into a record. All ways are read.",
    )
    .defaults_to("headers"),
    Key::new(
        "kafka.stalled_after_ms",
        Form::Whole {
            least: 1000,
            most: 86_400_000,
        },
        "How long a group may do nothing while messages come until health says that it stands still.",
    )
    .defaults_to("60000")
    .unit_of("ms"),
    Key::new(
        "kafka.read_buffer",
        Form::Whole {
            least: 65_536,
            most: 1 << 30,
        },
        "How much of what was read, and not yet taken, is held for each subscription.",
    )
    .defaults_to("16777216")
    .unit_of("bytes"),
    Key::new(
        "kafka.group_id",
        Form::Text,
        "The original's name for `consumer.group`.",
    )
    .also_by("GREENLANG_KAFKA_GROUP_ID")
    .for_key("consumer.group", 1),
    Key::new(
        "kafka.auto_offset_reset",
        Form::Word(&["earliest", "latest"]),
        "The original's name for `consumer.start`.",
    )
    .for_key("consumer.start", 1),
    Key::new(
        "kafka.max_poll_records",
        Form::Whole {
            least: 1,
            most: 100_000,
        },
        "The original's name for `consumer.prefetch`.",
    )
    .for_key("consumer.prefetch", 1),
    Key::new(
        "kafka.retention_hours",
        Form::Whole {
            least: 1,
            most: 876_000,
        },
        "The original's name for `topic.max_age_s`, in hours.",
    )
    .unit_of("hours")
    .for_key("topic.max_age_s", 3600),
];
