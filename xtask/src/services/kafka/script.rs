//! The script that starts a broker, the first time and again after it was killed.

use std::path::Path;

/// What goes into the script of one broker.
#[derive(Debug)]
pub(super) struct Script<'a> {
    pub(super) java: &'a Path,
    /// The directory of the jars.
    pub(super) jars: &'a Path,
    /// The broker's own.
    pub(super) directory: &'a Path,
    pub(super) port: u16,
    /// The id of the cluster, the same in all its brokers.
    pub(super) cluster: &'a str,
    pub(super) heap_megabytes: u32,
    /// The name and password of a user to make.
    pub(super) user: Option<(&'a str, &'a str)>,
}

/// Warnings and worse, to the output: that is the broker's log.
const LOGGING: &str = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true \
                       -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS";

/// For a program that ends after a second: what costs time at the start and pays later is left out.
const SHORT_LIVED: &str = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";

impl Script<'_> {
    /// The text. The last `exec` keeps the process: the id that is written down is that of the broker, whose command line
    /// names its directory, by which it is known as ours.
    pub(super) fn text(&self) -> String {
        let Self {
            port,
            cluster,
            heap_megabytes,
            ..
        } = self;
        let java = quoted(&self.java.display().to_string());
        let jars = quoted(&format!("{}/*", self.jars.display()));
        let directory = quoted(&self.directory.display().to_string());
        let properties = quoted(
            &self
                .directory
                .join("server.properties")
                .display()
                .to_string(),
        );
        let user = self.user.map_or_else(String::new, |(name, password)| {
            let user = format!("SCRAM-SHA-512=[name={name},password={password}]");
            format!(" --add-scram {}", quoted(&user))
        });
        format!(
            "#!/bin/sh\n\
             # Starts this broker, also again after it was killed: with the same port and data.\n\
             cd {directory} || exit\n\
             exec >>server.log 2>&1\n\
             printf 'PID=%s\\nPORT=%s\\n' \"$$\" {port} >server.env.new && mv server.env.new server.env || exit\n\
             if [ ! -f data/meta.properties ]; then\n  \
               {java} {SHORT_LIVED} {LOGGING} -cp {jars} kafka.tools.StorageTool format --ignore-formatted \
             -t {cluster} -c {properties}{user} || exit\n\
             fi\n\
             exec {java} -Xmx{heap_megabytes}m {LOGGING} -cp {jars} kafka.Kafka {properties}\n"
        )
    }
}

/// One word of a shell, whatever is in it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(user: Option<(&str, &str)>) -> String {
        Script {
            java: Path::new("/usr/bin/java"),
            jars: Path::new("/build/a b/kafka"),
            directory: Path::new("/build/run/kafka"),
            port: 12_000,
            cluster: "0123456789abcdef01234A",
            heap_megabytes: 384,
            user,
        }
        .text()
    }

    #[test]
    fn the_broker_takes_the_place_of_the_script() {
        let script = script(None);
        let last = script.lines().last().unwrap();
        assert!(
            last.starts_with("exec '/usr/bin/java' -Xmx384m "),
            "{script}"
        );
        let end = "-cp '/build/a b/kafka/*' kafka.Kafka '/build/run/kafka/server.properties'";
        assert!(last.ends_with(end), "{script}");
    }

    #[test]
    fn a_user_is_made_with_the_data() {
        assert!(!script(None).contains("--add-scram"));
        let script = script(Some(("somebody", "secret")));
        let end = "--add-scram 'SCRAM-SHA-512=[name=somebody,password=secret]' || exit";
        assert!(script.lines().any(|line| line.ends_with(end)), "{script}");
    }

    #[test]
    fn a_quote_does_not_end_a_word() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
