//! Brokers that say what a test has them say.

mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, FetchRequest, FetchResponse, ListOffsetsRequest,
    MetadataRequest, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, Message, Request, StrBytes,
    decode_request_header_from_buffer,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use self::world::World;
use super::LONG;
use crate::cluster::Cluster;
use crate::connection::tests::servers;

/// Two brokers, of which the first one is asked for the leaders.
pub(super) struct Script {
    pub(super) world: Arc<World>,
    calls: [mpsc::UnboundedReceiver<Call>; 2],
}

/// A fetch that waits for its answer.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) connection: u64,
    pub(super) request: FetchRequest,
    reply: oneshot::Sender<FetchResponse>,
}

impl Script {
    /// The topic `orders` has partitions with these leaders, 0 or 1.
    pub(super) async fn new(leaders: &[i32]) -> Self {
        let world = World::new();
        world.lead(Ok(leaders.to_vec()));
        let first = Self::serve(&world).await;
        let second = Self::serve(&world).await;
        Self {
            world,
            calls: [first, second],
        }
    }

    async fn serve(world: &Arc<World>) -> mpsc::UnboundedReceiver<Call> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        world.add(listener.local_addr().unwrap());
        let (calls, received) = mpsc::unbounded_channel();
        let world = Arc::clone(world);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (world, calls) = (Arc::clone(&world), calls.clone());
                world.opened();
                tokio::spawn(async move {
                    let _ = answer_all(stream, &world, &calls).await;
                    world.closed();
                });
            }
        });
        received
    }

    pub(super) fn cluster(&self) -> Arc<Cluster> {
        let address = self.world.address();
        let mut endpoint = servers::at(vec![(address.ip().to_string(), address.port())]);
        endpoint.timeout = LONG;
        Cluster::new(endpoint)
    }

    /// The next fetch that the first broker is asked.
    pub(super) async fn call(&mut self) -> Call {
        self.call_to(0).await
    }

    /// The next fetch that a broker is asked.
    pub(super) async fn call_to(&mut self, node: usize) -> Call {
        let call = tokio::time::timeout(LONG, self.calls[node].recv()).await;
        call.expect("no fetch within 30 s").unwrap()
    }

    /// Whether there is a fetch that waits for its answer.
    pub(super) fn is_asked(&mut self) -> bool {
        !self.calls[0].is_empty()
    }
}

/// Answers what comes on a connection, one request after the other.
async fn answer_all(
    mut stream: TcpStream,
    world: &World,
    calls: &mpsc::UnboundedSender<Call>,
) -> Option<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let connection = NEXT.fetch_add(1, SeqCst);
    loop {
        let length = stream.read_i32().await.ok()?;
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut bytes).await.ok()?;
        let mut bytes = Bytes::from(bytes);
        let header = decode_request_header_from_buffer(&mut bytes).unwrap();
        let version = header.request_api_version;
        let number = header.correlation_id;
        let answer = match header.request_api_key {
            ApiVersionsRequest::KEY => frame(number, version, &versions()),
            MetadataRequest::KEY => {
                let request = MetadataRequest::decode(&mut bytes, version).unwrap();
                frame(number, version, &world.metadata(&request))
            }
            ListOffsetsRequest::KEY => {
                let request = ListOffsetsRequest::decode(&mut bytes, version).unwrap();
                frame(number, version, &world.offsets(&request))
            }
            FetchRequest::KEY => {
                let request = FetchRequest::decode(&mut bytes, version).unwrap();
                let (reply, answer) = oneshot::channel();
                let call = Call {
                    connection,
                    request,
                    reply,
                };
                calls.send(call).ok()?;
                // The connection is closed if no answer is given, or if the other side does so.
                let mut more = [0];
                let answer = tokio::select! {
                    answer = answer => answer.ok()?,
                    _ = stream.peek(&mut more) => return None,
                };
                frame(number, version, &answer)
            }
            other => panic!("nobody answers {other}"),
        };
        stream.write_all(&answer).await.ok()?;
    }
}

fn versions() -> ApiVersionsResponse {
    fn range<R: Request + Message>() -> ApiVersion {
        ApiVersion::default()
            .with_api_key(R::KEY)
            .with_min_version(R::VERSIONS.min)
            .with_max_version(R::VERSIONS.max)
    }
    ApiVersionsResponse::default().with_api_keys(vec![
        range::<ApiVersionsRequest>(),
        range::<MetadataRequest>(),
        range::<ListOffsetsRequest>(),
        range::<FetchRequest>(),
    ])
}

fn frame<R: Encodable + HeaderVersion>(number: i32, version: i16, answer: &R) -> Bytes {
    let mut body = BytesMut::new();
    let header = ResponseHeader::default().with_correlation_id(number);
    header
        .encode(&mut body, R::header_version(version))
        .unwrap();
    answer.encode(&mut body, version).unwrap();
    let mut frame = BytesMut::new();
    let length = i32::try_from(body.len()).unwrap();
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&body);
    frame.freeze()
}

impl Call {
    /// The session and the number in it.
    pub(super) fn session(&self) -> (i32, i32) {
        (self.request.session_id, self.request.session_epoch)
    }

    /// Partitions and the offsets that are asked for, in the order of the partitions.
    pub(super) fn asked(&self) -> Vec<(i32, i64)> {
        let topics = self.request.topics.iter();
        let partitions = topics.flat_map(|topic| &topic.partitions);
        let mut all: Vec<_> = partitions.map(|p| (p.partition, p.fetch_offset)).collect();
        all.sort_unstable();
        all
    }

    /// Partitions that are to be forgotten.
    pub(super) fn forgotten(&self) -> Vec<i32> {
        let topics = self.request.forgotten_topics_data.iter();
        topics.flat_map(|topic| topic.partitions.clone()).collect()
    }

    pub(super) fn max_wait(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.request.max_wait_ms).unwrap())
    }

    /// Answers, in the session 7.
    pub(super) fn answer(self, partitions: Vec<PartitionData>) {
        self.answer_throttled(Duration::ZERO, partitions);
    }

    /// Answers, and wants to be left alone for a while.
    pub(super) fn answer_throttled(self, wait: Duration, partitions: Vec<PartitionData>) {
        let topic = FetchableTopicResponse::default()
            .with_topic(TopicName(StrBytes::from_static_str("orders")))
            .with_partitions(partitions);
        let id = match self.request.session_epoch {
            -1 => 0,
            _ => 7,
        };
        let answer = FetchResponse::default()
            .with_session_id(id)
            .with_throttle_time_ms(i32::try_from(wait.as_millis()).unwrap())
            .with_responses(vec![topic]);
        assert!(self.reply.send(answer).is_ok(), "nobody waits for it");
    }

    /// Answers with a code for all of it.
    pub(super) fn refuse(self, code: i16) {
        let answer = FetchResponse::default().with_error_code(code);
        assert!(self.reply.send(answer).is_ok(), "nobody waits for it");
    }

    /// Whether an answer is still waited for.
    pub(super) fn is_waiting(&self) -> bool {
        !self.reply.is_closed()
    }
}

/// What a partition has.
pub(super) fn has(partition: i32, bytes: Bytes) -> PartitionData {
    PartitionData::default()
        .with_partition_index(partition)
        .with_high_watermark(1000)
        .with_last_stable_offset(1000)
        .with_log_start_offset(0)
        .with_records(Some(bytes))
}

/// A partition that is refused.
pub(super) fn fails(partition: i32, code: i16) -> PartitionData {
    has(partition, Bytes::new()).with_error_code(code)
}
