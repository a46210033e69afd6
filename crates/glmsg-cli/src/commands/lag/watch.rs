//! `glmsg lag --watch`: again and again, until the user or the reader has gone.

use std::time::Duration;

use glmsg::{Broker, Clock, SystemClock};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::{Args, NOBODY, Row, look, missing, object, table};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::session::Session;

pub(super) async fn run(
    session: &mut Session,
    broker: &dyn Broker,
    args: &Args,
    every: Duration,
) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let mut beat = interval(every);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_first = true;
    loop {
        let looked = tokio::select! {
            biased;
            () = interrupt.finish.cancelled() => return Ok(()),
            looked = async {
                beat.tick().await;
                look(broker, args).await
            } => looked,
        };
        match looked {
            Ok(rows) => {
                // One that was there may come again.
                if is_first && rows.is_empty() {
                    missing(args)?;
                }
                show(session, &rows, is_first)?;
            }
            // A server that is restarted is there again soon; a mistake in the first look stays.
            Err(error) if error.is_transient() && !is_first => {
                session.progress.note(&error.to_string());
            }
            // Deleted between the list and the look, and not there at the next.
            Err(error) if error.kind() == glmsg::ErrorKind::NotFound && args.topic.is_none() => {}
            Err(error) => return Err(error.into()),
        }
        is_first = false;
    }
}

fn show(session: &mut Session, rows: &[Row], is_first: bool) -> Result<(), Failure> {
    let at = SystemClock.now().to_string();
    if session.json {
        for row in rows {
            let mut object = object(row);
            object["at"] = json!(at);
            session.out.json(&object)?;
        }
        return session.out.flush();
    }
    if session.out.is_terminal() {
        session.out.home()?;
    } else if !is_first {
        session.out.line("")?;
    }
    session.out.line(at)?;
    session.out.table(&table(rows), NOBODY)?;
    session.out.flush()
}
