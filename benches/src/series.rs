//! A figure measured several times.

/// A figure measured several times: what counts is the median, and the spread says how far to
/// trust it.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    sorted: Vec<f64>,
}

impl Series {
    /// Of the figures, in any order.
    pub fn new(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Self { sorted }
    }

    /// The middle one, or the mean of the two in the middle.
    pub fn median(&self) -> f64 {
        let (upper, lower) = (
            self.sorted.len() / 2,
            self.sorted.len().saturating_sub(1) / 2,
        );
        match (self.sorted.get(lower), self.sorted.get(upper)) {
            (Some(a), Some(b)) => f64::midpoint(*a, *b),
            _ => f64::NAN,
        }
    }

    /// The smallest.
    pub fn min(&self) -> f64 {
        self.sorted.first().copied().unwrap_or(f64::NAN)
    }

    /// The greatest.
    pub fn max(&self) -> f64 {
        self.sorted.last().copied().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Series::new([3.0, 1.0, 9.0]).median(), 3.0);
        assert_eq!(Series::new([4.0, 1.0, 2.0, 9.0]).median(), 3.0);
        assert!(Series::new([]).median().is_nan());
    }

    #[test]
    fn the_spread_is_from_the_smallest_to_the_greatest() {
        let series = Series::new([3.0, 1.0, 9.0]);
        assert_eq!((series.min(), series.max()), (1.0, 9.0));
    }
}
