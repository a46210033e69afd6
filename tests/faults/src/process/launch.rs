//! How a process is started.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program with its arguments, its environment, its folder and its log.
#[derive(Debug, Clone)]
pub struct Launch {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    dir: Option<PathBuf>,
    log: Option<PathBuf>,
}

impl Launch {
    /// That program, without arguments, in the folder of this process.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            dir: None,
            log: None,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds a variable to the environment, which is otherwise that of this process.
    #[must_use]
    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((key.into(), value.into()));
        self
    }

    /// The folder it works in.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// The file that gets what it prints, at its end. Without one it prints where this process does.
    #[must_use]
    pub fn log(mut self, log: impl Into<PathBuf>) -> Self {
        self.log = Some(log.into());
        self
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn has_log(&self) -> bool {
        self.log.is_some()
    }

    pub(crate) fn working_dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// The same with `word` replaced in every argument.
    pub(crate) fn with(&self, word: &str, value: &str) -> Self {
        let args = self.args.iter().map(|arg| match arg.to_str() {
            Some(text) => text.replace(word, value).into(),
            None => arg.clone(),
        });
        Self {
            args: args.collect(),
            ..self.clone()
        }
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::null());
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        if let Some(log) = &self.log {
            let open = || OpenOptions::new().append(true).create(true).open(log);
            let clone = |file: &File| file.try_clone();
            let file = open().expect("the log can be written");
            command.stdout(clone(&file).expect("a file can be shared"));
            command.stderr(file);
        }
        command
    }

    /// All that was printed so far.
    pub(crate) fn printed(&self) -> String {
        let bytes = self.log.as_ref().map(std::fs::read);
        let bytes = bytes.transpose().unwrap_or_default().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
