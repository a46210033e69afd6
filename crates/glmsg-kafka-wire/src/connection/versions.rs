//! Which versions of which requests a broker knows.

use bytes::Buf;
use glmsg_core::{Error, ErrorKind, Result};
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kafka_protocol::protocol::{Message, Request, StrBytes, VersionRange};

use super::channel::Channel;
use super::error::malformed;

/// The broker does not know this version of the question. It says so in version 0.
const UNSUPPORTED_VERSION: i16 = 35;

/// The first version that tells a broker who asks.
const NAMED: i16 = 3;

/// The bytes that version 0 has for each request.
const ENTRY: usize = 6;

/// Which versions of which requests a broker knows.
#[derive(Debug)]
pub(super) struct Versions {
    /// By the key of the request.
    known: Vec<(i16, VersionRange)>,
}

impl Versions {
    /// Asks a broker, which answers before any login.
    pub(super) async fn ask(channel: &mut Channel) -> Result<Self> {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("glmsg"))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
        let answer = channel.ask(&request, NAMED).await?;
        if answer.left().try_get_i16() != Ok(UNSUPPORTED_VERSION) {
            return Self::known(&answer.read::<ApiVersionsRequest>(NAMED)?);
        }
        let answer = channel.ask(&ApiVersionsRequest::default(), 0).await?;
        // The decoder would believe any count.
        let mut rest = answer.left();
        let (_code, count) = (rest.try_get_i16(), rest.try_get_u32());
        let most = rest.len() / ENTRY;
        if count.is_ok_and(|count| count as usize > most) {
            return Err(malformed("it has fewer entries than it says"));
        }
        Self::known(&answer.read::<ApiVersionsRequest>(0)?)
    }

    fn known(response: &ApiVersionsResponse) -> Result<Self> {
        if response.error_code != 0 {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a broker does not say which requests it knows",
            )
            .with("code", response.error_code)
            .remedy("use a cluster of Kafka 2.4 or newer"));
        }
        let each = response.api_keys.iter().map(|entry| {
            let range = VersionRange {
                min: entry.min_version,
                max: entry.max_version,
            };
            (entry.api_key, range)
        });
        let mut known: Vec<_> = each.collect();
        known.sort_by_key(|(key, _)| *key);
        Ok(Self { known })
    }

    /// The highest version that both know, up to `most`.
    pub(super) fn highest<R: Request>(&self, most: i16) -> Result<i16> {
        let found = self.known.binary_search_by_key(&R::KEY, |(key, _)| *key);
        let theirs = found.ok().and_then(|at| self.known.get(at));
        let ours = <R as Message>::VERSIONS;
        let both = theirs.map(|(_, range)| range.intersect(&ours));
        match both.map(|range| (range.min, range.max.min(most))) {
            Some((least, most)) if least <= most => Ok(most),
            _ => Err(lacking::<R>(most)),
        }
    }
}

#[cold]
fn lacking<R: Request>(most: i16) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "the broker does not know a request that is needed, or no version of it that we know",
    )
    .with("request", R::KEY)
    .with("version", most)
    .remedy("use a cluster of Kafka 2.4 or newer")
}
