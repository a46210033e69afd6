//! The variables that are ours.

use std::ffi::{OsStr, OsString};

use glmsg_core::Result;

use super::slip::Slip;
use crate::Origin;
use crate::fault::{excerpt, refused};
use crate::given::Rank;
use crate::schema::{self, Key, nearest};

const OURS: &str = "GLMSG_";
const ORIGINALS: &str = "GREENLANG_";

/// The original's, for its tests alone.
const ORIGINAL_TESTS: &str = "GREENLANG_TEST_";

/// What a program reads before there are settings.
const FILE: &str = "GLMSG_CONFIG";

/// A variable that sets a key.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) key: &'static Key,
    pub(super) value: String,
    pub(super) rank: Rank,
}

/// What a variable sets; none if it is not one of ours.
pub(super) fn variable(name: &OsStr, value: OsString) -> Result<Option<Variable>, Slip> {
    let Some(name) = name.to_str() else {
        return Ok(None);
    };
    // Set to nothing is the usual way to unset one, whatever it was meant for.
    if value.is_empty() {
        return Ok(None);
    }
    let found = if let Some(rest) = name.strip_prefix(OURS) {
        ours(name, rest)?.map(|key| (key, Rank::Variable))
    } else if name.starts_with(ORIGINALS) && !name.starts_with(ORIGINAL_TESTS) {
        original(name)?.map(|key| (key, Rank::OriginalVariable))
    } else {
        None
    };
    let Some((key, rank)) = found else {
        return Ok(None);
    };
    let value = value.into_string().map_err(|_| {
        let at = Origin::Variable(name.to_owned());
        let error = refused(format!("the value of {} is not UTF-8", key.name()), &at);
        Slip::of(error, "set it in UTF-8", Some(key.name()))
    })?;
    Ok(Some(Variable {
        name: name.to_owned(),
        key,
        value,
        rank,
    }))
}

fn ours(name: &str, rest: &str) -> Result<Option<&'static Key>, Slip> {
    let written = rest.to_lowercase().replace("__", ".");
    let known = schema::key(&written);
    if known.is_some() && rest == rest.to_uppercase() {
        return Ok(known);
    }
    if name == FILE {
        return Ok(None);
    }
    // With two underscores it is meant for us. Others share the beginning, such as what a command
    // run by `glmsg consume` is given; of those only one that is close to a key is a slip.
    let is_meant = rest.contains("__");
    let variables: Vec<String> = schema::keys().map(Key::variable).collect();
    let underscores = name.replacen("__", "_", 1);
    let slip = variables.iter().find(|known| {
        known.replacen("__", "_", 1) == underscores || known.eq_ignore_ascii_case(name)
    });
    let near = match (slip, is_meant) {
        (Some(slip), _) => Some(slip.as_str()),
        (None, true) => nearest(name, variables.iter().map(String::as_str)),
        (None, false) => {
            let close = |known: &&String| {
                !known.contains("__") && schema::distance(&known[OURS.len()..], rest) <= 2
            };
            match variables.iter().find(close) {
                Some(near) => Some(near.as_str()),
                None => return Ok(None),
            }
        }
    };
    Err(unknown(name, near))
}

/// The original is part of a system that sets others of this beginning, and they are none of ours: only one
/// that is close to a key is a slip.
fn original(name: &str) -> Result<Option<&'static Key>, Slip> {
    let of = |key: &&'static Key| key.original_variable() == Some(name);
    if let Some(key) = schema::keys().find(of) {
        return Ok(Some(key));
    }
    let close = |known: &&str| schema::distance(known, name) <= 2;
    match schema::keys()
        .filter_map(Key::original_variable)
        .find(close)
    {
        Some(near) => Err(unknown(name, Some(near))),
        None => Ok(None),
    }
}

fn unknown(name: &str, near: Option<&str>) -> Slip {
    let error = refused(
        format!("the variable {} names no key", excerpt(name)),
        &Origin::Default,
    );
    let Some(near) = near else {
        let remedy = "a key of a section is GLMSG_SECTION__KEY; unset what is not meant for glmsg";
        return Slip::of(error, remedy, None);
    };
    let sets = |key: &&Key| key.variable() == near || key.original_variable() == Some(near);
    let meant = schema::keys().find(sets).map(Key::name);
    Slip::of(error, format!("did you mean {near}?"), meant)
}
