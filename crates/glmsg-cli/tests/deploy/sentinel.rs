//! Three servers and three Sentinels, started with the files.

use glmsg_faults::server::Server;
use glmsg_faults::until;
use tempfile::TempDir;

use crate::command::glmsg;
use crate::kit;
use crate::redis::{Client, PATIENCE, Secrets, deploy, goes_through};

/// Starts a Sentinel that watches the primary at that port, which the file calls `redis-1 6379`.
async fn sentinel(secrets: &Secrets, primary: u16, folder: &TempDir) -> Server {
    for name in ["start.sh", "sentinel.conf"] {
        let text = kit::text(&format!("deploy/redis/{name}"));
        let text = text.replace("redis-1 6379", &format!("127.0.0.1 {primary}"));
        // The folder that a Sentinel works in is another one: there it keeps what it has learned.
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let copy = folder.path().join("start.sh");
    let launch = secrets.launch_by(&copy, "sentinel", &["--port", "{port}"]);
    let client = Client::of_a_sentinel(secrets);
    Server::start(launch, move |probe| {
        let answer = client.ask(probe.addr.port(), &["PING"]);
        async move { answer == "PONG" }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_takes_over_and_a_primary_without_replicas_takes_nothing() {
    let secrets = Secrets::new();
    let folders: Vec<_> = std::iter::repeat_with(|| TempDir::new().unwrap())
        .take(6)
        .collect();
    let replication = kit::file("redis/replication.conf");
    let include = ["--include", replication.to_str().unwrap()];
    // Without the pause that waits for more replicas to come.
    let common = [&include[..], &["--repl-diskless-sync-delay", "0"]].concat();
    let primary = secrets.server(&folders[0], &common).await;
    let port = primary.addr().port();

    let deployer = {
        let file = secrets.file("deployer");
        let (addr, file) = (primary.addr(), file.display());
        format!("redis://deployer@{addr}?password_file={file}&timeout_ms=1000")
    };
    glmsg(&deployer, &["topics", "create", "orders"], "").fails("");

    let mut replicas = Vec::new();
    for folder in &folders[1..3] {
        replicas.push(secrets.replica(folder, port, &common).await);
    }
    let admin = Client::new("admin", &secrets);
    until("two replicas are in step", PATIENCE, || async {
        let info = admin.ask(port, &["INFO", "replication"]);
        info.matches("state=online").count() == 2
    })
    .await;

    let mut sentinels = Vec::new();
    for folder in &folders[3..] {
        sentinels.push(sentinel(&secrets, port, folder).await);
    }
    let client = Client::of_a_sentinel(&secrets);
    let sees = |words: String| {
        let (client, sentinels) = (&client, &sentinels);
        move || {
            let infos = sentinels
                .iter()
                .map(|sentinel| client.ask(sentinel.addr().port(), &["INFO", "sentinel"]));
            let all = infos.into_iter().all(|info| info.contains(&words));
            async move { all }
        }
    };
    let complete = format!("status=ok,address=127.0.0.1:{port},slaves=2,sentinels=3");
    until("the Sentinels see all", PATIENCE, sees(complete)).await;

    let addrs: Vec<_> = sentinels.iter().map(|s| s.addr().to_string()).collect();
    let url = |user: &str| {
        let (addrs, file) = (addrs.join(","), secrets.file(user));
        let (file, password) = (file.display(), secrets.of("sentinel"));
        format!(
            "redis+sentinel://{user}@{addrs}/glmsg?password_file={file}&sentinel_password={password}\
             &durability=replicated:1&timeout_ms=20000"
        )
    };
    deploy(&url("deployer"));
    goes_through(&url, "before");
    let doctor = glmsg(&url("admin"), &["doctor"], "").objects();
    assert!(doctor.iter().all(|f| f["severity"] == "ok"), "{doctor:#?}");

    primary.kill9().await;
    let ports: Vec<_> = replicas.iter().map(|r| r.addr().port()).collect();
    until("a replica has taken over", PATIENCE, || async {
        let asked = client.ask(
            sentinels[0].addr().port(),
            &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "glmsg"],
        );
        ports.iter().any(|port| asked.ends_with(&port.to_string()))
    })
    .await;
    goes_through(&url, "after");

    // It comes back as a replica, and would do so the next time without a Sentinel.
    for _ in 0..2 {
        primary.restart().await;
        until("the old primary follows the new one", PATIENCE, || async {
            let info = admin.ask(port, &["INFO"]);
            // One that writes its first log does not end.
            let words = [
                "role:slave",
                "master_link_status:up",
                "aof_rewrite_in_progress:0",
            ];
            words.iter().all(|word| info.contains(word))
        })
        .await;
    }
    let kept = std::fs::read_to_string(primary.dir().join("redis.conf")).unwrap();
    assert!(kept.contains("\nreplicaof 127.0.0.1 "), "{kept}");
}
