//! Putting settings together, layer by layer.

mod environment;
mod file;

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use glmsg_core::Result;

use crate::document::{Content, Entry};
use crate::fault::{excerpt, refused};
use crate::given::{Assigned, Given, Rank};
use crate::schema::{self, Key, nearest};
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
}

impl SettingsBuilder {
    /// Defaults, and nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file; its format is told by the ending of its name. An empty file says nothing.
    ///
    /// # Errors
    /// `NotFound` or `PermissionDenied` for a file that cannot be read; `ConfigInvalid`, with the
    /// line, for a text that is not of its format, an unknown key (with the nearest one) and a value
    /// of the wrong form; `Unsupported` for a format that is not compiled in.
    pub fn file(self, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (format, text) = file::read(path)?;
        self.text(&path.display().to_string(), format, &text)
    }

    /// Adds a text, as if it were a file of this name.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn text(mut self, name: &str, format: Format, text: &str) -> Result<Self> {
        let entries = file::parse(name, format, text)?;
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
            if let Some(variable) = environment::variable(&name.into(), value.into())? {
                let origin = Origin::Variable(variable.name);
                self.take(
                    variable.key,
                    &Content::Word(variable.value),
                    origin,
                    variable.rank,
                )?;
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
        let known = schema::key(key).ok_or_else(|| unknown(key, &origin))?;
        let content = Content::Word(value.to_string());
        self.take(known, &content, origin, Rank::Code)?;
        Ok(self)
    }

    /// The settings.
    ///
    /// # Errors
    /// `ConfigInvalid` for settings that contradict each other, and for what the profile
    /// `production` refuses; `NotFound` or `PermissionDenied` for a file with a secret that cannot
    /// be read.
    pub fn build(self) -> Result<Settings> {
        Settings::resolve(self.given)
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
            let key = key.ok_or_else(|| unknown(&section, &at))?;
            return self.take(key, &entry.content, at, rank);
        }
        let entries = match entry.content {
            Content::Map(entries) => entries,
            Content::Null => return Ok(()),
            _ => {
                return Err(refused(
                    format!("{section} is a section of keys, and has a value"),
                    &origin(entry.line),
                )
                .remedy("write its keys below it, indented"));
            }
        };
        for entry in entries {
            let at = origin(entry.line);
            let name = format!("{section}.{}", entry.name);
            let key = schema::key(&name).ok_or_else(|| unknown(&name, &at))?;
            self.take(key, &entry.content, at, rank)?;
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
        if let Some(value) = reading::read(key, content, &origin)? {
            let assigned = Assigned {
                value,
                origin,
                rank,
            };
            self.given.assign(key, assigned);
        }
        Ok(())
    }
}

/// A secret that stands in a file of its own. Editors end a file with a line break.
pub(crate) fn secret_text(path: &Path, unreadable: &str) -> Result<String> {
    let text = file::text(path, unreadable)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// A key that is not there: what was written, and what may have been meant.
fn unknown(name: &str, at: &Origin) -> glmsg_core::Error {
    let error = refused(format!("there is no key {}", excerpt(name)), at);
    if let Some(key) = schema::key(name) {
        // With a dot at the top of a file, where it is no section.
        let section = key.section().unwrap_or_default();
        return error.remedy(format!(
            "write {} below {section}, as in {section}: {{ {}: … }}",
            key.short_name(),
            key.short_name()
        ));
    }
    let near = match name.contains('.') {
        true => nearest(name, schema::keys().map(Key::name)),
        // At the top of a file there are keys and sections.
        false => {
            let top = schema::keys().filter(|key| key.section().is_none());
            nearest(
                name,
                schema::sections().into_iter().chain(top.map(Key::name)),
            )
        }
    };
    if let Some(near) = near {
        return error.remedy(match schema::is_section(near) {
            true => format!("did you mean the section {near}?"),
            false => format!("did you mean {near}?"),
        });
    }
    // The right name in the wrong place.
    let short = name.rsplit('.').next().unwrap_or(name);
    if let Some(key) = schema::keys().find(|key| key.short_name() == short) {
        return error.remedy(format!("did you mean {}?", key.name()));
    }
    match name.split_once('.') {
        Some((section, _)) if schema::is_section(section) => error.remedy(format!(
            "glmsg config reference lists the keys of {section}"
        )),
        _ => error.remedy(format!(
            "there are the sections {}; glmsg config reference lists all keys",
            schema::sections().join(", ")
        )),
    }
}
