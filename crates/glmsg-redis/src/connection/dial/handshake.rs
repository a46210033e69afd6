//! What is said first on a connection.

use std::path::PathBuf;

use glmsg_core::{Error, ErrorKind, Result};
use redis::{Pipeline, Value};

use crate::config::{RedisConfig, Secret, Server};
use crate::error::{server_error, surprise};

/// A connection that can be asked.
pub(in crate::connection) trait Ask: Send {
    /// Asks what changes nothing that matters: a failure leaves nothing in doubt.
    async fn ask(&mut self, questions: &Pipeline) -> Result<Vec<Value>, Error>;
}

/// What the server calls a connection.
#[derive(Debug, Default)]
pub(super) struct Called {
    /// Its number; 0 if it does not tell.
    pub(super) id: u64,
    /// Our address as it sees it, if it may be told to end the connection.
    pub(super) address: Option<String>,
}

/// Who we are.
#[derive(Debug)]
pub(super) struct Login {
    user: Option<String>,
    password: Option<Secret>,
    password_file: Option<PathBuf>,
    database: u32,
    name: String,
}

impl Login {
    pub(super) fn of_servers(config: &RedisConfig) -> Self {
        Self {
            user: config.user.clone(),
            password: config.password.clone(),
            password_file: config.password_file.clone(),
            database: config.database,
            name: config.name.clone(),
        }
    }

    pub(super) fn of_sentinels(config: &RedisConfig) -> Self {
        let (user, password) = match &config.server {
            Server::Sentinel { user, password, .. } => (user.clone(), password.clone()),
            _ => (None, None),
        };
        Self {
            user,
            password,
            password_file: None,
            database: 0,
            name: config.name.clone(),
        }
    }

    fn password(&self) -> Result<Option<Secret>> {
        let Some(path) = &self.password_file else {
            return Ok(self.password.clone());
        };
        // Read at every connect: a password that was changed is found without a restart.
        let text = std::fs::read_to_string(path).map_err(|e| {
            Error::new(ErrorKind::ConfigInvalid, "password_file cannot be read")
                .with("path", path.display())
                .source(e)
        })?;
        // An editor ends the last line; a password does not end so.
        Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']))))
    }
}

/// Logs in, says who we are and chooses the database.
pub(super) async fn greet(asked: &mut impl Ask, login: &Login) -> Result<()> {
    let mut words = Pipeline::new();
    let password = login.password()?;
    if let Some(password) = &password {
        let auth = words.cmd("AUTH");
        if let Some(user) = &login.user {
            auth.arg(user);
        }
        auth.arg(password.reveal());
    }
    if login.database != 0 {
        words.cmd("SELECT").arg(login.database);
    }
    let needed = words.len();
    // A server may not know these, or not allow them: they only help who looks at its clients.
    words.cmd("CLIENT").arg("SETNAME").arg(&login.name);
    words
        .cmd("CLIENT")
        .arg("SETINFO")
        .arg("LIB-NAME")
        .arg("glmsg");
    words.cmd("PING");
    let answers = asked.ask(&words).await?;
    for (index, answer) in answers.iter().enumerate() {
        let Value::ServerError(refusal) = answer else {
            continue;
        };
        // NOAUTH may come in answer to any of them, and says what all others will meet.
        if index < needed || matches!(refusal.code(), "NOAUTH" | "DENIED") {
            return Err(server_error(refusal));
        }
    }
    Ok(())
}

/// Asks the server what it calls a connection.
pub(super) async fn call(asked: &mut impl Ask) -> Result<Called> {
    let mut words = Pipeline::new();
    words.cmd("CLIENT").arg("ID");
    words.cmd("CLIENT").arg("INFO");
    // Nobody has this number: the answer tells whether we may.
    words.cmd("CLIENT").arg("KILL").arg("ID").arg(i64::MAX);
    let answers = asked.ask(&words).await?;
    let [Value::Int(id), info, kill] = &answers[..] else {
        return Ok(Called::default());
    };
    let may_be_ended = matches!(kill, Value::Int(_));
    Ok(Called {
        id: u64::try_from(*id).unwrap_or_default(),
        address: address_in(info).filter(|_| may_be_ended).map(str::to_owned),
    })
}

/// The `addr=` of a line of `CLIENT INFO`.
fn address_in(info: &Value) -> Option<&str> {
    let text = match info {
        Value::BulkString(text) => std::str::from_utf8(text).ok()?,
        Value::VerbatimString { text, .. } => text,
        _ => return None,
    };
    text.split_ascii_whitespace()
        .find_map(|word| word.strip_prefix("addr="))
}

/// A sentinel names a master for a while after it has become a replica, or has died and come back.
pub(super) async fn check_is_master(asked: &mut impl Ask) -> Result<()> {
    let mut words = Pipeline::new();
    words.cmd("ROLE");
    let answers = asked.ask(&words).await?;
    let role = match answers.first() {
        Some(Value::ServerError(refusal)) => return Err(server_error(refusal)),
        Some(Value::Array(parts)) => parts.first(),
        _ => None,
    };
    match role {
        Some(Value::BulkString(role)) if role == b"master" => Ok(()),
        Some(Value::BulkString(_)) => Err(Error::new(
            ErrorKind::Unavailable,
            "the server the sentinels name is no master now",
        )
        .remedy("try again when the fail-over is over")),
        _ => Err(surprise("ROLE")),
    }
}

/// Loads scripts.
pub(super) async fn load_scripts(asked: &mut impl Ask, scripts: &[String]) -> Result<()> {
    if scripts.is_empty() {
        return Ok(());
    }
    let mut words = Pipeline::with_capacity(scripts.len());
    for script in scripts {
        words.cmd("SCRIPT").arg("LOAD").arg(script);
    }
    for answer in asked.ask(&words).await? {
        if let Value::ServerError(refusal) = answer {
            return Err(server_error(&refusal));
        }
    }
    Ok(())
}
