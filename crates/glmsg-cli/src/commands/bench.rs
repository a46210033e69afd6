//! `glmsg bench`: a quick look at the rates of a broker. It is not the benchmark.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use glmsg::{
    Broker, GroupName, Message, MessageId, Received, Settler, Source, SubscribeOptions, Token,
    TopicConfig, TopicName,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::session::{Access, Session};

/// A quick look at the rates of this broker: publish, then receive and ack, on a topic of its own
/// that is deleted at the end.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many messages
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    messages: u32,
    /// How large each is
    #[arg(long, value_name = "BYTES", default_value_t = 256, value_parser = clap::value_parser!(u32).range(0..=1_048_576))]
    payload: u32,
    /// How many are published, received and acked together
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    batch: u16,
    /// How many members receive
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: u16,
}

pub(crate) async fn run(session: &mut Session, args: Args) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let broker = session.connect(Access::Create).await?;
    let topic = TopicName::new(format!("glmsg-bench-{}", MessageId::new()))?;
    let config = TopicConfig::default().max_len(u64::from(args.messages).max(1000));
    broker.create_topic(&topic, &config).await?;
    let outcome = tokio::select! {
        outcome = measure(&broker, &args, &topic) => outcome,
        () = interrupt.finish.cancelled() => Err(Failure::failed("interrupted")),
    };
    broker.delete_topic(&topic).await?;
    let (publish, consume) = outcome?;
    print(session, &args, broker.name(), publish, consume)?;
    session.close(&broker).await
}

async fn measure(
    broker: &Arc<dyn Broker>,
    args: &Args,
    topic: &TopicName,
) -> Result<(Duration, Duration), Failure> {
    let payload = Bytes::from(vec![b'x'; usize::try_from(args.payload).unwrap_or(0)]);
    let started = Instant::now();
    let mut left = args.messages;
    while left > 0 {
        let size = left.min(args.batch.into());
        left -= size;
        let batch: Result<Vec<Message>, glmsg::Error> = (0..size)
            .map(|_| Message::new(topic, payload.clone()))
            .collect();
        for outcome in broker.publish(&batch?).await? {
            outcome.into_result()?;
        }
    }
    let published = started.elapsed();

    let group = GroupName::new("bench")?;
    let left = Arc::new(AtomicU64::new(args.messages.into()));
    let mut members = JoinSet::new();
    let started = Instant::now();
    for _ in 0..args.workers {
        let options = SubscribeOptions::new(topic, &group)?;
        let source = broker.open_source(&options).await?;
        members.spawn(receive(source, left.clone(), args.batch.into()));
    }
    // Members that find nothing wait for ever; the one that takes the last message ends first.
    match members.join_next().await {
        Some(Ok(outcome)) => outcome?,
        _ => return Err(Failure::failed("a member of the group ended early")),
    }
    Ok((published, started.elapsed()))
}

/// Receives and acks until all is acked.
async fn receive(
    mut source: impl Source,
    left: Arc<AtomicU64>,
    batch: usize,
) -> Result<(), Failure> {
    let settler = source.settler();
    let mut received: Vec<Received> = Vec::new();
    loop {
        received.clear();
        source.recv(&mut received, batch).await?;
        let tokens: Vec<Token> = received.iter().map(|r| r.token).collect();
        if tokens.is_empty() {
            continue;
        }
        let acked = settler.ack(&tokens).await?;
        let current = acked.iter().filter(|s| s.is_current()).count() as u64;
        if left.fetch_sub(current, Ordering::SeqCst) <= current {
            return Ok(());
        }
    }
}

fn print(
    session: &mut Session,
    args: &Args,
    broker: &str,
    publish: Duration,
    consume: Duration,
) -> Result<(), Failure> {
    let rate = |time: Duration| f64::from(args.messages) / time.as_secs_f64().max(1e-9);
    if session.json {
        return session.out.json(&json!({
            "broker": broker,
            "messages": args.messages,
            "payload_bytes": args.payload,
            "batch": args.batch,
            "workers": args.workers,
            "publish_per_second": rate(publish).round(),
            "consume_per_second": rate(consume).round(),
        }));
    }
    let Args {
        messages,
        payload,
        batch,
        workers,
    } = args;
    session.out.line(format!(
        "{broker}: {messages} messages of {payload} bytes, batches of {batch}, {workers} members"
    ))?;
    session.out.line(format!(
        "  publish        {:>10.0} messages/s",
        rate(publish)
    ))?;
    session.out.line(format!(
        "  receive + ack  {:>10.0} messages/s",
        rate(consume)
    ))?;
    session
        .out
        .line("A quick look, not the benchmark: that is 'cargo xtask bench'.")
}
