//! What becomes of batches, by what a test has a broker do with them.

use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{ProduceResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::super::act::{Act, Say};
use super::super::log::{Found, Sent};
use super::{Inner, TOPIC};

/// The broker is not the leader.
const NOT_LEADER: i16 = 6;
/// The batch is too large.
const TOO_LARGE: i16 = 10;

impl Inner {
    pub(super) fn obey(&mut self, act: &Act, batches: Vec<Sent>) -> ProduceResponse {
        let mut told = Vec::new();
        for mut sent in batches {
            let say = match act {
                Act::Each(say) => *say,
                Act::With(says) => {
                    let found = says.iter().find(|(at, _)| *at == sent.partition);
                    found.map_or(Say::Store, |(_, say)| *say)
                }
                Act::HangUp { stores } | Act::KeepSilent { stores } => {
                    Say::Nothing { stores: *stores }
                }
                _ => Say::Store,
            };
            if say.stores() {
                sent.found = self.store(&sent);
            }
            let (code, offset) = match (say, sent.found) {
                (Say::Nothing { .. }, _) => {
                    self.sent.push(sent);
                    continue;
                }
                (Say::Code(code) | Say::CodeButStore(code), _) => (code, -1),
                (_, Found::Refused(code)) => (code, -1),
                (Say::Nowhere, _) => (0, -1),
                (_, Found::Stored(offset) | Found::Again(offset)) => (0, offset),
                (_, Found::Ignored) => unreachable!(),
            };
            told.push(
                PartitionProduceResponse::default()
                    .with_index(sent.partition)
                    .with_error_code(code)
                    .with_base_offset(offset),
            );
            self.sent.push(sent);
        }
        let topic = TopicProduceResponse::default()
            .with_name(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partition_responses(told);
        ProduceResponse::default().with_responses(vec![topic])
    }

    fn store(&mut self, sent: &Sent) -> Found {
        let leader = usize::try_from(sent.partition).unwrap();
        if self.leaders.get(leader) != Some(&sent.node) {
            return Found::Refused(NOT_LEADER);
        }
        if sent.size > self.most {
            return Found::Refused(TOO_LARGE);
        }
        self.logs.entry(sent.partition).or_default().append(sent)
    }
}
