//! A small queue on Redis that does everything right: each step is one script that can be tried again.

use std::time::Duration;

use redis::aio::MultiplexedConnection;

pub(crate) const QUEUE: &str = "queue";
pub(crate) const DEAD: &str = "dead";
pub(crate) const GROUP: &str = "g";
pub(crate) const MAX_ATTEMPTS: u32 = 5;
pub(crate) const LEASE: Duration = Duration::from_millis(800);
pub(crate) const TIMEOUT: Duration = Duration::from_millis(300);

const PUBLISH: &str = "
if redis.call('SISMEMBER', 'seen', ARGV[1]) == 1 then return 'DUP' end
redis.call('XADD', KEYS[1], '*', 'id', ARGV[1])
redis.call('SADD', 'seen', ARGV[1])
return 'OK'";

/// First what somebody's lease has run out on, then what is new. What has used up its attempts dies here.
const RECEIVE: &str = "
local group, me, lease, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local got = {}
for _, p in ipairs(redis.call('XPENDING', KEYS[1], group, 'IDLE', lease, '-', '+', 10)) do
  local entry = redis.call('XRANGE', KEYS[1], p[1], p[1])[1]
  if p[4] >= most then
    redis.call('XACK', KEYS[1], group, p[1])
    redis.call('XDEL', KEYS[1], p[1])
    redis.call('RPUSH', KEYS[2], entry[2][2])
  elseif #redis.call('XCLAIM', KEYS[1], group, me, lease, p[1]) > 0 then
    got[#got + 1] = {p[1], entry[2][2], tostring(p[4] + 1)}
  end
end
local new = redis.call('XREADGROUP', 'GROUP', group, me, 'COUNT', 5, 'STREAMS', KEYS[1], '>')
if new then
  for _, entry in ipairs(new[1][2]) do got[#got + 1] = {entry[1], entry[2][2], '1'} end
end
return got";

/// Only the holder of this very delivery.
const ACK: &str = "
local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)[1]
if not p then return 'GONE' end
if p[2] ~= ARGV[2] or p[4] ~= tonumber(ARGV[4]) then return 'STALE' end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
return 'OK'";

/// A client that connects again when its connection is broken.
pub(crate) struct Queue {
    url: String,
    connection: Option<MultiplexedConnection>,
}

/// A message as it is received: where it is stored, its id, the number of the delivery.
pub(crate) type Delivered = (String, String, u32);

impl Queue {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            connection: None,
        }
    }

    pub(crate) async fn publish(&mut self, id: &str) -> Option<String> {
        let mut command = redis::cmd("EVAL");
        command.arg(PUBLISH).arg(1).arg(QUEUE).arg(id);
        self.ask(&command).await
    }

    pub(crate) async fn receive(&mut self, me: &str) -> Vec<Delivered> {
        let mut command = redis::cmd("EVAL");
        command
            .arg(RECEIVE)
            .arg(2)
            .arg(QUEUE)
            .arg(DEAD)
            .arg(GROUP)
            .arg(me);
        command.arg(LEASE.as_millis().to_string()).arg(MAX_ATTEMPTS);
        self.ask(&command).await.unwrap_or_default()
    }

    pub(crate) async fn ack(&mut self, me: &str, delivered: &Delivered) -> Option<String> {
        let (position, _, attempt) = delivered;
        let mut command = redis::cmd("EVAL");
        command
            .arg(ACK)
            .arg(1)
            .arg(QUEUE)
            .arg(GROUP)
            .arg(me)
            .arg(position)
            .arg(attempt);
        self.ask(&command).await
    }

    /// The answer, or nothing if nobody knows whether the command was executed.
    async fn ask<T: redis::FromRedisValue>(&mut self, command: &redis::Cmd) -> Option<T> {
        if self.connection.is_none() {
            let client = redis::Client::open(self.url.as_str()).unwrap();
            let config = redis::AsyncConnectionConfig::new();
            let config = config
                .set_response_timeout(Some(TIMEOUT))
                .set_connection_timeout(Some(TIMEOUT));
            let connected = client.get_multiplexed_async_connection_with_config(&config);
            self.connection = connected.await.ok();
        }
        let connection = self.connection.as_mut()?;
        match command.query_async(connection).await {
            Ok(answer) => Some(answer),
            Err(_) => {
                self.connection = None;
                None
            }
        }
    }
}
