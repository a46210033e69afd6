//! The private topic of a requester: made, read, deleted.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{
    BoxSettler, BoxSource, Broker, CancellationToken, Intake, Received, Settler as _, Source as _,
    SubscribeOptions, Token, TopicConfig,
};
use glmsg_core::{Error, ErrorKind, MessageId, Result, Timestamp, TopicName};

use tokio::time::Instant;

use super::pending::Pending;
use super::post::{GATHERING, until};

/// What the names of inboxes begin with.
const PREFIX: &str = "reply.";
/// The one group of an inbox.
const GROUP: &str = "requester";
/// How many replies are taken at once.
const BATCH: usize = 512;
/// How long replies are kept that were taken, so that a second answer finds the first.
const KEPT: Duration = Duration::from_secs(60);
/// After a failure.
const PAUSE: Duration = Duration::from_millis(200);

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Receipt = (BoxSource, Vec<Received>, Result<Intake>);

/// A new inbox's name.
pub(super) fn name() -> Result<TopicName> {
    TopicName::new(format!("{PREFIX}{}", MessageId::new()))
}

/// When the inbox of this name was named; `None` if it is no inbox.
pub(super) fn named_at(topic: &TopicName) -> Option<Timestamp> {
    let id: MessageId = topic.as_str().strip_prefix(PREFIX)?.parse().ok()?;
    let bytes = id.as_bytes();
    // A UUIDv7 begins with its time in milliseconds.
    if bytes[6] >> 4 != 7 {
        return None;
    }
    let millis = bytes[..6]
        .iter()
        .fold(0_i64, |n, b| (n << 8) | i64::from(*b));
    Some(Timestamp::from_micros(millis.saturating_mul(1000)))
}

/// Makes the inbox, and joins it.
pub(super) async fn open(
    broker: &Arc<dyn Broker>,
    inbox: &TopicName,
    lease: Duration,
) -> Result<BoxSource> {
    let config = match broker.capability().retention {
        true => TopicConfig::default().max_age(KEPT),
        false => TopicConfig::default(),
    };
    broker.create_topic(inbox, &config).await?;
    let options = SubscribeOptions::new(inbox.clone(), GROUP)?.lease(lease);
    broker.open_source(&options).await
}

/// Hands the inbox's messages to who waits for them, until it is stopped; then the inbox goes.
pub(super) async fn serve(
    broker: Arc<dyn Broker>,
    inbox: TopicName,
    lease: Duration,
    source: BoxSource,
    pending: Arc<Pending>,
    stop: CancellationToken,
) -> Result<()> {
    tokio::select! {
        () = stop.cancelled() => {}
        error = read(&broker, &inbox, lease, source, &pending) => {
            tracing::warn!(%inbox, %error, "the requester ends");
        }
    }
    pending.close();
    match broker.delete_topic(&inbox).await {
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Closed) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// Returns what ends it.
async fn read(
    broker: &Arc<dyn Broker>,
    inbox: &TopicName,
    lease: Duration,
    source: BoxSource,
    pending: &Pending,
) -> Error {
    let mut settler = source.settler();
    let mut receiving = Some(receive(source));
    let mut taken = Vec::new();
    let mut acking: Option<Task<()>> = None;
    // When those taken are acked: an answer to each ack would wake the one who waits for replies.
    let mut ack_at = None;
    loop {
        tokio::select! {
            biased;
            () = or_never(&mut acking) => acking = None,
            () = until(ack_at), if acking.is_none() => {
                ack_at = None;
                acking = Some(Box::pin(ack(settler.clone(), std::mem::take(&mut taken))));
            }
            (source, came, received) = or_never(&mut receiving) => {
                if !came.is_empty() && ack_at.is_none() {
                    ack_at = Some(Instant::now() + GATHERING);
                }
                for reply in came {
                    taken.push(reply.token);
                    pending.came(reply.message);
                }
                let next = match received {
                    Ok(_) => source,
                    Err(error) if error.kind() == ErrorKind::Closed => return error,
                    Err(error) => {
                        tracing::warn!(%inbox, %error, "replies could not be received; trying again");
                        tokio::time::sleep(PAUSE).await;
                        match error.kind() {
                            // Somebody took us for dead. Replies that were in it are lost.
                            ErrorKind::NotFound => match reopen(broker, inbox, lease).await {
                                Ok(source) => source,
                                Err(error) => return error,
                            },
                            _ => source,
                        }
                    }
                };
                settler = next.settler();
                receiving = Some(receive(next));
            }
        }
    }
}

fn receive(mut source: BoxSource) -> Task<Receipt> {
    Box::pin(async move {
        let mut buf = Vec::new();
        let received = source.recv(&mut buf, BATCH).await;
        (source, buf, received)
    })
}

async fn reopen(broker: &Arc<dyn Broker>, inbox: &TopicName, lease: Duration) -> Result<BoxSource> {
    loop {
        match open(broker, inbox, lease).await {
            Err(error) if error.is_transient() => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
}

/// What is not acked comes again, and is counted as a duplicate.
async fn ack(settler: BoxSettler, taken: Vec<Token>) {
    if let Err(error) = settler.ack(&taken).await {
        tracing::debug!(%error, "replies could not be acked");
    }
}

async fn or_never<T>(task: &mut Option<Task<T>>) -> T {
    match task {
        Some(task) => task.as_mut().await,
        None => std::future::pending().await,
    }
}
