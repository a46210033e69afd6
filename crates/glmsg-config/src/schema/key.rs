//! One key.

use super::Form;

/// One key: its name, what it takes, and what it is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    name: &'static str,
    form: Form,
    default: Option<&'static str>,
    unit: Option<&'static str>,
    doc: &'static str,
    is_original: bool,
    original_variable: Option<&'static str>,
    stands_for: Option<(&'static str, u64)>,
}

impl Key {
    /// A key with this name, what it takes, and what it is for.
    pub(super) const fn new(name: &'static str, form: Form, doc: &'static str) -> Self {
        Self {
            name,
            form,
            default: None,
            unit: None,
            doc,
            is_original: false,
            original_variable: None,
            stands_for: None,
        }
    }

    pub(super) const fn defaults_to(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    pub(super) const fn unit_of(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }

    /// The original has it, too.
    pub(super) const fn original(mut self) -> Self {
        self.is_original = true;
        self
    }

    /// The original has it, and a variable for it.
    pub(super) const fn also_by(mut self, name: &'static str) -> Self {
        self.original_variable = Some(name);
        self.original()
    }

    /// It is the original's name for another key, whose unit is so many times smaller.
    pub(super) const fn for_key(mut self, name: &'static str, factor: u64) -> Self {
        self.stands_for = Some((name, factor));
        self.original()
    }

    /// Its name in a file, with the section before a dot: `redis.port`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The section it stands in; none for those at the top of a file.
    pub fn section(&self) -> Option<&'static str> {
        self.name.split_once('.').map(|(section, _)| section)
    }

    /// Its name within its section.
    pub fn short_name(&self) -> &'static str {
        self.name
            .split_once('.')
            .map_or(self.name, |(_, name)| name)
    }

    /// The variable of the environment that sets it.
    pub fn variable(&self) -> String {
        format!("GLMSG_{}", self.name.replace('.', "__").to_uppercase())
    }

    /// The variable of the original that sets it, if it had one.
    pub const fn original_variable(&self) -> Option<&'static str> {
        self.original_variable
    }

    /// Whether the original's files have it.
    pub const fn is_original(&self) -> bool {
        self.is_original
    }

    /// What it takes.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Whether its value is never shown.
    pub fn is_secret(&self) -> bool {
        self.form == Form::Secret
    }

    /// What it is where nobody says anything, as a file would say it.
    pub const fn default_text(&self) -> Option<&'static str> {
        self.default
    }

    /// What its number counts, such as `ms`.
    pub const fn unit(&self) -> Option<&'static str> {
        self.unit
    }

    /// What it is for, in a sentence or two.
    pub const fn doc(&self) -> &'static str {
        self.doc
    }

    /// The key whose value it sets, on brokers of its section.
    pub fn stands_for(&self) -> Option<&'static str> {
        self.stands_for.map(|(name, _)| name)
    }

    /// How many of the other key's units one of its own is.
    pub(crate) fn factor(&self) -> u64 {
        self.stands_for.map_or(1, |(_, factor)| factor)
    }
}
