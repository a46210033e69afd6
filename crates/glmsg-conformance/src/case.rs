//! A case: a named check of one behaviour, and the catalogue of all of them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::{Fixture, Need, cases};

/// How a case ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// The backend does not declare what the case needs, and refuses it as it must.
    Refused(Need),
}

/// A named check of one behaviour, on one kind of fixture.
pub struct Case<F> {
    /// The group it belongs to, as named in [`suite!`](crate::suite).
    pub group: &'static str,
    /// Its name, which is that of the test.
    pub name: &'static str,
    /// What it needs beyond the plain contract.
    pub needs: &'static [Need],
    pub(crate) source: &'static str,
    pub(crate) check: fn(F) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<F: Fixture> Case<F> {
    /// Runs it on a fresh fixture.
    ///
    /// # Panics
    /// If it does not hold; the message says what was expected.
    pub async fn run(&self) -> Verdict {
        let f = F::new().await;
        let verdict = self.verdict();
        match verdict {
            Verdict::Refused(need) => need.assert_refused(&f).await,
            Verdict::Holds => (self.check)(f).await,
        }
        verdict
    }

    /// How it ends on this kind of fixture, if it does not fail.
    pub fn verdict(&self) -> Verdict {
        let missing = self.needs.iter().find(|need| !need.is_met::<F>());
        missing.map_or(Verdict::Holds, |need| Verdict::Refused(*need))
    }
}

impl<F> Case<F> {
    /// What it checks, in a sentence: the first paragraph of its documentation.
    pub fn text(&self) -> String {
        first_paragraph(&documentation(self.source, self.name))
    }

    /// The promises it proves, by number.
    pub fn promises(&self) -> Vec<u8> {
        promises(&documentation(self.source, self.name))
    }
}

impl<F> fmt::Debug for Case<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.group, self.name)
    }
}

/// All in-process cases, in the order of the groups.
pub fn catalog<F: Fixture>() -> Vec<Case<F>> {
    let groups = [
        cases::delivery::all,
        cases::batch::all,
        cases::ordering::all,
        cases::groups::all,
        cases::redelivery::all,
        cases::lease::all,
        cases::retry::all,
        cases::ttl::all,
        cases::priority::all,
        cases::dead_letter::all,
        cases::replay::all,
        cases::retention::all,
        cases::idempotence::all,
        cases::limits::all,
        cases::shutdown::all,
        cases::reconnect::all,
        cases::consumer::all,
        cases::health::all,
        cases::frames::all,
        cases::live::all,
        cases::storage::all,
    ];
    groups.into_iter().flat_map(|group| group()).collect()
}

/// The doc comment of the case `name`: kept in one place, it serves rustdoc and the reports alike.
pub(crate) fn documentation(source: &str, name: &str) -> Vec<String> {
    let head = format!("pub async fn {name}<");
    let lines: Vec<&str> = source.lines().collect();
    let Some(at) = lines.iter().position(|line| line.starts_with(&head)) else {
        return Vec::new();
    };
    let is_doc = |line: &&&str| line.starts_with("///") || line.starts_with("#[");
    let mut docs: Vec<String> = lines[..at]
        .iter()
        .rev()
        .take_while(is_doc)
        .filter_map(|line| line.strip_prefix("///"))
        .map(|line| line.trim().to_owned())
        .collect();
    docs.reverse();
    docs
}

pub(crate) fn first_paragraph(docs: &[String]) -> String {
    let is_text = |line: &&String| !line.is_empty() && !line.starts_with("Promise");
    docs.iter()
        .take_while(is_text)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The numbers in the line that begins with `Promise`.
pub(crate) fn promises(docs: &[String]) -> Vec<u8> {
    let line = docs.iter().find(|line| line.starts_with("Promise"));
    let numbers = line.into_iter().flat_map(|line| {
        line.split(|c: char| !c.is_ascii_digit())
            .filter_map(|n| n.parse().ok())
    });
    numbers.collect()
}
