//! The table that `cargo xtask bench` prints.
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

use glmsg_benches::{
    Arguments, HELP, Outcome, Rounds, chosen, heading, json, memory_child, notes, runtime,
    section_text,
};

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(kib) = memory_child(&words)? {
        println!("{kib}");
        return Ok(());
    }
    let arguments = Arguments::parse(words)?;
    if arguments.help {
        println!("{HELP}");
        return Ok(());
    }
    let rounds = Rounds::new(arguments.quick).lasting(arguments.lasting);
    let sections = chosen(&arguments)?;
    let runtime = runtime()?;
    if !arguments.json {
        print!("{}", heading(rounds)?);
    }
    let mut done = Vec::new();
    for section in sections {
        let measurements = section.run(&runtime, rounds)?;
        if !arguments.json {
            print!("{}", section_text(&measurements));
        }
        done.push((section, measurements));
    }
    if arguments.json {
        println!("{}", json(rounds, &done)?);
    } else {
        print!("{}", notes(&done)?);
    }
    Ok(())
}
