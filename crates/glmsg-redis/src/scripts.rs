//! The atomic steps: one Lua file each.

use redis::{Cmd, Script as Hashed};

use crate::keys::{GroupKeys, TopicKeys};

/// A step as the server runs it.
#[derive(Debug)]
pub(crate) struct Script {
    source: String,
    hash: String,
}

impl Script {
    fn new(parts: &[&str]) -> Self {
        let source = parts.concat();
        let hash = Hashed::new(&source).get_hash().to_owned();
        Self { source, hash }
    }

    /// The call of a step over a topic.
    pub(crate) fn of_topic(&self, keys: &TopicKeys) -> Cmd {
        self.call(keys.all())
    }

    /// The call of a step over a group.
    pub(crate) fn of_group(&self, keys: &GroupKeys) -> Cmd {
        let mut call = self.call(keys.all());
        call.arg(&keys.stream_name)
            .arg(if keys.is_by_key { "1" } else { "0" });
        call
    }

    /// Appends the call of the step that notes a frame, as it is sent.
    pub(crate) fn put_note(&self, out: &mut Vec<u8>, keys: &[&str; 3], size: usize) {
        use std::io::Write;

        // Writing to a vector does not fail.
        let _ = write!(out, "*7\r\n$7\r\nEVALSHA\r\n$40\r\n{}\r\n", self.hash);
        let _ = write!(out, "$1\r\n3\r\n");
        let size = size.to_string();
        for word in [keys[0], keys[1], keys[2], &size] {
            let _ = write!(out, "${}\r\n{word}\r\n", word.len());
        }
    }

    /// The call of the step that acks messages of frames.
    pub(crate) fn of_frames(&self, keys: &GroupKeys) -> Cmd {
        let mut call = self.call(&keys.framed());
        call.arg(&keys.stream_name);
        call
    }

    /// The call of a step over keys.
    pub(crate) fn call<K: redis::ToRedisArgs>(&self, keys: &[K]) -> Cmd {
        let mut call = redis::cmd("EVALSHA");
        call.arg(&self.hash).arg(keys.len()).arg(keys);
        call
    }
}

/// All steps.
#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) publish: Script,
    pub(crate) room: Script,
    pub(crate) note: Script,
    pub(crate) mark: Script,
    pub(crate) ensure: Script,
    pub(crate) relieve: Script,
    pub(crate) topic: Script,
    pub(crate) delete: Script,
    pub(crate) join: Script,
    pub(crate) leave: Script,
    pub(crate) fetch: Script,
    pub(crate) settle: Script,
    pub(crate) lag: Script,
    pub(crate) letters: Script,
    pub(crate) members: Script,
    pub(crate) missing: Script,
    pub(crate) append: Script,
    pub(crate) remove: Script,
    pub(crate) put: Script,
    pub(crate) take: Script,
    pub(crate) get: Script,
    pub(crate) keys: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        const PRELUDE: &str = include_str!("scripts/prelude.lua");
        const FRAMES: &str = include_str!("scripts/frames.lua");
        const KEPT: &str = include_str!("scripts/kept.lua");
        const GROUP: &str = include_str!("scripts/group.lua");
        const LOGS: &str = include_str!("scripts/logs.lua");
        const VALUES: &str = include_str!("scripts/values.lua");
        let of_topic = |own| Script::new(&[PRELUDE, FRAMES, KEPT, own]);
        let of_group = |own| Script::new(&[PRELUDE, FRAMES, GROUP, own]);
        Self {
            publish: of_topic(include_str!("scripts/publish.lua")),
            room: of_topic(include_str!("scripts/room.lua")),
            mark: Script::new(&[include_str!("scripts/mark.lua")]),
            note: Script::new(&[include_str!("scripts/note.lua")]),
            ensure: of_topic(include_str!("scripts/ensure.lua")),
            relieve: of_topic(include_str!("scripts/relieve.lua")),
            topic: of_topic(include_str!("scripts/topic.lua")),
            delete: of_topic(include_str!("scripts/delete.lua")),
            join: of_group(include_str!("scripts/join.lua")),
            leave: of_group(include_str!("scripts/leave.lua")),
            fetch: of_group(include_str!("scripts/fetch.lua")),
            settle: of_group(include_str!("scripts/settle.lua")),
            lag: of_group(include_str!("scripts/lag.lua")),
            letters: of_group(include_str!("scripts/letters.lua")),
            members: of_group(include_str!("scripts/members.lua")),
            missing: of_topic(include_str!("scripts/missing.lua")),
            append: Script::new(&[LOGS, include_str!("scripts/append.lua")]),
            remove: Script::new(&[LOGS, include_str!("scripts/remove.lua")]),
            put: Script::new(&[VALUES, include_str!("scripts/put.lua")]),
            take: Script::new(&[VALUES, include_str!("scripts/take.lua")]),
            get: Script::new(&[VALUES, include_str!("scripts/get.lua")]),
            keys: Script::new(&[VALUES, include_str!("scripts/keys.lua")]),
        }
    }

    /// What every server must have loaded.
    pub(crate) fn sources(&self) -> Vec<String> {
        let all = [
            &self.room,
            &self.note,
            &self.mark,
            &self.publish,
            &self.ensure,
            &self.relieve,
            &self.topic,
            &self.delete,
            &self.join,
            &self.leave,
            &self.fetch,
            &self.settle,
            &self.lag,
            &self.letters,
            &self.members,
            &self.missing,
            &self.append,
            &self.remove,
            &self.put,
            &self.take,
            &self.get,
            &self.keys,
        ];
        all.map(|script| script.source.clone()).into()
    }
}

#[cfg(test)]
mod tests;
