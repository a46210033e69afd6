//! Whether a server's clock stands before the newest message.

use std::time::Duration;

use glmsg_core::{Result, TopicName};
use redis::{Pipeline, Value};

use super::facts::seconds;
use crate::connection::Link;
use crate::encode::text;
use crate::keys::{TopicKeys, registry};

/// How many topics are looked at, drawn from all: a clock that goes back does so for each topic
/// that is published to.
const MOST: usize = 32;

/// A topic whose newest message is younger than its server's time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Behind {
    pub(super) topic: TopicName,
    pub(super) by: Duration,
}

/// The topic whose newest message is the farthest in the future; `None` where none is, or where a
/// server does not tell.
pub(super) async fn behind(link: &Link) -> Result<Option<Behind>> {
    let namespace = &link.config().namespace;
    let (slot, registry) = registry(namespace);
    let mut draw = Pipeline::new();
    draw.cmd("SRANDMEMBER").arg(registry).arg(MOST);
    let drawn = link.send(slot, &draw).await?.values;
    let Some(Value::Array(drawn)) = drawn.into_iter().next() else {
        return Ok(None);
    };
    let mut farthest: Option<Behind> = None;
    for name in drawn {
        let Ok(topic) = TopicName::new(text(name)?) else {
            continue;
        };
        let keys = TopicKeys::new(namespace, &topic);
        let mut ask = Pipeline::new();
        // Ids never go back: the newest has the latest time there was when something was stored. Each
        // message lifts the id of this lane, whatever lane it stands in.
        ask.cmd("XINFO").arg("STREAM").arg(keys.lane(1));
        ask.cmd("TIME");
        let answers = link.send(keys.slot, &ask).await?.values;
        let [stream, time] = &answers[..] else {
            continue;
        };
        let (Some(newest), Some(now)) = (newest(stream), seconds(time)) else {
            continue;
        };
        let by = Duration::try_from_secs_f64(newest - now).unwrap_or_default();
        if by > farthest.as_ref().map_or(Duration::ZERO, |found| found.by) {
            farthest = Some(Behind { topic, by });
        }
    }
    Ok(farthest)
}

/// When the id was given that `XINFO STREAM` calls the last.
fn newest(stream: &Value) -> Option<f64> {
    let Value::Array(fields) = stream else {
        return None;
    };
    let at = fields
        .iter()
        .position(|f| matches!(f, Value::BulkString(name) if name == b"last-generated-id"))?;
    let Value::BulkString(id) = fields.get(at + 1)? else {
        return None;
    };
    let (millis, _) = std::str::from_utf8(id).ok()?.split_once('-')?;
    Some(millis.parse::<f64>().ok()? / 1000.0)
}
