//! The command line of the table.

use std::time::Duration;

use crate::Outcome;

/// What `--help` prints.
pub const HELP: &str = "\
Prints the table of measurements, each beside a raw twin measured in the same run.

Usage: table [FILTER] [--backend NAME] [--quick] [--seconds N] [--json]

Arguments:
  FILTER          Only the section of this name, or those whose name holds it

Options:
  --backend NAME  Only the sections of one backend: memory, sqlite, redis or kafka; without it,
                  those that need no server
  --quick         Two rounds of smaller workloads in place of five
  --seconds N     As many rounds as fit in N seconds for each section
  --json          One JSON object in place of the table

Sections on Redis start a server of their own and stop it: GLMSG_REDIS7_SERVER names the program,
and GLMSG_REDIS_BENCHMARK that of redis-benchmark, where they are not on the path. Those on Kafka
are there if this was built with the feature `kafka`; KAFKA_URL says where a broker is.

Files are made in the directory for temporary files; TMPDIR names another.
A missed target is no failure: the exit code is 0 unless something did not work.";

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    /// Only the sections whose name holds this.
    pub filter: Option<String>,
    /// Only the sections of this backend.
    pub backend: Option<String>,
    /// How long each section is measured, in place of a number of rounds.
    pub lasting: Option<Duration>,
    /// Fewer rounds and less work in each.
    pub quick: bool,
    /// One JSON object in place of the table.
    pub json: bool,
    /// Only say how it is used.
    pub help: bool,
}

impl Arguments {
    /// Reads the words after the program's name.
    ///
    /// # Errors
    /// An option that does not exist, or a second filter.
    pub fn parse(words: impl IntoIterator<Item = String>) -> Outcome<Self> {
        let mut this = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--backend" => this.backend = Some(words.next().ok_or("--backend needs a name")?),
                "--seconds" => {
                    let seconds = words.next().and_then(|word| word.parse().ok());
                    let seconds = seconds.ok_or("--seconds needs a whole number")?;
                    this.lasting = Some(Duration::from_secs(seconds));
                }
                "--quick" => this.quick = true,
                "--json" => this.json = true,
                "-h" | "--help" => this.help = true,
                _ if word.starts_with('-') => {
                    return Err(format!("unknown option {word}; --help lists them").into());
                }
                _ if this.filter.is_some() => return Err("more than one filter is given".into()),
                _ => this.filter = Some(word),
            }
        }
        Ok(this)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Outcome<Arguments> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_filter_and_switches_in_any_order() {
        let expected = Arguments {
            filter: Some("publish".into()),
            backend: Some("redis".into()),
            lasting: Some(Duration::from_secs(20)),
            quick: true,
            json: true,
            help: false,
        };
        let parsed = parse("--json --backend redis publish --quick --seconds 20");
        assert_eq!(parsed.unwrap(), expected);
        assert_eq!(parse("").unwrap(), Arguments::default());
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(parse("--quik").is_err());
        assert!(parse("sqlite memory").is_err());
        assert!(parse("--backend").is_err());
        assert!(parse("--seconds soon").is_err());
    }
}
