//! Before a service.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use tower_layer::Layer as _;
use tower_service::Service;

use super::*;

/// Answers what it is asked.
#[derive(Clone)]
struct Echo;

impl Service<Result<u16, &'static str>> for Echo {
    type Response = u16;
    type Error = &'static str;
    type Future = Ready<Result<u16, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Result<u16, &'static str>) -> Self::Future {
        ready(request)
    }
}

/// Never answers.
struct Hangs;

impl Service<()> for Hangs {
    type Response = ();
    type Error = &'static str;
    type Future = std::future::Pending<Result<(), &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        std::future::pending()
    }
}

#[tokio::test(start_paused = true)]
async fn services_of_one_layer_share_the_breaker() {
    let breaker = CircuitBreaker::new("d");
    let layer = CircuitBreakerLayer::new(breaker.clone());
    let (mut one, mut two) = (layer.layer(Echo), layer.layer(Echo));
    assert_eq!(one.call(Ok(7)).await, Ok(7));
    for n in 0..5 {
        let service = if n % 2 == 0 { &mut one } else { &mut two };
        let answer = service.call(Err("down")).await;
        assert_eq!(answer, Err(CircuitBreakerError::Call("down")));
    }
    let refused = two.call(Ok(7)).await.unwrap_err();
    assert_eq!(refused.retry_after(), Some(MINUTE));
    tokio::time::advance(MINUTE).await;
    // Futures that are dropped give their places back.
    drop((0..3).map(|_| one.call(Ok(1))).collect::<Vec<_>>());
    for _ in 0..3 {
        assert_eq!(one.call(Ok(1)).await, Ok(1));
    }
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_be_a_failure() {
    let breaker = CircuitBreaker::new("d");
    let layer =
        CircuitBreakerLayer::new(breaker.clone()).classify(|result: &Result<u16, &'static str>| {
            match result {
                Ok(status) if *status < 500 => CallOutcome::Success,
                _ => CallOutcome::Failure,
            }
        });
    let mut service = layer.layer(Echo);
    for _ in 0..5 {
        assert_eq!(service.call(Ok(503)).await, Ok(503));
    }
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_hangs_is_given_up() {
    let builder = CircuitBreaker::builder("d").failure_threshold(1);
    let breaker = builder.call_timeout(MINUTE).build().unwrap();
    let mut service = CircuitBreakerLayer::new(breaker.clone()).layer(Hangs);
    let answer = service.call(()).await;
    assert_eq!(answer, Err(CircuitBreakerError::TimedOut(MINUTE)));
    assert_eq!(breaker.state(), CircuitState::Open);
}
