//! A server, a topic and the steps, without the broker around them.

use glmsg_core::{GroupName, Message, MessageBuilder, TopicName};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value};

use crate::connection::tests::servers::{Server, connect, service, text, unique};
use crate::encode::put;
use crate::keys::{GroupKeys, GroupRow, TopicKeys};
use crate::scripts::{Script, Scripts};

/// What a member's deliveries are held under: its name, and its lease in milliseconds.
pub(super) const MEMBER: &str = "m@30000";

/// A server, a topic and the steps.
pub(super) struct Bench {
    kind: &'static str,
    connection: MultiplexedConnection,
    pub(super) scripts: Scripts,
    pub(super) topic: TopicKeys,
    own: Option<Server>,
}

impl Bench {
    /// A topic of its own on the server of this kind that is up.
    pub(super) async fn on(kind: &'static str) -> Self {
        let url = service(&format!("{kind}_URL"));
        let addr = url.strip_prefix("redis://").unwrap();
        Self::new(kind, connect(addr.parse().unwrap()).await, None).await
    }

    /// The same on a server of its own.
    pub(super) async fn alone(self) -> Self {
        let program = service(&format!("{}_SERVER", self.kind));
        let server = Server::start_program(&program, &[]).await;
        let connection = connect(server.addr()).await;
        Self::new(self.kind, connection, Some(server)).await
    }

    async fn new(
        kind: &'static str,
        connection: MultiplexedConnection,
        own: Option<Server>,
    ) -> Self {
        let topic = TopicName::new("steps").unwrap();
        let mut bench = Self {
            kind,
            connection,
            scripts: Scripts::new(),
            topic: TopicKeys::new(&unique("step"), &topic),
            own,
        };
        for source in bench.scripts.sources() {
            let mut load = redis::cmd("SCRIPT");
            load.arg("LOAD").arg(source);
            bench.send(load).await;
        }
        bench
    }

    /// From now on the server has no memory for anything.
    pub(super) async fn fill(&mut self) {
        assert!(self.own.is_some(), "other tests use this server");
        self.run("CONFIG SET maxmemory 1").await;
    }

    /// It has some again.
    pub(super) async fn empty(&mut self) {
        self.run("CONFIG SET maxmemory 0").await;
    }

    pub(super) async fn send(&mut self, command: Cmd) -> Value {
        let answer = self.connection.send_packed_command(&command).await;
        answer.unwrap_or_else(|error| {
            let (code, detail) = (error.code().unwrap_or("?"), error.detail().unwrap_or(""));
            Value::SimpleString(format!("-{code} {detail}"))
        })
    }

    /// A command in one line. `meta`, `lane1` and so on stand for the topic's keys, `=meta` for the
    /// word.
    pub(super) async fn run(&mut self, line: &str) -> Value {
        let mut words = line.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        let names = [
            "meta", "groups", "gone", "ids", "lane0", "lane1", "lane2", "lane3", "bell", "due",
            "body", "frames",
        ];
        for word in words {
            match names.iter().position(|name| *name == word) {
                Some(at) => command.arg(&self.topic.all()[at]),
                None => command.arg(word.trim_start_matches('=')),
            };
        }
        self.send(command).await
    }

    /// A command in one line, whose answer is a number.
    pub(super) async fn number(&mut self, line: &str) -> i64 {
        match self.run(line).await {
            Value::Int(number) => number,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// A step over the topic, with its arguments in one line; `''` is an empty one,
    /// and `_` a blank in one.
    pub(super) async fn step(&mut self, step: fn(&Scripts) -> &Script, arguments: &str) -> Value {
        let mut call = step(&self.scripts).of_topic(&self.topic);
        put_line(&mut call, arguments);
        self.send(call).await
    }

    /// A step over a group.
    pub(super) async fn group_step(
        &mut self,
        step: fn(&Scripts) -> &Script,
        group: &GroupKeys,
        arguments: &str,
    ) -> Value {
        let mut call = step(&self.scripts).of_group(group);
        put_line(&mut call, arguments);
        self.send(call).await
    }

    /// Makes the topic, with room for so many messages.
    pub(super) async fn make(&mut self, len: u32, overflow: &str) {
        let bounds = format!("1 {len} 604800000 {overflow} 2592000000 ''");
        let made = self.step(|s| &s.ensure, &bounds).await;
        assert_eq!(show(&made), "[1]");
    }

    /// Makes a group that begins with the first message.
    pub(super) async fn group(&mut self, name: &str, ordering: &str) -> GroupKeys {
        let arguments = format!("0 100 0 reject 0 '' {name} {ordering} 0000abcd 0 0 ''");
        let made = self.step(|s| &s.ensure, &arguments).await;
        let row = show(&list(made)[1]);
        let row = GroupRow::parse(&row).unwrap();
        GroupKeys::new(&self.topic, &GroupName::new(name).unwrap(), &row)
    }

    /// A topic with room for ten, and a group of it.
    pub(super) async fn topic_and_group(&mut self) -> GroupKeys {
        self.make(10, "reject").await;
        self.group("g", "none").await
    }

    /// Publishes, and returns what the step says of each.
    pub(super) async fn publish(&mut self, messages: &[Message]) -> Vec<String> {
        let answer = self.try_publish(messages).await;
        let [status, results, _] = three(answer);
        assert_eq!(show(&status), "OK");
        list(results).iter().map(show).collect()
    }

    pub(super) async fn try_publish(&mut self, messages: &[Message]) -> Value {
        let mut call = self.scripts.publish.of_topic(&self.topic);
        for message in messages {
            put(&mut call, message);
        }
        self.send(call).await
    }

    /// Fetches for a member.
    pub(super) async fn fetch(&mut self, group: &GroupKeys, member: &str, most: u32) -> Fetched {
        let answer = self.try_fetch(group, member, most).await;
        let mut words = list(answer).into_iter();
        assert_eq!(show(&words.next().unwrap()), "OK");
        let words: Vec<Value> = words.collect();
        let deliveries = list(words[6].clone());
        let one = |delivery: Value| {
            let words = list(delivery);
            Delivery {
                lane: show(&words[0]),
                id: show(&words[1]),
                attempt: show(&words[2]),
            }
        };
        Fetched {
            expired: show(&words[3]),
            dead: show(&words[4]),
            deliveries: deliveries.into_iter().map(one).collect(),
        }
    }

    pub(super) async fn try_fetch(&mut self, group: &GroupKeys, member: &str, most: u32) -> Value {
        let arguments = format!("{member} {most} 0 0 {most} 1");
        self.group_step(|s| &s.fetch, group, &arguments).await
    }

    /// Settles one delivery of the usual member.
    pub(super) async fn settle(
        &mut self,
        group: &GroupKeys,
        what: &str,
        delivery: &Delivery,
        words: &str,
    ) -> String {
        let Delivery { lane, id, attempt } = delivery;
        let arguments = format!("m {what} {lane} {id} {attempt} {words}");
        let settled = self.group_step(|s| &s.settle, group, &arguments).await;
        show(&settled)
    }

    /// How many messages of the normal lane the group has been given and has not settled.
    pub(super) async fn pending(&mut self, group: &GroupKeys) -> i64 {
        let answer = self
            .run(&format!("XPENDING lane1 {}", group.stream_name))
            .await;
        match list(answer).first() {
            Some(Value::Int(number)) => *number,
            other => panic!("{other:?}"),
        }
    }

    /// How many dead letters the group has.
    pub(super) async fn dead(&mut self, group: &GroupKeys) -> i64 {
        let count = format!("ZCARD {}", group.all()[15]);
        self.number(&count).await
    }
}

/// What the fetch step gave.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) expired: String,
    pub(super) dead: String,
    pub(super) deliveries: Vec<Delivery>,
}

impl Fetched {
    pub(super) fn attempts(&self) -> Vec<&str> {
        self.deliveries.iter().map(|d| &*d.attempt).collect()
    }
}

#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) lane: String,
    pub(super) id: String,
    pub(super) attempt: String,
}

fn put_line(call: &mut Cmd, arguments: &str) {
    for word in arguments.split(' ').filter(|word| !word.is_empty()) {
        match word {
            "''" => call.arg(""),
            word => call.arg(word.replace('_', " ")),
        };
    }
}

pub(super) fn message(payload: &str) -> Message {
    build(builder(payload))
}

pub(super) fn builder(payload: &str) -> MessageBuilder {
    Message::builder(TopicName::new("steps").unwrap()).payload(payload.to_owned())
}

pub(super) fn build(builder: MessageBuilder) -> Message {
    builder.build().unwrap()
}

pub(super) fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => panic!("a list was expected, not {other:?}"),
    }
}

pub(super) fn three(value: Value) -> [Value; 3] {
    list(value).try_into().unwrap()
}

/// A value in short: `[OK, [0, 1]]`.
pub(super) fn show(value: &Value) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::Nil => "nil".to_owned(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(show).collect();
            format!("[{}]", items.join(", "))
        }
        Value::ServerError(refusal) => format!("-{refusal}"),
        Value::BulkString(bytes) if std::str::from_utf8(bytes).is_err() => {
            format!("{} bytes", bytes.len())
        }
        other => text(other).to_owned(),
    }
}

/// Whether it is the id of an entry.
pub(super) fn is_entry(word: &str) -> bool {
    crate::place::EntryId::parse(word).is_some()
}
