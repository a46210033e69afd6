//! A section's figures as rows of a table.

use crate::section::Section;

pub(crate) const HEADING: &str = "\
| section | library | median | ratio to the twin |
| --- | --- | --- | --- |
";

/// The rows; `figures` has those of each library, by rounds and then by rows.
pub(crate) fn rows(section: &Section, figures: &[Vec<Vec<f64>>]) -> String {
    let mut text = String::new();
    for (row, unit) in section.rows.iter().enumerate() {
        let of = |index: usize| figures[index].iter().map(move |round| round[row]);
        for (index, library) in section.libraries.iter().enumerate() {
            let [median, ..] = spread(of(index));
            let [ratio, least, most] = spread(of(index).zip(of(0)).map(|(own, raw)| own / raw));
            let (name, library) = (section.name, library.name());
            text += &format!(
                "| {name} | {library} | {median:.0} {unit} | {ratio:.2} ({least:.2}–{most:.2}) |\n"
            );
        }
    }
    text
}

/// The median, the smallest and the greatest.
fn spread(figures: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    [figures.len() / 2, 0, figures.len() - 1].map(|index| figures[index])
}
