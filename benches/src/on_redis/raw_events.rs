//! The raw twin of the event store on Redis: a stream whose ids are the versions, and a script that
//! appends if it is as long as it is expected to be.

use std::time::Instant;

use redis::Script;
use redis::aio::MultiplexedConnection;

use super::raw::{self, STREAM};
use super::server::Address;
use crate::events::{Appending, WARM};
use crate::outcome::must_equal;
use crate::raw_events::body;
use crate::{Measured, Outcome, Stopwatch, sample};

/// Returns the version that there is then.
const APPEND: &str = "
    local version = redis.call('XLEN', KEYS[1])
    if version ~= tonumber(ARGV[1]) then return -1 end
    for i = 2, #ARGV do
        version = version + 1
        redis.call('XADD', KEYS[1], version .. '-0', 'd', ARGV[i])
    end
    return version";
/// How many events an append has when a stream is filled.
const FILL: u64 = 500;
/// How many events are read at once.
const PAGE: usize = 1000;

/// A stream of events, each as large as the library's.
pub(crate) struct RawEvents {
    connection: MultiplexedConnection,
    script: Script,
    also: usize,
    pid: u32,
}

impl RawEvents {
    /// Behind each payload come `also` bytes.
    pub(crate) async fn open(address: Address, also: usize) -> Outcome<Self> {
        Ok(Self {
            connection: raw::connect(address).await?,
            script: Script::new(APPEND),
            also,
            pid: address.pid,
        })
    }

    pub(crate) async fn filled(address: Address, also: usize, count: u64) -> Outcome<()> {
        let mut this = Self::open(address, also).await?;
        let mut next = 0;
        while next < count {
            let end = count.min(next + FILL);
            this.append(next, end).await?;
            next = end;
        }
        Ok(())
    }

    /// Appends, each time under the version that the append before has left.
    pub(crate) async fn append_for(mut self, appending: Appending) -> Outcome<Measured> {
        for number in 0..WARM {
            self.append(number, number + 1).await?;
        }
        let watch = Stopwatch::start_with_server(self.pid);
        let end = Instant::now() + appending.lasting;
        let mut next = WARM;
        while Instant::now() < end {
            self.append(next, next + appending.batch).await?;
            next += appending.batch;
        }
        let measured = watch.stop(next - WARM);
        self.must_hold(next).await?;
        Ok(measured)
    }

    /// Reads all events in order, `count` of them.
    pub(crate) async fn replay(mut self, count: u64) -> Outcome<Measured> {
        let watch = Stopwatch::start_with_server(self.pid);
        self.must_hold(count).await?;
        Ok(watch.stop(count))
    }

    async fn append(&mut self, first: u64, end: u64) -> Outcome<()> {
        let mut call = self.script.key(STREAM);
        call.arg(first);
        for number in first..end {
            call.arg(body(number, self.also));
        }
        let version: i64 = call.invoke_async(&mut self.connection).await?;
        must_equal("version", u64::try_from(version)?, end)
    }

    async fn must_hold(&mut self, count: u64) -> Outcome<()> {
        let mut found = 0;
        loop {
            let mut range = redis::cmd("XRANGE");
            range.arg(STREAM).arg(format!("{}-0", found + 1)).arg("+");
            range.arg("COUNT").arg(PAGE);
            let page = raw::list(range.query_async(&mut self.connection).await?)?;
            let read = page.len();
            for entry in page {
                let (_, body) = raw::entry(entry)?;
                must_equal("event", sample::number(&body).unwrap_or_default(), found)?;
                found += 1;
            }
            if read < PAGE {
                return must_equal("events", found, count);
            }
        }
    }
}
