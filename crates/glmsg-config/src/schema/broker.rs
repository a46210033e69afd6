//! The keys that say which broker is used, and those of the embedded one.

use super::{Form, Key};

pub(super) const GENERAL: &[Key] = &[
    Key::new(
        "broker",
        Form::Secret,
        "The broker's address, as `glmsg::connect` takes it. It takes the place of `broker_type` and of what its sections say \
         of the address.",
    ),
    Key::new(
        "broker_file",
        Form::Path,
        "A file with the broker's address, which is read once.",
    ),
    Key::new(
        "broker_type",
        Form::Word(&["redis", "kafka", "sqlite", "memory"]),
        "Which section is used. Default: `redis` where one of its keys is set, else `kafka` by the same rule, else `sqlite`.",
    )
    .also_by("GREENLANG_BROKER_TYPE"),
    Key::new(
        "profile",
        Form::Word(&["development", "production"]),
        "`production` refuses what loses messages.",
    )
    .defaults_to("development"),
];

pub(super) const SQLITE: &[Key] = &[
    Key::new(
        "sqlite.path",
        Form::Path,
        "The database file. It is created; its directory is not.",
    )
    .defaults_to("glmsg.db"),
    Key::new(
        "sqlite.busy_timeout_ms",
        Form::Whole {
            least: 0,
            most: 3_600_000,
        },
        "How long to wait for another process that is writing.",
    )
    .defaults_to("30000")
    .unit_of("ms"),
    Key::new(
        "sqlite.poll_ms",
        Form::Whole {
            least: 1,
            most: 1000,
        },
        "How often to look for messages of other processes while somebody waits.",
    )
    .defaults_to("3")
    .unit_of("ms"),
    Key::new(
        "sqlite.wal_autocheckpoint",
        Form::Whole {
            least: 1,
            most: 1_000_000,
        },
        "After how many pages the write-ahead log is copied into the database file.",
    )
    .defaults_to("2000")
    .unit_of("pages"),
    Key::new(
        "sqlite.max_file_size",
        Form::Whole {
            least: 1,
            most: 1 << 50,
        },
        "The largest database file. Default: as large as the disk allows.",
    )
    .unit_of("bytes"),
];
