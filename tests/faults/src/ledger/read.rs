//! Reading a ledger back.

use std::fs;
use std::io;
use std::path::Path;

use super::Event;

/// Reads all files of a ledger and returns their events in the order of their time.
///
/// The last line of a file may be torn, because its process was killed while it wrote: it is left out. Anything else
/// that is no event is an error, because a ledger with a hole would hide a fault.
///
/// # Errors
/// If the folder or a file cannot be read, or a line that is not a torn last one cannot be understood; the error names
/// the file and the line.
pub fn read_dir(dir: &Path) -> io::Result<Vec<Event>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            paths.push(path);
        }
    }
    // The order of files decides between events of the same nanosecond: let it be the same each time.
    paths.sort();
    let mut events = Vec::new();
    for path in paths {
        let bytes = fs::read(&path)?;
        parse(&bytes, &mut events).map_err(|(line, error)| {
            let text = format!("{}:{line}: {error}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        })?;
    }
    events.sort_by_key(|event: &Event| event.at);
    Ok(events)
}

fn parse(bytes: &[u8], events: &mut Vec<Event>) -> Result<(), (usize, serde_json::Error)> {
    let mut rest = bytes;
    for number in 1.. {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            // No line end: whole if only the line end is missing, torn otherwise.
            events.extend(serde_json::from_slice::<Event>(rest));
            break;
        };
        events.push(serde_json::from_slice(&rest[..end]).map_err(|error| (number, error))?);
        rest = &rest[end + 1..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Received, Settlement, What, Writer};
    use super::*;

    #[test]
    fn what_was_written_is_read_back_in_the_order_of_time() {
        let dir = tempfile::tempdir().unwrap();
        let publisher = Writer::open(dir.path(), "publisher/1");
        let consumer = Writer::open(dir.path(), "consumer");
        let group = consumer.group("g");
        publisher.pub_try_keyed("m", "k", 7);
        publisher.pub_ok("m");
        let received = Received {
            attempt: 1,
            lease_ms: 500,
            position: Some("1-0".to_owned()),
        };
        group.recv("m", received);
        group.done("m");
        group.settling("m").ack(Settlement::Accepted);
        publisher.crash("consumer");
        let events = read_dir(dir.path()).unwrap();
        let key = Some("k".to_owned());
        let id = || "m".to_owned();
        assert_eq!(
            events[0].what,
            What::PubTry {
                id: id(),
                key,
                seq: Some(7)
            }
        );
        assert_eq!(events[1].what, What::PubOk { id: id() });
        assert_eq!((&*events[1].process, events.len()), ("publisher/1", 6));
        assert!(
            matches!(&events[2].what, What::Recv { attempt: 1, lease_ms: 500, position, .. }
            if position.as_deref() == Some("1-0"))
        );
        let What::Ack { called, result, .. } = events[4].what else {
            panic!("{:?}", events[4]);
        };
        assert!(events[3].at <= called && called <= events[4].at);
        assert_eq!(result, Settlement::Accepted);
        assert_eq!(
            (&*events[5].process, &events[5].what),
            ("consumer", &What::Crash)
        );
        assert!(events.is_sorted_by_key(|event| event.at));
    }

    #[test]
    fn threads_share_a_pen_without_mixing_their_lines() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::open(dir.path(), "many");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let writer = &writer;
                scope
                    .spawn(move || (0..500).for_each(|n| writer.pub_try(&format!("{thread}-{n}"))));
            }
        });
        let ids: std::collections::BTreeSet<String> = read_dir(dir.path())
            .unwrap()
            .iter()
            .filter_map(|event| event.what.id().map(str::to_owned))
            .collect();
        assert_eq!(ids.len(), 2000);
    }

    fn read(text: &str) -> io::Result<usize> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.jsonl"), text).unwrap();
        fs::write(dir.path().join("notes.txt"), "no events").unwrap();
        read_dir(dir.path()).map(|events| events.len())
    }

    const WHOLE: &str = r#"{"at":1,"process":"p","event":"start"}"#;

    #[test]
    fn a_torn_last_line_is_left_out() {
        assert_eq!(read(&format!("{WHOLE}\n{}", &WHOLE[..20])).unwrap(), 1);
        assert_eq!(
            read(&format!("{WHOLE}\n{WHOLE}")).unwrap(),
            2,
            "only the line end is missing"
        );
        assert_eq!(read("").unwrap(), 0);
    }

    #[test]
    fn a_broken_line_that_is_not_the_torn_last_one_is_an_error_that_names_it() {
        for text in [
            format!("{WHOLE}\n{}\n{WHOLE}\n", &WHOLE[..20]),
            format!("{WHOLE}\n{}\n", &WHOLE[..20]),
        ] {
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains("a.jsonl:2:"), "{error}");
        }
        assert!(read_dir(Path::new("no such folder")).is_err());
    }
}
