//! The sections of the table: which workloads stand beside each other, and what is wanted.

mod envelope;
mod memory;
mod sqlite_consume;
mod sqlite_group_commit;
mod sqlite_latency;
mod sqlite_publish;

use tokio::runtime::Runtime;

use crate::{Measured, Outcome, Rounds, Row, Series, Side, Unit};

/// A section of the table.
#[derive(Debug)]
pub struct Section {
    /// What a filter finds it by.
    pub name: &'static str,
    run: fn(&Runtime, Rounds) -> Outcome<Measurements>,
}

/// What a section gave.
#[derive(Debug)]
pub struct Measurements {
    /// The figures.
    pub rows: Vec<Row>,
    /// What each workload used.
    pub costs: Vec<Cost>,
}

/// What a workload used, preparation aside.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// Which workload.
    pub name: &'static str,
    /// Processor time for a message in seconds, all threads together, the median of the rounds.
    pub cpu_each: Option<f64>,
    /// The most memory of the process meanwhile, in the first round: later on it holds what the
    /// other workloads have freed.
    pub peak_kib: Option<u64>,
}

/// All sections, in the order they are measured. Those that leave much memory behind come last.
pub fn all() -> [Section; 6] {
    [
        Section::new("envelope", envelope::run),
        Section::new("sqlite publish", sqlite_publish::run),
        Section::new("sqlite group commit", sqlite_group_commit::run),
        Section::new("sqlite consume", sqlite_consume::run),
        Section::new("sqlite latency", sqlite_latency::run),
        Section::new("memory", memory::run),
    ]
}

impl Section {
    fn new(name: &'static str, run: fn(&Runtime, Rounds) -> Outcome<Measurements>) -> Self {
        Self { name, run }
    }

    /// Measures it.
    ///
    /// # Errors
    /// If something did not work; slowness is no error.
    pub fn run(&self, runtime: &Runtime, rounds: Rounds) -> Outcome<Measurements> {
        (self.run)(runtime, rounds).map_err(|e| format!("{}: {e}", self.name).into())
    }
}

/// A workload that is run as a task: under `block_on` itself every wake-up crosses threads.
fn task<'a, F>(
    name: &'static str,
    runtime: &'a Runtime,
    mut workload: impl FnMut() -> F + 'a,
) -> Side<'a>
where
    F: Future<Output = Outcome<Measured>> + Send + 'static,
{
    Side::new(name, move || runtime.block_on(runtime.spawn(workload()))?)
}

/// The costs of what was measured in turn.
fn costs<const N: usize>(sides: &[Side<'_>; N], measured: &[Vec<Measured>; N]) -> Vec<Cost> {
    let cost = |(side, runs): (&Side<'_>, &Vec<Measured>)| {
        let cpu: Option<Vec<f64>> = runs.iter().map(Measured::cpu_each).collect();
        Cost {
            name: side.name,
            cpu_each: cpu.map(|cpu| Series::new(cpu).median()),
            peak_kib: runs.first().and_then(|run| run.peak_kib),
        }
    };
    sides.iter().zip(measured).map(cost).collect()
}

/// A row of rates beside a twin's.
fn rates(name: &str, ours: &[Measured], twin_name: &'static str, twin: &[Measured]) -> Row {
    let rates = |runs: &[Measured]| runs.iter().map(Measured::rate).collect::<Vec<_>>();
    let (ours, twin) = (rates(ours), rates(twin));
    Row::new(name, Unit::Rate, &ours).beside(twin_name, &ours, &twin)
}
