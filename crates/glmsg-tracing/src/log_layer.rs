//! Log lines, as a layer for a subscriber.

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::registry::LookupSpan;

use crate::span::{MESSAGES, PROCESS, PUBLISH, SETTLE};
use crate::{LogFilter, LogFormat};

/// A layer of any kind.
pub type LogLayer<S> = Box<dyn Layer<S> + Send + Sync>;

/// A layer for a `tracing` subscriber of your own that writes the lines `filter` lets through to
/// `writer`, each with the spans it is within.
///
/// The span `process` is among them at every level, so that a line of a handler names the message's
/// id and trace. Lines of each message (target `glmsg::messages`) are written if `log_messages`,
/// whatever the level; that of the [`TracingLayer`](crate::TracingLayer) must say so too.
///
/// ```
/// use glmsg_tracing::{LogFormat, log_layer};
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let lines = log_layer(&"WARNING".parse()?, LogFormat::Json, false, std::io::stderr);
/// let subscriber = tracing_subscriber::registry().with(lines);
/// # drop(subscriber);
/// # Ok::<(), glmsg_core::Error>(())
/// ```
pub fn log_layer<S, W>(
    filter: &LogFilter,
    format: LogFormat,
    log_messages: bool,
    writer: W,
) -> LogLayer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let messages = match log_messages {
        true => LevelFilter::INFO,
        false => LevelFilter::OFF,
    };
    let mut targets = filter.targets().clone().with_target(MESSAGES, messages);
    // Spans that say nothing are not made for the log's sake, unless it is to say much.
    for quiet in [PUBLISH, SETTLE] {
        let level = filter.level_of(quiet);
        let most = match level >= LevelFilter::DEBUG {
            true => LevelFilter::INFO,
            false => level.min(LevelFilter::WARN),
        };
        // Who names one gets what it asks for.
        if !filter.names(quiet) {
            targets = targets.with_target(quiet, most);
        }
    }
    // Around whatever lines a handler writes.
    let process = match filter.is_off() {
        true => LevelFilter::OFF,
        false => LevelFilter::INFO.max(filter.level_of(PROCESS)),
    };
    let targets = targets.with_target(PROCESS, process);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(false);
    match format {
        LogFormat::Text => Box::new(lines.with_filter(targets)),
        LogFormat::Json => {
            let lines = lines
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(true);
            Box::new(lines.with_filter(targets))
        }
    }
}
