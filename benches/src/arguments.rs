//! The command line of the table.

use crate::Outcome;

/// What `--help` prints.
pub const HELP: &str = "\
Prints the table of measurements, each beside a raw twin measured in the same run.

Usage: table [FILTER] [--quick] [--json]

Arguments:
  FILTER   Only the sections whose name holds this word

Options:
  --quick  Two rounds of smaller workloads in place of five
  --json   One JSON object in place of the table

Files are made in the directory for temporary files; TMPDIR names another.
A missed target is no failure: the exit code is 0 unless something did not work.";

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    /// Only the sections whose name holds this.
    pub filter: Option<String>,
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
        for word in words {
            match word.as_str() {
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
            filter: Some("sqlite".into()),
            quick: true,
            json: true,
            help: false,
        };
        assert_eq!(parse("--json sqlite --quick").unwrap(), expected);
        assert_eq!(parse("").unwrap(), Arguments::default());
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(parse("--quik").is_err());
        assert!(parse("sqlite memory").is_err());
    }
}
