//! The HTTP client of the export: it blocks the exporter's own thread, so it needs no runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};

/// A receiver says little; what is longer is not read.
const MAX_ANSWER: u64 = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Client {
    agent: ureq::Agent,
    /// Whether the last request came to nothing: the exporter does not tell.
    has_failed: Arc<AtomicBool>,
}

impl Client {
    pub(crate) fn new(timeout: Duration, has_failed: Arc<AtomicBool>) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            // The exporter looks at the status itself.
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        Self {
            agent: config.into(),
            has_failed,
        }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answer = self.agent.run(Request::from_parts(head, &body[..]))?;
        let (head, mut body) = answer.into_parts();
        let body = body.with_config().limit(MAX_ANSWER).read_to_vec()?;
        Ok(Response::from_parts(head, body.into()))
    }
}

impl HttpClient for Client {
    fn send_bytes<'this, 'future>(
        &'this self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'future>>
    where
        'this: 'future,
        Self: 'future,
    {
        Box::pin(async move {
            let answer = self.send(request);
            let is_taken = matches!(&answer, Ok(answer) if answer.status().is_success());
            self.has_failed.store(!is_taken, Ordering::Relaxed);
            answer
        })
    }
}
