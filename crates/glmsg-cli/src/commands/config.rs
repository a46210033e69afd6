//! `glmsg config`: check, show, schema, reference.

use std::path::{Path, PathBuf};

use glmsg::config::{Settings, SettingsBuilder};
use serde_json::json;

use crate::failure::{Failure, say};
use crate::preferences::{add, unsettled};
use crate::session::{Session, unopened};
use crate::table::{Align, Table};

/// Settings: check, show, schema, reference.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Whether a file and the environment make sense together; nothing is opened
    ///
    /// Exit code 2 if they do not, and a line with file, line and key for each mistake.
    Check {
        /// This file [default: --config]
        file: Option<PathBuf>,
    },
    /// Every key with its value and where that comes from; secrets are ***
    Show {
        /// Of this file [default: --config]
        file: Option<PathBuf>,
        /// Only what is not a default
        #[arg(long)]
        set: bool,
    },
    /// The JSON Schema of a file, for editors
    Schema,
    /// All keys, as a page of Markdown
    Reference,
}

/// What the command line says of settings besides the command.
pub(crate) struct Given<'a> {
    pub(crate) broker: Option<&'a str>,
    pub(crate) file: Option<&'a Path>,
}

pub(crate) fn run(
    session: &mut Session,
    command: &Command,
    given: &Given<'_>,
) -> Result<(), Failure> {
    match command {
        Command::Check { file } => check(session, &checked(file.as_deref(), given)?)?,
        Command::Show { file, set } => show(session, &load(file.as_deref(), given)?, *set)?,
        Command::Schema => session.out.line(glmsg::config::json_schema().trim_end())?,
        Command::Reference => session.out.line(glmsg::config::reference().trim_end())?,
    }
    session.out.flush()
}

fn load(file: Option<&Path>, given: &Given<'_>) -> Result<Settings, Failure> {
    let builder = add(Settings::builder(), given.broker, file.or(given.file));
    let settings = builder.and_then(SettingsBuilder::build);
    settings.map_err(|e| unsettled(&e))
}

/// The settings; of those that make no sense each mistake is told.
fn checked(file: Option<&Path>, given: &Given<'_>) -> Result<Settings, Failure> {
    let thorough = Settings::builder().thorough();
    let builder = add(thorough, given.broker, file.or(given.file)).map_err(|e| unsettled(&e))?;
    builder.check().map_err(|mut mistakes| {
        // The command ends with the last.
        let last = mistakes.pop();
        mistakes
            .iter()
            .for_each(|mistake| say(&mistake.to_string()));
        last.map_or(Failure::Reported, |last| unsettled(&last))
    })
}

fn check(session: &mut Session, settings: &Settings) -> Result<(), Failure> {
    // What the backend itself reads of the address.
    glmsg::check_url(settings.broker().reveal()).map_err(|e| unopened(&e))?;
    let (broker, profile) = (settings.broker().to_string(), settings.profile());
    match session.json {
        true => session
            .out
            .json(&json!({ "broker": broker, "profile": profile.as_str() })),
        false => session
            .out
            .line(format!("the settings make sense: {broker}, {profile}")),
    }
}

fn show(session: &mut Session, settings: &Settings, only_set: bool) -> Result<(), Failure> {
    let entries = settings.entries();
    let entries = entries.filter(|entry| !only_set || entry.value.is_some());
    if session.json {
        for entry in entries {
            session.out.json(&json!({
                "key": entry.key.name(),
                "value": entry.shown(),
                "origin": entry.origin.to_string(),
            }))?;
        }
        return Ok(());
    }
    let mut table = Table::new(&[
        ("KEY", Align::Left),
        ("VALUE", Align::Left),
        ("FROM", Align::Left),
    ]);
    for entry in entries {
        table.row([
            entry.key.name().to_owned(),
            entry.shown().unwrap_or_else(|| "-".to_owned()),
            entry.origin.to_string(),
        ]);
    }
    session
        .out
        .table(&table, "nothing is set: all are defaults")
}
