//! Publish to handler in memory, beside a channel.
#![allow(missing_docs, reason = "criterion's macros make items without docs")]

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use glmsg_benches::{Measured, Outcome, raw_channel, runtime, stream};

/// Messages in one measurement.
const COUNT: u64 = 50_000;
const BATCH: u64 = 256;

#[allow(clippy::expect_used, reason = "criterion has no other way to fail")]
fn memory(c: &mut Criterion) {
    let runtime = runtime().expect("a runtime");
    let mut group = c.benchmark_group("memory");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(COUNT));
    for workers in [1, 10] {
        group.bench_function(format!("publish to handler, {workers} workers"), |b| {
            b.iter_custom(|iters| {
                let run = || runtime.block_on(runtime.spawn(stream(COUNT, BATCH, workers)));
                (0..iters).map(|_| took(run().expect("no panic"))).sum()
            });
        });
    }
    group.bench_function("raw: tokio mpsc to one task", |b| {
        b.iter_custom(|iters| {
            let run = || runtime.block_on(runtime.spawn(raw_channel(COUNT)));
            (0..iters).map(|_| took(run().expect("no panic"))).sum()
        });
    });
    group.finish();
}

#[allow(clippy::expect_used, reason = "criterion has no other way to fail")]
fn took(outcome: Outcome<Measured>) -> Duration {
    outcome.expect("the workload works").took
}

criterion_group!(benches, memory);
criterion_main!(benches);
