//! The address of the broker, as `connect` takes it, made of what the sections say.

mod kafka;
mod local;
mod name;
mod percent;
mod query;
mod redis;
mod topics;

use std::fmt;
use std::path::Path;

use glmsg_core::{Error, Result};

use self::query::Query;
use crate::builder::secret_text;
use crate::fault::{Faults, refused};
use crate::given::Given;
use crate::schema;
use crate::{Origin, Secret};

/// The URL of a broker, which may hold a password. `Debug` and `Display` show it without login and
/// settings.
///
/// ```
/// use glmsg_config::SettingsBuilder;
///
/// let settings = SettingsBuilder::new()
///     .set("redis.host", "db.local")?
///     .set("redis.password", "p@ss/w:rd")?
///     .build()?;
/// assert_eq!(settings.broker().reveal(), "redis://:p%40ss%2Fw%3Ard@db.local:6379/0");
/// assert_eq!(settings.broker().to_string(), "redis://db.local:6379/0");
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerUrl(Secret);

impl BrokerUrl {
    fn new(url: impl Into<String>) -> Self {
        Self(Secret::new(url))
    }

    /// The whole URL, for the moment it is needed.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    /// What it begins with: `redis`, `rediss+sentinel`, `kafka`, `sqlite`, `memory`.
    pub fn scheme(&self) -> &str {
        self.reveal().split(':').next().unwrap_or_default()
    }

    /// The section of keys that is about this broker.
    pub(crate) fn section(&self) -> &'static str {
        let scheme = self.scheme();
        match scheme.split('+').next().unwrap_or(scheme) {
            "redis" | "rediss" => "redis",
            "kafka" => "kafka",
            "sqlite" => "sqlite",
            _ => "memory",
        }
    }

    /// The keys and values after the question mark.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, String)> {
        let query = self.reveal().split_once('?').map_or("", |(_, query)| query);
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.map(|(name, value)| (name, percent::decode(value)))
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.reveal().split_once(':').unwrap_or_default();
        let (slashes, rest) = match rest.strip_prefix("//") {
            Some(rest) => ("//", rest),
            None => ("", rest),
        };
        // A login that was not encoded may hold any of these characters; the last @ ends it.
        let (login, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        // Unless it is in a setting, such as a password for sentinels: who can tell?
        if login
            .split_once('?')
            .is_some_and(|(_, query)| query.contains('='))
        {
            return write!(f, "{scheme}:{slashes}***");
        }
        let place = place.split('?').next().unwrap_or_default();
        write!(f, "{scheme}:{slashes}{place}")
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BrokerUrl({self})")
    }
}

/// The address, without what topics and messages add to it; none where it cannot be known. One that is
/// made of what is wrong is of no use but to look for more that is.
pub(crate) fn resolve(given: &Given, faults: &mut Faults) -> Option<BrokerUrl> {
    if given.is_doubtful(&[
        "broker",
        "broker_file",
        "broker_type",
        "redis",
        "kafka",
        "sqlite",
    ]) {
        return None;
    }
    if let Some(url) = faults.note(whole(given))? {
        overrule(given, faults);
        return Some(url);
    }
    let is_set = |section: &str| {
        let mut names = given.iter().filter_map(|(name, _)| name.split_once('.'));
        names.any(|(of, _)| of == section) || given.has_doubts_in(section)
    };
    let kind = match given.text("broker_type") {
        Some(kind) => kind,
        None if is_set("redis") => "redis",
        None if is_set("kafka") => "kafka",
        None => "sqlite",
    };
    Some(match kind {
        "redis" => redis::url(given, faults),
        "kafka" => kafka::url(given, faults),
        "sqlite" => local::sqlite(given, faults),
        _ => BrokerUrl::new("memory:"),
    })
}

/// The key that gives the address as a whole, if one does.
fn whole_key(given: &Given) -> Option<&'static str> {
    let names = ["broker", "broker_file"];
    names.into_iter().find(|name| given.get(name).is_some())
}

/// The address that somebody gave as a whole.
fn whole(given: &Given) -> Result<Option<BrokerUrl>> {
    let Some((name, text)) = whole_key(given).and_then(|name| Some((name, given.text(name)?)))
    else {
        return Ok(None);
    };
    let url = match name {
        "broker" => text.to_owned(),
        _ => secret_text(
            Path::new(text),
            "the file with the broker's address cannot be read",
        )?,
    };
    let has_scheme = url.split_once(':').is_some_and(|(scheme, _)| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        !scheme.is_empty() && scheme.chars().all(plain)
    });
    if !has_scheme || url.contains(char::is_control) {
        let at = given.origin(name);
        return Err(refused(format!("{name} is no address of a broker"), &at)
            .remedy("write it like redis://HOST:6379, kafka://HOST:9092 or sqlite:PATH"));
    }
    Ok(Some(BrokerUrl::new(url)))
}

/// What would be lost in silence beside an address that was given as a whole.
fn overrule(given: &Given, faults: &mut Faults) {
    let Some(name) = whole_key(given) else {
        return;
    };
    let (at, rank) = (given.origin(name), given.get(name).map(|it| it.rank));
    for (other, it) in given.iter() {
        if is_of_address(other) && Some(it.rank) >= rank {
            faults.add(overruled(other, &it.origin, name, &at));
        }
    }
}

fn overruled(other: &str, origin: &Origin, name: &str, at: &Origin) -> Error {
    refused(
        format!("{other} has no effect beside {name}, which is set by {at}"),
        origin,
    )
    .remedy(format!(
        "say it in the address, or take {name} away and name the broker by its section"
    ))
}

/// Whether a key says how a broker is reached.
fn is_of_address(name: &str) -> bool {
    let Some(key) = schema::key(name) else {
        return false;
    };
    let is_section = matches!(key.section(), Some("redis" | "kafka" | "sqlite"));
    // What is compared with the server, or has one value only, is no part of an address.
    let is_apart = key.stands_for().is_some()
        || matches!(key.form(), schema::Form::Only(..))
        || name == "redis.aof_enabled";
    name == "broker_type" || (is_section && !is_apart)
}

/// Adds what topics and messages say.
pub(crate) fn with_topics(url: &BrokerUrl, given: &Given, faults: &mut Faults) -> BrokerUrl {
    topics::add(url, given, faults)
}

/// A query to be put behind an address.
fn finish(mut url: String, query: &Query) -> BrokerUrl {
    query.write_to(&mut url);
    BrokerUrl::new(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_login_and_settings() {
        for (url, shown) in [
            ("sqlite:glmsg.db?max_len=5", "sqlite:glmsg.db"),
            ("memory:", "memory:"),
            ("redis://h:1/2?namespace=n", "redis://h:1/2"),
            ("redis://u:c4n4ry@sh?x/y@h:1?name=n", "redis://h:1"),
            ("redis:u:c4n4ry@h", "redis:h"),
            (
                "redis+sentinel://h/m?sentinel_password=c4n4ry@sh",
                "redis+sentinel://***",
            ),
            ("redis://u:c4n4ry?x=y@h:1", "redis://***"),
        ] {
            assert_eq!(BrokerUrl::new(url).to_string(), shown);
            assert_eq!(
                format!("{:?}", BrokerUrl::new(url)),
                format!("BrokerUrl({shown})")
            );
        }
    }
}
