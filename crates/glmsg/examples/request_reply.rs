//! 3: Asks a service how far two airports are apart, and waits for its answers.
//!
//! `cargo run -p glmsg --features request-reply --example request_reply [-- --broker URL]`
#![allow(clippy::print_stdout, reason = "a program that shows something")]

mod support;

use std::time::Duration;

use glmsg::codec::Json;
use glmsg::patterns::request_reply::{ReplyError, RequestError, Requester, Responder};
use glmsg::prelude::*;
use support::{Outcome, Run, expect, until};

/// Miles from Zurich.
fn miles(to: &str) -> Result<u32, ReplyError> {
    match to {
        "GVA" => Ok(143),
        "LHR" => Ok(490),
        "JFK" => Ok(3_926),
        unknown => Err(ReplyError::new(
            "no-such-airport",
            format!("{unknown} is not known"),
        )),
    }
}

async fn request_reply(run: &Run) -> Outcome {
    let (broker, topic) = (run.broker(), run.topic("distances")?);
    let requester = Requester::builder(broker.clone())
        .timeout(Duration::from_secs(30))
        .start()
        .await?;
    let ask = |to: &str| requester.request(Message::builder(&topic).json(&to));

    // Nobody has ever served the topic, and the requester wants to know at once.
    let nobody = ask("GVA").must_be_served().await;
    let unavailable = matches!(nobody, Err(RequestError::Unavailable(_)));
    println!("before there is a responder: unavailable at once, nothing sent");
    expect("unavailable", unavailable, true)?;

    let responder = Responder::new(broker.clone(), topic.clone())
        .concurrency(8)
        .serve(Json, |to: String| async move { miles(&to) })
        .await?;

    // Sixty requests at a time, all by one inbox.
    let mut asked = Vec::new();
    for to in ["GVA", "LHR", "JFK"].repeat(20) {
        asked.push((to, tokio::spawn(ask(to).into_future())));
    }
    let (mut answered, mut sum) = (0, 0);
    for (to, reply) in asked {
        let answer: u32 = reply.await??.decode()?;
        expect(to, miles(to).ok() == Some(answer), true)?;
        answered += 1;
        sum += answer;
    }
    println!("{answered} requests at once, each has its own answer; together {sum} miles");
    expect("miles", sum, 20 * (143 + 490 + 3_926))?;

    // An error is an answer too. It does not have to wait for the time-out.
    let refused = match ask("XXX").await {
        Err(RequestError::Refused(error)) => error,
        other => return Err(format!("expected a refusal, found {other:?}").into()),
    };
    println!("XXX: refused, {refused}");

    until("all replies are counted", || {
        responder.stats().replied >= 61
    })
    .await?;
    let replies = responder.stats();
    println!(
        "the responder: {} replies, {} of them errors",
        replies.replied, replies.refused
    );
    responder.shutdown().await?;

    // The topic had a responder, so the request waits, and ends at its time-out.
    let late = ask("GVA").timeout(Duration::from_millis(200)).await;
    let timed_out = matches!(late, Err(RequestError::TimedOut(_)));
    println!("when the responder is gone: no reply within 200 ms");
    expect("timed out", timed_out, true)?;

    let inbox = requester.inbox().clone();
    requester.close().await?; // the inbox goes with it
    let left = broker
        .topics()
        .await?
        .iter()
        .filter(|t| t.name == inbox)
        .count();
    expect("inboxes left", left, 0)?;
    Ok(format!(
        "{answered} answered, 1 refused, 1 unavailable, 1 timed out"
    ))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    support::run(request_reply).await
}
