//! The tables of what came of the cases. Each case writes a line of its own, with tabs between the cells.

use std::collections::BTreeMap;

const CASES: [&str; 10] = [
    "case",
    "seed",
    "published",
    "acked",
    "lost",
    "indeterminate",
    "stored twice",
    "handled again",
    "longest gap",
    "verdict",
];
const LOSSES: [&str; 8] = [
    "durability",
    "fault",
    "runs",
    "acked",
    "lost by the server",
    "found out",
    "stored again",
    "missing in the end",
];

/// Every case that was judged.
pub(crate) fn cases(rows: &str) -> String {
    let rows = rows.lines().filter_map(|row| row.strip_prefix("case\t"));
    let mut cells: Vec<Vec<String>> = rows.map(case).collect();
    cells.sort();
    print(&CASES, &cells)
}

/// What was lost, by durability and fault; nothing if no case was about that.
pub(crate) fn losses(rows: &str) -> Option<String> {
    let mut sums: BTreeMap<(String, String), [u64; 5]> = BTreeMap::new();
    for row in rows.lines().filter_map(|row| row.strip_prefix("loss\t")) {
        let cells: Vec<&str> = row.split('\t').collect();
        let [_, durability, fault, numbers @ ..] = &cells[..] else {
            continue;
        };
        let sum = sums
            .entry(((*durability).to_owned(), (*fault).to_owned()))
            .or_default();
        sum[0] += 1;
        for (sum, number) in sum[1..].iter_mut().zip(numbers) {
            *sum += number.parse::<u64>().unwrap_or(0);
        }
    }
    if sums.is_empty() {
        return None;
    }
    let cells = sums.into_iter().map(|((durability, fault), sum)| {
        let [runs, acked, found, again, missing] = sum;
        // What is missing in the end was lost, and so was what had to be stored again.
        let lost = (again + missing).max(found);
        let numbers = [runs, acked, lost, found, again, missing];
        let numbers = numbers.map(|number| number.to_string());
        [durability, fault].into_iter().chain(numbers).collect()
    });
    Some(print(&LOSSES, &cells.collect::<Vec<Vec<String>>>()))
}

/// The cells of a case, whose seed is in its name.
fn case(row: &str) -> Vec<String> {
    let mut cells: Vec<String> = row.split('\t').map(str::to_owned).collect();
    let name = cells.remove(0);
    let (name, seed) = match name.rsplit_once("seed_") {
        Some((name, seed)) => (name.trim_end_matches([':', '_']), seed),
        None => (name.as_str(), "-"),
    };
    let named = [name.to_owned(), seed.to_owned()];
    let mut all: Vec<String> = named.into_iter().chain(cells).collect();
    if let Some(gap) = all.get_mut(8) {
        gap.push_str(" s");
    }
    all
}

/// As Markdown, whose columns stand below each other.
fn print(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let longest = cells.map(|cell| cell.chars().count()).max();
        longest.unwrap_or(0).max(head[column].chars().count())
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &[String]| {
        let cells = cells.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let head: Vec<String> = head.iter().map(|word| (*word).to_owned()).collect();
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let mut table = line(&head) + &line(&rule);
    rows.iter().for_each(|row| table.push_str(&line(row)));
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_has_its_seed_from_its_name() {
        let rows = "case\tpartition::f13_local::seed_2\t10\t9\t0\t1\t0\t3\t2.5\tok\n\
                    case\ttls::wrong_host\t10\t9\t0\t1\t0\t3\t2.5\tI1\nloss\tx\n";
        let table = cases(rows);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 4, "{table}");
        assert!(lines[2].contains("| partition::f13_local | 2 "), "{table}");
        assert!(lines[2].ends_with("| 2.5 s       | ok      |"), "{table}");
        assert!(lines[3].contains("| tls::wrong_host      | - "), "{table}");
    }

    #[test]
    fn losses_are_summed_over_their_runs() {
        let rows = "loss\ta::seed_1\tlocal\tpartition\t100\t10\t9\t1\n\
                    loss\ta::seed_2\tlocal\tpartition\t200\t20\t20\t0\n";
        let table = losses(rows).unwrap();
        let last = table.lines().last().unwrap();
        let cells: Vec<&str> = last.split('|').map(str::trim).collect();
        let sums = ["local", "partition", "2", "300", "30", "30", "29", "1"];
        assert_eq!(cells[1..9], sums);
        assert_eq!(losses("case\ta\n"), None);
    }
}
