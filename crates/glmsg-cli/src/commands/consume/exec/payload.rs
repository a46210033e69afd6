//! A payload as a command's stdin: all of it is there before the command starts. Written to a
//! running command, it would be cut off where this process is killed, and the command would take
//! the part for the whole.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::process::Stdio;

use glmsg::MessageId;

/// What every pipe holds without a reader.
const PIPE: usize = 4096;

/// A stdin that reads `payload`, from a pipe if it is small, and else from a file without a name.
pub(super) fn stdin(payload: &[u8]) -> io::Result<Stdio> {
    if payload.is_empty() {
        return Ok(Stdio::null());
    }
    if payload.len() <= PIPE {
        let (reader, mut writer) = io::pipe()?;
        writer.write_all(payload)?;
        return Ok(reader.into());
    }
    let mut file = nameless()?;
    file.write_all(payload)?;
    file.rewind()?;
    Ok(file.into())
}

fn nameless() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("glmsg-{}", MessageId::new()));
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    // A payload may be nobody else's business.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    // Where an open file keeps its name, it stays behind in the temporary directory.
    let _ = std::fs::remove_file(&path);
    Ok(file)
}
