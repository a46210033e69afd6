//! `glmsg replay`: read a topic again, whoever has acked it.

use clap::builder::RangedU64ValueParser;
use glmsg::{ReplayQuery, StartFrom, Stored, TopicName};

use crate::arguments::start;
use crate::failure::{Failure, say};
use crate::message_form::{Form, print};
use crate::output::Output;
use crate::session::{Access, Session};

/// How many messages are read at once.
const PAGE: usize = 500;

/// Read a topic again, in the order it was stored, whoever has acked it. Nothing is taken from
/// any group.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// This topic
    topic: TopicName,
    /// From here: earliest, a time, or a message's id
    #[arg(long, value_name = "FROM", value_parser = start)]
    from: StartFrom,
    /// At most this many
    #[arg(long, short = 'n', value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    count: Option<u64>,
    /// What to print of a message
    #[arg(long, short, value_enum, default_value = "json")]
    output: Form,
}

pub(crate) async fn run(session: &mut Session, args: Args) -> Result<(), Failure> {
    let broker = session.connect(Access::Existing).await?;
    let mut from = args.from;
    let mut left = args.count.unwrap_or(u64::MAX);
    let mut broken = 0_u64;
    while left > 0 {
        let limit = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
        let query = ReplayQuery::new(args.topic.clone(), from).limit(limit);
        let page = broker.replay(&query).await?;
        let Some(last) = page.last() else { break };
        from = StartFrom::After(last.position.clone());
        left -= page.len() as u64;
        for stored in &page {
            broken += u64::from(!print_stored(&mut session.out, args.output, stored)?);
        }
        session.out.flush()?;
    }
    session.close(&broker).await?;
    match broken {
        0 => Ok(()),
        _ => Err(Failure::Reported),
    }
}

/// Prints one message; `false` if its bytes are none, which is said on stderr.
fn print_stored(out: &mut Output, form: Form, stored: &Stored) -> Result<bool, Failure> {
    match &stored.message {
        Ok(message) => {
            let more = [
                ("stored_at", stored.stored_at.to_string().into()),
                ("position", stored.position.as_str().into()),
            ];
            print(out, form, message, &more)?;
            Ok(true)
        }
        Err(e) => {
            say(&format!(
                "what is stored at {} is no message: {e}",
                stored.position
            ));
            Ok(false)
        }
    }
}
