//! Brokers that are only scripts.

use bytes::{Buf, Bytes};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, FetchRequest, MetadataRequest, RequestHeader,
    ResponseHeader, SaslAuthenticateRequest, SaslHandshakeRequest,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::servers::at;
use crate::endpoint::Endpoint;

/// Where connections to a script arrive.
pub(crate) struct Script(TcpListener);

/// A client of a script.
pub(crate) struct Client(TcpStream);

/// What a client asked.
pub(crate) struct Asked {
    pub(crate) key: i16,
    pub(crate) version: i16,
    pub(crate) id: i32,
    frame: Bytes,
}

impl Script {
    pub(crate) async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn address(&self) -> (String, u16) {
        let address = self.0.local_addr().unwrap();
        (address.ip().to_string(), address.port())
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        at(vec![self.address()])
    }

    pub(crate) async fn accept(&self) -> Client {
        Client(self.0.accept().await.unwrap().0)
    }

    /// Accepts a client and tells it the versions.
    pub(crate) async fn welcome(&self) -> Client {
        let mut client = self.accept().await;
        let asked = client.asked::<ApiVersionsRequest>().await;
        client.answer::<ApiVersionsRequest>(&asked, &known()).await;
        client
    }
}

/// What a script says that it knows.
pub(crate) fn known() -> ApiVersionsResponse {
    let keys = [
        (FetchRequest::KEY, 4, 13),
        (MetadataRequest::KEY, 4, 12),
        (ApiVersionsRequest::KEY, 0, 3),
        (SaslHandshakeRequest::KEY, 0, 1),
        (SaslAuthenticateRequest::KEY, 0, 2),
    ];
    let each = keys.map(|(key, least, most)| {
        ApiVersion::default()
            .with_api_key(key)
            .with_min_version(least)
            .with_max_version(most)
    });
    ApiVersionsResponse::default().with_api_keys(each.to_vec())
}

impl Client {
    /// The next frame, or none if the client is gone.
    pub(crate) async fn next(&mut self) -> Option<Asked> {
        let length = self.0.read_u32().await.ok()?;
        let mut frame = vec![0; length as usize];
        self.0.read_exact(&mut frame).await.unwrap();
        let mut head = frame.as_slice();
        Some(Asked {
            key: head.get_i16(),
            version: head.get_i16(),
            id: head.get_i32(),
            frame: frame.into(),
        })
    }

    /// The next frame, which is such a request.
    pub(crate) async fn asked<R: Request>(&mut self) -> Asked {
        let asked = self.next().await.unwrap();
        assert_eq!(asked.key, R::KEY);
        asked
    }

    pub(crate) async fn answer<R: Request>(&mut self, asked: &Asked, answer: &R::Response) {
        let mut body = Vec::new();
        answer.encode(&mut body, asked.version).unwrap();
        let version = <R::Response as HeaderVersion>::header_version(asked.version);
        self.answer_bytes(asked.id, version, &body).await;
    }

    /// Answers with any bytes.
    pub(crate) async fn answer_bytes(&mut self, id: i32, header: i16, body: &[u8]) {
        let mut head = Vec::new();
        let header_of = ResponseHeader::default().with_correlation_id(id);
        header_of.encode(&mut head, header).unwrap();
        let length = u32::try_from(head.len() + body.len()).unwrap();
        let frame = [&length.to_be_bytes(), &head[..], body].concat();
        self.send(&frame).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Waits until the client is gone.
    pub(crate) async fn gone(mut self) {
        assert!(self.next().await.is_none());
    }
}

impl Asked {
    pub(crate) fn read<R: Request>(&self) -> R {
        let mut bytes = self.frame.clone();
        RequestHeader::decode(&mut bytes, R::header_version(self.version)).unwrap();
        let request = R::decode(&mut bytes, self.version).unwrap();
        assert!(bytes.is_empty());
        request
    }
}
