//! Brokers that do what a test has them do with what they are sent.

mod act;
mod log;
mod world;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, InitProducerIdRequest, MetadataRequest,
    ProduceRequest, ResponseHeader, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, Message, Request, decode_request_header_from_buffer,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

pub(super) use self::act::{Act, Gate, Say};
pub(super) use self::log::{Found, Sent};
pub(super) use self::world::{Inner, TOPIC, World};
use crate::cluster::Cluster;
use crate::connection::tests::servers;
use crate::endpoint::Endpoint;

/// For how long a login is good, in milliseconds.
pub(super) const LOGIN: i64 = 100_000;

/// Brokers, numbered from 0. All of them have the same log, as if what one stores were copied at once.
pub(super) struct Script {
    pub(super) world: Arc<World>,
    brokers: Vec<(SocketAddr, JoinHandle<()>)>,
}

impl Script {
    /// So many brokers, and partitions with these leaders.
    pub(super) async fn new(brokers: usize, leaders: &[i32]) -> Self {
        let world = World::new(leaders);
        let mut script = Self {
            world,
            brokers: Vec::new(),
        };
        for node in (0..).take(brokers) {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            script.world.inner().addresses.push(address);
            let task = tokio::spawn(serve(listener, node, Arc::clone(&script.world)));
            script.brokers.push((address, task));
        }
        script
    }

    /// Ends a broker and its connections. Nobody listens there any more.
    pub(super) async fn stop(&mut self, node: usize) {
        let task = &mut self.brokers[node].1;
        task.abort();
        let _ = task.await;
    }

    /// Begins a broker that was ended, at the same place.
    pub(super) async fn start(&mut self, node: usize) {
        let (address, task) = &mut self.brokers[node];
        let listener = TcpListener::bind(*address).await.unwrap();
        let number = i32::try_from(node).unwrap();
        *task = tokio::spawn(serve(listener, number, Arc::clone(&self.world)));
    }

    pub(super) fn cluster(&self) -> Arc<Cluster> {
        Cluster::new(self.endpoint())
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        let each = self.brokers.iter().map(|(address, _)| *address);
        let each = each.map(|address| (address.ip().to_string(), address.port()));
        servers::at(each.collect())
    }
}

async fn serve(listener: TcpListener, node: i32, world: Arc<World>) {
    // They end with the broker.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        if world.turns_away(node) {
            continue;
        }
        let world = Arc::clone(&world);
        connections.spawn(async move {
            let _ = answer_all(stream, node, &world).await;
        });
    }
}

/// Answers what comes on a connection, one request after the other.
async fn answer_all(mut stream: TcpStream, node: i32, world: &World) -> Option<()> {
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
            InitProducerIdRequest::KEY => {
                let request = InitProducerIdRequest::decode(&mut bytes, version).unwrap();
                assert_eq!((*request.producer_id, request.producer_epoch), (-1, -1));
                frame(number, version, &world.identify())
            }
            SaslHandshakeRequest::KEY => frame(number, version, &SaslHandshakeResponse::default()),
            SaslAuthenticateRequest::KEY => {
                let answer = SaslAuthenticateResponse::default().with_session_lifetime_ms(LOGIN);
                frame(number, version, &answer)
            }
            ProduceRequest::KEY => {
                let request = ProduceRequest::decode(&mut bytes, version).unwrap();
                // Without an answer it hangs up.
                let answer = world.produce(node, connection, &request).await?;
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
        range::<InitProducerIdRequest>(),
        range::<ProduceRequest>(),
        range::<SaslHandshakeRequest>(),
        range::<SaslAuthenticateRequest>(),
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
