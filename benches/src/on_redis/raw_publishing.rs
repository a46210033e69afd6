//! The raw twin of publishing: XADD on a connection that all tasks share.

use std::time::Instant;

use redis::aio::MultiplexedConnection;
use tokio::task::JoinSet;

use super::raw;
use super::server::Address;
use crate::served::publishing::{Publishers, WARM};
use crate::{Measured, Outcome, Stopwatch};

/// [`publish`](crate::served::publishing::publish) without the library: a batch is a pipeline of XADD.
pub(crate) async fn raw_publish(address: Address, publishers: Publishers) -> Outcome<Measured> {
    raw_publish_with(address, publishers, 0).await
}

/// The same with entries as large as the library's: behind each payload of a batch come so many bytes.
pub(crate) async fn raw_publish_with(
    address: Address,
    publishers: Publishers,
    also: usize,
) -> Outcome<Measured> {
    let mut connection = raw::connect(address).await?;
    for number in 0..WARM {
        raw::add(number).exec_async(&mut connection).await?;
    }
    let mut tasks = JoinSet::new();
    let watch = Stopwatch::start_with_server(address.pid);
    let end = Instant::now() + publishers.lasting;
    for publisher in 1..=publishers.tasks {
        let connection = connection.clone();
        let also = vec![0x5A; also];
        tasks.spawn(one(
            connection,
            publisher << 32,
            (publishers.batch, also),
            end,
        ));
    }
    let mut count = 0;
    while let Some(ended) = tasks.join_next().await {
        count += ended??;
    }
    let measured = watch.stop(count);
    raw::must_hold(&mut connection, WARM + count).await?;
    Ok(measured)
}

async fn one(
    mut connection: MultiplexedConnection,
    first: u64,
    (batch, also): (u64, Vec<u8>),
    end: Instant,
) -> Outcome<u64> {
    let mut next = first;
    while Instant::now() < end {
        if batch == 1 {
            raw::add(next).exec_async(&mut connection).await?;
        } else {
            raw::add_all(&mut connection, next..next + batch, &also).await?;
        }
        next += batch;
    }
    Ok(next - first)
}
