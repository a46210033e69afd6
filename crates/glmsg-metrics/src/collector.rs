//! What a registry is given of the store, at each scrape.

use std::fmt::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use glmsg_broker::{HealthStatus, Lag};
use glmsg_core::DeadLetterReason;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Unit;

use crate::catalog::{self, MetricInfo, MetricKind};
use crate::histogram::Histogram;
use crate::series::{Count, GroupSeries, Refusal, TopicSeries};
use crate::store::Store;

/// Writes the store out.
#[derive(Debug)]
pub(crate) struct StoreCollector(pub(crate) Arc<Store>);

/// The labels of one line: their names are the metric's.
type Values<'a> = Vec<&'a str>;

/// A metric, and where its value is.
type OfGroup<T> = (&'static MetricInfo, fn(&GroupSeries) -> &T);
type OfLag = (&'static MetricInfo, fn(&Lag) -> f64);

type Exemplars = Option<&'static Exemplar<NoLabelSet, f64>>;

struct Writer<'a>(DescriptorEncoder<'a>);

/// The name as the registry takes it: without `_total`, which it adds, and without the unit.
fn parts(info: &MetricInfo) -> (&'static str, Option<Unit>) {
    let name = match info.kind {
        MetricKind::Counter => info.name.strip_suffix("_total").unwrap_or(info.name),
        _ => info.name,
    };
    if let Some(stem) = name.strip_suffix("_seconds") {
        return (stem, Some(Unit::Seconds));
    }
    match name.strip_suffix("_messages") {
        Some(stem) => (stem, Some(Unit::Other("messages".to_owned()))),
        None => (name, None),
    }
}

impl Writer<'_> {
    fn counters<'v>(
        &mut self,
        info: &MetricInfo,
        lines: impl IntoIterator<Item = (Values<'v>, u64)>,
    ) -> Result<(), Error> {
        let (name, unit) = parts(info);
        let encoder = &mut self.0;
        let kind = MetricType::Counter;
        let mut metric = encoder.encode_descriptor(name, info.help, unit.as_ref(), kind)?;
        for (values, count) in lines {
            let none: Exemplars = None;
            match values.is_empty() {
                true => metric.encode_counter(&count, none)?,
                false => {
                    let labels = labels(info, &values);
                    metric
                        .encode_family(&labels)?
                        .encode_counter(&count, none)?;
                }
            }
        }
        Ok(())
    }

    fn gauges<'v>(
        &mut self,
        info: &MetricInfo,
        lines: impl IntoIterator<Item = (Values<'v>, f64)>,
    ) -> Result<(), Error> {
        let (name, unit) = parts(info);
        let encoder = &mut self.0;
        let kind = MetricType::Gauge;
        let mut metric = encoder.encode_descriptor(name, info.help, unit.as_ref(), kind)?;
        for (values, value) in lines {
            match values.is_empty() {
                true => metric.encode_gauge(&value)?,
                false => {
                    let labels = labels(info, &values);
                    metric.encode_family(&labels)?.encode_gauge(&value)?;
                }
            }
        }
        Ok(())
    }

    fn histograms<'v>(
        &mut self,
        info: &MetricInfo,
        lines: impl IntoIterator<Item = (Values<'v>, &'v Histogram)>,
    ) -> Result<(), Error> {
        let (name, unit) = parts(info);
        let encoder = &mut self.0;
        let kind = MetricType::Histogram;
        let mut metric = encoder.encode_descriptor(name, info.help, unit.as_ref(), kind)?;
        for (values, histogram) in lines {
            let recorded = histogram.recorded();
            let labels = labels(info, &values);
            let mut family = metric.encode_family(&labels)?;
            let (sum, count) = (recorded.sum, recorded.count);
            family.encode_histogram::<NoLabelSet>(sum, count, &recorded.buckets, None)?;
        }
        Ok(())
    }
}

fn labels<'v>(info: &MetricInfo, values: &[&'v str]) -> Vec<(&'static str, &'v str)> {
    info.labels
        .iter()
        .copied()
        .zip(values.iter().copied())
        .collect()
}

/// For a person's or a program's eyes: a count beyond 2^53 loses its last digits.
#[allow(
    clippy::cast_precision_loss,
    reason = "gauges are floating point in Prometheus"
)]
fn number(count: u64) -> f64 {
    count as f64
}

impl Collector for StoreCollector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut writer = Writer(encoder);
        publishing(&self.0, &mut writer)?;
        consuming(&self.0, &mut writer)?;
        behind(&self.0, &mut writer)?;
        process(&self.0, &mut writer)
    }
}

fn publishing(store: &Store, writer: &mut Writer<'_>) -> Result<(), Error> {
    let topics = store.topics.all();
    let topics = || {
        topics
            .iter()
            .map(|(topic, series)| (topic.as_str(), series))
    };
    let mut count = |info: &MetricInfo, of: fn(&TopicSeries) -> &Count| {
        writer.counters(info, topics().map(|(topic, s)| (vec![topic], of(s).get())))
    };
    count(&catalog::PUBLISHED, |s| &s.published)?;
    count(&catalog::DUPLICATE, |s| &s.duplicate)?;
    let refused = topics().flat_map(|(topic, series)| {
        let each = Refusal::ALL.iter().zip(&series.refused);
        each.map(move |(why, count)| (vec![topic, why.as_str()], count.get()))
    });
    writer.counters(&catalog::REFUSED, refused)?;
    let took = topics().map(|(topic, series)| (vec![topic], &series.publish));
    writer.histograms(&catalog::PUBLISH_SECONDS, took)
}

fn consuming(store: &Store, writer: &mut Writer<'_>) -> Result<(), Error> {
    let groups = store.groups.all();
    let groups = || {
        let each = groups.iter();
        each.map(|((topic, group), series)| (vec![topic.as_str(), group.as_str()], &**series))
    };
    let counts: [OfGroup<Count>; 7] = [
        (&catalog::CONSUMED, |s| &s.consumed),
        (&catalog::REDELIVERED, |s| &s.redelivered),
        (&catalog::ACKED, |s| &s.acked),
        (&catalog::FAILED, |s| &s.failed),
        (&catalog::RETRIED, |s| &s.retried),
        (&catalog::RELEASED, |s| &s.released),
        (&catalog::STALE, |s| &s.stale),
    ];
    for (info, of) in counts {
        writer.counters(info, groups().map(|(values, s)| (values, of(s).get())))?;
    }
    let dead = groups().flat_map(|(values, series)| {
        let each = DeadLetterReason::ALL.iter().zip(&series.dead_lettered);
        each.map(move |(reason, count)| {
            let mut values = values.clone();
            values.push(reason.as_str());
            (values, count.get())
        })
    });
    writer.counters(&catalog::DEAD_LETTERED, dead)?;
    let attempts = groups().map(|(values, series)| (values, series.consumed.get()));
    writer.counters(&catalog::ATTEMPTS, attempts)?;
    let histograms: [OfGroup<Histogram>; 4] = [
        (&catalog::LATENCY, |s| &s.latency),
        (&catalog::HANDLING, |s| &s.handling),
        (&catalog::DWELL, |s| &s.dwell),
        (&catalog::CRITICAL, |s| &s.critical),
    ];
    for (info, of) in histograms {
        writer.histograms(info, groups().map(|(values, s)| (values, of(s))))?;
    }
    Ok(())
}

fn behind(store: &Store, writer: &mut Writer<'_>) -> Result<(), Error> {
    let lag = store.lag();
    let gauges: [OfLag; 6] = [
        (&catalog::LAG, |lag| number(lag.total())),
        (&catalog::UNDELIVERED, |lag| number(lag.undelivered)),
        (&catalog::IN_FLIGHT, |lag| number(lag.in_flight)),
        (&catalog::DELAYED, |lag| number(lag.delayed)),
        (&catalog::DEAD_LETTERS, |lag| number(lag.dead_letters)),
        (&catalog::OLDEST_AGE, |lag| {
            lag.oldest_age.unwrap_or_default().as_secs_f64()
        }),
    ];
    for (info, of) in gauges {
        let lines = lag.iter();
        let lines =
            lines.map(|((topic, group), lag)| (vec![topic.as_str(), group.as_str()], of(lag)));
        writer.gauges(info, lines)?;
    }
    writer.counters(
        &catalog::LAG_POLL_ERRORS,
        [(vec![], store.lag_poll_errors.get())],
    )?;
    let errors = store.lag_errors.all();
    let errors = errors.iter();
    let errors =
        errors.map(|((topic, group), count)| (vec![topic.as_str(), group.as_str()], count.get()));
    writer.counters(&catalog::LAG_ERRORS, errors)
}

fn process(store: &Store, writer: &mut Writer<'_>) -> Result<(), Error> {
    let breakers = store.breakers.all();
    let states = breakers.iter();
    let states = states.map(|(name, state)| (vec![name.as_str()], number(state.load(Relaxed))));
    writer.gauges(&catalog::BREAKER, states)?;
    let connected = store
        .connected()
        .map(|is| (vec![], f64::from(u8::from(is))));
    writer.gauges(&catalog::CONNECTED, connected)?;
    let health = store.health().map(|status| match status {
        HealthStatus::Healthy => 1.0,
        HealthStatus::Degraded => 0.5,
        HealthStatus::Unhealthy => 0.0,
    });
    writer.gauges(&catalog::HEALTHY, health.map(|value| (vec![], value)))?;
    let scalers = store.scalers.all();
    let workers = || {
        let each = scalers.iter();
        each.map(|((topic, group), workers)| (vec![topic.as_str(), group.as_str()], workers))
    };
    let set = workers().map(|(values, w)| (values, number(w.set.load(Relaxed))));
    writer.gauges(&catalog::WORKERS, set)?;
    let wanted = workers().map(|(values, w)| (values, number(w.wanted.load(Relaxed))));
    writer.gauges(&catalog::WORKERS_WANTED, wanted)?;
    writer.gauges(
        &catalog::BUILD_INFO,
        [(vec![env!("CARGO_PKG_VERSION")], 1.0)],
    )
}
