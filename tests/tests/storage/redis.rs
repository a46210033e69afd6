//! Redis: an answer that is lost is no conflict.

use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{Backend, Change, Expected, Storage, StorageKey};
use glmsg_faults::proxy::{DropReply, Mode, Proxy};
use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use glmsg_redis::{RedisBroker, RedisConfig, RedisStorage};

struct Scene {
    _redis: RedisServer,
    proxy: Proxy,
    storage: RedisStorage,
}

impl Scene {
    async fn on(kind: Kind) -> Self {
        let redis = RedisServer::start(kind, RedisSetup::default()).await;
        let proxy = Proxy::start(redis.addr()).await;
        let url = format!("redis://{}?timeout_ms=20000", proxy.addr());
        let config = RedisConfig::from_url(&url).expect("a URL");
        let broker = RedisBroker::open(config).await.expect("it opens");
        let storage = broker.storage().await.expect("it has one");
        Self {
            _redis: redis,
            proxy,
            storage,
        }
    }

    /// From now on the answer to the next request about this key is lost, after it was carried out.
    async fn lose(&self, key: &StorageKey) {
        let once = DropReply::once().to(key.as_str());
        self.proxy.control().set(Mode::DropReply(once)).await;
    }
}

async fn no_false_conflict(kind: Kind) {
    let scene = Scene::on(kind).await;
    let storage = &scene.storage;
    let log = StorageKey::new("lost/log").expect("a key");
    let value = StorageKey::new("lost/value").expect("a key");
    let data = Bytes::from_static(b"data");
    let records = [data.clone(), data.clone()];
    let hour = Some(Duration::from_secs(3600));
    for round in 0..5 {
        scene.lose(&log).await;
        let version = Expected::Version(round * 2);
        let made = storage.append(&log, version, &records).await;
        assert_eq!(made.expect("an append"), Change::Made(round * 2 + 2));
        scene.lose(&value).await;
        let version = Expected::Version(round);
        let made = storage.put(&value, &data, version, hour).await;
        assert_eq!(made.expect("a put"), Change::Made(round + 1));
    }
    scene.lose(&log).await;
    let made = storage.append(&log, Expected::Any, &records).await;
    assert_eq!(
        made.expect("an append"),
        Change::Made(12),
        "once, not twice"
    );
    scene.lose(&value).await;
    let made = storage.remove(&value, Expected::Version(5)).await;
    assert_eq!(made.expect("a removal"), Change::Made(0));
    scene.lose(&log).await;
    let made = storage.remove_log(&log, Expected::Version(12)).await;
    assert_eq!(made.expect("a removal"), Change::Made(0));
    let seen = scene.proxy.control().seen();
    assert_eq!(seen.replies_dropped, 13, "each was lost: {seen:?}");
}

#[tokio::test]
async fn a_lost_reply_is_no_conflict_on_redis_7() {
    no_false_conflict(Kind::Redis7).await;
}

#[tokio::test]
async fn a_lost_reply_is_no_conflict_on_redis_8() {
    no_false_conflict(Kind::Redis8).await;
}

#[tokio::test]
async fn a_lost_reply_is_no_conflict_on_valkey_9() {
    no_false_conflict(Kind::Valkey9).await;
}
