//! The names of channels.

use glmsg_core::{Error, ErrorKind, TopicName, TopicPattern};
use redis::Cmd;

use crate::config::RedisConfig;
use crate::keys::registry;

/// The channels of a namespace: `glmsg:{NAMESPACE}:live:DATABASE:TOPIC`. The number is there
/// because a server's channels, unlike its keys, are the same for all its databases.
#[derive(Debug)]
pub(super) struct Channels {
    /// Where they are announced and listened to, on a Cluster.
    pub(super) slot: u16,
    prefix: String,
}

impl Channels {
    pub(super) fn of(config: &RedisConfig) -> Self {
        let (namespace, database) = (&config.namespace, config.database);
        Self {
            slot: registry(namespace).0,
            prefix: format!("glmsg:{{{namespace}}}:live:{database}:"),
        }
    }

    pub(super) fn channel(&self, topic: &TopicName) -> String {
        format!("{}{topic}", self.prefix)
    }

    pub(super) fn topic(&self, channel: &[u8]) -> Option<TopicName> {
        let topic = channel.strip_prefix(self.prefix.as_bytes())?;
        TopicName::new(std::str::from_utf8(topic).ok()?).ok()
    }

    /// The command that listens to all that matches, and perhaps to more; and a wider one, for a
    /// user who may not listen by the first: what a user may listen to by a pattern, a server
    /// compares with the pattern letter by letter.
    ///
    /// A server's `*` does not stop at a dot, and its matcher tries and errs: one star, between
    /// what a pattern begins and ends with, is all that is asked of it.
    pub(super) fn subscribe(&self, pattern: &TopicPattern) -> [Cmd; 2] {
        let command = |name: &str, channel: String| {
            let mut command = redis::cmd(name);
            command.arg(channel);
            command
        };
        let (first, last) = ends(pattern.as_str());
        let narrow = match pattern.topic() {
            Some(topic) => command("SUBSCRIBE", self.channel(&topic)),
            None => command("PSUBSCRIBE", format!("{}{first}*{last}", self.prefix)),
        };
        [narrow, command("PSUBSCRIBE", format!("{}*", self.prefix))]
    }

    /// Says what to do about an error.
    pub(super) fn explain(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::PermissionDenied => error.remedy(format!(
                "allow the user the channels {}* and the commands publish, subscribe and \
                 psubscribe",
                self.prefix
            )),
            _ => error,
        }
    }
}

/// What every topic that matches begins and ends with. A dot beside a `*` is part of it, one
/// beside a `**` is not: that may stand for nothing.
fn ends(pattern: &str) -> (String, String) {
    let segments: Vec<_> = pattern.split('.').collect();
    let is_wild = |segment: &&str| matches!(*segment, "*" | "**" | ">");
    let (Some(first), Some(last)) = (
        segments.iter().position(is_wild),
        segments.iter().rposition(is_wild),
    ) else {
        return (pattern.to_owned(), String::new());
    };
    let dot = |beside: usize, is_there: bool| {
        if is_there && segments[beside] == "*" {
            "."
        } else {
            ""
        }
    };
    let (begin, end) = (&segments[..first], &segments[last + 1..]);
    (
        format!("{}{}", begin.join("."), dot(first, !begin.is_empty())),
        format!("{}{}", dot(last, !end.is_empty()), end.join(".")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_asked_for_no_less_than_what_matches() {
        for (pattern, asked) in [
            ("a.b", "SUBSCRIBE glmsg:{ns}:live:2:a.b"),
            ("a.*", "PSUBSCRIBE glmsg:{ns}:live:2:a.*"),
            ("*.b", "PSUBSCRIBE glmsg:{ns}:live:2:*.b"),
            ("a.*.c", "PSUBSCRIBE glmsg:{ns}:live:2:a.*.c"),
            ("a.*.c.*.e", "PSUBSCRIBE glmsg:{ns}:live:2:a.*.e"),
            ("a.**", "PSUBSCRIBE glmsg:{ns}:live:2:a*"),
            ("a.>", "PSUBSCRIBE glmsg:{ns}:live:2:a*"),
            ("**.z", "PSUBSCRIBE glmsg:{ns}:live:2:*z"),
            ("a.**.z", "PSUBSCRIBE glmsg:{ns}:live:2:a*z"),
            ("a.*.**", "PSUBSCRIBE glmsg:{ns}:live:2:a.*"),
            ("a.*.b.**.c", "PSUBSCRIBE glmsg:{ns}:live:2:a.*c"),
            ("**", "PSUBSCRIBE glmsg:{ns}:live:2:*"),
            ("*", "PSUBSCRIBE glmsg:{ns}:live:2:*"),
        ] {
            let config = RedisConfig::new().namespace("ns").database(2);
            let pattern = TopicPattern::new(pattern).unwrap();
            let [narrow, _] = Channels::of(&config).subscribe(&pattern);
            let words: Vec<_> = narrow
                .args_iter()
                .map(|word| match word {
                    redis::Arg::Simple(word) => String::from_utf8(word.to_vec()).unwrap(),
                    _ => panic!("no word"),
                })
                .collect();
            assert_eq!(words.join(" "), asked, "{pattern}");
        }
    }

    #[test]
    fn a_channel_names_its_topic() {
        let channels = Channels::of(&RedisConfig::new().namespace("ns"));
        let topic = TopicName::new("a.b").unwrap();
        let channel = channels.channel(&topic);
        assert_eq!(channel, "glmsg:{ns}:live:0:a.b");
        assert_eq!(channels.topic(channel.as_bytes()), Some(topic));
        for other in [
            "glmsg:{ns}:live:1:a.b",
            "glmsg:{other}:live:0:a.b",
            "glmsg:{ns}:live:0:",
            "glmsg:{ns}:live:0:a..b",
            "a.b",
        ] {
            assert_eq!(channels.topic(other.as_bytes()), None, "{other}");
        }
    }
}
