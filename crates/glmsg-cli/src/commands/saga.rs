//! `glmsg saga`: what sagas have come to, and what is asked of them.

mod print;

use glmsg::patterns::saga::{JournalLine, SagaId, SagaQuery, SagaStatus, SagaStore, SagaView};
use serde_json::json;

use crate::failure::Failure;
use crate::session::{Access, Session};

/// Sagas, by their journals: none of their code is here.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// One line for each, by id
    List(ListArgs),
    /// Everything about one: its steps and its journal
    Show(ShowArgs),
    /// Ask for one to go on: a parked one tries its compensations again
    ///
    /// It is written into the saga's journal. A SagaRunner of the application that serves, and
    /// knows the definition, does it.
    Resume(RequestArgs),
    /// Ask for one to be cancelled, and for what it did to be undone
    ///
    /// It is written into the saga's journal. The saga's owner, or a SagaRunner of the application
    /// that serves and knows the definition, does it.
    Compensate(RequestArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Of this status: running, compensating, parked, completed or compensated; may be repeated
    #[arg(long, short)]
    status: Vec<SagaStatus>,
    /// Of this definition
    #[arg(long)]
    name: Option<String>,
    /// Behind this one
    #[arg(long, value_name = "ID")]
    after: Option<SagaId>,
    /// At most this many
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    limit: usize,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Which one
    id: SagaId,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RequestArgs {
    /// Which one
    id: SagaId,
    /// Why, for the journal
    #[arg(long, default_value = "asked for on the command line")]
    reason: String,
}

pub(crate) async fn run(session: &mut Session, command: Command) -> Result<(), Failure> {
    let broker = session.connect(Access::Existing).await?;
    let store = SagaStore::open(&broker).await?;
    match command {
        Command::List(args) => list(session, &store, args).await?,
        Command::Show(args) => {
            let (saga, journal) = found(&store, &args.id).await?;
            print::show(session, &saga, &journal)?;
        }
        Command::Resume(args) => {
            let saga = store.resume(&args.id, &args.reason).await?;
            asked(session, &saga, "resume")?;
        }
        Command::Compensate(args) => {
            let saga = store.compensate(&args.id, &args.reason).await?;
            asked(session, &saga, "compensate")?;
        }
    }
    session.close(&broker).await
}

async fn list(session: &mut Session, store: &SagaStore, args: ListArgs) -> Result<(), Failure> {
    let mut query = SagaQuery::default().after(args.after).limit(args.limit);
    if let Some(name) = args.name {
        query = query.name(name);
    }
    for status in args.status {
        query = query.status(status);
    }
    let page = store.list(&query).await?;
    print::list(session, &page.sagas)?;
    if let Some(next) = page.next
        && !session.quiet
    {
        session.out.flush()?;
        session
            .progress
            .note(&format!("there are more; --after {next} shows them"));
    }
    Ok(())
}

async fn found(store: &SagaStore, id: &SagaId) -> Result<(SagaView, Vec<JournalLine>), Failure> {
    match store.get(id).await? {
        Some(saga) => Ok((saga, store.journal(id).await?)),
        None => Err(Failure::failed(format!(
            "there is no saga {id}; 'glmsg saga list' shows which there are, and those that ended \
             are kept for a time only"
        ))),
    }
}

/// Says what was written, and who does it.
fn asked(session: &mut Session, saga: &SagaView, request: &str) -> Result<(), Failure> {
    if session.json {
        return session.out.json(&json!({
            "id": saga.id.as_str(),
            "requested": request,
            "status": saga.status.as_str(),
            "journal_version": saga.journal_version,
        }));
    }
    session.out.line(format!(
        "asked for saga {} to {request}; a running SagaRunner that knows {} version {} does it, and \
         'glmsg saga show {}' tells when it has",
        saga.id, saga.name, saga.version, saga.id
    ))
}
