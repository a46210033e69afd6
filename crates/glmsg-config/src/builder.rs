//! Putting settings together, layer by layer.

mod environment;
mod file;
mod slip;

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use glmsg_core::{Error, Result};

use self::slip::Slip;
use crate::document::{self, Content, Entry};
use crate::fault::{Faults, refused};
use crate::given::{Assigned, Given, Rank};
use crate::schema::{self, Key};
use crate::{Format, Origin, Settings, reading};

/// Puts [`Settings`] together: defaults, then files, then the environment, then what the program
/// says. They are merged key by key, and the order of the calls does not matter, but for files:
/// of two, the one that was named later wins.
///
/// ```
/// use glmsg_config::{Format, SettingsBuilder};
///
/// let settings = SettingsBuilder::new()
///     .text("glmsg.yaml", Format::Yaml, "redis:\n  host: db.local\n  port: 6380\n")?
///     .variables([("GLMSG_REDIS__PORT", "6381")])?
///     .set("redis.namespace", "orders")?
///     .build()?;
/// assert_eq!(
///     settings.broker().reveal(),
///     "redis://db.local:6381/0?namespace=orders"
/// );
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "settings are made by `build`"]
pub struct SettingsBuilder {
    given: Given,
    files: u32,
    /// Where a mistake does not end it.
    faults: Option<Faults>,
}

impl SettingsBuilder {
    /// Defaults, and nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on a mistake in what is added does not end it: [`check`](Self::check) tells them all.
    ///
    /// ```
    /// use glmsg_config::{Format, SettingsBuilder};
    ///
    /// let file = "redis:\n  hots: db.local\n  port: lots\nmetrics:\n  listen: here\n";
    /// let builder = SettingsBuilder::new().thorough();
    /// let mistakes = builder.text("glmsg.yaml", Format::Yaml, file)?.check().unwrap_err();
    /// let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    /// assert_eq!(lines, [
    ///     "config: there is no key redis.hots (at: glmsg.yaml:2); did you mean redis.host?",
    ///     "config: redis.port takes a whole number from 1 to 65535, not \"lots\" (at: glmsg.yaml:3)",
    ///     "config: metrics.listen takes an IP address (at: glmsg.yaml:5); write it like 127.0.0.1 or \
    ///      0.0.0.0; the port is prometheus_port",
    /// ]);
    /// # Ok::<(), glmsg_core::Error>(())
    /// ```
    pub fn thorough(mut self) -> Self {
        self.faults.get_or_insert_default();
        self
    }

    /// Adds a file; its format is told by the ending of its name. An empty file says nothing.
    ///
    /// # Errors
    /// `NotFound` or `PermissionDenied` for a file that cannot be read; `ConfigInvalid`, with the
    /// line, for a text that is not of its format, an unknown key (with the nearest one) and a value
    /// of the wrong form; `Unsupported` for a format that is not compiled in.
    pub fn file(mut self, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        match file::read(path) {
            Ok((format, text)) => self.text(&path.display().to_string(), format, &text),
            Err(error) => {
                self.given.leave_unread();
                self.meet(error)?;
                Ok(self)
            }
        }
    }

    /// Adds a text, as if it were a file of this name.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn text(mut self, name: &str, format: Format, text: &str) -> Result<Self> {
        let entries = match document::read(format, text) {
            Ok(entries) => entries,
            Err(unreadable) => {
                self.given.leave_unread();
                self.meet(unreadable.into_error(name))?;
                return Ok(self);
            }
        };
        for doubled in document::doubled(&entries) {
            self.meet(doubled.into_error(name))?;
        }
        self.files += 1;
        let rank = Rank::File(self.files);
        for entry in entries {
            self.top(entry, name, rank)?;
        }
        Ok(self)
    }

    /// Adds the variables of this process, as [`variables`](Self::variables).
    ///
    /// # Errors
    /// As [`variables`](Self::variables).
    pub fn environment(self) -> Result<Self> {
        self.variables(std::env::vars_os())
    }

    /// Adds variables: `GLMSG_SECTION__KEY`, `GLMSG_KEY` for keys without a section, and the nine
    /// `GREENLANG_*` of the original, over which ours win. An empty one is as if it were not there.
    /// `GLMSG_CONFIG` is for programs that read a file, and other variables are none of ours.
    ///
    /// # Errors
    /// `ConfigInvalid` for a variable that names no key, with the nearest one, and for a value of
    /// the wrong form.
    pub fn variables<N, V>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Result<Self>
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        for (name, value) in variables {
            match environment::variable(&name.into(), value.into()) {
                Ok(None) => {}
                Ok(Some(variable)) => {
                    let origin = Origin::Variable(variable.name);
                    let value = Content::Word(variable.value);
                    self.take(variable.key, &value, origin, variable.rank)?;
                }
                Err(slip) => self.slipped(slip)?,
            }
        }
        Ok(self)
    }

    /// Sets a key, over files and the environment.
    ///
    /// # Errors
    /// `ConfigInvalid` for an unknown key and a value of the wrong form.
    pub fn set(self, key: &str, value: impl fmt::Display) -> Result<Self> {
        self.set_by("set by the program", key, value)
    }

    /// As [`set`](Self::set), and says by what, such as an option of the command line.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_by(mut self, what: &str, key: &str, value: impl fmt::Display) -> Result<Self> {
        let origin = Origin::Code(what.to_owned());
        match schema::key(key) {
            Some(known) => {
                let content = Content::Word(value.to_string());
                self.take(known, &content, origin, Rank::Code)?;
            }
            None => self.slipped(Slip::unknown(key, &origin))?,
        }
        Ok(self)
    }

    /// The settings.
    ///
    /// # Errors
    /// `ConfigInvalid` for settings that contradict each other, and for what the profile
    /// `production` refuses; `NotFound` or `PermissionDenied` for a file with a secret that cannot
    /// be read.
    pub fn build(self) -> Result<Settings> {
        self.check().map_err(|mistakes| {
            let first = mistakes.into_iter().next();
            first.unwrap_or_else(|| refused("the settings make no sense", &Origin::Default))
        })
    }

    /// The settings, or all that is wrong with them, at least one mistake. What was added
    /// [thoroughly](Self::thorough) is told, too.
    ///
    /// What only follows from another mistake is not told: of a file that cannot be read, and of a value
    /// that is refused, nothing is known.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn check(self) -> Result<Settings, Vec<Error>> {
        let faults = self.faults.unwrap_or_default();
        Settings::resolve(self.given, faults).map_err(Faults::into_all)
    }

    /// Ends it, or goes on where all mistakes are to be told.
    fn meet(&mut self, error: Error) -> Result<()> {
        match &mut self.faults {
            Some(faults) => {
                faults.add(error);
                Ok(())
            }
            None => Err(error),
        }
    }

    fn slipped(&mut self, slip: Slip) -> Result<()> {
        if let Some(meant) = slip.meant {
            self.given.doubt(meant);
        }
        self.meet(slip.error)
    }

    fn top(&mut self, entry: Entry, path: &str, rank: Rank) -> Result<()> {
        let section = entry.name;
        let origin = |line| Origin::File {
            path: path.into(),
            line,
        };
        if !schema::is_section(&section) {
            let at = origin(entry.line);
            // With a dot it would be a key of a section, and there is one place for those.
            let key = schema::key(&section).filter(|key| key.section().is_none());
            return match key {
                Some(key) => self.take(key, &entry.content, at, rank),
                None => self.slipped(Slip::unknown(&section, &at)),
            };
        }
        let entries = match entry.content {
            Content::Map(entries) => entries,
            Content::Null => return Ok(()),
            _ => {
                let what = format!("{section} is a section of keys, and has a value");
                let error = refused(what, &origin(entry.line));
                let meant = schema::sections().into_iter().find(|name| *name == section);
                let remedy = "write its keys below it, indented";
                return self.slipped(Slip::of(error, remedy, meant));
            }
        };
        for entry in entries {
            let at = origin(entry.line);
            let name = format!("{section}.{}", entry.name);
            match schema::key(&name) {
                Some(key) => self.take(key, &entry.content, at, rank)?,
                None => self.slipped(Slip::unknown(&name, &at))?,
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        key: &'static Key,
        content: &Content,
        origin: Origin,
        rank: Rank,
    ) -> Result<()> {
        match reading::read(key, content, &origin) {
            Ok(None) => Ok(()),
            Ok(Some(value)) => {
                let assigned = Assigned {
                    value,
                    origin,
                    rank,
                };
                self.given.assign(key, assigned);
                Ok(())
            }
            Err(error) => {
                self.given.doubt(key.name());
                self.meet(error)
            }
        }
    }
}

/// A secret that stands in a file of its own. Editors end a file with a line break.
pub(crate) fn secret_text(path: &Path, unreadable: &str) -> Result<String> {
    let text = file::text(path, unreadable)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
