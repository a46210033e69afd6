//! A broker of the demo's own: a SQLite file in a temporary directory, gone at the end.

use std::path::PathBuf;

use glmsg::MessageId;

use crate::failure::Failure;

/// A directory that goes with this value.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    pub(crate) fn create() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("glmsg-demo-{}", MessageId::new()));
        std::fs::create_dir(&path)
            .map_err(|e| Failure::failed(format!("cannot create {}: {e}", path.display())))?;
        Ok(Self { path })
    }

    /// The address of the broker in it.
    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.path.join("demo.db").display())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is a file in the temporary directory, which others clean, too.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
