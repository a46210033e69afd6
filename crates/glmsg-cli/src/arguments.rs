//! Values on the command line: durations, positions, headers.

mod time;

use std::time::Duration;

use glmsg::{Clock, MessageId, StartFrom, SystemClock};

pub(crate) use self::time::time;

/// A duration: a number of seconds, or a number with `ms`, `s`, `m`, `h` or `d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err("write it like 30, 1.5s, 200ms, 10m, 2h or 7d".to_owned()),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "write it like 30, 1.5s, 200ms, 10m, 2h or 7d".to_owned())?;
    Duration::try_from_secs_f64(number * factor).map_err(|_| "it is too long".to_owned())
}

/// Where reading starts: `earliest`, `latest`, a time or a message's id.
pub(crate) fn start(text: &str) -> Result<StartFrom, String> {
    match text {
        "earliest" => return Ok(StartFrom::Earliest),
        "latest" => return Ok(StartFrom::Latest),
        _ => {}
    }
    if let Ok(id) = text.parse::<MessageId>() {
        return Ok(StartFrom::Message(id));
    }
    if let Some(time) = time::parse(text, SystemClock.now()) {
        return Ok(StartFrom::Time(time));
    }
    Err(format!(
        "write earliest, latest, {}, or the id of a message",
        time::FORMS
    ))
}

/// A start as it is told to people.
pub(crate) fn start_text(start: &StartFrom) -> String {
    match start {
        StartFrom::Earliest => "earliest".to_owned(),
        StartFrom::Latest => "latest".to_owned(),
        StartFrom::Time(time) => time.to_string(),
        StartFrom::Message(id) => format!("message {id}"),
        StartFrom::After(position) => format!("behind {position}"),
    }
}

/// A header: `name=value`.
pub(crate) fn header(text: &str) -> Result<(String, String), String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err("write it like name=value".to_owned());
    };
    // The message's own rules, asked here so that a bad one stops the command before it begins.
    let mut headers = glmsg::Headers::new();
    headers.insert(name, value).map_err(|e| e.to_string())?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use glmsg::Timestamp;

    use super::*;

    #[test]
    fn durations_have_units_and_default_to_seconds() {
        for (text, millis) in [
            ("30", 30_000),
            ("0", 0),
            ("1.5s", 1500),
            ("200ms", 200),
            ("10m", 600_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "s",
            "-1",
            "1w",
            "1.2.3",
            "nan",
            "1 s",
            "99999999999999999999d",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_start_is_a_word_a_time_or_an_id() {
        assert_eq!(start("earliest"), Ok(StartFrom::Earliest));
        assert_eq!(start("latest"), Ok(StartFrom::Latest));
        let id = MessageId::new();
        assert_eq!(start(&id.to_string()), Ok(StartFrom::Message(id)));
        assert_eq!(
            start("1970-01-01T00:00:01Z"),
            Ok(StartFrom::Time(Timestamp::from_micros(1_000_000)))
        );
        assert!(start("yesterday").is_err());
    }

    #[test]
    fn a_header_is_checked_when_it_is_given() {
        assert_eq!(header("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(header("a").is_err());
        assert!(header("=b").is_err());
        assert!(header("a=line\nbreak").is_err());
    }
}
