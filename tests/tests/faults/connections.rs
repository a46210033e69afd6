//! F4: connections that break at the worst moment. Nothing is stored twice, and nothing is lost.

use std::time::Duration;

use glmsg_faults::check::{Expectation, Report};
use glmsg_faults::proxy::{Chaos, Direction, DropReply, Mode, Proxy, Seen};
use glmsg_faults::server::{Kind, RedisServer};
use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Publication, Publisher, Scene};

use crate::length::seconds;
use crate::{TRAFFIC, lasting};

/// A server with traffic that goes by way of two proxies, one for the publisher and one for the consumers.
struct Case {
    redis: RedisServer,
    scene: Scene,
    proxies: [Proxy; 2],
    crew: Crew,
    publisher: Publisher,
}

impl Case {
    async fn begin(kind: Kind, seed: u64) -> Self {
        Self::begin_with(kind, seed, "").await
    }

    /// With these settings in every URL.
    async fn begin_with(kind: Kind, seed: u64, settings: &str) -> Self {
        let redis = RedisServer::start(kind, lasting::setup()).await;
        let url = |url: String| format!("{url}?{settings}");
        let scene = Scene::new(&url(redis.url()));
        let proxies = [
            Proxy::start(redis.addr()).await,
            Proxy::start(redis.addr()).await,
        ];
        let [before_publisher, before_crew] = &proxies;
        let publication = Publication {
            seed,
            mix: Mix::default().with(200, Duty::Fail(1)),
            pause: Duration::from_millis(60),
            ..Publication::default()
        };
        let at = url(redis.url_at(before_publisher.addr()));
        let publisher = Publisher::start_at(&scene, "publisher", &publication, &at);
        let at = url(redis.url_at(before_crew.addr()));
        let crew = Crew::hire_at(2, TRAFFIC, &scene, &Consumption::default(), &at);
        publisher.reaches(100).await;
        Self {
            redis,
            scene,
            proxies,
            crew,
            publisher,
        }
    }

    /// Both proxies do the same, at the same time.
    async fn during(&self, mode: Mode, time: Duration) {
        let ledger = self.scene.ledger();
        let [one, other] = &self.proxies;
        let (one, other) = (one.control(), other.control());
        tokio::join!(
            one.during(&ledger, mode.clone(), time),
            other.during(&ledger, mode, time)
        );
    }

    /// Both proxies do some of these, one after the other, for so long.
    async fn chaos(&self, seed: u64, faults: Vec<Mode>, time: Duration) {
        let ledger = self.scene.ledger();
        let chaos = Chaos::new(seed).faults(faults);
        let [one, other] = &self.proxies;
        let killers = [
            chaos.run(&one.control(), &ledger),
            chaos.run(&other.control(), &ledger),
        ];
        tokio::time::sleep(time).await;
        for killer in killers {
            killer.reaches(5).await;
            killer.stop().await;
        }
    }

    /// What both proxies saw.
    fn seen(&self) -> [Seen; 2] {
        self.proxies.each_ref().map(|proxy| proxy.control().seen())
    }

    async fn judge(self, faults: usize) -> Report {
        let Self {
            redis,
            scene,
            proxies,
            crew,
            publisher,
        } = self;
        // All is well now: what waits goes on.
        let stored = publisher.answers().stored;
        publisher.reaches(stored + 100).await;
        publisher.stop().await;
        scene.quiet(Duration::from_secs(60)).await;
        crew.dismiss().await;
        let expectation = Expectation::for_groups([scene.group()])
            .published_at_least(200)
            .faults_at_least(faults)
            .max_attempts(4);
        let report = scene.judge(expectation).await;
        println!("{report}");
        report.assert_ok();
        drop((redis, proxies));
        report
    }
}

async fn dropped_replies(kind: Kind, settings: &str) {
    let case = Case::begin_with(kind, 21, settings).await;
    // Of publishes, reads, acks and nacks alike: the server has done what it was asked, and nobody learns.
    let always = Mode::DropReply(DropReply::always());
    case.chaos(21, vec![always], seconds(12)).await;
    let [publisher, crew] = case.seen();
    assert!(publisher.replies_dropped >= 5, "{publisher:?}");
    assert!(crew.replies_dropped >= 5, "{crew:?}");
    let report = case.judge(10).await;
    assert_eq!(report.counts.duplicate_stores, 0);
}

#[tokio::test]
async fn a_reply_that_is_lost_stores_nothing_twice() {
    dropped_replies(Kind::Redis7, "").await;
}

#[tokio::test]
async fn a_reply_that_is_lost_stores_nothing_twice_on_redis_8() {
    dropped_replies(Kind::Redis8, "").await;
}

#[tokio::test]
async fn a_reply_that_is_lost_stores_nothing_twice_on_valkey_9() {
    dropped_replies(Kind::Valkey9, "").await;
}

#[tokio::test]
async fn a_reply_that_is_lost_stores_no_frame_twice() {
    dropped_replies(Kind::Redis7, "frames=8").await;
}

#[tokio::test]
async fn connections_may_be_reset_at_any_byte() {
    let case = Case::begin(Kind::Redis7, 22).await;
    let mut faults = vec![Mode::Reset, Mode::ResetNew];
    let mut rng = fastrand::Rng::with_seed(22);
    for direction in [Direction::ToServer, Direction::ToClient, Direction::Both] {
        faults.extend((0..4).map(|_| Mode::CutAfter {
            direction,
            bytes: rng.usize(..4000),
        }));
    }
    case.chaos(22, faults, seconds(12)).await;
    let [publisher, crew] = case.seen();
    assert!(publisher.resets + publisher.cuts > 5, "{publisher:?}");
    assert!(crew.resets + crew.cuts > 5, "{crew:?}");
    case.judge(10).await;
}

#[tokio::test]
async fn a_half_open_connection_is_given_up_and_made_anew() {
    let case = Case::begin(Kind::Redis7, 23).await;
    // Longer than any time-out: what was asked before is in doubt, and what is asked now is heard by nobody.
    let time = Duration::from_secs(8);
    for direction in [Direction::ToClient, Direction::ToServer] {
        case.during(Mode::BlackHole(direction), time).await;
        let stored = case.publisher.answers().stored;
        case.publisher.reaches(stored + 100).await;
    }
    let [publisher, crew] = case.seen();
    assert!(publisher.swallowed > 0, "{publisher:?}");
    assert!(crew.swallowed > 0, "{crew:?}");
    let report = case.judge(4).await;
    assert!(
        report.counts.indeterminate > 0,
        "no time-out fired: {report}"
    );
}

#[tokio::test]
async fn a_slow_network_is_only_slow() {
    let case = Case::begin(Kind::Redis7, 24).await;
    let ms = Duration::from_millis;
    case.during(Mode::delay(ms(200), ms(100)), Duration::from_secs(8))
        .await;
    let report = case.judge(2).await;
    assert_eq!(report.counts.indeterminate, 0, "{report}");
}

#[tokio::test]
async fn bytes_may_come_one_by_one() {
    let case = Case::begin(Kind::Redis7, 25).await;
    case.during(Mode::trickle(), Duration::from_secs(8)).await;
    case.judge(2).await;
}

#[tokio::test]
async fn all_of_it_at_random() {
    let case = Case::begin(Kind::Redis7, 26).await;
    let ledger = case.scene.ledger();
    // Two sequences, so that the one side suffers while the other does not.
    let [one, other] = &case.proxies;
    let killers = [
        Chaos::new(26).run(&one.control(), &ledger),
        Chaos::new(27).run(&other.control(), &ledger),
    ];
    tokio::time::sleep(seconds(12)).await;
    for killer in killers {
        killer.reaches(10).await;
        killer.stop().await;
    }
    case.judge(20).await;
}
