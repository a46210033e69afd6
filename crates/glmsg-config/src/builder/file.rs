//! Reading a file.

use std::io::Read;
use std::path::Path;

use glmsg_core::{Error, ErrorKind, Result};

use crate::Format;

/// The largest file of settings, in bytes. One with every key has a tenth of it, and where each key
/// stands is looked up so simply that more would take its time.
const MAX_BYTES: u64 = 64 * 1024;

/// A file's format and text.
pub(super) fn read(path: &Path) -> Result<(Format, String)> {
    let place = path.display();
    let format = Format::of(path).ok_or_else(|| {
        invalid("the ending of the file's name tells no format")
            .with("at", &place)
            .remedy("call it .yaml, .yml, .toml or .json")
    })?;
    let text = text(path, "the file of settings cannot be read")?;
    Ok((format, text))
}

/// What is in a file of a bearable size.
pub(super) fn text(path: &Path, unreadable: &str) -> Result<String> {
    let place = path.display();
    let failed = |e: std::io::Error| {
        let kind = match e.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::ConfigInvalid,
        };
        Error::new(kind, unreadable)
            .operation("config")
            .with("at", &place)
            .source(e)
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let most = MAX_BYTES + 1;
    file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(invalid("the file is over 64 KiB")
            .with("at", &place)
            .remedy("is it the right file?"));
    }
    String::from_utf8(bytes).map_err(|e| {
        let good = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        invalid("the file is not UTF-8")
            .with("at", format!("{place}:{line}"))
            .remedy("save it as UTF-8")
    })
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::ConfigInvalid, what).operation("config")
}
