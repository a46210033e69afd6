//! Servers that are started with `deploy/redis`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use glmsg_faults::process::Launch;
use glmsg_faults::server::{Kind, Server};
use glmsg_faults::{services, until};
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, glmsg};
use crate::kit;

/// How long a server may take for what it has been told.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The users of `users.acl`.
pub(crate) const USERS: [&str; 7] = [
    "admin",
    "publisher",
    "consumer",
    "operator",
    "deployer",
    "replica",
    "sentinel",
];

/// The passwords of all users, each in a file.
pub(crate) struct Secrets {
    dir: TempDir,
}

impl Secrets {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        for user in USERS {
            let file = dir.path().join(format!("redis_{user}"));
            std::fs::write(file, format!("{user}c4n4ry32Letters\n")).unwrap();
        }
        Self { dir }
    }

    pub(crate) fn file(&self, user: &str) -> PathBuf {
        self.dir.path().join(format!("redis_{user}"))
    }

    pub(crate) fn of(&self, user: &str) -> String {
        let text = std::fs::read_to_string(self.file(user)).unwrap();
        text.trim().to_owned()
    }

    /// What starts a server or a Sentinel by `start.sh`. Only ports and folders are not those of the files.
    pub(crate) fn launch(&self, role: &str, args: &[&str]) -> Launch {
        self.launch_by(&kit::file("redis/start.sh"), role, args)
    }

    /// The same by a copy of the script, with copies of what is beside it.
    pub(crate) fn launch_by(&self, start: &Path, role: &str, args: &[&str]) -> Launch {
        Launch::new("sh")
            .args([start.to_str().unwrap(), role])
            .args(["--bind", "127.0.0.1", "--dir", "{dir}"])
            .args(args.iter().copied())
            .env("REDIS_SERVER", Kind::Redis7.program())
            .env("SECRETS", self.dir.path())
    }

    /// Starts a server on a port without TLS. What `start.sh` writes is in a folder that must outlive it.
    pub(crate) async fn server(&self, run: &TempDir, args: &[&str]) -> Server {
        self.started(run, None, args).await
    }

    /// The same as a replica of the server at that port.
    pub(crate) async fn replica(&self, run: &TempDir, of: u16, args: &[&str]) -> Server {
        self.started(run, Some(of), args).await
    }

    async fn started(&self, run: &TempDir, of: Option<u16>, args: &[&str]) -> Server {
        let args = [&["--port", "{port}"], args].concat();
        let mut launch = self.launch("server", &args).env("RUN", run.path());
        if let Some(primary) = of {
            launch = launch.env("PRIMARY", format!("127.0.0.1 {primary}"));
        }
        let admin = Client::new("admin", self);
        Server::start(launch, move |probe| {
            let answer = admin.ask(probe.addr.port(), &["PING"]);
            async move { answer == "PONG" }
        })
        .await
    }
}

/// What `redis-cli` says as a user.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    user: String,
    password: String,
}

impl Client {
    pub(crate) fn new(user: &str, secrets: &Secrets) -> Self {
        Self {
            user: user.to_owned(),
            password: secrets.of(user),
        }
    }

    /// The one that a Sentinel knows.
    pub(crate) fn of_a_sentinel(secrets: &Secrets) -> Self {
        Self {
            user: "default".to_owned(),
            password: secrets.of("sentinel"),
        }
    }

    pub(crate) fn ask(&self, port: u16, words: &[&str]) -> String {
        let mut command = Command::new("timeout");
        command.args(["20", &services::get("REDIS_CLI")]);
        command.args(["--no-auth-warning", "-p", &port.to_string()]);
        command.args(["--user", &self.user, "--pass", &self.password]);
        let answer = command.args(words).output().unwrap();
        let answer = String::from_utf8_lossy(&answer.stdout);
        answer.trim_end().to_owned()
    }
}

/// The address of a user, whose password is in its file.
fn url(server: &Server, secrets: &Secrets, user: &str) -> String {
    let file = secrets.file(user);
    let file = file.display();
    format!("redis://{user}@{}?password_file={file}", server.addr())
}

/// Publishes and consumes one message, as the user of each; the topic and its group are made before.
pub(crate) fn goes_through(url: &dyn Fn(&str) -> String, word: &str) {
    let publish = ["publish", "orders"];
    glmsg(&url("publisher"), &publish, &format!("\"{word}\"")).objects();
    let consume = ["consume", "orders", "--group", "workers", "--count", "1"];
    let got = glmsg(&url("consumer"), &consume, "").objects();
    assert_eq!(got[0]["payload"], word, "{got:?}");
}

pub(crate) fn deploy(url: &str) {
    // As docker-compose.yml does with each start.
    for _ in 0..2 {
        glmsg(url, &["topics", "create", "orders"], "").objects();
        let create = ["groups", "create", "orders", "workers", "--if-missing"];
        glmsg(url, &create, "").objects();
    }
}

/// What the doctor has found that is not as it should be.
fn found(run: &Run) -> Vec<Value> {
    let findings = run.objects().into_iter();
    findings
        .filter(|finding| finding["severity"] != "ok")
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_nothing_and_each_user_does_its_part_alone() {
    let secrets = Secrets::new();
    let run = TempDir::new().unwrap();
    let server = secrets.server(&run, &[]).await;
    let url = |user: &str| url(&server, &secrets, user);
    for durability in ["local", "fsynced"] {
        let as_admin = format!("{}&durability={durability}", url("admin"));
        let run = glmsg(&as_admin, &["doctor"], "");
        assert_eq!(found(&run), Vec::<Value>::new(), "{durability}");
    }

    deploy(&url("deployer"));
    goes_through(&url, "one");
    let problems = found(&glmsg(&url("deployer"), &["doctor"], "")).into_iter();
    let problems: Vec<_> = problems.filter(|f| f["severity"] == "problem").collect();
    assert_eq!(problems, Vec::<Value>::new());

    let denied = "does not allow this user";
    let consume = ["consume", "orders", "--group", "workers", "--wait", "1"];
    glmsg(&url("consumer"), &["publish", "orders"], "1").fails(denied);
    glmsg(&url("publisher"), &consume, "").fails(denied);
    glmsg(&url("operator"), &consume, "").fails(denied);
    let others = ["consume", "orders", "--group", "others", "--wait", "1"];
    glmsg(&url("consumer"), &others, "").fails(denied);
    glmsg(&url("operator"), &["topics", "delete", "orders"], "").fails(denied);
    let elsewhere = format!("{}&namespace=theirs", url("publisher"));
    glmsg(&elsewhere, &["publish", "orders"], "1").fails(denied);
    let nobody = format!("redis://{}", server.addr());
    glmsg(&nobody, &["publish", "orders"], "1").fails("");
    let port = server.addr().port();
    for user in ["publisher", "consumer", "operator", "deployer"] {
        for words in [&["FLUSHALL"][..], &["KEYS", "*"], &["CONFIG", "GET", "*"]] {
            let answer = Client::new(user, &secrets).ask(port, words);
            assert!(answer.starts_with("NOPERM"), "{user} {words:?}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_has_what_it_acknowledged() {
    let secrets = Secrets::new();
    let run = TempDir::new().unwrap();
    let server = secrets.server(&run, &[]).await;
    let url = |user: &str| url(&server, &secrets, user);
    deploy(&url("deployer"));
    glmsg(&url("publisher"), &["publish", "orders"], "1\n2\n3\n").objects();
    server.kill9().await;
    server.restart().await;
    let lag = glmsg(
        &url("consumer"),
        &["lag", "orders", "--group", "workers"],
        "",
    );
    assert_eq!(lag.objects()[0]["lag"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tls_a_certificate_and_a_login_are_asked_for() {
    let secrets = Secrets::new();
    let certificates = services::get("TLS_DIR");
    let run = TempDir::new().unwrap();
    let tls = |name: &str| Path::new(&certificates).join(name).display().to_string();
    let include = kit::file("redis/tls.conf").display().to_string();
    let (cert, key, ca) = (tls("server.pem"), tls("server.key"), tls("ca.pem"));
    let args = [
        &["--include", &include, "--tls-port", "{port}"][..],
        &["--tls-cert-file", &cert, "--tls-key-file", &key],
        &["--tls-ca-cert-file", &ca],
    ];
    let launch = secrets.launch("server", &args.concat());
    let listens = |probe: glmsg_faults::server::Probe| async move {
        tokio::net::TcpStream::connect(probe.addr).await.is_ok()
    };
    let server = Server::start(launch.env("RUN", run.path()), listens).await;
    let bare = |user: &str| {
        let file = secrets.file(user);
        let (addr, file) = (server.addr(), file.display());
        format!("rediss://{user}@{addr}?password_file={file}&ca={ca}")
    };
    let (cert, key) = (tls("client.pem"), tls("client.key"));
    let url = |user: &str| format!("{}&cert={cert}&key={key}", bare(user));
    let deployer = url("deployer");
    // The port listens before the server has read its log.
    until("it answers", PATIENCE, || async {
        !glmsg(&deployer, &["health"], "").has_failed()
    })
    .await;
    deploy(&deployer);
    goes_through(&url, "over TLS");
    let admin = glmsg(&url("admin"), &["doctor"], "");
    assert_eq!(found(&admin), Vec::<Value>::new());

    let impatient = |url: String| format!("{url}&timeout_ms=2000");
    glmsg(&impatient(bare("publisher")), &["health"], "").fails("");
    let without_login = format!("rediss://{}?ca={ca}&cert={cert}&key={key}", server.addr());
    glmsg(&impatient(without_login), &["health"], "").fails("");
    let plain = bare("publisher").replace("rediss://", "redis://");
    glmsg(
        &impatient(plain.replace(&format!("&ca={ca}"), "")),
        &["health"],
        "",
    )
    .fails("");
}

#[test]
fn a_password_that_is_missing_or_cannot_be_written_down_stops_the_start() {
    let start = |secrets: &Secrets| {
        let folder = TempDir::new().unwrap();
        let script = kit::file("redis/start.sh");
        let mut command = Command::new("sh");
        command.args([script.to_str().unwrap(), "server"]);
        command
            .env("REDIS_SERVER", "true")
            .env("RUN", folder.path());
        command.env("SECRETS", secrets.dir.path());
        let ended = command.current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        (ended.status.success(), said)
    };
    assert_eq!(start(&Secrets::new()), (true, String::new()));
    for (content, words) in [
        (None, "redis_operator is missing or empty"),
        (Some(""), "redis_operator is missing or empty"),
        (
            Some("c4n4ry/word"),
            "redis_operator: letters and digits only",
        ),
    ] {
        let secrets = Secrets::new();
        let file = secrets.file("operator");
        match content {
            Some(content) => std::fs::write(file, content).unwrap(),
            None => std::fs::remove_file(file).unwrap(),
        }
        let (is_started, said) = start(&secrets);
        assert!(!is_started && said.contains(words), "{content:?}: {said}");
        assert!(!said.contains("c4n4ry/word"), "{said}");
    }
}
