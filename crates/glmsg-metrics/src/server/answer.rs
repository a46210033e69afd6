//! What a path is answered with.

use std::sync::Arc;

use glmsg_broker::{Health, HealthStatus};
use prometheus_client::registry::Registry;

use super::request::{Refused, Request};
use super::scrapes::Scrapes;
use crate::{Format, HealthProbe, exposition};

const PLAIN: &str = "text/plain; charset=utf-8";
/// The most of a problem that is shown.
const PROBLEM: usize = 500;

/// What there is to be asked for.
pub(super) struct Routes {
    pub(super) registry: Arc<Registry>,
    pub(super) health: HealthProbe,
    pub(super) scrapes: Arc<Scrapes>,
}

/// An answer, all of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: &'static str,
    pub(super) content_type: &'static str,
    /// The methods that there are, with 405.
    pub(super) allow: bool,
    pub(super) body: String,
    /// The answer to `HEAD` has the length of a body and no body.
    pub(super) is_head: bool,
    /// Which scrape it is, if it is one.
    pub(super) scrape: Option<u64>,
}

impl Answer {
    fn plain(status: &'static str, body: impl Into<String>) -> Self {
        Self {
            status,
            content_type: PLAIN,
            allow: false,
            body: body.into(),
            is_head: false,
            scrape: None,
        }
    }

    /// The bytes that go out.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let Self {
            status,
            content_type,
            body,
            ..
        } = self;
        let allow = if self.allow {
            "Allow: GET, HEAD\r\n"
        } else {
            ""
        };
        let mut bytes = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{allow}\
             Cache-Control: no-store\r\nConnection: close\r\n\r\n",
            body.len()
        )
        .into_bytes();
        if !self.is_head {
            bytes.extend_from_slice(body.as_bytes());
        }
        bytes
    }
}

/// `None` if there is nobody to answer.
pub(super) async fn answer(routes: &Routes, asked: Result<Request, Refused>) -> Option<Answer> {
    let request = match asked {
        Ok(request) => request,
        Err(Refused::Silent) => return None,
        Err(Refused::Slow) => {
            return Some(Answer::plain(
                "408 Request Timeout",
                "the request did not end in time\n",
            ));
        }
        Err(Refused::TooLarge) => {
            let what = "the request's head is too large\n";
            return Some(Answer::plain("431 Request Header Fields Too Large", what));
        }
        Err(Refused::Malformed) => {
            return Some(Answer::plain(
                "400 Bad Request",
                "this is no HTTP request\n",
            ));
        }
    };
    let mut answer = match (request.method.as_str(), request.path.as_str()) {
        (_, path) if !PATHS.contains(&path) => {
            let paths = PATHS.join(", ");
            Answer::plain("404 Not Found", format!("there are {paths}\n"))
        }
        ("GET" | "HEAD", "/metrics") => metrics(routes, &request.accept),
        ("GET" | "HEAD", "/health/live") => Answer::plain("200 OK", "live\n"),
        ("GET" | "HEAD", _) => ready(&routes.health.soon().await),
        _ => Answer {
            allow: true,
            ..Answer::plain("405 Method Not Allowed", "GET and HEAD alone\n")
        },
    };
    if request.method == "HEAD" {
        (answer.is_head, answer.scrape) = (true, None);
    }
    Some(answer)
}

const PATHS: [&str; 3] = ["/metrics", "/health/live", "/health/ready"];

fn metrics(routes: &Routes, accept: &str) -> Answer {
    let format = Format::accepted(accept);
    let scrape = routes.scrapes.begin();
    match exposition(&routes.registry, format) {
        Ok(body) => Answer {
            content_type: format.content_type(),
            scrape: Some(scrape),
            ..Answer::plain("200 OK", body)
        },
        Err(error) => Answer::plain("500 Internal Server Error", format!("{error}\n")),
    }
}

fn ready(health: &Health) -> Answer {
    let problem = health.problem.as_deref().map(one_line).unwrap_or_default();
    match health.status {
        HealthStatus::Healthy => Answer::plain("200 OK", "ready\n"),
        HealthStatus::Degraded => Answer::plain("200 OK", format!("ready, degraded: {problem}\n")),
        HealthStatus::Unhealthy => {
            Answer::plain("503 Service Unavailable", format!("not ready: {problem}\n"))
        }
    }
}

fn one_line(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(PROBLEM).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_unhealthy_broker_is_not_ready_and_says_why_in_one_line() {
        let health = Health::unhealthy(Duration::ZERO, "the disk\r\nis full");
        let answer = ready(&health);
        assert_eq!(answer.status, "503 Service Unavailable");
        assert_eq!(answer.body, "not ready: the disk  is full\n");
        assert_eq!(ready(&Health::healthy(Duration::ZERO)).status, "200 OK");
    }
}
