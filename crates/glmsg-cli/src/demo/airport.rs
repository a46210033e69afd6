//! What the flights of one airport come to.

/// One airport's flights.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Airport {
    pub(crate) origin: String,
    pub(crate) flights: u64,
    pub(crate) distance_miles: u64,
    pub(crate) kg_co2e: f64,
}

/// The `count` airports with the most CO₂, the largest first.
pub(super) fn largest(mut airports: Vec<Airport>, count: usize) -> Vec<Airport> {
    airports.sort_by(|a, b| {
        let by_co2 = b.kg_co2e.total_cmp(&a.kg_co2e);
        by_co2.then_with(|| a.origin.cmp(&b.origin))
    });
    airports.truncate(count);
    airports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_first() {
        let airport = |origin: &str, kg_co2e| Airport {
            origin: origin.to_owned(),
            kg_co2e,
            ..Airport::default()
        };
        let airports = vec![airport("A", 1.0), airport("C", 9.0), airport("B", 9.0)];
        let names: Vec<_> = largest(airports, 2).into_iter().map(|a| a.origin).collect();
        assert_eq!(names, ["B", "C"]);
    }
}
