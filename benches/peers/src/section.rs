//! What is measured, and of which libraries.

use crate::{Outcome, Url, ours, raw, ruststream, sea_streamer};

/// How many entries sea-streamer's reads take where it is tuned.
const TUNED: usize = 1_000;

/// A way to use Redis streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    Raw,
    Ours,
    SeaStreamer,
    SeaStreamerTuned,
    RustStream,
}

impl Library {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Raw => "redis",
            Self::Ours => "glmsg",
            Self::SeaStreamer => "sea-streamer",
            Self::SeaStreamerTuned => "sea-streamer, reads of 1 000",
            Self::RustStream => "RustStream",
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Work {
    Singles(usize),
    Batches,
    Consume,
    Latency,
}

/// One work, and who does it: the raw twin first.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    work: Work,
    pub(crate) libraries: &'static [Library],
    /// What its figures are.
    pub(crate) rows: &'static [&'static str],
}

use Library::{Ours, Raw, RustStream, SeaStreamer, SeaStreamerTuned};

/// All there are.
pub(crate) const SECTIONS: &[Section] = &[
    Section {
        name: "publish 1",
        work: Work::Singles(1),
        libraries: &[Raw, Ours, RustStream],
        rows: &["/s"],
    },
    Section {
        name: "publish 50",
        work: Work::Singles(50),
        libraries: &[Raw, Ours, SeaStreamer],
        rows: &["/s"],
    },
    Section {
        name: "publish 1000",
        work: Work::Singles(1_000),
        libraries: &[Raw, Ours, SeaStreamer],
        rows: &["/s"],
    },
    Section {
        name: "publish batches",
        work: Work::Batches,
        libraries: &[Raw, Ours, SeaStreamer],
        rows: &["/s"],
    },
    Section {
        name: "consume",
        work: Work::Consume,
        libraries: &[Raw, Ours, SeaStreamer, SeaStreamerTuned],
        rows: &["/s"],
    },
    Section {
        name: "latency",
        work: Work::Latency,
        libraries: &[Raw, Ours, RustStream],
        rows: &["µs p50", "µs p95", "µs p99"],
    },
];

impl Section {
    /// One turn of one library, on a server without keys: a figure for each row.
    pub(crate) async fn measure(&self, library: Library, url: Url) -> Outcome<Vec<f64>> {
        raw::empty(url).await?;
        let rate = match (self.work, library) {
            (Work::Singles(tasks), Raw) => raw::singles(url, tasks).await?,
            (Work::Singles(tasks), Ours) => ours::singles(url, tasks).await?,
            (Work::Singles(tasks), RustStream) => ruststream::singles(url, tasks).await?,
            (Work::Singles(tasks), _) => sea_streamer::singles(url, tasks).await?,
            (Work::Batches, Raw) => raw::batches(url).await?,
            (Work::Batches, Ours) => ours::batches(url).await?,
            (Work::Batches, SeaStreamer) => sea_streamer::batches(url).await?,
            (Work::Consume, Raw) => raw::consume(url).await?,
            (Work::Consume, Ours) => ours::consume(url).await?,
            (Work::Consume, SeaStreamer) => sea_streamer::consume(url, None).await?,
            (Work::Consume, SeaStreamerTuned) => sea_streamer::consume(url, Some(TUNED)).await?,
            (Work::Latency, Raw) => return raw::latency(url).await,
            (Work::Latency, Ours) => return ours::latency(url).await,
            (Work::Latency, RustStream) => return ruststream::latency(url).await,
            (_, other) => return Err(format!("{} does not do it", other.name()).into()),
        };
        Ok(vec![rate])
    }
}
