//! `glmsg publish`: an input, taken apart into messages, stored in batches.

mod feed;
mod maker;
mod store;
mod tally;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use glmsg::{ContentType, Priority, TopicName};
use serde_json::json;

use self::feed::{Batch, Feed};
use self::maker::Maker;
use self::store::store;
use self::tally::{NAMED, Tally};
use crate::arguments::{duration, header};
use crate::exporter::MetricsArgs;
use crate::failure::{Failure, say};
use crate::input::{self, Format};
use crate::interrupt::Interrupt;
use crate::session::{Session, unopened};
use crate::table::counted;
use crate::waiting::{Unanswered, timeout};

/// Publish lines, JSON values or a file to a topic.
///
/// The input is read as a stream and stored in batches. What is reported as stored is durable at
/// the broker's level. A line's bytes are the payload's, without the newline.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// To this topic; it is created if it does not exist
    topic: TopicName,
    /// Read this file; - is stdin
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How the input is divided into messages
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
    /// What the payloads are, like application/json [default: by the format]
    #[arg(long, value_name = "TYPE", value_parser = ContentType::new)]
    content_type: Option<ContentType>,
    /// low, normal, high or critical
    #[arg(long, default_value = "normal")]
    priority: Priority,
    /// Dead-letter what is not handled this long after being stored, like 30s, 10m, 7d
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    ttl: Option<Duration>,
    /// Deliver no sooner than this long after being stored
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    delay: Option<Duration>,
    /// The field of each JSON object that is the message's key
    #[arg(long, value_name = "FIELD")]
    key_field: Option<String>,
    /// The field of each JSON object that the message's id follows from: publishing it again
    /// stores nothing twice
    #[arg(long, value_name = "FIELD")]
    id_field: Option<String>,
    /// A header of every message; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// How often a message is retried before it becomes a dead letter [default: message.max_retries
    /// of the settings, or 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=1000))]
    max_retries: Option<u16>,
    /// Messages stored together, at most
    #[arg(long, value_name = "N", default_value_t = 500,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    batch: u16,
    /// At a piece that is no message: stop, or skip it and go on. The exit code is 1 either way
    #[arg(long, value_enum, value_name = "HOW", default_value = "stop")]
    on_error: OnError,
    /// How long to wait for a broker that does not answer, such as a server that is restarted
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = timeout)]
    timeout: Duration,
    #[command(flatten)]
    metrics: MetricsArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OnError {
    /// Nothing of this piece, or behind it, is published
    Stop,
    /// It is named on stderr and left out
    Skip,
}

pub(crate) async fn run(session: &mut Session, args: Args) -> Result<(), Failure> {
    let maker = Maker::new(&args, &session.preferences)?;
    let opened = input::open(args.file.as_deref())?;
    let name = opened.name.clone();
    let bar = session.progress.bytes(opened.size);
    let read = opened.read.clone();

    // The first piece is made before the broker is opened: an input that begins with garbage
    // leaves no trace, not even an empty database.
    let mut reader = args
        .format
        .reader(opened.source, glmsg::limits::MAX_PAYLOAD);
    let mut tally = Tally::default();
    let first = loop {
        match reader
            .next()
            .and_then(|piece| piece.map(|p| maker.make(p)).transpose())
        {
            Ok(Some(made)) => break made,
            Ok(None) if tally.skipped > 0 => return finish(session, &args, &tally),
            Ok(None) => return Err(Failure::failed(format!("{name} holds no message"))),
            Err(bad) => tally.skip(&args, &name, &bad)?,
        }
    };

    let interrupt = Interrupt::listen()?;
    let mut waiting = session.waiting(args.timeout, &interrupt);
    let broker = match session.connect_waiting(&mut waiting).await {
        Err(Unanswered::Refused(error)) => return Err(unopened(&error)),
        opened => opened.map_err(|e| tally.cut_short(&Failure::from(e).to_string()))?,
    };
    let (broker, exporter) = args.metrics.serve(session, broker).await?;
    reader.set_limit(broker.capability().max_payload);
    let pass_over = args.on_error == OnError::Skip;
    let mut feed = Feed::start(first, reader, maker, pass_over);
    let outcome = loop {
        let batch = tokio::select! {
            biased;
            () = interrupt.finish.cancelled() => {
                break Err(tally.cut_short("interrupted"));
            }
            batch = feed.next(args.batch.into()) => batch,
        };
        let Some(Batch { made, bad, .. }) = &batch else {
            break Ok(());
        };
        let mut outcome = store(broker.as_ref(), &mut waiting, &args, made, &mut tally).await;
        bar.set_position(read.load(Ordering::Relaxed));
        if session.json && outcome.is_ok() {
            session.out.json(&json!({ "stored": tally.stored }))?;
            session.out.flush()?;
        }
        // The messages before a bad piece are stored first: stopping counts them.
        for bad in bad {
            outcome = outcome.and_then(|()| tally.skip(&args, &name, bad));
        }
        if outcome.is_err() {
            break outcome;
        }
    };
    bar.finish_and_clear();
    exporter.finish(&interrupt).await;
    let closed = broker.close().await;
    outcome?;
    closed?;
    finish(session, &args, &tally)
}

fn finish(session: &mut Session, args: &Args, tally: &Tally) -> Result<(), Failure> {
    if session.json {
        session.out.json(&json!({
            "topic": args.topic.as_str(),
            "stored": tally.stored,
            "duplicates": tally.duplicates,
            "skipped": tally.skipped,
        }))?;
    } else {
        let mut line = format!(
            "stored {} in {}",
            counted(tally.stored, "message"),
            args.topic
        );
        match tally.duplicates {
            0 => {}
            1 => line += "; 1 was there already",
            n => line += &format!("; {n} were there already"),
        }
        if tally.skipped > 0 {
            line += &format!("; {} skipped", tally.skipped);
        }
        session.out.line(line)?;
    }
    session.out.flush()?;
    match tally.skipped {
        0 => Ok(()),
        named if named <= NAMED => Err(Failure::Reported),
        named => {
            let more = match named - NAMED {
                1 => "1 more was".to_owned(),
                n => format!("{n} more were"),
            };
            say(&format!("{more} skipped"));
            Err(Failure::Reported)
        }
    }
}
