//! The page's own commands, run as a reader would run them.

use std::path::Path;
use std::process::Command;

use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use glmsg_faults::services;

/// The namespace of the users, and another.
pub(crate) const OURS: &str = "ours";
pub(crate) const THEIRS: &str = "theirs";
pub(crate) const GROUP: &str = "workers";
const PASSWORD: &str = "c4n4ry";

/// The shell commands of the page's section about users.
fn commands() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/backends/redis.md");
    let text = std::fs::read_to_string(page).expect("the page");
    let (_, section) = text
        .split_once("\n## Users and rights\n")
        .expect("its section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut blocks = section.split("```sh\n").skip(1);
    let end = |block: &str| block.split("\n```").next().map(str::to_owned);
    std::iter::from_fn(|| blocks.next().and_then(end)).collect()
}

/// The first commands make the users; these add to their rights.
#[derive(Debug, Clone, Copy)]
pub(crate) enum More {
    Schedules = 3,
    OwnTopics = 6,
    Frames = 7,
    DropOldest = 8,
    Storage = 9,
}

const TEMPLATES: [usize; 5] = [0, 1, 2, 4, 5];

fn run(command: &str, server: &RedisServer) {
    let client = format!("\"$REDIS_CLI\" -p {}", server.addr().port());
    let command = command
        .replace("redis-cli", &client)
        .replace("NAMESPACE", OURS)
        .replace("GROUP", GROUP)
        .replace("PASSWORD", PASSWORD);
    let mut shell = Command::new("sh");
    shell.env("REDIS_CLI", services::get("REDIS_CLI"));
    let done = shell.args(["-ec", &command]).output().expect("a shell");
    let said = String::from_utf8_lossy(&done.stdout);
    let is_fine = done.status.success() && !said.is_empty() && said.lines().all(|l| l == "OK");
    assert!(is_fine, "{command}: {done:?}");
}

/// A server with the page's users.
pub(crate) async fn server(kind: Kind) -> RedisServer {
    let server = RedisServer::start(kind, RedisSetup::default()).await;
    let commands = commands();
    assert_eq!(commands.len(), 10, "the page's commands: {commands:#?}");
    for template in TEMPLATES {
        run(&commands[template], &server);
    }
    server
}

/// Adds rights as the page says.
pub(crate) fn allow(server: &RedisServer, more: More) {
    run(&commands()[more as usize], server);
}

/// The address of a user.
pub(crate) fn url(server: &RedisServer, user: &str, namespace: &str) -> String {
    format!(
        "redis://{user}:{PASSWORD}@{}?namespace={namespace}&timeout_ms=20000",
        server.addr()
    )
}

/// What the server has refused since this was asked last: the user and the command or the key.
pub(crate) async fn refusals(server: &RedisServer) -> Vec<String> {
    let log = server.command(&["ACL", "LOG"]).await;
    server.command(&["ACL", "LOG", "RESET"]).await;
    let field = |entry: &glmsg_faults::server::Reply, name: &str| {
        let mut fields = entry.list().chunks(2);
        let found = fields.find(|pair| pair[0].text() == Some(name));
        found
            .and_then(|pair| pair[1].text())
            .unwrap_or_default()
            .to_owned()
    };
    let told = |entry| ["username", "reason", "context", "object"].map(|name| field(entry, name));
    log.list()
        .iter()
        .map(|entry| told(entry).join(" "))
        .collect()
}

/// What the server answers to a plain command of a user.
pub(crate) fn plain(server: &RedisServer, user: &str, words: &[&str]) -> String {
    let port = server.addr().port().to_string();
    // What is allowed against all expectation might never end.
    let mut client = Command::new("timeout");
    client.args(["20", &services::get("REDIS_CLI"), "-p", &port]);
    client.args(["--no-auth-warning", "--user", user, "--pass", PASSWORD]);
    let answer = client.args(words).output().expect("a client");
    let answer = String::from_utf8_lossy(&answer.stdout);
    answer.trim_end().to_owned()
}
