//! What is reached, and what is not and said so.

use glmsg_broker::Durability;
use glmsg_core::ErrorKind;
use redis::Value;
use tokio::time::{Duration, Instant};

use super::servers::*;
use crate::config::RedisConfig;
use crate::connection::Link;

/// A master and a replica. Of Redis 8: since 7.2 `WAIT` waits for the caller's own writes only.
async fn pair() -> (Server, Server) {
    let program = service("REDIS8_SERVER");
    let delay = ["--repl-diskless-sync-delay", "0"];
    let master = Server::start_program(&program, &delay).await;
    let port = master.port().to_string();
    let replica = ["--replicaof", "127.0.0.1", &port];
    let replica = Server::start_program(&program, &replica).await;
    until("the replica is in step", || async {
        let info = master.run(&[&["INFO", "replication"]]).await;
        text(&info[0]).contains("state=online")
    })
    .await;
    (master, replica)
}

async fn open_at(url: &str, durability: Durability) -> Link {
    open_config(RedisConfig::from_url(url).unwrap().durability(durability)).await
}

async fn incr(link: &Link) -> (Value, bool) {
    let incr = pipeline(&[&["INCR", "n"]]);
    let replies = link.send_durably(0, &incr).await.unwrap();
    assert_eq!(replies.values.len(), 1, "none of the fence or the wait");
    (replies.values[0].clone(), replies.reached)
}

#[tokio::test]
async fn replicas_are_waited_for() {
    let (master, replica) = pair().await;
    let one = open_at(&master.url(), Durability::Replicated(1)).await;
    assert_eq!(incr(&one).await, (Value::Int(1), true));
    let got = replica.run(&[&["GET", "n"]]).await;
    assert_eq!(text(&got[0]), "1");
    let two = open_at(&master.url(), Durability::Replicated(2)).await;
    assert_eq!(incr(&two).await, (Value::Int(2), false));
    // A replica that hangs still counts as one for the master, and acknowledges nothing.
    replica.signal("STOP");
    assert_eq!(incr(&one).await, (Value::Int(3), false));
    // A call that writes nothing, such as one that is repeated elsewhere, is not safe as long as
    // what came before is not.
    let other = open_at(&master.url(), Durability::Replicated(1)).await;
    let get = pipeline(&[&["GET", "n"]]);
    let replies = other.send_durably(0, &get).await.unwrap();
    assert!(!replies.reached);
    replica.signal("CONT");
    assert_eq!(incr(&one).await, (Value::Int(4), true));
}

#[tokio::test]
async fn callers_wait_for_replicas_side_by_side() {
    let (master, replica) = pair().await;
    let link = open_at(&master.url(), Durability::Replicated(1)).await;
    replica.signal("STOP");
    let start = Instant::now();
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let link = link.clone();
            tokio::spawn(async move { incr(&link).await.1 })
        })
        .collect();
    for call in calls {
        assert!(!call.await.unwrap());
    }
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    replica.signal("CONT");
    for _ in 0..20 {
        assert!(incr(&link).await.1);
    }
    let info = master.run(&[&["INFO", "clients"]]).await;
    let clients: u32 = field(&info[0], "connected_clients").parse().unwrap();
    assert!(clients <= 12, "connections are used again: {clients}");
}

#[tokio::test]
async fn connections_that_wait_are_bounded_and_come_free() {
    let (master, replica) = pair().await;
    let url = format!("{}?connections=1&timeout_ms=1500", master.url());
    let link = open_at(&url, Durability::Replicated(1)).await;
    replica.signal("STOP");
    // Each has the one connection for a second.
    let [first, second, third] = [(); 3].map(|()| {
        let link = link.clone();
        tokio::spawn(async move { link.send_durably(0, &pipeline(&[&["INCR", "n"]])).await })
    });
    assert!(!first.await.unwrap().unwrap().reached);
    assert!(!second.await.unwrap().unwrap().reached);
    let error = third.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("raise connections"), "{error}");
    replica.signal("CONT");
    assert!(incr(&link).await.1);
}

#[tokio::test]
async fn the_disk_is_waited_for() {
    let program = service("REDIS8_SERVER");
    for fsync in ["always", "everysec"] {
        let arguments = ["--appendonly", "yes", "--appendfsync", fsync];
        let server = Server::start_program(&program, &arguments).await;
        let link = open_at(&server.url(), Durability::Fsynced).await;
        assert_eq!(incr(&link).await, (Value::Int(1), true), "{fsync}");
    }
    // A server that knows no WAITAOF needs none if it flushes always.
    let always = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    let link = open_at(&always.url(), Durability::Fsynced).await;
    assert_eq!(incr(&link).await, (Value::Int(1), true));
}

#[tokio::test]
async fn a_disk_that_cannot_be_waited_for_is_refused() {
    let redis8 = service("REDIS8_SERVER");
    let none = Server::start_program(&redis8, &["--appendonly", "no"]).await;
    let everysec = Server::start(&["--appendonly", "yes", "--appendfsync", "everysec"]).await;
    for server in [none, everysec] {
        let config = RedisConfig::from_url(&server.url()).unwrap();
        let error = refusal(config.durability(Durability::Fsynced)).await;
        let kinds = [ErrorKind::ConfigInvalid, ErrorKind::Unsupported];
        assert!(kinds.contains(&error.kind()), "{error}");
        assert!(error.to_string().contains("append"), "{error}");
    }
}

#[tokio::test]
async fn local_waits_for_nothing() {
    let server = Server::start(&[]).await;
    let link = open_at(&server.url(), Durability::Local).await;
    assert_eq!(incr(&link).await, (Value::Int(1), true));
    let info = server.run(&[&["INFO", "commandstats"]]).await;
    assert!(!text(&info[0]).contains("wait"));
}

#[tokio::test]
async fn an_eviction_that_loses_messages_is_refused() {
    let program = service("REDIS8_SERVER");
    let arguments = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];
    let server = Server::start_program(&program, &arguments).await;
    let config = RedisConfig::from_url(&server.url()).unwrap();
    let error = refusal(config.clone()).await;
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
    assert!(error.to_string().contains("noeviction"), "{error}");
    // Also without the right to ask for the configuration.
    let user = [
        "ACL", "SETUSER", "app", "on", ">c4n4ry", "~*", "+@all", "-config",
    ];
    assert_eq!(server.run(&[&user]).await, [Value::Okay]);
    let error = refusal(config.clone().login(Some("app".into()), "c4n4ry")).await;
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
    open(&format!("{}?eviction=warn", server.url())).await;
}

#[tokio::test]
async fn the_servers_of_this_machine_are_examined() {
    use glmsg_broker::Severity;

    use crate::doctor::examine;

    for (key, name, has_waitaof) in [
        ("REDIS7_URL", "redis 7", false),
        ("REDIS8_URL", "redis 8", true),
        ("VALKEY9_URL", "valkey 9", true),
    ] {
        let findings = examine(&open(&service(key)).await).await.unwrap();
        let named = findings.iter().find(|one| one.what.contains(name));
        let named = named.unwrap_or_else(|| panic!("no {name}: {findings:?}"));
        assert_eq!(named.what.contains("WAITAOF"), has_waitaof, "{named:?}");
        let problems = findings
            .iter()
            .filter(|one| one.severity == Severity::Problem);
        assert_eq!(problems.count(), 0, "{findings:?}");
        let told = |part: &str| findings.iter().any(|one| one.what.contains(part));
        assert!(told("clock is within") && told("runs scripts") && told("no log"));
    }
    let findings = examine(&open(&service("CLUSTER_URL")).await).await.unwrap();
    let servers = findings
        .iter()
        .filter(|one| one.what.contains("the server is"));
    assert_eq!(servers.count(), 3, "{findings:?}");
}

#[tokio::test]
async fn a_restart_that_leaves_messages_out_is_foreseen() {
    use glmsg_broker::{Finding, Severity};

    use crate::doctor::examine;

    let about_restart = |findings: Vec<Finding>| {
        let mut findings = findings.into_iter();
        let found = findings.find(|one| one.subject == "restart");
        found.map(|one| (one.severity, one.what))
    };
    for (program, is_left_out) in [
        ("REDIS7_SERVER", true),
        ("REDIS8_SERVER", true),
        ("VALKEY9_SERVER", false),
    ] {
        let log = ["--appendonly", "yes", "--appendfsync", "always"];
        // Named like this, the default user is off and may do nothing.
        let users = "--user default off --user boss on >pw ~* &* +@all";
        let users: Vec<&str> = users.split(' ').collect();
        let arguments = [&log[..], &users].concat();
        let mut server = Server::start_program(&service(program), &arguments).await;
        let url = format!("redis://boss:pw@{}", server.addr());
        let login: &[&str] = &["AUTH", "boss", "pw"];
        let script = "redis.call('SET', 'a', 1) redis.call('SET', 'b', 2)";
        server.run(&[login, &["EVAL", script, "0"]]).await;

        let found = about_restart(examine(&open(&url).await).await.unwrap());
        let is_foreseen =
            matches!(&found, Some((Severity::Problem, what)) if what.contains("XADD"));
        assert_eq!(is_foreseen, is_left_out, "{program}: {found:?}");

        server.kill();
        server.launch().await;
        until("the log is read", || async {
            let answers = server.run(&[login, &["GET", "a"]]).await;
            !matches!(answers[1], Value::ServerError(_))
        })
        .await;
        let kept = server.run(&[login, &["DBSIZE"]]).await;
        let expected = if is_left_out { 0 } else { 2 };
        assert_eq!(kept[1], Value::Int(expected), "{program}");

        // As the remedy says.
        let remedy = [
            "ACL",
            "SETUSER",
            "default",
            "off",
            "resetpass",
            "~*",
            "&*",
            "+@all",
        ];
        let part = ["ACL", "SETUSER", "part", "on", ">pw", "~*", "+@all", "-acl"];
        server.run(&[login, &remedy, &part]).await;
        let url_of_part = format!("redis://part:pw@{}", server.addr());
        for (url, words) in [(&url, "as a restart needs"), (&url_of_part, "may not ask")] {
            let found = about_restart(examine(&open(url).await).await.unwrap());
            let is_fine = matches!(&found, Some((Severity::Ok, what)) if what.contains(words));
            assert_eq!(is_fine, is_left_out, "{program}: {found:?}");
        }
    }
}
