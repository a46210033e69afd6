//! Members of a group come, leave, die and come again, and all that is published is handled.

use glmsg_broker::Broker as _;
use glmsg_conformance::Fixture as _;
use glmsg_faults::ledger::Writer;
use glmsg_faults::process::{Launch, Worker};
use glmsg_faults::until;
use glmsg_tests::KafkaPartitions;
use glmsg_tests::copier::{Plan, VARIABLE};
use tempfile::TempDir;

use crate::copying::{Copying, PATIENCE, once_each};

/// How many messages are published each time.
const EACH: usize = 40;

struct Case {
    copying: Copying,
    is_apart: bool,
    published: usize,
    ledger: Writer,
    /// Groups that the cluster shares out are not among those whose members are counted.
    counts_members: bool,
    dir: TempDir,
    _fixture: KafkaPartitions,
}

impl Case {
    async fn new(settings: &str, is_apart: bool) -> Self {
        let fixture = KafkaPartitions::new().await;
        // Later ones outdo those of the fixture.
        let url = fixture.url().replace("&session_timeout_ms=6000", "") + settings;
        let dir = tempfile::tempdir().expect("a folder");
        Self {
            copying: Copying::at(url).await,
            is_apart,
            published: 0,
            ledger: Writer::open(dir.path(), "case"),
            counts_members: !settings.contains("group_protocol=consumer"),
            dir,
            _fixture: fixture,
        }
    }

    /// Starts a member, for the how many-th time.
    fn start(&self, member: &str, settings: &str, time: u32) -> Worker {
        let case = &self.copying;
        let plan = Plan {
            url: format!("{}{settings}", case.url),
            from: case.from.to_string(),
            to: case.to.to_string(),
            group: case.group.to_string(),
            member: member.into(),
            timeout_s: 2,
            dies_at: None,
            stops_at: None,
            poison: None,
            handles: None,
            is_apart: self.is_apart,
        };
        let text = serde_json::to_string(&plan).expect("a plan can be written");
        let name = format!("{member}-{time}");
        let launch = Launch::new(env!("CARGO_BIN_EXE_copier"))
            .env(VARIABLE, text)
            .log(self.dir.path().join(format!("{name}.log")));
        Worker::spawn(&name, &launch, &self.ledger)
    }

    /// Waits until two take part: who goes then leaves its work to another.
    async fn until_two_take_part(&self) {
        if !self.counts_members {
            return;
        }
        until("two take part", PATIENCE, || async {
            let case = &self.copying;
            let groups = case.broker.groups(&case.from).await.unwrap_or_default();
            groups.iter().any(|group| group.members == 2)
        })
        .await;
    }

    /// Waits for the end of a member that was asked to, which is in order.
    async fn ends_well(&self, member: Worker) {
        let ended = member.wait(PATIENCE).await;
        assert!(ended.success(), "{ended}\n{}", member.log());
    }

    async fn publish(&mut self) {
        let numbers = self.published..self.published + EACH;
        self.copying.publish(numbers).await;
        self.published += EACH;
    }

    async fn publish_and_await(&mut self) {
        self.publish().await;
        self.copying.until_done().await;
    }

    async fn check(&self) {
        // Behind what a member that was killed has left open they are seen when that is over.
        let count = self.published;
        until("all results are seen", PATIENCE, || async {
            self.copying.results().await.len() >= count
        })
        .await;
        let mut results = self.copying.results().await;
        if self.is_apart {
            // At least once.
            results.dedup();
        }
        assert_eq!(results, once_each(self.published));
    }
}

/// One joins, another joins, that one leaves, and the first dies while a third is there.
async fn come_and_go(settings: &str, is_apart: bool) {
    let mut case = Case::new(settings, is_apart).await;
    let first = case.start("first", "", 1);
    case.publish_and_await().await;
    let second = case.start("second", "", 1);
    case.until_two_take_part().await;
    case.publish_and_await().await;
    second.terminate();
    case.publish().await;
    case.ends_well(second).await;
    case.copying.until_done().await;
    let third = case.start("third", "", 1);
    case.until_two_take_part().await;
    case.publish_and_await().await;
    case.publish().await;
    first.kill9().await;
    case.publish_and_await().await;
    third.terminate();
    case.ends_well(third).await;
    case.check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_come_and_go() {
    come_and_go("&session_timeout_ms=6000", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_come_and_go_in_transactions() {
    come_and_go("&session_timeout_ms=6000", false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_come_and_go_where_the_cluster_shares_out() {
    come_and_go("&group_protocol=consumer", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_come_and_go_in_transactions_where_the_cluster_shares_out() {
    come_and_go("&group_protocol=consumer", false).await;
}

/// A member with a name of its own that is killed has its partitions again as soon as it is back. Without one it would
/// wait for the end of the session, which is longer than this test waits.
async fn has_its_partitions_again(is_apart: bool) {
    let mut case = Case::new("&session_timeout_ms=300000", is_apart).await;
    let mut time = 1;
    let mut one = case.start("one", "&instance=one", time);
    let other = case.start("other", "&instance=other", 1);
    for _ in 0..3 {
        case.publish_and_await().await;
        case.publish().await;
        one.kill9().await;
        time += 1;
        one = case.start("one", "&instance=one", time);
        case.copying.until_done().await;
    }
    assert!(one.is_alive() && other.is_alive());
    case.check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_with_a_name_has_its_partitions_again_when_it_is_back() {
    has_its_partitions_again(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transactional_member_with_a_name_has_its_partitions_again_when_it_is_back() {
    has_its_partitions_again(false).await;
}
