//! Reading the members of an untrusted JSON object.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::message::check;
use crate::{Error, ErrorKind, MessageBuilder, Result};

/// More members than any form has, headers and extensions included.
const MAX_MEMBERS: usize = 256;

/// The members of an object, each as the text it had. A name stands once.
pub(crate) struct Members<'a> {
    members: Vec<(String, &'a RawValue)>,
    what: &'static str,
    member: &'static str,
}

impl<'a> Members<'a> {
    /// Takes the object apart, but not its values. `what` names it in errors, and `member` what it
    /// is made of.
    pub(crate) fn parse(text: &'a str, what: &'static str, member: &'static str) -> Result<Self> {
        let members: Raw<'a> = serde_json::from_str(text)
            .map_err(|e| Error::new(ErrorKind::Codec, format!("not the {what}")).source(e))?;
        Ok(Self {
            members: members.0,
            what,
            member,
        })
    }

    /// No attributes, for errors after they were taken apart.
    pub(crate) const fn empty(what: &'static str) -> Self {
        Self {
            members: Vec::new(),
            what,
            member: "attribute",
        }
    }

    /// Takes a member out as it stands, `null` included.
    pub(crate) fn raw(&mut self, name: &str) -> Option<&'a RawValue> {
        let at = self.members.iter().position(|(n, _)| n == name)?;
        Some(self.members.swap_remove(at).1)
    }

    /// Takes a member out unless it is `null`.
    fn value(&mut self, name: &str) -> Option<&'a RawValue> {
        self.raw(name).filter(|raw| raw.get() != "null")
    }

    /// A member that is a string.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>> {
        let Some(raw) = self.value(name) else {
            return Ok(None);
        };
        match serde_json::from_str(raw.get()) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(self.wrong(name, "it is no string")),
        }
    }

    /// A member that is a string and passes `check`.
    pub(crate) fn checked(
        &mut self,
        name: &'static str,
        check: fn(&str) -> Result<()>,
    ) -> Result<Option<String>> {
        let text = self.text(name)?;
        let checked = text.as_deref().map_or(Ok(()), check);
        checked.map_err(|e| self.refused(name, e))?;
        Ok(text)
    }

    /// A member that is a string in which a `T` is written.
    pub(crate) fn parsed<T: FromStr<Err = Error>>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|e| self.refused(name, e)),
        }
    }

    /// Sets a field of the message from a member, if that is there.
    pub(crate) fn set<T: FromStr<Err = Error>>(
        &mut self,
        builder: MessageBuilder,
        name: &'static str,
        set: fn(MessageBuilder, T) -> MessageBuilder,
    ) -> Result<MessageBuilder> {
        Ok(match self.parsed(name)? {
            Some(value) => set(builder, value),
            None => builder,
        })
    }

    /// A member that is a whole number from 0 to `max`, or a string of its digits.
    pub(crate) fn integer(&mut self, name: &'static str, max: u64) -> Result<Option<u64>> {
        let Some(raw) = self.value(name) else {
            return Ok(None);
        };
        match raw.get().trim_matches('"').parse() {
            Ok(n) if n <= max => Ok(Some(n)),
            _ => {
                let why = format!("it is no whole number from 0 to {max}");
                Err(self.wrong(name, &why))
            }
        }
    }

    /// A member that is an object.
    pub(crate) fn object(&mut self, name: &'static str) -> Result<Option<Members<'a>>> {
        let Some(raw) = self.value(name) else {
            return Ok(None);
        };
        let members = Members::parse(raw.get(), self.what, self.member);
        members.map(Some).map_err(|e| self.refused(name, e))
    }

    /// A member that is bytes in base64. Their number is bounded like a payload's.
    pub(crate) fn base64(&mut self, name: &'static str) -> Result<Option<Bytes>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        check::payload_len(text.len() / 4 * 3).map_err(|e| self.refused(name, e))?;
        match BASE64_STANDARD.decode(text) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(e) => Err(self.wrong(name, "it is no base64").source(e)),
        }
    }

    /// The payload that a member holds: the JSON itself, or the text of a string.
    pub(crate) fn payload(
        &self,
        raw: &RawValue,
        name: &'static str,
        is_json: bool,
    ) -> Result<Bytes> {
        check::payload_len(raw.get().len()).map_err(|e| self.refused(name, e))?;
        if is_json {
            return Ok(Bytes::copy_from_slice(raw.get().as_bytes()));
        }
        match serde_json::from_str::<String>(raw.get()) {
            Ok(text) => Ok(text.into()),
            Err(_) => Err(self.wrong(name, "for a content type that is not JSON, it is a string")),
        }
    }

    /// What is left, all of which must be strings.
    pub(crate) fn texts(self) -> Result<Vec<(String, String)>> {
        let text = |(name, raw): &(String, &RawValue)| {
            let text = serde_json::from_str(raw.get()).map_err(|e| {
                Error::new(ErrorKind::Codec, format!("not a valid {}", self.what))
                    .with("header", crate::name::excerpt(name))
                    .source(e)
            })?;
            Ok((name.clone(), text))
        };
        self.members.iter().map(text).collect()
    }

    /// What is left.
    pub(crate) fn rest(self) -> Vec<(String, &'a RawValue)> {
        self.members
    }

    /// The error about one member.
    #[cold]
    pub(crate) fn wrong(&self, name: &str, why: &str) -> Error {
        let text = format!("not a valid {}: {why}", self.what);
        Error::new(ErrorKind::Codec, text).with(self.member, crate::name::excerpt(name))
    }

    /// The error about one member whose content a message would refuse, too.
    #[cold]
    pub(crate) fn refused(&self, name: &str, why: Error) -> Error {
        self.wrong_message(why)
            .with(self.member, crate::name::excerpt(name))
    }

    /// The error about a message that cannot be built.
    #[cold]
    pub(crate) fn wrong_message(&self, why: Error) -> Error {
        let kind = match why.kind() {
            ErrorKind::TooLarge => ErrorKind::TooLarge,
            _ => ErrorKind::Codec,
        };
        Error::new(kind, format!("not a valid {}", self.what)).source(why)
    }
}

struct Raw<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        from.deserialize_map(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Raw<'de>, A::Error> {
        let mut members: Vec<(String, &'de RawValue)> = Vec::new();
        while let Some((name, raw)) = map.next_entry::<String, &'de RawValue>()? {
            let shown = || crate::name::excerpt(&name);
            if members.iter().any(|(n, _)| *n == name) {
                return Err(A::Error::custom(format!("\"{}\" stands twice", shown())));
            }
            if members.len() == MAX_MEMBERS {
                return Err(A::Error::custom("more than 256 members"));
            }
            members.push((name, raw));
        }
        Ok(Raw(members))
    }
}
