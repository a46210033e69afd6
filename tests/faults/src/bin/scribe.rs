//! A process that does nothing but write its ledger, until it is killed: for the tests of the harness itself.
#![cfg_attr(
    unix,
    allow(clippy::print_stdout, reason = "its log is read by a test")
)]

#[cfg(unix)]
fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(dir), Some(name)) = (args.next(), args.next()) else {
        println!("usage: scribe DIR NAME");
        return;
    };
    let ledger = glmsg_faults::ledger::Writer::open(dir.as_ref(), &name);
    println!("{name} begins");
    for n in 0_u64.. {
        ledger.pub_try(&format!("{name}-{n}"));
    }
}

#[cfg(not(unix))]
fn main() {}
