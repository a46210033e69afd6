//! F30: a server that cannot be trusted, or does not trust us. It is refused with the reason, and nothing is sent to it in
//! the clear instead.

use std::time::Duration;

use glmsg::{Error, ErrorKind};
use glmsg_faults::Port;
use glmsg_faults::check::Expectation;
use glmsg_faults::proxy::Proxy;
use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use glmsg_faults::services;
use glmsg_tests::traffic::{Consumption, Crew, Publication, Publisher, Scene};

use crate::{TRAFFIC, lasting};

fn file(name: &str) -> String {
    format!("{}/{name}", services::get("TLS_DIR"))
}

/// A server that speaks TLS on a second port.
struct Secret {
    redis: RedisServer,
    port: Port,
}

impl Secret {
    /// With the certificate of that name; `asks` tells whether it asks for ours.
    async fn start(certificate: &str, asks: bool) -> Self {
        let port = Port::hold();
        let words = [
            ("--tls-port", port.number().to_string()),
            ("--tls-ca-cert-file", file("ca.pem")),
            ("--tls-cert-file", file(&format!("{certificate}.pem"))),
            ("--tls-key-file", file(&format!("{certificate}.key"))),
            (
                "--tls-auth-clients",
                if asks { "yes" } else { "no" }.to_owned(),
            ),
        ];
        let words = words
            .into_iter()
            .flat_map(|(word, value)| [word.to_owned(), value]);
        let setup = RedisSetup::default().args(words);
        let redis = RedisServer::start(Kind::Redis7, setup).await;
        Self { redis, port }
    }

    fn url(&self, settings: &str) -> String {
        format!("rediss://{}?{settings}", self.port.addr())
    }

    /// The same by way of a proxy, which counts.
    async fn counted(&self, settings: &str) -> (Proxy, String) {
        let proxy = Proxy::start(self.port.addr()).await;
        let url = format!("rediss://{}?{settings}", proxy.addr());
        (proxy, url)
    }
}

async fn refusal(url: &str) -> Error {
    let refused = glmsg::connect(url).await;
    let error = refused.expect_err("it must not be connected to");
    assert!(!error.is_transient(), "trying again cannot help: {error}");
    error
}

#[tokio::test]
async fn a_server_that_cannot_be_trusted_is_refused() {
    let ca = format!("ca={}", file("ca.pem"));
    let other = format!("ca={}", file("other-ca.pem"));
    let ours = format!(
        "{ca}&cert={}&key={}",
        file("client.pem"),
        file("client.key")
    );
    let theirs = format!(
        "{ca}&cert={}&key={}",
        file("expired.pem"),
        file("expired.key")
    );
    for (certificate, asks, settings, named) in [
        ("expired", false, &ca, "has expired"),
        ("wrong-host", false, &ca, "another host"),
        ("server", false, &other, "ca=PATH"),
        ("server", false, &String::new(), "authority"),
        ("server", true, &ca, "cert=PATH"),
        ("server", true, &theirs, "certificate"),
        ("expired", true, &ours, "has expired"),
    ] {
        let server = Secret::start(certificate, asks).await;
        let (proxy, counted) = server.counted(settings).await;
        // A server that refuses us says so and resets the connection; by way of a proxy only the reset arrives.
        let url = if asks { server.url(settings) } else { counted };
        let error = refusal(&url).await;
        let kinds = [ErrorKind::PermissionDenied, ErrorKind::ConfigInvalid];
        assert!(kinds.contains(&error.kind()), "{named}: {error}");
        assert!(error.to_string().contains(named), "{named}: {error}");
        if !asks {
            // At once, and not after having tried as often as for a server that may come back.
            assert_eq!(proxy.control().seen().accepted, 1, "{error}");
        }
        let keys = server.redis.command(&["DBSIZE"]).await;
        assert_eq!(keys.integer(), Some(0), "{named}: something was stored");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_and_gets_nothing_in_the_clear() {
    let password = "c4n4ry";
    let setup = lasting::setup().password(password);
    let redis = RedisServer::start(Kind::Redis7, setup).await;
    let ca = file("ca.pem");
    let url = format!(
        "rediss://:{password}@{}?ca={ca}&timeout_ms=3000",
        redis.addr()
    );
    let refused = glmsg::connect(&url).await;
    let error = refused.expect_err("it must not be connected to");
    let text = error.to_string();
    assert!(text.contains("TLS"), "{text}");
    assert!(!format!("{text} {error:?}").contains(password), "{text}");
    // Whoever had logged in would have been heard of.
    let stats = redis.command(&["INFO", "commandstats"]).await;
    let stats = stats.text().expect("a text");
    for command in ["cmdstat_hello", "cmdstat_client", "cmdstat_script"] {
        assert!(!stats.contains(command), "{command}: {stats}");
    }
}

#[tokio::test]
async fn a_server_with_tls_is_not_used_without() {
    let server = Secret::start("server", true).await;
    let url = format!("redis://{}?timeout_ms=500", server.port.addr());
    let error = glmsg::connect(&url).await;
    let error = error.expect_err("it must not be connected to");
    assert!(error.to_string().contains("rediss://"), "{error}");
}

#[tokio::test]
async fn who_trusts_each_other_work_together_through_restarts() {
    let server = Secret::start("server", true).await;
    let ours = format!(
        "ca={}&cert={}&key={}",
        file("ca.pem"),
        file("client.pem"),
        file("client.key")
    );
    let scene = Scene::new(&server.url(&ours));
    let consumption = Consumption {
        // Longer than a server needs to come back, also on a busy machine.
        lease: Duration::from_secs(5),
        ..Consumption::default()
    };
    let crew = Crew::hire(2, TRAFFIC, &scene, &consumption);
    let publisher = Publisher::start(&scene, "publisher", &Publication::default());
    publisher.reaches(200).await;
    let every = Duration::from_millis(500)..=Duration::from_millis(1000);
    let killer = scene.kill_server(&server.redis, 51, every);
    killer.reaches(3).await;
    killer.stop().await;
    let stored = publisher.answers().stored;
    publisher.reaches(stored + 200).await;
    publisher.stop().await;
    scene.quiet(Duration::from_secs(60)).await;
    crew.dismiss().await;
    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(400)
        .faults_at_least(3)
        .max_attempts(4);
    let report = scene.judge(expectation).await;
    println!("{report}");
    report.assert_ok();
}
