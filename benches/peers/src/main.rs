//! glmsg beside other libraries on Redis: the same work by each, in turn, in one process.
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

mod arguments;
mod ours;
mod pacing;
mod raw;
mod ruststream;
mod sample;
mod sea_streamer;
mod section;
mod table;
mod turn;

use self::arguments::{Arguments, HELP};
use self::section::{SECTIONS, Section};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
/// Where the Redis is.
type Url = &'static str;

#[tokio::main]
async fn main() -> Outcome<()> {
    let Some(arguments) = Arguments::parse(std::env::args().skip(1))? else {
        println!("{HELP}");
        return Ok(());
    };
    let url = arguments.url;
    if !arguments.flush && !raw::is_empty(url).await? {
        return Err("the server has keys, and would be emptied; --flush allows it".into());
    }
    let chosen = |section: &&Section| section.name.contains(&arguments.filter);
    print!("{}", table::HEADING);
    for section in SECTIONS.iter().filter(chosen) {
        let mut figures = vec![Vec::new(); section.libraries.len()];
        for round in 0..arguments.rounds {
            let mut order: Vec<usize> = (0..section.libraries.len()).collect();
            // None is always the one after the same other.
            if round % 2 == 1 {
                order.reverse();
            }
            for index in order {
                let library = section.libraries[index];
                let measured = section.measure(library, url).await;
                let measured = measured
                    .map_err(|error| format!("{}, {}: {error}", section.name, library.name()))?;
                figures[index].push(measured);
            }
        }
        print!("{}", table::rows(section, &figures));
    }
    raw::empty(url).await
}
