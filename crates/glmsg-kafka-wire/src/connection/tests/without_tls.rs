//! What is not built in is not left out.

use glmsg_core::ErrorKind;
use tokio::net::TcpListener;

use super::servers::at;
use crate::connection::Connection;
use crate::endpoint::TlsFiles;

#[tokio::test]
async fn a_secret_connection_is_not_made_in_the_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut endpoint = at(Vec::new());
    endpoint.tls = Some(TlsFiles::default());
    let refused = Connection::open(&endpoint, "127.0.0.1", port).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(refused.to_string().contains("the feature tls"), "{refused}");
}
