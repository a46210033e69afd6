//! The command line.

use crate::{Outcome, Url};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Measures glmsg and other libraries on Redis, in turn, each beside the `redis` crate alone.

Usage: glmsg-peers URL [FILTER] [--rounds N] [--flush]

Arguments:
  URL         Of a Redis that has nothing: the server is EMPTIED before every turn
  FILTER      Only the sections whose name holds it

Options:
  --rounds N  How often each library has its turn (default: 5)
  --flush     Empty the server though it has keys";

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) url: Url,
    pub(crate) filter: String,
    pub(crate) rounds: usize,
    pub(crate) flush: bool,
}

impl Arguments {
    /// Reads the words after the program's name; none if only help is asked for.
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Outcome<Option<Self>> {
        let (mut plain, mut rounds, mut flush) = (Vec::new(), 5, false);
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "-h" | "--help" => return Ok(None),
                "--flush" => flush = true,
                "--rounds" => {
                    let number = words.next().and_then(|word| word.parse().ok());
                    let number = number.filter(|number| *number > 0);
                    rounds = number.ok_or("--rounds needs a number above 0")?;
                }
                _ if word.starts_with('-') => {
                    return Err(format!("unknown option {word}; --help lists them").into());
                }
                _ => plain.push(word),
            }
        }
        let mut plain = plain.into_iter();
        let url = plain.next().ok_or("no URL is given; see --help")?;
        let filter = plain.next().unwrap_or_default();
        if plain.next().is_some() {
            return Err("more than one filter is given".into());
        }
        Ok(Some(Self {
            // Tasks hold it until the program ends.
            url: url.leak(),
            filter,
            rounds,
            flush,
        }))
    }
}
