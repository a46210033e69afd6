//! Patterns that topic names match.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use crate::name::{MAX_NAME, MAX_SEGMENT, excerpt};
use crate::{Error, ErrorKind, Result, TopicName};

/// A pattern over topic names: a name in which a segment may be a wildcard.
///
/// | segment | stands for |
/// | --- | --- |
/// | `*` | exactly one segment |
/// | `**` | any number of segments, none included |
/// | `>` | the same, as the last segment |
///
/// A wildcard is a whole segment; `order*` is refused. `**` alone matches every topic. A pattern is
/// as long as a name at most. Cloning is cheap.
///
/// Matching looks at each byte of the name once, whatever the pattern: a pattern from a stranger
/// costs no more than one of your own.
///
/// ```
/// use glmsg_core::{TopicName, TopicPattern};
///
/// let pattern = TopicPattern::new("orders.*.created")?;
/// assert!(pattern.matches(&TopicName::new("orders.eu.created")?));
/// assert!(!pattern.matches(&TopicName::new("orders.created")?));
///
/// let all = TopicPattern::new("orders.**")?;
/// assert!(all.matches(&TopicName::new("orders")?));
/// assert!(all.matches(&TopicName::new("orders.eu.created")?));
///
/// let wrong = TopicPattern::new("orders.e*").unwrap_err();
/// assert!(wrong.to_string().contains("segment 2"));
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[derive(Clone)]
pub struct TopicPattern(Arc<Compiled>);

/// The pattern as a machine that reads a name segment by segment. Its state is the set of places
/// in the pattern where it may be, one bit for each: place `n` is before the `n`th segment that
/// is not `**`.
struct Compiled {
    text: Box<str>,
    /// Places with a `**`: they are kept whatever is read.
    stay: u128,
    /// Places before a `*`: left by any segment.
    one: u128,
    /// Places before a segment to the letter, by that segment, sorted.
    letters: Box<[(Box<str>, u128)]>,
    /// The place behind the last segment.
    end: u128,
}

enum Segment<'a> {
    Letter(&'a str),
    One,
    Any,
}

impl TopicPattern {
    /// Checks and takes `pattern`.
    ///
    /// # Errors
    /// `InvalidArgument` that names the first thing wrong and where it is.
    pub fn new(pattern: impl AsRef<str>) -> Result<Self> {
        let text = pattern.as_ref();
        let segments = parse(text).map_err(|why| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("invalid topic pattern: {why}"),
            )
            .with("got", format!("\"{}\"", excerpt(text)))
            .remedy("write a topic name in which a segment may be `*`, `**` or, at the end, `>`")
        })?;
        Ok(Self(Arc::new(compile(text, &segments))))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Whether it matches a name.
    pub fn matches(&self, topic: &TopicName) -> bool {
        let machine = &*self.0;
        let mut places = 1_u128;
        for segment in topic.as_str().split('.') {
            let letters = &machine.letters;
            let found = letters.binary_search_by(|(letter, _)| (**letter).cmp(segment));
            let by_letter = found.map_or(0, |at| letters[at].1);
            places = (places & machine.stay) | ((places & (machine.one | by_letter)) << 1);
            if places == 0 {
                return false;
            }
        }
        places & machine.end != 0
    }

    /// The one topic it matches, if it has no wildcard.
    pub fn topic(&self) -> Option<TopicName> {
        let is_wild = self.0.stay != 0 || self.0.one != 0;
        // What has no wildcard was checked as a name.
        TopicName::new(&self.0.text).ok().filter(|_| !is_wild)
    }
}

/// The segments; or what is wrong, and where.
fn parse(text: &str) -> Result<Vec<Segment<'_>>, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.len() > MAX_NAME {
        return Err(format!("{} bytes, the limit is {MAX_NAME}", text.len()));
    }
    let mut segments = Vec::new();
    let mut rest = text.split('.').enumerate().peekable();
    while let Some((n, segment)) = rest.next() {
        let is_last = rest.peek().is_none();
        let parsed = parse_segment(segment, is_last);
        segments.push(parsed.map_err(|why| format!("segment {} {why}", n + 1))?);
    }
    if text.starts_with("gm.") || text == "gm" || text.starts_with("__") {
        return Err("no topic begins with \"gm.\" or \"__\", which are reserved".to_owned());
    }
    Ok(segments)
}

fn parse_segment(segment: &str, is_last: bool) -> Result<Segment<'_>, String> {
    match segment {
        "*" => return Ok(Segment::One),
        "**" => return Ok(Segment::Any),
        ">" if is_last => return Ok(Segment::Any),
        ">" => return Err("is `>`, which stands at the end only; write `**` here".to_owned()),
        "" => return Err("is empty".to_owned()),
        _ => {}
    }
    if segment.len() > MAX_SEGMENT {
        let got = segment.len();
        return Err(format!("has {got} bytes, the limit is {MAX_SEGMENT}"));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match segment.chars().position(|c| !allowed(c)) {
        None => Ok(Segment::Letter(segment)),
        Some(at) => {
            let c = segment.chars().nth(at).unwrap_or_default();
            let what = match c {
                '*' | '>' => format!("has {c:?} beside other characters; a wildcard stands alone"),
                c => format!("has {c:?} at character {}, which is not allowed", at + 1),
            };
            Err(what)
        }
    }
}

fn compile(text: &str, segments: &[Segment<'_>]) -> Compiled {
    let (mut stay, mut one, mut place) = (0, 0, 1_u128);
    let mut letters: Vec<(Box<str>, u128)> = Vec::new();
    for segment in segments {
        match segment {
            Segment::Any => {
                stay |= place;
                continue;
            }
            Segment::One => one |= place,
            Segment::Letter(letter) => {
                match letters.binary_search_by(|(known, _)| (**known).cmp(letter)) {
                    Ok(at) => letters[at].1 |= place,
                    Err(at) => letters.insert(at, ((*letter).into(), place)),
                }
            }
        }
        // 200 bytes hold 100 segments: no place falls off the end.
        place <<= 1;
    }
    Compiled {
        text: text.into(),
        stay,
        one,
        letters: letters.into(),
        end: place,
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.text)
    }
}

impl PartialEq for TopicPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for TopicPattern {}

impl Hash for TopicPattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

impl From<TopicName> for TopicPattern {
    fn from(topic: TopicName) -> Self {
        let text = topic.as_str();
        let segments: Vec<_> = text.split('.').map(Segment::Letter).collect();
        Self(Arc::new(compile(text, &segments)))
    }
}

impl FromStr for TopicPattern {
    type Err = Error;
    fn from_str(pattern: &str) -> Result<Self> {
        Self::new(pattern)
    }
}

impl TryFrom<&str> for TopicPattern {
    type Error = Error;
    fn try_from(pattern: &str) -> Result<Self> {
        Self::new(pattern)
    }
}

impl TryFrom<String> for TopicPattern {
    type Error = Error;
    fn try_from(pattern: String) -> Result<Self> {
        Self::new(pattern)
    }
}

impl TryFrom<&TopicPattern> for TopicPattern {
    type Error = Error;
    fn try_from(pattern: &TopicPattern) -> Result<Self> {
        Ok(pattern.clone())
    }
}

impl AsRef<str> for TopicPattern {
    fn as_ref(&self) -> &str {
        &self.0.text
    }
}
