//! The JSON Schema, for editors.

use serde_json::{Map, Value, json};

use crate::schema::{Form, Key, keys};

/// The JSON Schema (draft 2020-12) of a configuration file. Editors complete and check with it.
///
/// ```
/// let schema = glmsg_config::json_schema();
/// assert!(schema.contains("https://json-schema.org/draft/2020-12/schema"));
/// ```
pub fn json_schema() -> String {
    let mut top = Map::new();
    for key in keys() {
        match key.section() {
            None => {
                top.insert(key.short_name().to_owned(), property(key));
            }
            Some(section) => {
                let section = top.entry(section).or_insert_with(|| {
                    json!({
                        "type": ["object", "null"],
                        "additionalProperties": false,
                        "properties": {},
                    })
                });
                if let Some(Value::Object(properties)) = section.get_mut("properties") {
                    properties.insert(key.short_name().to_owned(), property(key));
                }
            }
        }
    }
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of glmsg",
        "type": "object",
        "additionalProperties": false,
        "properties": top,
    });
    // The form that people read.
    format!("{schema:#}\n")
}

fn property(key: &Key) -> Value {
    let text = json!({ "type": ["string", "null"], "minLength": 1 });
    let mut property = match key.form() {
        Form::Flag => json!({ "type": ["boolean", "null"] }),
        Form::Whole { least, most } => {
            json!({ "type": ["integer", "null"], "minimum": least, "maximum": most })
        }
        Form::Number { least, most } => {
            json!({ "type": ["number", "null"], "minimum": least, "maximum": most })
        }
        Form::Text | Form::Path => text,
        Form::Secret => {
            let mut secret = text;
            secret["writeOnly"] = true.into();
            secret
        }
        Form::Word(words) => {
            let mut all: Vec<Value> = words.iter().map(|word| json!(word)).collect();
            for word in words {
                // Capitals or not: the spellings that people use.
                for spelling in [word.to_lowercase(), word.to_uppercase()] {
                    if !all.contains(&json!(spelling)) {
                        all.push(json!(spelling));
                    }
                }
            }
            all.push(Value::Null);
            json!({ "enum": all })
        }
        Form::List => json!({
            "type": ["array", "string", "null"],
            "items": { "type": "string", "minLength": 1 },
            "minItems": 1,
        }),
        Form::Only(..) => json!({ "enum": [default(key), Value::Null] }),
    };
    if let Value::Object(fields) = &mut property {
        let mut doc = key.doc().replace('`', "");
        if let Some(unit) = key.unit() {
            doc = format!("{doc} In {unit}.");
        }
        fields.insert("description".to_owned(), doc.into());
        if key.default_text().is_some() {
            fields.insert("default".to_owned(), default(key));
        }
    }
    property
}

/// The default, as JSON has it.
fn default(key: &Key) -> Value {
    let text = key.default_text().unwrap_or_default();
    match key.form() {
        Form::Text | Form::Path | Form::Secret | Form::Word(_) | Form::List => text.into(),
        _ => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    }
}
