//! The log of a Redis server that was killed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Cuts off what a killed server has not written to its end, as `redis-check-aof --fix` does and as an operator is told to.
///
/// Redis 7 and 8 cut such a log themselves, but leave the beginning of a transaction in it, which the start after the
/// next carries out: what was repeated meanwhile would be there twice.
///
/// # Errors
/// If the log cannot be read or cut.
pub(super) fn mend(dir: &Path) -> io::Result<()> {
    let Some(log) = last_log(&dir.join("appendonlydir"))? else {
        return Ok(());
    };
    let bytes = fs::read(&log)?;
    let whole = whole(&bytes);
    if whole < bytes.len() {
        let log = File::options().write(true).open(log)?;
        log.set_len(u64::try_from(whole).map_err(io::Error::other)?)?;
    }
    Ok(())
}

/// The one that is written to: of `appendonly.aof.N.incr.aof` the latest.
fn last_log(dir: &Path) -> io::Result<Option<PathBuf>> {
    if !dir.exists() {
        return Ok(None);
    }
    let mut last = None;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| {
            let name = name.strip_suffix(".incr.aof")?;
            name.rsplit('.').next()?.parse::<u64>().ok()
        });
        last = last.max(number.map(|number| (number, path)));
    }
    Ok(last.map(|(_, path)| path))
}

/// How long the log is without a command, or a transaction, that does not end.
fn whole(bytes: &[u8]) -> usize {
    let (mut at, mut end, mut is_transaction) = (0, 0, false);
    while let Some((name, next)) = command(bytes, at) {
        match name {
            b"MULTI" => is_transaction = true,
            b"EXEC" => is_transaction = false,
            _ => {}
        }
        at = next;
        if !is_transaction {
            end = at;
        }
    }
    end
}

/// The name of a command, and where the next begins; nothing if it does not end.
fn command(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let (words, mut at) = number(bytes, at, b'*')?;
    let mut name: &[u8] = &[];
    for word in 0..words {
        let (length, begin) = number(bytes, at, b'$')?;
        let text = bytes.get(begin..begin + length)?;
        if word == 0 {
            name = text;
        }
        at = begin + length + 2;
    }
    (at <= bytes.len()).then_some((name, at))
}

/// A line of a mark and a number, and where the next begins.
fn number(bytes: &[u8], at: usize, mark: u8) -> Option<(usize, usize)> {
    let rest = bytes.get(at..)?;
    let length = rest.iter().position(|byte| *byte == b'\n')?;
    let line = rest.get(..length)?.strip_prefix(&[mark])?;
    let line = std::str::from_utf8(line.strip_suffix(b"\r")?).ok()?;
    Some((line.parse().ok()?, at + length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &[u8] = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n\r\n\r\n";
    const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
    const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

    #[test]
    fn a_log_is_cut_before_what_does_not_end() {
        let all = [SET, MULTI, SET, EXEC, SET].concat();
        let (first, transaction) = (SET.len(), MULTI.len() + SET.len() + EXEC.len());
        for length in 0..=all.len() {
            let expected = match length {
                n if n == all.len() => n,
                n if n >= first + transaction => first + transaction,
                n if n >= first => first,
                _ => 0,
            };
            assert_eq!(whole(&all[..length]), expected, "of {length} bytes");
        }
    }
}
