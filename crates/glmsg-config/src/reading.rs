//! Making a value of what was written, by the form of its key.

use glmsg_core::Error;

use crate::document::Content;
use crate::fault::{excerpt, refused};
use crate::schema::{Form, Key};
use crate::{Origin, Secret, Value};

/// The value, or none where nothing was said.
pub(crate) fn read(key: &Key, content: &Content, at: &Origin) -> Result<Option<Value>, Error> {
    if matches!(content, Content::Null) {
        return Ok(None);
    }
    // A variable that is set to nothing is the usual way to unset one.
    if matches!(content, Content::Word(text) if text.is_empty()) {
        return Ok(None);
    }
    match value(key.form(), content) {
        Ok(value) => Ok(Some(value)),
        Err(why) => Err(wrong(key, content, &why, at)),
    }
}

/// Why a value is not taken.
enum Why {
    /// It is of another form.
    Form,
    /// It looks like a number or a flag, and a text is wanted.
    NeedsQuotes,
    /// It is a text, and no text is wanted.
    HasQuotes,
    /// There is nothing in it.
    Empty,
    /// There is a line break or the like in it.
    Control,
}

fn wrong(key: &Key, content: &Content, why: &Why, at: &Origin) -> Error {
    let name = key.name();
    let expected = key.form().expected();
    let shown = match content {
        _ if key.is_secret() => String::new(),
        Content::Plain(text) | Content::Quoted(text) | Content::Word(text) => {
            // What has an @ may be an address with a password.
            match text.contains('@') {
                true => String::new(),
                false => format!(", not \"{}\"", excerpt(text)),
            }
        }
        Content::List(_) => ", not a list".to_owned(),
        Content::Map(_) => ", not a section".to_owned(),
        Content::Null => String::new(),
    };
    match why {
        Why::Form => {
            let error = refused(format!("{name} takes {expected}{shown}"), at);
            match key.form() {
                Form::Only(_, why) => error.remedy(format!("take the key out: {why}")),
                Form::Word(words) => match content {
                    Content::Plain(text) | Content::Quoted(text) | Content::Word(text) => {
                        let near = crate::schema::nearest(text, words.iter().copied());
                        match near {
                            Some(near) => error.remedy(format!("did you mean {near}?")),
                            None => error,
                        }
                    }
                    _ => error,
                },
                _ => error,
            }
        }
        Why::NeedsQuotes => {
            refused(format!("{name} takes {expected}{shown}"), at).remedy("put it in quotes")
        }
        Why::HasQuotes => {
            refused(format!("{name} takes {expected}{shown}"), at).remedy("take away the quotes")
        }
        Why::Empty => refused(format!("{name} is empty"), at)
            .remedy(format!("give it {expected}, or take the key out")),
        Why::Control => refused(format!("{name} has a line break or the like in it"), at)
            .remedy("write it on one line"),
    }
}

fn value(form: Form, content: &Content) -> Result<Value, Why> {
    match form {
        Form::Flag => flag(bare(content)?).map(Value::Flag).ok_or(Why::Form),
        Form::Whole { least, most } => {
            let number = bare(content)?.replace('_', "").parse::<u64>().ok();
            let number = number.filter(|number| (least..=most).contains(number));
            number.map(Value::Whole).ok_or(Why::Form)
        }
        Form::Number { least, most } => {
            let number = bare(content)?.parse::<f64>().ok();
            let number = number.filter(|number| (least..=most).contains(number));
            number.map(Value::Number).ok_or(Why::Form)
        }
        Form::Text | Form::Path => text(content).map(Value::Text),
        Form::Secret => match content {
            Content::Quoted(text) | Content::Word(text) if !text.is_empty() => {
                Ok(Value::Secret(Secret::new(text)))
            }
            _ => text(content).map(|text| Value::Secret(Secret::new(text))),
        },
        Form::Word(words) => {
            let (Content::Plain(text) | Content::Quoted(text) | Content::Word(text)) = content
            else {
                return Err(Why::Form);
            };
            let found = words.iter().find(|word| word.eq_ignore_ascii_case(text));
            found
                .map(|word| Value::Text((*word).to_owned()))
                .ok_or(Why::Form)
        }
        Form::List => list(content).map(Value::List),
        Form::Only(only, _) => {
            let (Content::Plain(text) | Content::Quoted(text) | Content::Word(text)) = content
            else {
                return Err(Why::Form);
            };
            match is_the_same(only, text) {
                true => Ok(Value::Text(only.to_owned())),
                false => Err(Why::Form),
            }
        }
    }
}

/// What stands without quotes.
fn bare(content: &Content) -> Result<&str, Why> {
    match content {
        Content::Plain(text) | Content::Word(text) => Ok(text.trim()),
        Content::Quoted(_) => Err(Why::HasQuotes),
        _ => Err(Why::Form),
    }
}

fn flag(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn text(content: &Content) -> Result<String, Why> {
    let text = match content {
        // As a number or a flag it is likely to be written otherwise than it is meant: 007, 1e5, no.
        Content::Plain(text) if text.parse::<f64>().is_ok() || flag(text).is_some() => {
            return Err(Why::NeedsQuotes);
        }
        Content::Plain(text) | Content::Quoted(text) | Content::Word(text) => text,
        _ => return Err(Why::Form),
    };
    if text.is_empty() {
        return Err(Why::Empty);
    }
    if text.contains(char::is_control) {
        return Err(Why::Control);
    }
    Ok(text.clone())
}

fn list(content: &Content) -> Result<Vec<String>, Why> {
    let texts = match content {
        Content::List(nodes) => {
            let texts = nodes.iter().map(text);
            texts.collect::<Result<Vec<_>, _>>()?
        }
        _ => {
            let text = text(content)?;
            text.split(',').map(|part| part.trim().to_owned()).collect()
        }
    };
    match texts.iter().any(String::is_empty) || texts.is_empty() {
        true => Err(Why::Empty),
        false => Ok(texts),
    }
}

/// Whether two ways of writing are one value: 5 and 5.0, UTF-8 and utf-8.
fn is_the_same(one: &str, other: &str) -> bool {
    let other = other.trim();
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => one == other,
        _ => match (flag(one), flag(other)) {
            (Some(one), Some(other)) => one == other,
            _ => one.eq_ignore_ascii_case(other),
        },
    }
}
