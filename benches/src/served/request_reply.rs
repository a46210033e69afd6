//! Requests and their replies by way of a server.

use std::time::{Duration, Instant};

use glmsg::patterns::request_reply::{Answer, Requester, Responder};
use glmsg::{ContentType, Incoming, Message, TopicName};
use tokio::task::JoinSet;

use super::Served;
use super::store::ServedStore;
use crate::outcome::must_equal;
use crate::{Latencies, Measured, Outcome, Stopwatch, sample};

/// How many requests are made before the time runs: both sides have joined then.
pub(crate) const WARM: u64 = 20;

/// Who asks, and how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking {
    /// So many tasks, each of which has one request under way at a time.
    pub(crate) tasks: u64,
    pub(crate) lasting: Duration,
}

/// A requester on one connection, a responder on another, on their defaults but that as many
/// requests may wait in the responder's process as are under way. An answer is what was asked.
pub(crate) async fn request_reply(served: Served, asking: Asking) -> Outcome<Measured> {
    let (asked, answered) = (
        ServedStore::create(&served).await?,
        ServedStore::open(&served.url).await?,
    );
    let responder = Responder::new(answered.broker.clone(), sample::TOPIC)
        .prefetch(usize::try_from(asking.tasks)?.max(8))
        .start(|request: Incoming| {
            let answer = Answer::new(request.payload().clone(), ContentType::BYTES);
            async move { Ok(answer) }
        })
        .await?;
    let requester = Requester::start(asked.broker.clone()).await?;
    for number in 0..WARM {
        ask(&requester, &asked.topic, number).await?;
    }
    let watch = Stopwatch::start_with_server(served.pid);
    let (asker, topic) = (requester.clone(), asked.topic.clone());
    let took = ask_all(asking, move |number| {
        let (requester, topic) = (asker.clone(), topic.clone());
        async move { ask(&requester, &topic, number).await }
    })
    .await?;
    let count = took.len() as u64;
    let mut measured = watch.stop(count);
    measured.latencies = Latencies::of(took);
    let stats = requester.stats();
    must_equal("replies", stats.replies, WARM + count)?;
    must_equal("second replies", stats.duplicates + stats.late, 0)?;
    requester.close().await?;
    let stats = responder.stats();
    must_equal("requests handled", stats.handled, WARM + count)?;
    responder.shutdown().await?;
    let topics = asked.broker.topics().await?.len() as u64;
    must_equal("topics left behind beside the requests'", topics, 1)?;
    asked.broker.close().await?;
    answered.broker.close().await?;
    Ok(measured)
}

async fn ask(requester: &Requester, topic: &TopicName, number: u64) -> Outcome<()> {
    let payload = sample::payload(number).to_vec();
    let request = Message::builder(topic.clone()).payload(payload);
    let reply = requester.request(request).await?;
    must_be_answer(reply.payload(), number)
}

/// Fails if it is not the answer to this number.
pub(crate) fn must_be_answer(answer: &[u8], number: u64) -> Outcome<()> {
    match answer == sample::payload(number) {
        true => Ok(()),
        false => Err(format!("request {number} has another's answer").into()),
    }
}

/// Runs tasks that ask one request after the other, no two with the same number, and returns how
/// long each took.
pub(crate) async fn ask_all<F>(
    asking: Asking,
    ask: impl Fn(u64) -> F + Clone + Send + 'static,
) -> Outcome<Vec<Duration>>
where
    F: Future<Output = Outcome<()>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    let end = Instant::now() + asking.lasting;
    for task in 1..=asking.tasks {
        let ask = ask.clone();
        tasks.spawn(async move {
            let mut took = Vec::new();
            for number in task << 32.. {
                let asked = Instant::now();
                if asked >= end {
                    break;
                }
                ask(number).await?;
                took.push(asked.elapsed());
            }
            Outcome::Ok(took)
        });
    }
    let mut all = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        all.extend(ended??);
    }
    Ok(all)
}
