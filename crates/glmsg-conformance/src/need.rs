//! What a case needs of a backend, and what a backend without it must answer.

use std::fmt;
use std::time::Duration;

use glmsg_broker::{
    Capability, Durability, Frames, LiveOptions, Ordering, Published, ReplayQuery, StartFrom,
    TopicConfig,
};
use glmsg_core::{ErrorKind, Message, Priority};

use crate::Fixture;
use crate::member::{Member, options};
use crate::messages::{build, builder, error_kind, group, message, publish_one, store, topic};

/// Something that not every backend has. A case that needs it is not skipped where it is missing:
/// the suite then checks that the backend says so, by `Unsupported` or by what it declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// `Capability::priorities`
    Priorities,
    /// `Capability::scheduling`
    Scheduling,
    /// `Capability::per_key_order`
    PerKeyOrder,
    /// `Capability::idempotent_publish`
    IdempotentPublish,
    /// `Capability::replay`
    Replay,
    /// `Capability::ttl`
    Ttl,
    /// `Capability::retention`
    Retention,
    /// `Capability::members`
    Members,
    /// `Capability::frames`
    Frames,
    /// `Capability::live`
    Live,
    /// `Capability::storage`
    Storage,
    /// `Capability::multi_process`
    MultiProcess,
    /// [`Fixture::can_reopen`]
    Reopen,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Priorities => "priorities",
            Self::Scheduling => "scheduling",
            Self::PerKeyOrder => "per_key_order",
            Self::IdempotentPublish => "idempotent_publish",
            Self::Replay => "replay",
            Self::Ttl => "ttl",
            Self::Retention => "retention",
            Self::Members => "members",
            Self::Frames => "frames",
            Self::Live => "live",
            Self::Storage => "storage",
            Self::MultiProcess => "multi_process",
            Self::Reopen => "a durability above volatile",
        })
    }
}

impl Need {
    /// Whether the backend declares it.
    pub fn is_met<F: Fixture>(self) -> bool {
        self.is_declared(&F::capability(), F::can_reopen())
    }

    fn is_declared(self, capability: &Capability, can_reopen: bool) -> bool {
        match self {
            Self::Priorities => capability.priorities,
            Self::Scheduling => capability.scheduling,
            Self::PerKeyOrder => capability.per_key_order,
            Self::IdempotentPublish => capability.idempotent_publish,
            Self::Replay => capability.replay,
            Self::Ttl => capability.ttl,
            Self::Retention => capability.retention,
            Self::Members => capability.members,
            Self::Frames => capability.frames,
            Self::Live => capability.live,
            Self::Storage => capability.storage,
            Self::MultiProcess => capability.multi_process,
            Self::Reopen => can_reopen,
        }
    }

    /// Checks what a backend that does not declare it must answer.
    pub(crate) async fn assert_refused<F: Fixture>(self, f: &F) {
        let broker = f.broker().await;
        match self {
            Self::Priorities => {
                let high = build(builder("high").priority(Priority::High));
                rejected(f, "a message of high priority", &high).await;
            }
            Self::Scheduling => {
                let later = build(builder("later").delay(Duration::from_secs(3600)));
                rejected(f, "a scheduled message", &later).await;
            }
            Self::Ttl => {
                let mortal = build(builder("mortal").ttl(Duration::from_secs(3600)));
                rejected(f, "a message with a time to live", &mortal).await;
            }
            Self::PerKeyOrder => {
                let options = options("g").ordering(Ordering::PerKey);
                let refused = broker.open_source(&options).await;
                unsupported(
                    "a subscription with order by key",
                    error_kind("it", refused),
                );
            }
            Self::Replay => {
                store(&broker, &[message("stored")]).await;
                let query = ReplayQuery::new(topic(), StartFrom::Earliest);
                let refused = broker.replay(&query).await;
                unsupported("a replay", error_kind("it", refused));
            }
            Self::Retention => {
                let config = TopicConfig::default().max_len(10);
                let refused = broker.create_topic(&topic(), &config).await;
                unsupported("a topic with bounds", error_kind("it", refused));
            }
            Self::Members => {
                let _member = Member::join(&broker, "g").await;
                let refused = broker.members(&topic(), &group("g")).await;
                unsupported("a list of members", error_kind("it", refused));
            }
            Self::Frames => {
                let config = TopicConfig::default().frames(Frames::default());
                let refused = broker.create_topic(&topic(), &config).await;
                unsupported("a topic with frames", error_kind("it", refused));
                assert_eq!(
                    broker.topics().await.expect("a list"),
                    [],
                    "it is not created"
                );
            }
            Self::Live => {
                let refused = broker.announce(&[message("news")]).await;
                unsupported("an announcement", error_kind("it", refused));
                let options = LiveOptions::new("**").expect("a valid pattern");
                let refused = broker.open_live(&options).await;
                unsupported("a live subscription", error_kind("it", refused));
            }
            Self::Storage => {
                let refused = broker.open_storage().await;
                unsupported("a storage", error_kind("it", refused));
            }
            // Nothing to call: a second publish is stored twice, and one process is alone.
            Self::IdempotentPublish | Self::MultiProcess => {}
            Self::Reopen => assert_eq!(
                broker.capability().durability,
                Durability::Volatile,
                "a store that is declared durable must be opened again by the fixture: make \
                 `can_reopen` true, or declare `Durability::Volatile`"
            ),
        }
    }
}

async fn rejected<F: Fixture>(f: &F, what: &str, message: &Message) {
    match publish_one(&f.broker().await, message).await {
        Published::Rejected(error) => unsupported(what, error.kind()),
        other => panic!("{what} is not declared and must be `Rejected`, not {other:?}"),
    }
}

fn unsupported(what: &str, kind: ErrorKind) {
    assert_eq!(
        kind,
        ErrorKind::Unsupported,
        "{what} is not declared, so it is refused with this kind"
    );
}
