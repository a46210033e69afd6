//! `glmsg replay`: read a topic again, whoever has acked it.

use clap::builder::RangedU64ValueParser;
use glmsg::{ReplayQuery, StartFrom, Stored, Timestamp, TopicName};

use crate::arguments::{start, time};
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
    /// From here: earliest, a message's id, a time (2026-01-31T12:00:00Z; 2026-01-31 or
    /// "2026-01-31 12:00:00", UTC), or how long ago (30m, 24h, 7d)
    #[arg(long, value_name = "FROM", value_parser = start)]
    from: StartFrom,
    /// What was stored before this: a time or how long ago, as for --from
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<Timestamp>,
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
    let most = args.count.unwrap_or(u64::MAX);
    let (mut read, mut broken) = (0_u64, 0_u64);
    while read < most {
        let limit = usize::try_from(most - read).unwrap_or(PAGE).min(PAGE);
        let query = ReplayQuery::new(args.topic.clone(), from).limit(limit);
        let page = broker.replay(&query).await?;
        let Some(last) = page.last() else { break };
        from = StartFrom::After(last.position.clone());
        // Times grow with the stored order: behind the first that is too late nothing is wanted.
        let is_wanted = |stored: &&Stored| args.to.is_none_or(|to| stored.stored_at < to);
        let wanted = page.iter().take_while(is_wanted).count();
        for stored in &page[..wanted] {
            broken += u64::from(!print_stored(&mut session.out, args.output, stored)?);
        }
        session.out.flush()?;
        read += wanted as u64;
        if wanted < page.len() {
            break;
        }
    }
    if read == 0 && !session.json {
        session.progress.note("0 messages");
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
