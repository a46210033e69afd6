//! The sections of the table: which workloads stand beside each other, and what is wanted.

mod envelope;
#[cfg(feature = "kafka")]
mod kafka;
mod memory;
mod overhead;
mod redis;
mod sqlite_consume;
mod sqlite_events;
mod sqlite_group_commit;
mod sqlite_latency;
mod sqlite_publish;

use std::time::Duration;

use tokio::runtime::Runtime;

#[cfg(feature = "kafka")]
use crate::on_kafka::cluster::Cluster;
use crate::on_redis::server::{Address, Server};
use crate::{Arguments, Latencies, Measured, Outcome, Rounds, Row, Series, Side, Unit};

/// A section of the table.
#[derive(Debug)]
pub struct Section {
    /// What a filter finds it by; its first word is the backend.
    pub name: &'static str,
    run: Run,
}

/// What a section needs beside the runtime.
#[derive(Debug, Clone, Copy)]
enum Run {
    Here(fn(&Runtime, Rounds) -> Outcome<Measurements>),
    /// A Redis server, which is empty.
    OnRedis(fn(&Runtime, Rounds, Address) -> Outcome<Measurements>),
    /// A cluster that is up.
    #[cfg(feature = "kafka")]
    OnKafka(fn(&Runtime, Rounds, &Cluster) -> Outcome<Measurements>),
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
    /// The server's, where there is one.
    pub server_cpu_each: Option<f64>,
    /// The most memory of the process meanwhile, in the first round: later on it holds what the
    /// other workloads have freed.
    pub peak_kib: Option<u64>,
}

/// All sections, in the order they are measured. Those that leave much memory behind come last.
fn all() -> Vec<Section> {
    let here = |name, run| Section {
        name,
        run: Run::Here(run),
    };
    let mut all = vec![
        here("envelope", envelope::run),
        here("sqlite publish", sqlite_publish::run),
        here("sqlite group commit", sqlite_group_commit::run),
        here("sqlite consume", sqlite_consume::run),
        here("sqlite latency", sqlite_latency::run),
        here("sqlite event append", sqlite_events::append),
        here("sqlite event replay", sqlite_events::replay),
        here("memory", memory::run),
        here("memory overhead", overhead::memory),
        here("sqlite overhead", overhead::sqlite),
    ];
    let on_redis = redis::ALL.iter().map(|&(name, run)| Section {
        name,
        run: Run::OnRedis(run),
    });
    all.extend(on_redis);
    #[cfg(feature = "kafka")]
    all.extend(kafka::ALL.iter().map(|&(name, run)| Section {
        name,
        run: Run::OnKafka(run),
    }));
    all
}

/// The sections that were asked for.
///
/// # Errors
/// If there is none.
pub fn chosen(arguments: &Arguments) -> Outcome<Vec<Section>> {
    let mut sections = all();
    match &arguments.backend {
        Some(name) => sections.retain(|section| section.name.split(' ').next() == Some(name)),
        None => sections.retain(|section| matches!(section.run, Run::Here(_))),
    }
    let filter = arguments.filter.as_deref().unwrap_or_default();
    let is_name = |section: &Section| {
        let without_backend = section.name.split_once(' ').map(|(_, rest)| rest);
        section.name == filter || without_backend == Some(filter)
    };
    let named = sections.iter().any(is_name);
    sections.retain(|section| match named {
        true => is_name(section),
        false => section.name.contains(filter),
    });
    if sections.is_empty()
        && arguments.backend.as_deref() == Some("kafka")
        && !cfg!(feature = "kafka")
    {
        return Err(
            "this program was built without Kafka: run `cargo xtask bench --backend kafka`".into(),
        );
    }
    if sections.is_empty() {
        let names: Vec<&str> = all().iter().map(|section| section.name).collect();
        let names = names.join(", ");
        return Err(
            format!("no section is called so; with its --backend there are: {names}").into(),
        );
    }
    Ok(sections)
}

impl Section {
    /// Measures it.
    ///
    /// # Errors
    /// If something did not work; slowness is no error.
    pub fn run(&self, runtime: &Runtime, rounds: Rounds) -> Outcome<Measurements> {
        let measured = match self.run {
            Run::Here(run) => run(runtime, rounds),
            Run::OnRedis(run) => Server::start().and_then(|server| {
                // Dropped, and so stopped, also when something has failed.
                run(runtime, rounds, server.address())
            }),
            #[cfg(feature = "kafka")]
            Run::OnKafka(run) => Cluster::from_env().and_then(|cluster| {
                kafka::warm_up(runtime, rounds, &cluster)?;
                run(runtime, rounds, &cluster)
            }),
        };
        measured.map_err(|e| format!("{}: {e}", self.name).into())
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
        let median = |of: fn(&Measured) -> Option<f64>| {
            let each: Option<Vec<f64>> = runs.iter().map(of).collect();
            each.map(|each| Series::new(each).median())
        };
        Cost {
            name: side.name,
            cpu_each: median(Measured::cpu_each),
            server_cpu_each: median(Measured::server_cpu_each),
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

/// A row of a percentile of the latencies beside a twin's.
fn percentile(
    name: &str,
    ours: &[Measured],
    twin_name: &'static str,
    twin: &[Measured],
    of: fn(&Latencies) -> Duration,
) -> Row {
    let figures = |runs: &[Measured]| {
        let latencies = runs.iter().filter_map(|run| run.latencies.as_ref());
        latencies.map(|l| of(l).as_secs_f64()).collect::<Vec<_>>()
    };
    let (ours, twin) = (figures(ours), figures(twin));
    Row::new(name, Unit::Time, &ours).beside(twin_name, &ours, &twin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Vec<&'static str> {
        let words = line.split_whitespace().map(|word| word.replace('_', " "));
        let arguments = Arguments::parse(words).unwrap();
        let sections = chosen(&arguments).unwrap();
        sections.iter().map(|section| section.name).collect()
    }

    #[test]
    fn without_a_backend_nothing_needs_a_server() {
        assert!(names("").contains(&"memory"));
        assert!(names("").iter().all(|name| !name.starts_with("redis")));
    }

    #[test]
    fn a_whole_name_is_that_section_alone() {
        let by_backend = "--backend redis";
        assert_eq!(
            names(&format!("{by_backend} consume_1")),
            ["redis consume 1"]
        );
        assert_eq!(
            names(&format!("{by_backend} redis_publish_50")),
            ["redis publish 50"]
        );
        assert!(names(&format!("{by_backend} consume")).len() > 3);
        assert_eq!(names("--backend sqlite latency"), ["sqlite latency"]);
    }

    #[test]
    fn what_is_not_there_is_told_with_what_there_is() {
        let arguments = Arguments {
            backend: Some("redsi".into()),
            ..Arguments::default()
        };
        let failure = chosen(&arguments).unwrap_err().to_string();
        assert!(failure.contains("redis publish 50"), "{failure}");
    }
}
