//! Every metric by its name: a contract with the dashboards and alerts that are built on it.

/// What kind a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations in buckets, with `_bucket`, `_sum` and `_count`.
    Histogram,
}

/// A metric as it is exposed.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricInfo {
    /// The name that queries use; counters end in `_total`.
    pub name: &'static str,
    /// What kind it is.
    pub kind: MetricKind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const TOPIC: &[&str] = &["topic"];
const GROUP: &[&str] = &["topic", "group"];

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> MetricInfo {
    let kind = MetricKind::Counter;
    MetricInfo {
        name,
        kind,
        labels,
        help,
    }
}

const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> MetricInfo {
    let kind = MetricKind::Gauge;
    MetricInfo {
        name,
        kind,
        labels,
        help,
    }
}

const fn histogram(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> MetricInfo {
    let kind = MetricKind::Histogram;
    MetricInfo {
        name,
        kind,
        labels,
        help,
    }
}

/// Counts and latencies of publishing.
pub(crate) const PUBLISHED: MetricInfo = counter(
    "messages_published_total",
    TOPIC,
    "Messages that a publish of this process has stored",
);
pub(crate) const DUPLICATE: MetricInfo = counter(
    "messages_duplicate_total",
    TOPIC,
    "Messages published again and stored once",
);
pub(crate) const REFUSED: MetricInfo = counter(
    "messages_refused_total",
    &["topic", "reason"],
    "Messages published and not known to be stored: full, rejected, indeterminate or error",
);
pub(crate) const PUBLISH_SECONDS: MetricInfo = histogram(
    "message_publish_seconds",
    TOPIC,
    "How long publish calls took that the broker answered",
);

/// Counts and latencies of consuming.
pub(crate) const CONSUMED: MetricInfo = counter(
    "messages_consumed_total",
    GROUP,
    "Deliveries received by this process, each of a message that comes again too",
);
pub(crate) const REDELIVERED: MetricInfo = counter(
    "messages_redelivered_total",
    GROUP,
    "Deliveries that were not the first of their message",
);
pub(crate) const ACKED: MetricInfo = counter(
    "messages_acked_total",
    GROUP,
    "Messages acked, as the broker has confirmed",
);
pub(crate) const FAILED: MetricInfo = counter(
    "messages_failed_total",
    GROUP,
    "Attempts given back as failed, whether they come again or not",
);
pub(crate) const RETRIED: MetricInfo = counter(
    "messages_retried_total",
    GROUP,
    "Failed attempts that come again",
);
pub(crate) const RELEASED: MetricInfo = counter(
    "messages_released_total",
    GROUP,
    "Deliveries given back unhandled; their attempts do not count",
);
pub(crate) const STALE: MetricInfo = counter(
    "messages_stale_total",
    GROUP,
    "Settlements that came too late: the lease had run out, or it was settled before",
);
pub(crate) const DEAD_LETTERED: MetricInfo = counter(
    "messages_dead_lettered_total",
    &["topic", "group", "reason"],
    "Messages that became dead letters by a receive or a settlement of this process",
);
pub(crate) const ATTEMPTS: MetricInfo = counter(
    "message_attempts_total",
    GROUP,
    "Attempts begun, which a broker counts at delivery; less the released ones, they are what uses retries up",
);
pub(crate) const LATENCY: MetricInfo = histogram(
    "message_latency_seconds",
    GROUP,
    "From a message's creation to its first delivery",
);
pub(crate) const HANDLING: MetricInfo = histogram(
    "message_handling_seconds",
    GROUP,
    "How long the handlers of consumers ran",
);
pub(crate) const DWELL: MetricInfo = histogram(
    "message_dwell_seconds",
    GROUP,
    "From when a message was created, or was due if it is scheduled, to its first delivery",
);
pub(crate) const CRITICAL: MetricInfo = histogram(
    "message_critical_seconds",
    GROUP,
    "From a message's creation until it was acked",
);

/// How far groups are behind, all processes together.
pub(crate) const LAG: MetricInfo = gauge(
    "consumer_lag_messages",
    GROUP,
    "Messages that the group has not acked: undelivered, in flight and delayed",
);
pub(crate) const UNDELIVERED: MetricInfo = gauge(
    "consumer_undelivered_messages",
    GROUP,
    "Messages that the group was never given",
);
pub(crate) const IN_FLIGHT: MetricInfo = gauge(
    "consumer_in_flight_messages",
    GROUP,
    "Messages delivered and not settled",
);
pub(crate) const DELAYED: MetricInfo = gauge(
    "consumer_delayed_messages",
    GROUP,
    "Messages that wait for a retry, or for their key's turn",
);
pub(crate) const DEAD_LETTERS: MetricInfo = gauge(
    "dead_letters_messages",
    GROUP,
    "Dead letters that the group has",
);
pub(crate) const OLDEST_AGE: MetricInfo = gauge(
    "consumer_oldest_age_seconds",
    GROUP,
    "How long ago the oldest message was stored that the group has not acked; 0 if there is none",
);
pub(crate) const LAG_POLL_ERRORS: MetricInfo = counter(
    "lag_poll_errors_total",
    &[],
    "Looks at the groups that failed, in whole or in part; the last good numbers stay",
);
pub(crate) const LAG_ERRORS: MetricInfo = counter(
    "consumer_lag_errors_total",
    GROUP,
    "Looks in which this group gave no answer; its last good numbers stay",
);

/// The broker and the process.
pub(crate) const BREAKER: MetricInfo = gauge(
    "circuit_breaker_state",
    &["breaker"],
    "A circuit breaker: 0 closed, 1 half open, 2 open",
);
pub(crate) const CONNECTED: MetricInfo = gauge(
    "broker_connected",
    &[],
    "Whether the broker answered when it was asked last: 1 or 0",
);
pub(crate) const HEALTHY: MetricInfo = gauge(
    "broker_healthy",
    &[],
    "The last health probe: 1 healthy, 0.5 degraded, 0 unhealthy",
);
pub(crate) const WORKERS: MetricInfo =
    gauge("glmsg_workers", GROUP, "Workers that the scaler has set");
pub(crate) const WORKERS_WANTED: MetricInfo = gauge(
    "glmsg_workers_wanted",
    GROUP,
    "Workers that the load asks for, before bounds and hysteresis",
);
pub(crate) const BUILD_INFO: MetricInfo = gauge(
    "glmsg_build_info",
    &["version"],
    "Always 1; the version is the label",
);

/// Every metric of this crate, in the order in which they are exposed.
pub const METRICS: [MetricInfo; 31] = [
    PUBLISHED,
    DUPLICATE,
    REFUSED,
    PUBLISH_SECONDS,
    CONSUMED,
    REDELIVERED,
    ACKED,
    FAILED,
    RETRIED,
    RELEASED,
    STALE,
    DEAD_LETTERED,
    ATTEMPTS,
    LATENCY,
    HANDLING,
    DWELL,
    CRITICAL,
    LAG,
    UNDELIVERED,
    IN_FLIGHT,
    DELAYED,
    DEAD_LETTERS,
    OLDEST_AGE,
    LAG_POLL_ERRORS,
    LAG_ERRORS,
    BREAKER,
    CONNECTED,
    HEALTHY,
    WORKERS,
    WORKERS_WANTED,
    BUILD_INFO,
];
