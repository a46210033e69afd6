//! Certificates for the TLS server and the tests of TLS clients, made by `openssl`: good ones, and three kinds of bad.

use std::path::{Path, PathBuf};

use super::{debian, place};
use crate::failure::{Failure, Outcome};
use crate::process::Process;

/// A directory of keys and certificates.
#[derive(Debug, Clone)]
pub(super) struct Certificates {
    directory: PathBuf,
}

/// One certificate of a server or client.
struct Leaf {
    file: &'static str,
    names: &'static str,
    usage: &'static str,
    /// The day it was made, for one that is not valid any more.
    made: Option<&'static str>,
}

const LEAVES: &[Leaf] = &[
    Leaf {
        file: "server",
        names: "IP:127.0.0.1,DNS:localhost",
        usage: "serverAuth",
        made: None,
    },
    Leaf {
        file: "client",
        names: "DNS:client",
        usage: "clientAuth",
        made: None,
    },
    Leaf {
        file: "expired",
        names: "IP:127.0.0.1,DNS:localhost",
        usage: "serverAuth",
        made: Some("@2020-01-01 00:00:00"),
    },
    Leaf {
        file: "wrong-host",
        names: "DNS:wrong-host.example",
        usage: "serverAuth",
        made: None,
    },
];

/// `openssl req` wants a configuration, and that of the system would add extensions of its own.
const CONFIGURATION: &str = "[req]\ndistinguished_name = name\n[name]\n";

impl Certificates {
    pub(super) fn at(directory: PathBuf) -> Self {
        Self { directory }
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// What a client of the TLS server passes to `redis-cli`.
    pub(super) fn client_options(&self) -> Vec<String> {
        let path = |name| self.file(name).display().to_string();
        let mut options = vec!["--tls".to_owned()];
        for (option, file) in [
            ("--cacert", "ca.pem"),
            ("--cert", "client.pem"),
            ("--key", "client.key"),
        ] {
            options.extend([option.to_owned(), path(file)]);
        }
        options
    }

    /// Makes them all, unless that is done. The library makes the certificate that has expired: by its own means openssl
    /// dates nothing back.
    pub(super) fn provide(&self, faketime: &Path) -> Outcome {
        if self.directory.is_dir() {
            return Ok(());
        }
        require_openssl()?;
        let part = self.directory.with_extension("part");
        place::remove_directory(&part)?;
        place::create_directory(&part)?;
        std::fs::write(part.join("openssl.cnf"), CONFIGURATION)
            .map_err(|error| Failure::failed(format!("cannot write the configuration: {error}")))?;
        for authority in ["ca", "other-ca"] {
            key(&part, authority)?;
            Process::new("openssl")
                .words(&authority_words(authority))
                .within(&part)
                .run()?;
        }
        for leaf in LEAVES {
            key(&part, leaf.file)?;
            let mut process = Process::new("openssl").words(&leaf_words(leaf));
            if let Some(made) = leaf.made {
                process = process
                    .env("LD_PRELOAD", &faketime.display().to_string())
                    .env("FAKETIME", made);
            }
            process.within(&part).run()?;
        }
        std::fs::rename(&part, &self.directory)
            .map_err(|error| Failure::failed(format!("cannot rename {}: {error}", part.display())))
    }
}

/// A key of its own for each: PKCS#8 in PEM, P-256.
fn key(directory: &Path, name: &str) -> Outcome {
    let words = "genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out";
    Process::new("openssl")
        .words(words)
        .args([format!("{name}.key")])
        .within(directory)
        .run()
}

fn authority_words(name: &str) -> String {
    format!(
        "req -x509 -new -config openssl.cnf -key {name}.key -subj /CN=glmsg-test-{name} -days 3650 \
         -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
         -addext subjectKeyIdentifier=hash -out {name}.pem"
    )
}

fn leaf_words(leaf: &Leaf) -> String {
    let Leaf {
        file, names, usage, ..
    } = leaf;
    let days = if leaf.made.is_some() { 1 } else { 3650 };
    format!(
        "req -x509 -new -config openssl.cnf -key {file}.key -CA ca.pem -CAkey ca.key -subj /CN=glmsg-test-{file} \
         -days {days} -addext basicConstraints=critical,CA:FALSE -addext keyUsage=critical,digitalSignature \
         -addext extendedKeyUsage={usage} -addext subjectAltName={names} -addext subjectKeyIdentifier=hash \
         -addext authorityKeyIdentifier=keyid -out {file}.pem"
    )
}

fn require_openssl() -> Outcome {
    let is_there = || Process::new("openssl").args(["version"]).succeeds();
    if is_there() || debian::install("openssl").is_ok() && is_there() {
        return Ok(());
    }
    Err(Failure::failed(
        "openssl is missing: install the package openssl",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_has_expired_was_valid_for_one_day() {
        for leaf in LEAVES {
            let words = leaf_words(leaf);
            assert_eq!(
                words.contains("-days 1 "),
                leaf.file == "expired",
                "{words}"
            );
            assert!(words.contains("-CA ca.pem "), "{words}");
            assert!(words.contains("CA:FALSE"), "{words}");
        }
        assert!(authority_words("other-ca").ends_with("-out other-ca.pem"));
    }

    #[test]
    fn a_client_shows_its_certificate_and_checks_the_other() {
        let options = Certificates::at(PathBuf::from("/build/tls")).client_options();
        assert_eq!(
            options.join(" "),
            "--tls --cacert /build/tls/ca.pem --cert /build/tls/client.pem --key /build/tls/client.key"
        );
    }
}
