//! Spans to a receiver, by the settings.

use crate::store::{Run, Store, finish};

/// A run with these settings in a file.
fn published(settings: &str) -> Run {
    let store = Store::new();
    let file = store.file("glmsg.yaml", settings);
    let mut command = store.command(&["-q", "publish", "flights"]);
    command.env("GLMSG_CONFIG", file);
    finish(command, b"1\n")
}

/// No span leaves a build that has no export, and nobody is to wait for one.
#[cfg(not(feature = "otel"))]
#[test]
fn an_endpoint_is_refused_by_a_build_without_an_export() {
    published("tracing:\n  endpoint: http://localhost:4318\n")
        .fails(2, &["tracing.endpoint", "the feature \"otel\""]);
}

#[cfg(feature = "otel")]
mod exported {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use super::published;

    /// What a receiver gets of a run that publishes a message; nothing where nobody calls.
    fn received(keys: &str) -> Vec<u8> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = std::thread::spawn(move || {
            let mut got = Vec::new();
            for stream in listener.incoming() {
                let request = answered(stream.unwrap());
                if request == b"END" {
                    return got;
                }
                got.extend(request);
            }
            got
        });
        let settings = format!("tracing:\n  endpoint: http://{address}\n{keys}");
        // The spans are out when the command ends.
        published(&settings).success();
        let mut end = TcpStream::connect(address).unwrap();
        end.write_all(b"END").unwrap();
        drop(end);
        receiver.join().unwrap()
    }

    /// A request with its body, which is answered.
    fn answered(mut stream: TcpStream) -> Vec<u8> {
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut request = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let n = stream.read(&mut piece).unwrap();
            request.extend(&piece[..n]);
            if n == 0 {
                return request;
            }
            if is_whole(&request) {
                break;
            }
        }
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
        request
    }

    fn is_whole(request: &[u8]) -> bool {
        let Some(head) = request.windows(4).position(|w| w == b"\r\n\r\n") else {
            return false;
        };
        let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
        let (_, length) = text.split_once("content-length: ").expect("a length");
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        request.len() >= head + 4 + length
    }

    fn has(request: &[u8], text: &str) -> bool {
        request.windows(text.len()).any(|w| w == text.as_bytes())
    }

    #[test]
    fn spans_go_where_the_file_says_by_the_name_that_it_says() {
        let request = received("  service_name: bookings-of-may\n");
        assert!(has(&request, "POST /v1/traces"));
        assert!(has(&request, "bookings-of-may"));
        assert!(has(&request, "publish flights"));
    }

    #[test]
    fn no_span_goes_where_none_is_sampled() {
        let request = received("  sample_ratio: 0\n");
        assert!(request.is_empty(), "{}", String::from_utf8_lossy(&request));
    }

    #[test]
    fn a_receiver_that_is_away_fails_no_command() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        published(&format!("tracing:\n  endpoint: http://{address}\n")).success();
    }
}
