//! Spans to a receiver, by the settings.

use glmsg::Message;

use crate::store::{Run, Store, finish};

/// A run with these settings in a file.
fn published(settings: &str) -> Run {
    let store = Store::new();
    let file = store.file("glmsg.yaml", settings);
    let mut command = store.command(&["-q", "publish", "flights"]);
    command.env("GLMSG_CONFIG", file);
    finish(command, b"1\n")
}

const CREATION: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A store with messages in the topic `flights`, of this trace or of none.
fn flights(traces: &[Option<&str>]) -> Store {
    let store = Store::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let broker = glmsg::connect(&store.url()).await.unwrap();
        let messages: Vec<Message> = traces
            .iter()
            .map(|trace| {
                let message = Message::new("flights", "DTW-LAS").unwrap();
                match trace {
                    Some(trace) => message.with_traceparent(trace).unwrap(),
                    None => message,
                }
            })
            .collect();
        broker.publish(&messages).await.unwrap();
        broker.close().await.unwrap();
    });
    store
}

/// What the commands of a `consume` see of a trace, one line each; it has a trace of its own, which
/// is none of theirs.
fn seen(store: &Store, settings: &str, count: &str) -> String {
    let file = store.file("glmsg.yaml", settings);
    let exec = "echo \"$GLMSG_ATTEMPT:$TRACEPARENT:$TRACESTATE\" >> seen";
    let mut command = store.command(&[
        "-q", "consume", "flights", "-g", "agents", "-n", count, "--exec", exec,
    ]);
    let other = "00-11111111111111111111111111111111-2222222222222222-01";
    command
        .env("GLMSG_CONFIG", file)
        .env("TRACEPARENT", other)
        .env("TRACESTATE", "a=b");
    finish(command, b"").success();
    std::fs::read_to_string(store.path("seen")).unwrap()
}

#[test]
fn a_command_is_told_the_trace_of_its_message() {
    for settings in ["", "log_level: WARNING\n"] {
        let store = flights(&[Some(CREATION), None]);
        assert_eq!(
            seen(&store, settings, "2"),
            format!("1:{CREATION}:\n1::\n"),
            "{settings}"
        );
    }
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

    use glmsg::tracing::TraceContext;

    use super::{CREATION, finish, flights, published, seen};

    /// What a receiver gets of a run that publishes a message; nothing where nobody calls.
    fn received(keys: &str) -> Vec<u8> {
        received_of(|endpoint| {
            published(&format!("{endpoint}{keys}")).success();
        })
    }

    /// What a receiver gets of a run whose settings name it.
    fn received_of(run: impl FnOnce(&str)) -> Vec<u8> {
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
        // The spans are out when the command ends.
        run(&format!("tracing:\n  endpoint: http://{address}\n"));
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
        has_bytes(request, text.as_bytes())
    }

    fn has_bytes(request: &[u8], bytes: &[u8]) -> bool {
        request.windows(bytes.len()).any(|w| w == bytes)
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

    #[test]
    fn a_command_works_under_the_span_of_its_attempt() {
        let mut lines = String::new();
        let request = received_of(|endpoint| {
            lines = seen(&flights(&[Some(CREATION)]), endpoint, "1");
        });
        assert!(has(&request, "process flights"));
        let told: Vec<&str> = lines.trim().split(':').collect();
        let told: TraceContext = told[1].parse().unwrap();
        let creation: TraceContext = CREATION.parse().unwrap();
        assert_eq!(told.trace_id(), creation.trace_id());
        assert_ne!(told.span_id(), creation.span_id());
        // No other span of the run has it: nothing stands under it.
        assert!(has_bytes(&request, &told.span_id().to_be_bytes()));
    }

    #[test]
    fn what_is_printed_and_what_fails_have_their_spans() {
        for (args, spans) in [
            (&["-n", "1"][..], &["process flights"][..]),
            (
                &["-n", "1", "--exec", "exit $((GLMSG_ATTEMPT < 2))"],
                &["process flights", "retry flights"],
            ),
            (
                &["-n", "1", "--settle", "reject"],
                &["process flights", "dead_letter flights"],
            ),
        ] {
            let request = received_of(|endpoint| {
                let store = flights(&[None]);
                let file = store.file("glmsg.yaml", endpoint);
                let consume = ["-q", "consume", "flights", "-g", "agents"];
                let mut command = store.command(&[&consume, args].concat());
                command.env("GLMSG_CONFIG", file);
                finish(command, b"").success();
            });
            for span in ["process flights", "retry flights", "dead_letter flights"] {
                assert_eq!(
                    has(&request, span),
                    spans.contains(&span),
                    "{args:?}: {span}"
                );
            }
        }
    }
}
