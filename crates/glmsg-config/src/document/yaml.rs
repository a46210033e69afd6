//! Reading YAML, event by event: nothing is built that a file of settings does not need.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::{Content, Entry, MAX_DEPTH, Unreadable};

const NO_REFERENCES: &str = "write the value out where it is needed";

struct Reader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    line: usize,
}

pub(super) fn read(text: &str) -> Result<Vec<Entry>, Unreadable> {
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        line: 1,
    };
    let mut entries = None;
    loop {
        match reader.next()?.0 {
            Event::StreamEnd => return Ok(entries.unwrap_or_default()),
            Event::DocumentStart(_) if entries.is_some() => {
                return Err(Unreadable::new(reader.line, "a second document begins")
                    .remedy("keep one document in a file"));
            }
            Event::DocumentStart(_) => entries = Some(reader.document()?),
            _ => {}
        }
    }
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Unreadable> {
        match self.events.next() {
            Some(Ok((event, span))) => {
                self.line = span.start.line().max(1);
                Ok((event, span))
            }
            Some(Err(error)) => {
                let line = error.marker().line().max(1);
                Err(Unreadable::new(
                    line,
                    format!("this is no YAML: {}", error.info()),
                ))
            }
            None => Err(Unreadable::new(self.line, "the file ends in the middle")),
        }
    }

    fn document(&mut self) -> Result<Vec<Entry>, Unreadable> {
        let (event, _) = self.next()?;
        let line = self.line;
        match self.node(event, 0)? {
            Content::Map(entries) => Ok(entries),
            Content::Null => Ok(Vec::new()),
            _ => Err(Unreadable::new(line, "the file holds no keys")
                .remedy("write it like redis: and below, indented, host: NAME")),
        }
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Content, Unreadable> {
        let line = self.line;
        if depth > MAX_DEPTH {
            return Err(Unreadable::too_deep(line));
        }
        Ok(match event {
            Event::Scalar(text, style, anchor, tag) => {
                plain(anchor, tag.is_some(), line)?;
                scalar(text.into_owned(), style)
            }
            Event::SequenceStart(anchor, tag) => {
                plain(anchor, tag.is_some(), line)?;
                let mut nodes = Vec::new();
                loop {
                    match self.next()?.0 {
                        Event::SequenceEnd => break Content::List(nodes),
                        event => nodes.push(self.node(event, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(anchor, tag) => {
                plain(anchor, tag.is_some(), line)?;
                self.mapping(depth)?
            }
            Event::Alias(_) => {
                return Err(Unreadable::new(line, "there is an alias (*)").remedy(NO_REFERENCES));
            }
            _ => Content::Null,
        })
    }

    fn mapping(&mut self, depth: usize) -> Result<Content, Unreadable> {
        let mut entries = Vec::new();
        loop {
            let event = self.next()?.0;
            let line = self.line;
            let name = match event {
                Event::MappingEnd => return Ok(Content::Map(entries)),
                Event::Scalar(text, _, anchor, tag) => {
                    plain(anchor, tag.is_some(), line)?;
                    text.into_owned()
                }
                Event::Alias(_) => {
                    return Err(
                        Unreadable::new(line, "there is an alias (*)").remedy(NO_REFERENCES)
                    );
                }
                _ => {
                    return Err(Unreadable::new(line, "a name of a key is no text")
                        .remedy("write it like host: NAME"));
                }
            };
            if name == "<<" {
                return Err(
                    Unreadable::new(line, "there is a merge key (<<)").remedy(NO_REFERENCES)
                );
            }
            let event = self.next()?.0;
            let content = self.node(event, depth + 1)?;
            entries.push(Entry {
                name,
                line,
                content,
            });
        }
    }
}

fn scalar(text: String, style: ScalarStyle) -> Content {
    match style {
        ScalarStyle::Plain if matches!(&*text, "" | "~" | "null" | "Null" | "NULL") => {
            Content::Null
        }
        ScalarStyle::Plain => Content::Plain(text),
        _ => Content::Quoted(text),
    }
}

/// Anchors and tags make one text mean another, and few lines mean millions.
fn plain(anchor: usize, has_tag: bool, line: usize) -> Result<(), Unreadable> {
    if anchor != 0 {
        return Err(Unreadable::new(line, "there is an anchor (&)").remedy(NO_REFERENCES));
    }
    if has_tag {
        return Err(Unreadable::new(line, "there is a tag (!)")
            .remedy("take it out: the key says what its value is"));
    }
    Ok(())
}
