//! The names of attributes, and what a message's own become headers as.

/// The attributes that stand for fields of a message, or are fixed. All others travel as headers.
pub(super) const OWN: [&str; 21] = [
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "datacontenttype",
    "data",
    "partitionkey",
    "correlationid",
    "traceparent",
    "glmsgid",
    "glmsgtopic",
    "glmsgkey",
    "glmsgpriority",
    "glmsgttlms",
    "glmsgdelayms",
    "glmsgdeliverat",
    "glmsgreplyto",
    "glmsgmaxretries",
    "glmsgheaders",
    "glmsgprovenance",
];

/// Stands before an attribute's name in a header's.
pub(super) const PREFIX: &str = "ce-";
/// The headers in which an event from elsewhere keeps what glmsg has no field for.
pub(super) const ID_HEADER: &str = "ce-id";
pub(super) const SOURCE_HEADER: &str = "ce-source";
pub(super) const TYPE_HEADER: &str = "ce-type";

/// Whether the specification allows this name: `a-z` and `0-9`. It advises 20 characters at most;
/// a header's name has room for more.
pub(super) fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=100).contains(&name.len()) && name.bytes().all(allowed)
}

/// Whether the specification allows this value of a string attribute.
pub(super) fn is_text(value: &str) -> bool {
    !value.is_empty() && !value.chars().any(char::is_control)
}

/// The attribute that this header travels as, if it does not travel in `glmsgheaders`.
pub(super) fn of_header<'a>(name: &'a str, value: &str) -> Option<&'a str> {
    let attribute = name.strip_prefix(PREFIX)?;
    let free = !OWN.contains(&attribute) && attribute != "data_base64";
    (free && is_name(attribute) && is_text(value)).then_some(attribute)
}
