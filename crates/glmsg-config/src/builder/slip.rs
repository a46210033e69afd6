//! A name that is no key's: what was written, and what may have been meant.

use glmsg_core::Error;

use crate::Origin;
use crate::fault::{excerpt, refused};
use crate::schema::{self, Key, nearest};

/// Something that is meant for us, and sets nothing.
#[derive(Debug)]
pub(super) struct Slip {
    pub(super) error: Error,
    /// The key or section that it is likely to mean.
    pub(super) meant: Option<&'static str>,
}

impl Slip {
    /// A key that is not there.
    pub(super) fn unknown(name: &str, at: &Origin) -> Self {
        let error = refused(format!("there is no key {}", excerpt(name)), at);
        if let Some(key) = schema::key(name) {
            // With a dot at the top of a file, where it is no section.
            let section = key.section().unwrap_or_default();
            let remedy = format!(
                "write {} below {section}, as in {section}: {{ {}: … }}",
                key.short_name(),
                key.short_name()
            );
            return Self::of(error, remedy, Some(key.name()));
        }
        let near = match name.contains('.') {
            true => nearest(name, schema::keys().map(Key::name)),
            // At the top of a file there are keys and sections.
            false => {
                let top = schema::keys().filter(|key| key.section().is_none());
                let sections = schema::sections().into_iter();
                nearest(name, sections.chain(top.map(Key::name)))
            }
        };
        if let Some(near) = near {
            let remedy = match schema::is_section(near) {
                true => format!("did you mean the section {near}?"),
                false => format!("did you mean {near}?"),
            };
            return Self::of(error, remedy, Some(near));
        }
        // The right name in the wrong place.
        let short = name.rsplit('.').next().unwrap_or(name);
        if let Some(key) = schema::keys().find(|key| key.short_name() == short) {
            let remedy = format!("did you mean {}?", key.name());
            return Self::of(error, remedy, Some(key.name()));
        }
        let remedy = match name.split_once('.') {
            Some((section, _)) if schema::is_section(section) => {
                format!("glmsg config reference lists the keys of {section}")
            }
            _ => format!(
                "there are the sections {}; glmsg config reference lists all keys",
                schema::sections().join(", ")
            ),
        };
        Self::of(error, remedy, None)
    }

    pub(super) fn of(error: Error, remedy: impl Into<String>, meant: Option<&'static str>) -> Self {
        let error = error.remedy(remedy);
        Self { error, meant }
    }
}
