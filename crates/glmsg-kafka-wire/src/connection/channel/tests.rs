//! Where the bytes of an answer are, and how many are kept.

use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A channel that has read a frame of so many bytes, and what else.
async fn having_read(length: usize, more: &[u8]) -> Channel {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut channel = Channel::new(Stream::Plain(stream), "test");
    let head = u32::try_from(length).unwrap().to_be_bytes();
    channel.input.extend_from_slice(&head);
    channel.input.resize(LENGTH + length, 1);
    channel.input.extend_from_slice(more);
    channel
}

#[tokio::test]
async fn an_answer_is_not_moved() {
    for length in [10, 100_000, 3 << 20] {
        let mut channel = having_read(length, &[]).await;
        let place = channel.input.as_ptr();
        let answer = channel.receive().await.unwrap();
        assert_eq!(answer.left().as_ptr(), place.wrapping_add(LENGTH));
        assert_eq!(answer.left(), vec![1; length]);
    }
}

#[tokio::test]
async fn what_follows_an_answer_stays() {
    for length in [10, 3 << 20] {
        let mut channel = having_read(length, &[7; 3]).await;
        let answer = channel.receive().await.unwrap();
        assert_eq!(answer.left(), vec![1; length]);
        assert_eq!(*channel.input, [7; 3]);
    }
}

#[tokio::test]
async fn a_long_answer_is_gone_when_nobody_has_it() {
    let mut channel = having_read(3 << 20, &[]).await;
    channel.receive().await.unwrap();
    assert_eq!(channel.input.capacity(), 0);
}
