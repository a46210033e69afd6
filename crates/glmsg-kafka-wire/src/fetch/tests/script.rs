//! Brokers that say what a test has them say.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, FetchRequest, FetchResponse, ListOffsetsRequest,
    ListOffsetsResponse, MetadataRequest, MetadataResponse, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, Message, Request, StrBytes,
    decode_request_header_from_buffer,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot};

use super::LONG;
use crate::cluster::Cluster;
use crate::connection::tests::servers;

/// Two brokers, of which the first one is asked for the leaders.
pub(super) struct Script {
    pub(super) world: Arc<World>,
    calls: [mpsc::UnboundedReceiver<Call>; 2],
}

/// What the brokers say of the cluster.
pub(super) struct World {
    addresses: Mutex<Vec<SocketAddr>>,
    /// The leaders of topics; a code for those that are not there.
    leaders: Mutex<HashMap<String, Result<Vec<i32>, i16>>>,
    /// The earliest and the latest offset of each partition.
    ends: Mutex<(i64, i64)>,
    /// How often the leaders were asked for.
    pub(super) asked: AtomicUsize,
    /// How many connections there are, and when one ends.
    open: AtomicUsize,
    closed: Notify,
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
        let world = Arc::new(World {
            addresses: Mutex::default(),
            leaders: Mutex::default(),
            ends: Mutex::new((0, 0)),
            asked: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            closed: Notify::new(),
        });
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
        let address = listener.local_addr().unwrap();
        world.addresses.lock().unwrap().push(address);
        let (calls, received) = mpsc::unbounded_channel();
        let world = Arc::clone(world);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (world, calls) = (Arc::clone(&world), calls.clone());
                world.open.fetch_add(1, SeqCst);
                tokio::spawn(async move {
                    let _ = answer_all(stream, &world, &calls).await;
                    world.open.fetch_sub(1, SeqCst);
                    world.closed.notify_waiters();
                });
            }
        });
        received
    }

    pub(super) fn cluster(&self) -> Arc<Cluster> {
        let address = self.world.addresses.lock().unwrap()[0];
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

impl World {
    /// The leaders of `orders`, or the code that there is instead.
    pub(super) fn lead(&self, leaders: Result<Vec<i32>, i16>) {
        let mut all = self.leaders.lock().unwrap();
        all.insert("orders".to_owned(), leaders);
    }

    pub(super) fn end_at(&self, earliest: i64, latest: i64) {
        *self.ends.lock().unwrap() = (earliest, latest);
    }

    /// Waits until all connections are closed.
    pub(super) async fn all_closed(&self) {
        let closed = async {
            loop {
                let closed = self.closed.notified();
                if self.open.load(SeqCst) == 0 {
                    return;
                }
                closed.await;
            }
        };
        let closed = tokio::time::timeout(LONG, closed).await;
        closed.expect("connections stay open");
    }

    fn metadata(&self, request: &MetadataRequest) -> MetadataResponse {
        self.asked.fetch_add(1, SeqCst);
        let addresses = self.addresses.lock().unwrap();
        let brokers = addresses.iter().zip(0..).map(|(address, node)| {
            MetadataResponseBroker::default()
                .with_node_id(node.into())
                .with_host(StrBytes::from_string(address.ip().to_string()))
                .with_port(address.port().into())
        });
        let all = self.leaders.lock().unwrap();
        let topics = request.topics.iter().flatten().map(|topic| {
            let name = topic.name.clone().unwrap();
            let found = all.get(name.as_str()).cloned().unwrap_or(Err(3));
            let leaders = found.clone().unwrap_or_default();
            let partitions = leaders.iter().zip(0..).map(|(leader, partition)| {
                MetadataResponsePartition::default()
                    .with_partition_index(partition)
                    .with_leader_id((*leader).into())
            });
            MetadataResponseTopic::default()
                .with_name(Some(name))
                .with_error_code(found.err().unwrap_or(0))
                .with_partitions(partitions.collect())
        });
        MetadataResponse::default()
            .with_brokers(brokers.collect())
            .with_topics(topics.collect())
    }

    fn offsets(&self, request: &ListOffsetsRequest) -> ListOffsetsResponse {
        let (earliest, latest) = *self.ends.lock().unwrap();
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                let offset = match partition.timestamp {
                    -2 => earliest,
                    _ => latest,
                };
                ListOffsetsPartitionResponse::default()
                    .with_partition_index(partition.partition_index)
                    .with_offset(offset)
            });
            ListOffsetsTopicResponse::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions.collect())
        });
        ListOffsetsResponse::default().with_topics(topics.collect())
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
        let topic = FetchableTopicResponse::default()
            .with_topic(TopicName(StrBytes::from_static_str("orders")))
            .with_partitions(partitions);
        let id = match self.request.session_epoch {
            -1 => 0,
            _ => 7,
        };
        let answer = FetchResponse::default()
            .with_session_id(id)
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
