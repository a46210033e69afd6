//! The reference page.

use std::fmt::Write;

use crate::schema::{Form, Key, keys};

const HEAD: &str = "\
# Configuration reference

<!-- Made by `glmsg config reference`. Change the list of keys in `crates/glmsg-config/src/schema`, not this page. -->

All keys of a configuration file and of the environment; [the guide](../guides/configuration.md) says how they are used.
A key of a section is written below it, and in the environment with two underscores: `redis.port` is `GLMSG_REDIS__PORT`.
Of a key that says *only*, another value is refused with the reason: the original has it, and glmsg knows one way.
";

/// The reference page of all keys, as Markdown.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    let mut sections: Vec<Option<&str>> = vec![None];
    for key in keys() {
        if !sections.contains(&key.section()) {
            sections.push(key.section());
        }
    }
    for section in sections {
        let title = match section {
            None => "Without a section".to_owned(),
            Some(name) => format!("`{name}`"),
        };
        // Writing to a text does not fail.
        let _ = write!(
            page,
            "\n## {title}\n\n| key | takes | default | for | variables |\n| --- | --- | --- | --- | --- |\n"
        );
        for key in keys().filter(|key| key.section() == section) {
            let _ = writeln!(page, "{}", row(key));
        }
    }
    page
}

fn row(key: &Key) -> String {
    let default = key
        .default_text()
        .map_or(String::new(), |it| format!("`{it}`"));
    let unit = key.unit().map_or(String::new(), |unit| format!(", {unit}"));
    let mut variables = format!("`{}`", key.variable());
    if let Some(original) = key.original_variable() {
        variables = format!("{variables}, `{original}`");
    }
    format!(
        "| `{}` | {}{unit} | {default} | {} | {variables} |",
        key.short_name(),
        takes(key.form()),
        key.doc(),
    )
}

fn takes(form: Form) -> String {
    match form {
        Form::Flag => "true or false".to_owned(),
        Form::Whole { least, most } => format!("{least} to {most}"),
        Form::Number { least, most } => format!("{least:?} to {most:?}"),
        Form::Text => "text".to_owned(),
        Form::Path => "path".to_owned(),
        Form::Secret => "text, never shown".to_owned(),
        Form::Word(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(", ")
        }
        Form::List => "list, or text with commas".to_owned(),
        Form::Only(only, _) => format!("only `{only}`"),
    }
}
