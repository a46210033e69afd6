//! What an agent tells the demo: one word a line, over a pipe where the agent is a process.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// One thing that happened at an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// It has joined its group.
    Ready,
    /// It was given a flight again that it or another had failed at.
    Retried,
    /// It was given a flight again whose lease had run out.
    Redelivered,
    /// It has published a flight's result, this many microseconds after the flight was published.
    Handled(u64),
    /// It has stopped in the middle of a flight.
    Stalled,
}

/// Where an agent's events go.
pub(super) type Report = Arc<dyn Fn(Event) + Send + Sync>;

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Retried => f.write_str("retried"),
            Self::Redelivered => f.write_str("redelivered"),
            Self::Handled(micros) => write!(f, "handled {micros}"),
            Self::Stalled => f.write_str("stalled"),
        }
    }
}

impl FromStr for Event {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        match line.split_once(' ') {
            Some(("handled", micros)) => micros.parse().ok().map(Self::Handled),
            None if line == "ready" => Some(Self::Ready),
            None if line == "retried" => Some(Self::Retried),
            None if line == "redelivered" => Some(Self::Redelivered),
            None if line == "stalled" => Some(Self::Stalled),
            _ => None,
        }
        .ok_or_else(|| format!("an agent said {line:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for event in [
            Event::Ready,
            Event::Retried,
            Event::Redelivered,
            Event::Handled(12_345),
            Event::Stalled,
        ] {
            assert_eq!(event.to_string().parse(), Ok(event));
        }
        assert!("handled soon".parse::<Event>().is_err());
    }
}
