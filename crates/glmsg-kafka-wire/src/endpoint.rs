//! Where a cluster is, and how one gets in.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Where a cluster is, and how one gets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host and port of brokers that are asked first, until one answers.
    pub servers: Vec<(String, u16)>,
    /// The name a broker's logs have for this client.
    pub client_id: String,
    /// How long a connection may take to come about, with TLS and the login, and how long an answer
    /// may take.
    pub timeout: Duration,
    /// TLS, with these files; none without.
    pub tls: Option<TlsFiles>,
    /// Who logs in; nobody without.
    pub login: Option<Login>,
}

/// Files of PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Whom to trust; without it, whom the system trusts.
    pub ca: Option<PathBuf>,
    /// The certificate to show.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

/// Who logs in, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// How the password is proved.
    pub mechanism: Mechanism,
    /// Who.
    pub user: String,
    /// The password.
    pub password: Password,
}

/// How a password is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// `PLAIN`: it is sent.
    Plain,
    /// `SCRAM-SHA-256`.
    ScramSha256,
    /// `SCRAM-SHA-512`.
    ScramSha512,
}

/// A password, which is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// Itself.
    Text(String),
    /// A file that is read at each login; a line break at its end is no part of it.
    File(PathBuf),
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(…)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}
