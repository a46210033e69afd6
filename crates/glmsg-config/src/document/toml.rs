//! Reading TOML.

use toml::de::{DeTable, DeValue};

use super::{Content, Entry, MAX_DEPTH, Unreadable, line_at};

pub(super) fn read(text: &str) -> Result<Vec<Entry>, Unreadable> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_at(text, span.start));
        let what = error.message().lines().next().unwrap_or_default();
        Unreadable::new(line, format!("this is no TOML: {what}"))
    })?;
    entries(text, table.get_ref(), 0)
}

fn entries(text: &str, table: &DeTable<'_>, depth: usize) -> Result<Vec<Entry>, Unreadable> {
    let mut entries = Vec::new();
    for (name, value) in table {
        let line = line_at(text, name.span().start);
        let content = content(text, value.get_ref(), line, depth + 1)?;
        entries.push(Entry {
            name: name.get_ref().to_string(),
            line,
            content,
        });
    }
    // The table is in the order of its names, and a mistake is told where it comes first.
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

fn content(
    text: &str,
    value: &DeValue<'_>,
    line: usize,
    depth: usize,
) -> Result<Content, Unreadable> {
    if depth > MAX_DEPTH {
        return Err(Unreadable::too_deep(line));
    }
    Ok(match value {
        DeValue::String(text) => Content::Quoted(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Content::Plain(number.as_str().into()),
        DeValue::Integer(_) => {
            return Err(Unreadable::new(line, "a number is not decimal").remedy("write it in tens"));
        }
        DeValue::Float(number) => Content::Plain(number.as_str().into()),
        DeValue::Boolean(flag) => Content::Plain(flag.to_string()),
        DeValue::Datetime(time) => Content::Plain(time.to_string()),
        DeValue::Array(values) => {
            let mut nodes = Vec::new();
            for value in values {
                let line = line_at(text, value.span().start);
                nodes.push(content(text, value.get_ref(), line, depth + 1)?);
            }
            Content::List(nodes)
        }
        DeValue::Table(table) => Content::Map(entries(text, table, depth)?),
    })
}
