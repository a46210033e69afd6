//! Where the bytes come from, counted as they are read.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::failure::Failure;

/// The bytes of the input, buffered.
pub(crate) type Source = BufReader<Counted>;

/// Counts what it passes on, for the progress bar.
pub(crate) struct Counted {
    inner: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        let counted = u64::try_from(n).unwrap_or(u64::MAX);
        self.read.fetch_add(counted, Ordering::Relaxed);
        Ok(n)
    }
}

/// An open input.
pub(crate) struct Opened {
    pub(crate) source: Source,
    /// What to call it in an error.
    pub(crate) name: String,
    /// Its size, where it is known beforehand.
    pub(crate) size: Option<u64>,
    /// How much of it has been read.
    pub(crate) read: Arc<AtomicU64>,
}

/// Opens a file, or stdin for `-` and for none.
pub(crate) fn open(path: Option<&Path>) -> Result<Opened, Failure> {
    let Some(path) = path.filter(|path| *path != Path::new("-")) else {
        return Ok(opened("stdin".to_owned(), None, Box::new(io::stdin())));
    };
    let name = path.display().to_string();
    let cannot = |e: io::Error| Failure::failed(format!("cannot read {name}: {e}"));
    let file = File::open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    if metadata.is_dir() {
        return Err(Failure::failed(format!(
            "cannot read {name}: it is a directory; --file takes a file"
        )));
    }
    let size = metadata.is_file().then_some(metadata.len());
    Ok(opened(name, size, Box::new(file)))
}

fn opened(name: String, size: Option<u64>, inner: Box<dyn Read + Send>) -> Opened {
    let read = Arc::new(AtomicU64::new(0));
    let counted = Counted {
        inner,
        read: read.clone(),
    };
    Opened {
        source: BufReader::with_capacity(256 * 1024, counted),
        name,
        size,
        read,
    }
}

#[cfg(test)]
pub(super) fn of_bytes(bytes: &[u8]) -> Source {
    // Three bytes a read: pieces must come out right wherever the reads end.
    let inner = io::Cursor::new(bytes.to_vec());
    BufReader::with_capacity(
        3,
        opened(String::new(), None, Box::new(inner))
            .source
            .into_inner(),
    )
}
