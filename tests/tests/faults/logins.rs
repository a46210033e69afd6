//! F31: the login is wrong, or stops being right while everybody works. It is told as what it is, nobody storms the
//! server, and no password is ever printed.

use std::time::Duration;

use glmsg::{ErrorKind, HealthStatus};
use glmsg_faults::check::Expectation;
use glmsg_faults::ledger::What;
use glmsg_faults::process::Worker;
use glmsg_faults::server::{Kind, RedisServer};
use glmsg_faults::until;
use glmsg_tests::traffic::{Consumption, Plan, Publication, Role, Scene};

use crate::info::connections;
use crate::{TRAFFIC, lasting};

/// A part of every password here; nothing may print it.
const CANARY: &str = "c4n4ry";
const PASSWORD: &str = "first-c4n4ry";
const OTHER: &str = "other-c4n4ry";

/// A server with a user that may do everything to our keys, traffic as that user, and the case's own way in.
struct Case {
    redis: RedisServer,
    scene: Scene,
    url: String,
    publisher: Worker,
    consumer: Worker,
}

impl Case {
    async fn begin() -> Self {
        let setup = lasting::setup().password("root-c4n4ry");
        let redis = RedisServer::start(Kind::Redis7, setup).await;
        let user = format!(">{PASSWORD}");
        redis
            .command(&["ACL", "SETUSER", "app", "on", &user, "~glmsg:*", "+@all"])
            .await;
        let scene = Scene::new(&redis.url());
        let url = format!("redis://app:{PASSWORD}@{}", redis.addr());
        let publisher = Publication {
            pause: Duration::from_millis(60),
            tries: Some(5),
            ..Publication::default()
        };
        let publisher = Role::Publish(publisher);
        let case = Self {
            publisher: start(&scene, "publisher", &url, publisher),
            consumer: start(
                &scene,
                "consumer",
                &url,
                Role::Consume(Consumption::default()),
            ),
            redis,
            scene,
            url,
        };
        case.flows().await;
        case
    }

    /// Waits until messages are handled that were published from now on.
    async fn flows(&self) {
        let before = self.scene.events().len();
        until("messages flow", Duration::from_secs(60), || async {
            let events = self.scene.events();
            let mut new = Vec::new();
            let mut done = 0;
            for event in events.iter().skip(before) {
                match &event.what {
                    What::PubTry { id, .. } => new.push(id),
                    What::Done { id, .. } => done += usize::from(new.contains(&id)),
                    _ => {}
                }
            }
            done > 50
        })
        .await;
    }

    /// Waits until so many publishes have been refused, and returns why.
    async fn refused(&self, number: usize) -> Vec<String> {
        let reasons = || {
            let events = self.scene.events().into_iter();
            let reasons = events.filter_map(|event| match event.what {
                What::PubRejected { reason, .. } => Some(reason),
                _ => None,
            });
            reasons.collect::<Vec<_>>()
        };
        until("publishes are refused", Duration::from_secs(60), || async {
            reasons().len() >= number
        })
        .await;
        reasons()
    }

    /// The consumer ends by itself and says why: trying again would not help.
    async fn consumer_gives_up(&self) -> String {
        let status = self.consumer.wait(Duration::from_secs(60)).await;
        assert!(!status.success(), "{status}");
        self.scene.ledger().crash("consumer");
        let mut logs = self.logs();
        logs.remove("consumer.log").expect("its log")
    }

    /// What the processes printed, by file.
    fn logs(&self) -> std::collections::BTreeMap<String, String> {
        let dir = self.scene.dir(|dir| dir.join("logs"));
        let files = std::fs::read_dir(dir).expect("a folder of logs");
        let read = |file: std::io::Result<std::fs::DirEntry>| {
            let file = file.expect("a file");
            let text = std::fs::read(file.path()).expect("a log");
            let name = file.file_name().to_string_lossy().into_owned();
            (name, String::from_utf8_lossy(&text).into_owned())
        };
        files.map(read).collect()
    }

    async fn end(self) {
        let heir = Role::Consume(Consumption::default());
        let heir = start(&self.scene, "heir", &self.url, heir);
        self.flows().await;
        self.publisher.terminate();
        let status = self.publisher.wait(Duration::from_secs(60)).await;
        assert!(status.success(), "{status}: {}", self.publisher.log());
        self.scene.quiet(Duration::from_secs(60)).await;
        heir.terminate();
        assert!(heir.wait(Duration::from_secs(60)).await.success());
        for (name, log) in self.logs() {
            assert!(!log.contains(CANARY), "a password in {name}: {log}");
        }
        let reasons = self.refused(0).await.join("\n");
        assert!(!reasons.contains(CANARY), "{reasons}");
        let expectation = Expectation::for_groups([self.scene.group()])
            .published_at_least(50)
            .faults_at_least(1)
            .max_attempts(4);
        let report = self.scene.judge(expectation).await;
        println!("{report}");
        report.assert_ok();
    }
}

fn start(scene: &Scene, name: &str, url: &str, role: Role) -> Worker {
    let dir = scene.dir(|dir| dir.to_owned());
    let logs = dir.join("logs");
    std::fs::create_dir_all(&logs).expect("a folder for the logs");
    let plan = Plan {
        name: name.to_owned(),
        ledger: dir,
        url: url.to_owned(),
        topic: scene.topic(),
        group: scene.group(),
        role,
    };
    let launch = plan.launch(TRAFFIC).log(logs.join(format!("{name}.log")));
    Worker::spawn(name, &launch, &scene.ledger())
}

#[tokio::test]
async fn a_wrong_password_is_refused_at_once() {
    let setup = lasting::setup().password(PASSWORD);
    let redis = RedisServer::start(Kind::Redis7, setup).await;
    for (login, named) in [
        (
            format!(":wrong-{CANARY}@"),
            "refuses the user or the password",
        ),
        (
            format!("nobody:{PASSWORD}@"),
            "refuses the user or the password",
        ),
        (String::new(), "wants a login"),
    ] {
        let before = connections(&redis).await;
        let url = format!("redis://{login}{}", redis.addr());
        let error = glmsg::connect(&url).await.expect_err("the login is wrong");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert!(!error.is_transient(), "{error}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(named), "{text}");
        assert!(!text.contains(CANARY), "{text}");
        // One of ours, and that of the second question.
        assert_eq!(connections(&redis).await - before, 2, "{named}");
    }
}

#[tokio::test]
async fn rights_that_are_taken_away_are_told_as_such() {
    let case = Case::begin().await;
    let ledger = case.scene.ledger();
    let watching = glmsg::connect(&case.url).await.expect("a broker");

    ledger.fault_begin("rights");
    let before = connections(&case.redis).await;
    let rights = ["ACL", "SETUSER", "app", "-@all", "+auth", "+hello", "+ping"];
    case.redis.command(&rights).await;
    let refused = case.refused(100).await;
    let last = refused.last().expect("a reason");
    assert!(last.contains("does not allow this user"), "{last}");
    let log = case.consumer_gives_up().await;
    assert!(log.contains("does not allow this user"), "{log}");
    let health = watching.health().await;
    assert_eq!(health.status, HealthStatus::Unhealthy, "{health:?}");
    assert!(!format!("{health:?} {watching:?}").contains(CANARY));
    let new = connections(&case.redis).await - before;
    assert!(new < 20, "{new} connections for {} refusals", refused.len());
    case.redis
        .command(&["ACL", "SETUSER", "app", "+@all"])
        .await;
    ledger.fault_end("rights");
    // Whoever still runs goes on with its connections.
    let health = watching.health().await;
    assert_eq!(health.status, HealthStatus::Healthy, "{health:?}");
    case.end().await;
}

#[tokio::test]
async fn a_password_that_is_changed_is_told_as_such() {
    let case = Case::begin().await;
    let ledger = case.scene.ledger();
    ledger.fault_begin("password");
    let (old, new) = (format!("<{PASSWORD}"), format!(">{OTHER}"));
    case.redis
        .command(&["ACL", "SETUSER", "app", &old, &new])
        .await;
    let before = connections(&case.redis).await;
    case.redis.command(&["CLIENT", "KILL", "USER", "app"]).await;
    let refused = case.refused(100).await;
    let last = refused.last().expect("a reason");
    assert!(last.contains("refuses the user or the password"), "{last}");
    let log = case.consumer_gives_up().await;
    assert!(log.contains("refuses the user or the password"), "{log}");
    // Each publish is refused, and few of them ask the server.
    let new = connections(&case.redis).await - before;
    assert!(new < 40, "{new} connections for {} refusals", refused.len());
    let back = format!(">{PASSWORD}");
    case.redis.command(&["ACL", "SETUSER", "app", &back]).await;
    ledger.fault_end("password");
    case.end().await;
}
