//! How a figure is written.

/// What a figure counts. Rates are kept in messages per second, times in seconds,
/// memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Messages per second: more is better.
    Rate,
    /// A time: less is better.
    Time,
    /// Bytes of memory: less is better.
    Memory,
}

impl Unit {
    /// The figure in three digits and its unit.
    pub fn text(self, figure: f64) -> String {
        let (scaled, unit) = match self {
            Self::Rate if figure >= 1e6 => (figure / 1e6, "M/s"),
            // So that all figures near 1000 are written alike.
            Self::Rate if figure >= 1999.5 => (figure / 1e3, "k/s"),
            Self::Rate => (figure, "/s"),
            Self::Time if figure >= 1.0 => (figure, " s"),
            Self::Time if figure >= 1e-3 => (figure * 1e3, " ms"),
            Self::Time => (figure * 1e6, " µs"),
            Self::Memory => (figure / 1_048_576.0, " MB"),
        };
        format!("{}{unit}", three_digits(scaled))
    }

    /// What the figures of the JSON object are in.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rate => "messages_per_second",
            Self::Time => "seconds",
            Self::Memory => "bytes",
        }
    }
}

/// As many decimals as make three digits.
pub(crate) fn three_digits(figure: f64) -> String {
    let decimals = match figure {
        f if f >= 100.0 => 0,
        f if f >= 10.0 => 1,
        _ => 2,
    };
    format!("{figure:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        assert_eq!(Unit::Rate.text(1_512_345.0), "1.51M/s");
        assert_eq!(Unit::Rate.text(61_234.0), "61.2k/s");
        assert_eq!(Unit::Rate.text(312.4), "312/s");
        assert_eq!(Unit::Time.text(0.00243), "2.43 ms");
        assert_eq!(Unit::Time.text(0.000_001_4), "1.40 µs");
        assert_eq!(Unit::Memory.text(20_971_520.0), "20.0 MB");
    }
}
