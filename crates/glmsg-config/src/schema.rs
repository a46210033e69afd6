//! All keys there are: the one list that reading, the reference page and the JSON Schema follow.

mod broker;
mod form;
mod kafka;
mod key;
mod nearest;
mod observing;
mod redis;
mod working;

pub use form::Form;
pub use key::Key;
pub(crate) use nearest::{distance, nearest};

/// All keys, in the order of the reference page.
///
/// ```
/// let key = glmsg_config::keys().find(|key| key.name() == "redis.port").unwrap();
/// assert_eq!(key.variable(), "GLMSG_REDIS__PORT");
/// assert_eq!(key.default_text(), Some("6379"));
/// ```
pub fn keys() -> impl Iterator<Item = &'static Key> {
    let sections: [&'static [Key]; 7] = [
        broker::GENERAL,
        redis::KEYS,
        kafka::KEYS,
        broker::SQLITE,
        working::TOPICS,
        working::CONSUMER,
        observing::KEYS,
    ];
    sections.into_iter().flatten()
}

/// The key of a name.
pub(crate) fn key(name: &str) -> Option<&'static Key> {
    keys().find(|key| key.name() == name)
}

/// Whether there are keys in a section.
pub(crate) fn is_section(name: &str) -> bool {
    keys().any(|key| key.section() == Some(name))
}

/// The names of all sections, each once.
pub(crate) fn sections() -> Vec<&'static str> {
    let mut names: Vec<&str> = keys().filter_map(Key::section).collect();
    names.dedup();
    names
}
