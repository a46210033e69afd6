//! What the layers that observe cost on Kafka.

use tokio::runtime::Runtime;

use super::fresh;
use crate::on_kafka::cluster::Cluster;
use crate::rows::{Measurements, overhead};
use crate::through::{Layers, through};
use crate::{Outcome, Rounds};

pub(super) fn run(runtime: &Runtime, rounds: Rounds, at: &Cluster) -> Outcome<Measurements> {
    let count = rounds.scaled(240_000);
    let side = |name, layers| {
        fresh(name, (runtime, at), move |namespace| {
            through(namespace.served.url, namespace.served.bounds, count, layers)
        })
    };
    let mut sides = [
        side(overhead::OFF, Layers::Off),
        side(overhead::ON, Layers::On),
    ];
    overhead::compare(rounds, &mut sides)
}
