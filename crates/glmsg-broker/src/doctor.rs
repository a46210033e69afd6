//! What is found out about how a broker is set up.

use std::fmt;

/// How bad a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// It works, but needs a look.
    Warning,
    /// Messages can be lost, or something does not work.
    Problem,
}

impl Severity {
    /// The stable name, as printed and as found in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that was found out about how a broker is set up: see
/// [`Backend::doctor`](crate::Backend::doctor).
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was looked at, in a word that stays: `eviction`, `persistence`, `clock`, …
    pub subject: &'static str,
    /// Where, such as a server's address, if there are several places.
    pub place: Option<String>,
    /// What was found.
    pub what: String,
    /// What to do about it; there is something for everything that is not `Ok`.
    pub remedy: Option<String>,
}

impl Finding {
    /// Something that is as it should be.
    pub fn ok(subject: &'static str, what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Ok,
            subject,
            place: None,
            what: what.into(),
            remedy: None,
        }
    }

    /// Something that works and needs a look.
    pub fn warning(
        subject: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            remedy: Some(remedy.into()),
            ..Self::ok(subject, what)
        }
    }

    /// Something by which messages can be lost, or which does not work.
    pub fn problem(
        subject: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Problem,
            ..Self::warning(subject, what, remedy)
        }
    }

    /// Says where it was found.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: ", self.severity, self.subject)?;
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.what)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_a_sentence() {
        let found = Finding::problem("eviction", "it throws keys away", "set noeviction");
        assert_eq!(
            found.at("a:1").to_string(),
            "problem: eviction: a:1: it throws keys away; set noeviction"
        );
        let fine = Finding::ok("clock", "it is right");
        assert_eq!(fine.to_string(), "ok: clock: it is right");
        assert!(Severity::Ok < Severity::Warning && Severity::Warning < Severity::Problem);
    }
}
