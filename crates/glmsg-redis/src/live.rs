//! Live subscriptions, over Pub/Sub.

mod channels;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{LiveOptions, LiveReceiver, LiveSender, live_channel};
use glmsg_core::{Error, ErrorKind, Message, Result, TopicName, wire};
use redis::{Pipeline, Value};
use tokio::time::{Instant, sleep};

use self::channels::Channels;
use crate::broker::{Shared, closed};
use crate::connection::{Answers, Backoff, Ear};
use crate::encode::decode;
use crate::error::server_error;
use crate::publish::{MOST_BYTES, MOST_MESSAGES, size_of};

/// How long to wait before the next try where the server refuses us for a reason that stays.
const REFUSED: Duration = Duration::from_secs(1);
/// A connection that lasted so long was a good one.
const GOOD: Duration = Duration::from_secs(2);

impl Shared {
    /// Tells of messages to whoever listens.
    pub(crate) async fn announce(&self, messages: &[Message]) -> Result<()> {
        self.check_open()?;
        let limit = self.link.config().max_payload;
        for message in messages {
            let got = message.payload().len();
            if got > limit {
                let text = format!("the payload has {got} bytes, this broker takes {limit}");
                let error = Error::new(ErrorKind::TooLarge, text);
                return Err(error.with("topic", message.topic()));
            }
        }
        let channels = Channels::of(self.link.config());
        let mut rest = messages;
        let mut is_begun = false;
        while !rest.is_empty() {
            let (part, later) = rest.split_at(part_of(rest));
            let told = self.tell(&channels, part).await;
            told.map_err(|error| if is_begun { partly(error) } else { error })?;
            is_begun = true;
            rest = later;
        }
        Ok(())
    }

    async fn tell(&self, channels: &Channels, messages: &[Message]) -> Result<()> {
        let mut commands = Pipeline::with_capacity(messages.len());
        for message in messages {
            let publish = commands.cmd("PUBLISH");
            publish
                .arg(channels.channel(message.topic()))
                .arg(wire::encode(message).as_ref());
        }
        let answers = self.link.send_once(channels.slot, &commands).await?;
        let refused = answers
            .iter()
            .position(|a| matches!(a, Value::ServerError(_)));
        let Some(Value::ServerError(refusal)) = refused.map(|at| &answers[at]) else {
            return Ok(());
        };
        let error = channels.explain(server_error(refusal));
        Err(if refused == Some(0) {
            error
        } else {
            partly(error)
        })
    }

    /// Begins to listen.
    pub(crate) async fn listen(self: &Arc<Self>, options: &LiveOptions) -> Result<LiveReceiver> {
        options.check()?;
        self.check_open()?;
        let listener = Listener {
            shared: Arc::clone(self),
            channels: Channels::of(self.link.config()),
        };
        let (sender, receiver) = live_channel(options);
        let ear = listener.begin(&sender).await?;
        tokio::spawn(listener.run(ear, sender));
        Ok(receiver)
    }
}

/// How many messages go in one call.
fn part_of(messages: &[Message]) -> usize {
    let mut bytes = 0;
    let fits = messages.iter().take(MOST_MESSAGES).take_while(|message| {
        bytes += size_of(message);
        bytes <= MOST_BYTES
    });
    fits.count().max(1)
}

/// Some of the messages were announced before this went wrong.
fn partly(cause: Error) -> Error {
    let text = "a part of the messages is announced, the rest is not";
    Error::new(ErrorKind::Indeterminate, text).source(cause)
}

/// Hears for one subscription, over a connection of its own.
struct Listener {
    shared: Arc<Shared>,
    channels: Channels,
}

impl Listener {
    /// Connects the first time; tries until the configured time is over.
    async fn begin(&self, sender: &LiveSender) -> Result<Ear> {
        let deadline = Instant::now() + self.shared.link.config().timeout;
        let mut backoff = Backoff::default();
        loop {
            let error = match self.connect(sender).await {
                Ok(ear) => return Ok(ear),
                Err(error) => error,
            };
            let pause = backoff.next();
            if !error.is_transient() || Instant::now() + pause >= deadline {
                return Err(error);
            }
            sleep(pause).await;
        }
    }

    async fn connect(&self, sender: &LiveSender) -> Result<Ear> {
        let (link, slot) = (&self.shared.link, self.channels.slot);
        let [narrow, wide] = self.channels.subscribe(sender.pattern());
        let ear = match link.listen(slot, &narrow).await {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                link.listen(slot, &wide).await
            }
            ear => ear,
        };
        ear.map_err(|error| self.channels.explain(error))
    }

    /// Hears until nobody listens or the broker is closed.
    async fn run(self, ear: Ear, sender: LiveSender) {
        let mut is_closed = self.shared.closed.subscribe();
        tokio::select! {
            () = self.keep_hearing(ear, &sender) => {}
            () = sender.abandoned() => {}
            _ = is_closed.wait_for(|closed| *closed) => {}
        }
        sender.end(closed());
    }

    async fn keep_hearing(&self, mut ear: Ear, sender: &LiveSender) {
        let mut backoff = Backoff::default();
        loop {
            let connected = Instant::now();
            let error = ear.hear(|heard| self.take(heard, sender)).await;
            if error.kind() == ErrorKind::Closed {
                return;
            }
            tracing::info!(%error, pattern = %sender.pattern(), "a live subscription is cut off");
            sender.interrupted();
            if connected.elapsed() > GOOD {
                backoff = Backoff::default();
            }
            ear = self.connect_again(&mut backoff, sender).await;
            sender.resumed();
        }
    }

    async fn connect_again(&self, backoff: &mut Backoff, sender: &LiveSender) -> Ear {
        let mut told = None;
        loop {
            sleep(backoff.next()).await;
            let error = match self.connect(sender).await {
                Ok(ear) => return ear,
                Err(error) => error,
            };
            if error.is_transient() {
                continue;
            }
            if told.replace(error.kind()) != Some(error.kind()) {
                tracing::warn!(%error, pattern = %sender.pattern(), "a live subscription is refused");
                sender.trouble(error);
            }
            sleep(REFUSED).await;
        }
    }

    /// Takes what the server said: `message CHANNEL PAYLOAD` or `pmessage PATTERN CHANNEL PAYLOAD`;
    /// all else is an answer to a question whether it is there.
    fn take(&self, mut heard: Answers, sender: &LiveSender) {
        let parts = heard.list().unwrap_or(0);
        let kind = heard.text().unwrap_or_default();
        let is_news = match (parts, &*kind) {
            (3, b"message") => true,
            (4, b"pmessage") => heard.text().is_ok(),
            _ => false,
        };
        if !is_news {
            return;
        }
        let (Ok(channel), Ok(payload)) = (heard.text(), heard.text()) else {
            return;
        };
        let Some(topic) = self.channels.topic(&channel) else {
            return;
        };
        if !sender.pattern().matches(&topic) {
            // The server's patterns are wider than ours.
            return;
        }
        match message(&topic, &payload) {
            Ok(message) => sender.message(message),
            Err(error) => sender.undecodable(topic, error),
        }
    }
}

fn message(topic: &TopicName, payload: &[u8]) -> Result<Message> {
    // A copy, or one small message that waits would keep all that came with it.
    let message = decode(&Bytes::copy_from_slice(payload))?;
    if message.topic() != topic {
        let text = "the message is of another topic than the channel it came on";
        return Err(Error::new(ErrorKind::Codec, text).with("topic", message.topic()));
    }
    Ok(message)
}
