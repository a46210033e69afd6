//! The keys of logs, metrics, traces and guards.

use super::{Form, Key};

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "metrics_enabled",
        Form::Flag,
        "Whether `glmsg consume` serves metrics and health over HTTP. The original's default was `true`.",
    )
    .defaults_to("false")
    .also_by("GREENLANG_METRICS_ENABLED"),
    Key::new(
        "prometheus_port",
        Form::Whole {
            least: 1024,
            most: 65_535,
        },
        "The port that metrics are served at.",
    )
    .defaults_to("9090")
    .original(),
    Key::new(
        "metrics.listen",
        Form::Text,
        "The IP address that metrics are served at; `0.0.0.0` is all of this machine.",
    )
    .defaults_to("127.0.0.1"),
    Key::new(
        "health_check_interval_seconds",
        Form::Whole {
            least: 1,
            most: 86_400,
        },
        "How often, where metrics are served, the broker's health is looked at.",
    )
    .defaults_to("30")
    .unit_of("s")
    .original(),
    Key::new(
        "log_level",
        Form::Word(&["DEBUG", "INFO", "WARNING", "ERROR"]),
        "The least that is logged. A command logs nothing where no key of the log is set.",
    )
    .defaults_to("INFO")
    .also_by("GREENLANG_LOG_LEVEL"),
    Key::new(
        "log_messages",
        Form::Flag,
        "Whether each message is logged, without its payload: at the level INFO, whatever `log_level` says.",
    )
    .defaults_to("false")
    .original(),
    Key::new(
        "log.format",
        Form::Word(&["text", "json"]),
        "Whether a line of the log is for people or for programs.",
    )
    .defaults_to("text"),
    Key::new(
        "tracing.endpoint",
        Form::Text,
        "Where traces are sent, by OTLP: http://HOST:4318. A command built without the feature `otel` refuses it. Default: nowhere.",
    ),
    Key::new(
        "tracing.service_name",
        Form::Text,
        "What the service is called in traces.",
    )
    .defaults_to("glmsg"),
    Key::new(
        "tracing.sample_ratio",
        Form::Number {
            least: 0.0,
            most: 1.0,
        },
        "The share of traces that are kept.",
    )
    .defaults_to("1.0"),
    Key::new(
        "circuit_breaker_enabled",
        Form::Flag,
        "Whether `Settings::circuit_breaker` gives the bounds of a breaker.",
    )
    .defaults_to("true")
    .original(),
    Key::new(
        "circuit_breaker_threshold",
        Form::Whole {
            least: 1,
            most: 1_000_000,
        },
        "How many failures in a row open the breaker.",
    )
    .defaults_to("5")
    .original(),
    Key::new(
        "circuit_breaker_timeout_seconds",
        Form::Whole {
            least: 1,
            most: 2_592_000,
        },
        "How long the breaker stays open before it probes.",
    )
    .defaults_to("60")
    .unit_of("s")
    .original(),
];
