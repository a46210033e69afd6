//! RustStream, on its defaults.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use ruststream::{Broker as _, ConnectedBroker as _, OutgoingMessage, Publisher as _};
use ruststream_fred::RedisBroker;
use tokio::sync::mpsc::unbounded_channel;

use crate::pacing::{Arrivals, FIRST, first, pace};
use crate::sample::{STREAM, payload};
use crate::turn::publish;
use crate::{Outcome, Url};

/// Where the handler puts what arrives: it is a function, and can hold nothing.
static ARRIVALS: Mutex<Option<Arrivals>> = Mutex::new(None);

/// Tasks that each publish a message, await it, and again.
pub(crate) async fn singles(url: Url, tasks: usize) -> Outcome<f64> {
    let broker = RedisBroker::standalone(url).connect().await?;
    let publisher = broker.publisher();
    let rate = publish(tasks, |mut turn| {
        let publisher = publisher.clone();
        async move {
            while turn.goes_on() {
                let payload = payload(turn.count);
                let message = OutgoingMessage::new(STREAM, &payload[..]);
                publisher.publish(message, None).await?;
                turn.count += 1;
            }
            Ok(turn)
        }
    })
    .await?;
    broker.shutdown().await?;
    Ok(rate)
}

/// Messages at an even pace, to a handler.
pub(crate) async fn latency(url: Url) -> Outcome<Vec<f64>> {
    let (arrivals, mut arrived) = unbounded_channel();
    *ARRIVALS.lock().unwrap_or_else(PoisonError::into_inner) = Some(arrivals);
    let service = service::start(url).await?;
    let broker = RedisBroker::standalone(url).connect().await?;
    let publisher = broker.publisher();
    let payload_of_first = payload(FIRST);
    let message = OutgoingMessage::new(STREAM, &payload_of_first[..]);
    publisher.publish(message, None).await?;
    first(&mut arrived).await?;
    let quantiles = pace(arrived, |number| {
        let publisher = publisher.clone();
        async move {
            let payload = payload(number);
            let message = OutgoingMessage::new(STREAM, &payload[..]);
            publisher.publish(message, None).await?;
            Ok(())
        }
    })
    .await?;
    service.shutdown().await?;
    broker.shutdown().await?;
    Ok(quantiles)
}

fn arrived(payload: &[u8]) {
    let arrivals = ARRIVALS.lock().unwrap_or_else(PoisonError::into_inner);
    // A failure shows by the message that never comes.
    if let (Some(arrivals), Some(number)) = (&*arrivals, crate::sample::number(payload)) {
        let _ = arrivals.send((number, Instant::now()));
    }
}

/// What handles the messages; apart, as its prelude has names that are used above.
mod service {
    use ruststream::Deserialized;
    use ruststream::runtime::RunningApp;
    use ruststream_fred::RedisStream;
    use ruststream_fred::stream::prelude::*;

    use crate::sample::{GROUP, STREAM};
    use crate::{Outcome, Url};

    #[derive(Deserialized)]
    struct Body<'a>(&'a [u8]);

    #[subscriber(RedisStream::new(STREAM).group(GROUP))]
    async fn hear(body: &Body<'_>) {
        super::arrived(body.0);
    }

    pub(super) async fn start(url: Url) -> Outcome<RunningApp> {
        let app = RustStream::new(AppInfo::new("peers", "0.1.0"));
        let app = app.with_broker(RedisBroker::standalone(url), |broker| {
            broker.include(hear);
        });
        Ok(app.start().await?)
    }
}
