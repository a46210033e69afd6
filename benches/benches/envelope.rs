//! A message to its envelope and back, beside the hash alone.
#![allow(missing_docs, reason = "criterion's macros make items without docs")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use glmsg_benches::{raw_hash, round_trip};

/// Envelopes in one measurement: enough that reading the clock costs nothing.
const COUNT: u64 = 1000;

fn envelope(c: &mut Criterion) {
    let mut group = c.benchmark_group("envelope");
    group
        .sample_size(20)
        .throughput(Throughput::Elements(COUNT));
    group.bench_function("encode, decode, verify", |b| {
        b.iter_custom(|iters| (0..iters).map(|_| took(round_trip(COUNT))).sum());
    });
    group.bench_function("raw: SHA-256 twice", |b| {
        b.iter_custom(|iters| (0..iters).map(|_| took(raw_hash(COUNT))).sum());
    });
    group.finish();
}

#[allow(clippy::expect_used, reason = "criterion has no other way to fail")]
fn took(outcome: glmsg_benches::Outcome<glmsg_benches::Measured>) -> std::time::Duration {
    outcome.expect("the workload works").took
}

criterion_group!(benches, envelope);
criterion_main!(benches);
