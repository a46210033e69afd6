//! Reading JSON. The library tells no lines; each value is taken as the piece of the text that it
//! is, and where that piece lies is known.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Content, Entry, MAX_DEPTH, Unreadable, line_at};

/// The members of an object in their order, twofold ones included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &RawValue>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(All)
    }
}

pub(super) fn read(text: &str) -> Result<Vec<Entry>, Unreadable> {
    let whole: &RawValue = serde_json::from_str(text).map_err(|error| {
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        Unreadable::new(error.line().max(1), format!("this is no JSON: {what}"))
    })?;
    match content(text, whole, 0)? {
        Content::Map(entries) => Ok(entries),
        Content::Null => Ok(Vec::new()),
        _ => Err(Unreadable::new(1, "the file holds no object")
            .remedy("write it like { \"redis\": { \"host\": \"NAME\" } }")),
    }
}

fn line(text: &str, value: &RawValue) -> usize {
    let at = value.get().as_ptr().addr();
    line_at(text, at.saturating_sub(text.as_ptr().addr()))
}

fn content(text: &str, value: &RawValue, depth: usize) -> Result<Content, Unreadable> {
    let here = line(text, value);
    if depth > MAX_DEPTH {
        return Err(Unreadable::too_deep(here));
    }
    let wrong = |error: serde_json::Error| {
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        Unreadable::new(here, format!("this is no JSON: {what}"))
    };
    let piece = value.get();
    Ok(match piece.as_bytes().first() {
        Some(b'{') => {
            let members: Members<'_> = serde_json::from_str(piece).map_err(wrong)?;
            let mut entries = Vec::new();
            for (name, value) in members.0 {
                let line = line(text, value);
                let content = content(text, value, depth + 1)?;
                entries.push(Entry {
                    name,
                    line,
                    content,
                });
            }
            Content::Map(entries)
        }
        Some(b'[') => {
            let values: Vec<&RawValue> = serde_json::from_str(piece).map_err(wrong)?;
            let mut nodes = Vec::new();
            for value in values {
                nodes.push(content(text, value, depth + 1)?);
            }
            Content::List(nodes)
        }
        Some(b'"') => Content::Quoted(serde_json::from_str(piece).map_err(wrong)?),
        _ if piece == "null" => Content::Null,
        _ => Content::Plain(piece.to_owned()),
    })
}
