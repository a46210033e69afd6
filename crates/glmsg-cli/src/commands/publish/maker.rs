//! Making a message of a piece of the input.

use std::collections::HashMap;

use glmsg::{ContentType, Message, MessageBuilder, MessageId, codec};
use serde_json::value::RawValue;

use super::Args;
use super::feed::Made;
use crate::derived_id::derived_id;
use crate::failure::Failure;
use crate::input::{BadPiece, Format, Piece};
use crate::preferences::Preferences;

/// Makes messages of one kind.
#[derive(Debug)]
pub(super) struct Maker {
    template: Template,
    content_type: ContentType,
    key_field: Option<String>,
    id_field: Option<String>,
}

/// What all messages have in common. A message that was built once with it is known to be
/// acceptable but for its payload, key and id.
#[derive(Debug)]
struct Template(Message);

impl Maker {
    pub(super) fn new(args: &Args, preferences: &Preferences) -> Result<Self, Failure> {
        let is_json = matches!(args.format, Format::Jsonl | Format::JsonArray);
        if !is_json && (args.key_field.is_some() || args.id_field.is_some()) {
            return Err(Failure::usage(
                "--key-field and --id-field need objects: use --format jsonl or json-array",
            ));
        }
        let mut template = Message::builder(&args.topic)
            .priority(args.priority)
            .max_retries(
                args.max_retries
                    .or(preferences.max_retries)
                    .unwrap_or(Message::DEFAULT_MAX_RETRIES),
            );
        for (name, value) in &args.header {
            template = template.header(name, value);
        }
        if let Some(ttl) = args.ttl {
            template = template.ttl(ttl);
        }
        if let Some(delay) = args.delay {
            template = template.delay(delay);
        }
        let template = template
            .build()
            .map_err(|e| Failure::usage(e.to_string()))?;
        let content_type = args.content_type.clone();
        Ok(Self {
            template: Template(template),
            content_type: content_type.unwrap_or_else(|| args.format.content_type()),
            key_field: args.key_field.clone(),
            id_field: args.id_field.clone(),
        })
    }

    /// The message of `piece`.
    pub(super) fn make(&self, piece: Piece) -> Result<Made, BadPiece> {
        let Piece { number, bytes } = piece;
        let bad = |why: String| BadPiece {
            number,
            why,
            passable: true,
        };
        self.check(&bytes).map_err(bad)?;
        let message = self.message(bytes).map_err(bad)?;
        Ok(Made { number, message })
    }

    /// A payload that is not what it is declared to be helps nobody: it would be a dead letter of
    /// every group.
    fn check(&self, bytes: &[u8]) -> Result<(), String> {
        let text = |e: glmsg::Error| e.message().replace(" at line 1 column ", " at column ");
        match self.content_type.essence() {
            _ if self.content_type.is_json() => codec::check_json(bytes).map_err(text),
            "application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack" => {
                match codec::check_msgpack(bytes) {
                    Ok(length) if length == bytes.len() => Ok(()),
                    Ok(length) => Err(format!(
                        "not one MessagePack value: it ends after {length} of {} bytes",
                        bytes.len()
                    )),
                    Err(e) => Err(text(e)),
                }
            }
            _ if self.content_type.is_text() => match std::str::from_utf8(bytes) {
                Ok(_) => Ok(()),
                Err(e) => Err(format!(
                    "not UTF-8 at byte {}; --content-type application/octet-stream takes any bytes",
                    e.valid_up_to() + 1
                )),
            },
            _ => Ok(()),
        }
    }

    fn message(&self, bytes: Vec<u8>) -> Result<Message, String> {
        let mut builder = self.template.builder();
        if self.key_field.is_some() || self.id_field.is_some() {
            let fields: HashMap<String, &RawValue> = serde_json::from_slice(&bytes)
                .map_err(|_| "not a JSON object, which --key-field and --id-field need")?;
            if let Some(name) = &self.key_field {
                builder = builder.key(field(&fields, name)?);
            }
            if let Some(name) = &self.id_field {
                let text = field(&fields, name)?;
                let topic = self.template.0.topic().as_str();
                let id = text.parse::<MessageId>();
                let derived = || derived_id(&[topic.as_bytes(), text.as_bytes()]);
                builder = builder.id(id.unwrap_or_else(|_| derived()));
            }
        }
        builder
            .content_type(self.content_type.clone())
            .payload(bytes)
            .build()
            .map_err(|e| e.to_string())
    }
}

impl Template {
    fn builder(&self) -> MessageBuilder {
        // The copy would keep the id and the time, too; each message has its own.
        self.0
            .to_builder()
            .id(MessageId::new())
            .created_at(glmsg::Clock::now(&glmsg::SystemClock))
    }
}

/// A field that is a text or a number.
fn field(fields: &HashMap<String, &RawValue>, name: &str) -> Result<String, String> {
    let Some(value) = fields.get(name) else {
        return Err(format!("it has no field {name:?}"));
    };
    let value = value.get();
    match value.as_bytes().first() {
        Some(b'"') => serde_json::from_str(value).map_err(|e| e.to_string()),
        Some(b'-' | b'0'..=b'9') => Ok(value.to_owned()),
        _ => Err(format!("its field {name:?} is neither a text nor a number")),
    }
}
