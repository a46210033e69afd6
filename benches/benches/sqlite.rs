//! The SQLite store's publish and consume, beside raw rusqlite.
#![allow(missing_docs, reason = "criterion's macros make items without docs")]

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use glmsg_benches::{
    Measured, Outcome, consume_by_consumer, consume_by_source, publish_batches,
    publish_concurrently, raw_consume, raw_publish, runtime,
};

/// Messages in one measurement that goes by batches.
const COUNT: u64 = 2000;
/// Messages in one measurement that goes one by one.
const SINGLES: u64 = 100;

#[allow(clippy::expect_used, reason = "criterion has no other way to fail")]
fn sqlite(c: &mut Criterion) {
    let runtime = runtime().expect("a runtime");
    let mut group = c.benchmark_group("sqlite");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(2));
    let mut bench = |name: &str, count, run: &dyn Fn() -> Outcome<Measured>| {
        one(&mut group, name, count, run);
    };
    bench("publish by 100", COUNT, &|| {
        runtime.block_on(runtime.spawn(publish_batches(COUNT, 100)))?
    });
    bench("raw: publish by 100", COUNT, &|| raw_publish(COUNT, 100));
    bench("64 publishers", 64 * SINGLES, &|| {
        runtime.block_on(runtime.spawn(publish_concurrently(64, SINGLES)))?
    });
    bench("1 publisher", SINGLES, &|| {
        runtime.block_on(runtime.spawn(publish_concurrently(1, SINGLES)))?
    });
    bench("raw: publish one by one", SINGLES, &|| {
        raw_publish(SINGLES, 1)
    });
    bench("receive and ack by 100", COUNT, &|| {
        runtime.block_on(runtime.spawn(consume_by_source(COUNT, 100)))?
    });
    bench("Consumer", COUNT, &|| {
        runtime.block_on(runtime.spawn(consume_by_consumer(COUNT)))?
    });
    bench("raw: lease and delete by 100", COUNT, &|| {
        raw_consume(COUNT, 100)
    });
    group.finish();
}

#[allow(clippy::expect_used, reason = "criterion has no other way to fail")]
fn one(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    count: u64,
    run: &dyn Fn() -> Outcome<Measured>,
) {
    group.throughput(Throughput::Elements(count));
    group.bench_function(name, |b| {
        let took = || run().expect("the workload works").took;
        b.iter_custom(|iters| (0..iters).map(|_| took()).sum());
    });
}

criterion_group!(benches, sqlite);
criterion_main!(benches);
