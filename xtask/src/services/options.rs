//! The command lines of servers.

use std::path::Path;

use super::certificates::Certificates;

/// What every server is started with. Fast and forgetful: a test that needs durability starts a server of its own.
pub(super) fn server(port: u16, directory: &Path) -> Vec<String> {
    let mut options = words("--bind 127.0.0.1 --port");
    options.push(port.to_string());
    options.push("--dir".to_owned());
    options.push(directory.display().to_string());
    options.push("--save".to_owned());
    options.push(String::new());
    // The title would replace the command line, by which a process is known as ours.
    options.extend(words(
        "--appendonly no --maxmemory-policy noeviction --databases 16 --set-proc-title no",
    ));
    options
}

/// A primary or replica of the Sentinel set. Without the pause that waits for more replicas to come.
pub(super) fn replicated(port: u16, directory: &Path, primary: Option<u16>) -> Vec<String> {
    let mut options = server(port, directory);
    options.extend(words("--repl-diskless-sync-delay 0"));
    if let Some(primary) = primary {
        options.extend(words(&format!("--replicaof 127.0.0.1 {primary}")));
    }
    options
}

/// A node of the cluster.
pub(super) fn clustered(port: u16, directory: &Path) -> Vec<String> {
    let mut options = server(port, directory);
    options.extend(words(
        "--repl-diskless-sync-delay 0 --cluster-enabled yes --cluster-node-timeout 2000 --cluster-config-file nodes.conf",
    ));
    options
}

/// A server that speaks TLS alone, to clients with a certificate alone.
pub(super) fn encrypted(port: u16, directory: &Path, certificates: &Certificates) -> Vec<String> {
    let mut options = server(0, directory);
    options.extend(words(&format!("--tls-port {port} --tls-auth-clients yes")));
    for (option, file) in [
        ("--tls-cert-file", "server.pem"),
        ("--tls-key-file", "server.key"),
        ("--tls-ca-cert-file", "ca.pem"),
    ] {
        options.push(option.to_owned());
        options.push(certificates.file(file).display().to_string());
    }
    options
}

/// The configuration of a Sentinel. A file and no options: a Sentinel writes what it learns into it.
pub(super) fn sentinel(port: u16, directory: &Path, primary: u16) -> String {
    let master = super::sentinel::MASTER;
    let directory = directory.display();
    format!(
        "port {port}\n\
         bind 127.0.0.1\n\
         dir \"{directory}\"\n\
         set-proc-title no\n\
         sentinel monitor {master} 127.0.0.1 {primary} 2\n\
         sentinel down-after-milliseconds {master} 1500\n\
         sentinel failover-timeout {master} 5000\n\
         sentinel parallel-syncs {master} 1\n"
    )
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const DIRECTORY: &str = "/build/run/a b";

    /// What follows an option, up to the next one.
    fn value(options: &[String], option: &str) -> Option<String> {
        let at = options.iter().position(|word| word == option)?;
        let values = options[at + 1..]
            .iter()
            .take_while(|word| !word.starts_with("--"));
        Some(values.cloned().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_server_forgets_listens_here_and_can_be_recognised() {
        let options = server(12_000, Path::new(DIRECTORY));
        for (option, expected) in [
            ("--port", "12000"),
            ("--bind", "127.0.0.1"),
            ("--dir", DIRECTORY),
            ("--save", ""),
            ("--appendonly", "no"),
            ("--maxmemory-policy", "noeviction"),
            ("--databases", "16"),
            ("--set-proc-title", "no"),
        ] {
            assert_eq!(value(&options, option).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_replica_knows_its_primary_and_a_primary_has_none() {
        let directory = Path::new(DIRECTORY);
        let replica = replicated(12_001, directory, Some(12_000));
        assert_eq!(
            value(&replica, "--replicaof").as_deref(),
            Some("127.0.0.1 12000")
        );
        let primary = replicated(12_000, directory, None);
        assert_eq!(value(&primary, "--replicaof"), None);
    }

    #[test]
    fn a_tls_server_has_no_other_port() {
        let certificates = Certificates::at(PathBuf::from("/build/tls"));
        let options = encrypted(12_000, Path::new(DIRECTORY), &certificates);
        assert_eq!(value(&options, "--port").as_deref(), Some("0"));
        assert_eq!(value(&options, "--tls-port").as_deref(), Some("12000"));
        assert_eq!(
            value(&options, "--tls-ca-cert-file").as_deref(),
            Some("/build/tls/ca.pem")
        );
    }

    #[test]
    fn a_node_of_the_cluster_says_so() {
        let options = clustered(12_000, Path::new(DIRECTORY));
        assert_eq!(value(&options, "--cluster-enabled").as_deref(), Some("yes"));
        assert_eq!(
            value(&options, "--cluster-node-timeout").as_deref(),
            Some("2000")
        );
    }

    #[test]
    fn a_sentinel_watches_the_primary_with_a_quorum_of_two() {
        let text = sentinel(12_003, Path::new(DIRECTORY), 12_000);
        assert!(text.contains("sentinel monitor mymaster 127.0.0.1 12000 2\n"));
        assert!(text.contains("dir \"/build/run/a b\"\n"));
        assert!(text.starts_with("port 12003\n"));
    }
}
