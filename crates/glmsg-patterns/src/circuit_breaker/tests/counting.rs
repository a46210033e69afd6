//! What counts, and how it opens.

use super::*;

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_open_it_for_a_minute() {
    let breaker = opened().await;
    tokio::time::advance(MINUTE / 4).await;
    let mut called = false;
    let refused = breaker
        .call(|| {
            called = true;
            async { Ok::<_, &str>(()) }
        })
        .await
        .unwrap_err();
    assert!(!called, "an open breaker calls nothing");
    assert_eq!(refused.retry_after(), Some(MINUTE * 3 / 4));
    assert!(refused.is_open());
    assert_eq!(refused.into_call(), None);
    tokio::time::advance(MINUTE * 3 / 4 - Duration::from_millis(1)).await;
    assert_eq!(breaker.state(), CircuitState::Open);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
}

/// The original counted failures for life: fail, ok, fail, ok, fail opened it at a threshold of 3.
#[tokio::test(start_paused = true)]
async fn a_success_begins_the_count_anew() {
    let breaker = CircuitBreaker::builder("d").failure_threshold(3).build();
    let breaker = breaker.unwrap();
    for _ in 0..10 {
        fails(&breaker).await.unwrap_err();
        fails(&breaker).await.unwrap_err();
        succeeds(&breaker).await.unwrap();
    }
    assert_eq!(breaker.state(), CircuitState::Closed);
    assert_eq!(breaker.metrics().consecutive_failures, 0);
    for _ in 0..3 {
        fails(&breaker).await.unwrap_err();
    }
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_rate_over_the_last_calls_opens_it() {
    let window = SlidingWindow::calls(10).minimum_calls(6);
    let breaker = CircuitBreaker::builder("d").failure_rate(0.5, window);
    let breaker = breaker.build().unwrap();
    // Five calls are too few for a rate, and no five fail in a row.
    for _ in 0..2 {
        fails(&breaker).await.unwrap_err();
        succeeds(&breaker).await.unwrap();
    }
    fails(&breaker).await.unwrap_err();
    assert_eq!(breaker.state(), CircuitState::Closed);
    assert_eq!(breaker.metrics().failure_rate, None);
    // Successes push the failures out of the window.
    for _ in 0..10 {
        succeeds(&breaker).await.unwrap();
    }
    assert_eq!(breaker.metrics().failure_rate, Some(0.0));
    for _ in 0..4 {
        fails(&breaker).await.unwrap_err();
    }
    succeeds(&breaker).await.unwrap();
    assert_eq!(breaker.metrics().failure_rate, Some(0.4));
    let mut events = breaker.events();
    fails(&breaker).await.unwrap_err();
    assert_eq!(breaker.state(), CircuitState::Open);
    let event = events.try_recv().unwrap();
    assert_eq!(event.cause, CircuitCause::FailureRate(0.5));
}

#[tokio::test(start_paused = true)]
async fn a_rate_over_a_time_forgets_what_is_older() {
    let window = SlidingWindow::time(MINUTE).minimum_calls(4);
    let builder = CircuitBreaker::builder("d").no_failure_threshold();
    let breaker = builder.failure_rate(1.0, window).build().unwrap();
    for _ in 0..3 {
        fails(&breaker).await.unwrap_err();
    }
    tokio::time::advance(MINUTE).await;
    for _ in 0..3 {
        fails(&breaker).await.unwrap_err();
    }
    assert_eq!(breaker.state(), CircuitState::Closed);
    tokio::time::advance(MINUTE / 2).await;
    fails(&breaker).await.unwrap_err();
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn the_caller_says_what_a_failure_is() {
    let breaker = CircuitBreaker::new("d");
    for _ in 0..20 {
        let called = breaker.call_with(|_| CallOutcome::Success, || async { Err::<(), _>(404) });
        assert_eq!(called.await, Err(CircuitBreakerError::Call(404)));
        let called = breaker.call_with(|_| CallOutcome::Ignored, || async { Err::<(), _>(400) });
        called.await.unwrap_err();
    }
    let metrics = breaker.metrics();
    assert_eq!((metrics.successes, metrics.ignored), (20, 20));
    for _ in 0..5 {
        // What is ignored neither counts nor begins the count anew.
        let ignored = breaker.call_with(|_| CallOutcome::Ignored, || async { Ok::<_, i32>(0) });
        ignored.await.unwrap();
        let counts = |result: &Result<i32, i32>| match result {
            Ok(500) => CallOutcome::Failure,
            _ => CallOutcome::Success,
        };
        let called = breaker.call_with(counts, || async { Ok(500) });
        assert_eq!(called.await, Ok(500));
    }
    assert_eq!(breaker.state(), CircuitState::Open);
}

/// The original handed back what was not awaited yet, and counted it as a success.
#[tokio::test(start_paused = true)]
async fn whatever_returns_a_future_is_awaited() {
    let breaker = CircuitBreaker::builder("d").failure_threshold(3).build();
    let breaker = breaker.unwrap();
    async fn function() -> Result<(), &'static str> {
        tokio::time::sleep(MINUTE).await;
        Err("down")
    }
    breaker.call(function).await.unwrap_err();
    breaker.call(async || function().await).await.unwrap_err();
    let boxed: Box<dyn FnOnce() -> std::pin::Pin<Box<dyn Future<Output = _>>>> =
        Box::new(|| Box::pin(function()));
    breaker.call(boxed).await.unwrap_err();
    let metrics = breaker.metrics();
    assert_eq!((metrics.successes, metrics.failures), (0, 3));
    assert_eq!(metrics.state, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_a_failure() {
    let builder = CircuitBreaker::builder("d").failure_threshold(2);
    let breaker = builder.call_timeout(MINUTE).build().unwrap();
    for _ in 0..2 {
        let called = breaker.call(std::future::pending::<Result<(), &str>>).await;
        assert_eq!(called, Err(CircuitBreakerError::TimedOut(MINUTE)));
    }
    let metrics = breaker.metrics();
    assert_eq!((metrics.timed_out, metrics.failures), (2, 2));
    assert_eq!(metrics.state, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_is_a_failure_however_it_ends() {
    let builder = CircuitBreaker::builder("d").failure_threshold(2);
    let breaker = builder.slow_call(MINUTE).build().unwrap();
    let slow = breaker.call(|| async {
        tokio::time::sleep(MINUTE).await;
        Ok::<_, &str>(())
    });
    assert_eq!(slow.await, Ok(()), "its result is the caller's");
    // A time-out of the caller's own drops the call.
    let hangs = breaker.call(std::future::pending::<Result<(), &str>>);
    assert!(tokio::time::timeout(2 * MINUTE, hangs).await.is_err());
    assert_eq!(breaker.metrics().slow, 2);
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_counts_as_nothing_and_a_panic_as_a_failure() {
    let breaker = CircuitBreaker::new("d");
    for _ in 0..10 {
        let hangs = breaker.call(std::future::pending::<Result<(), &str>>);
        assert!(tokio::time::timeout(MINUTE, hangs).await.is_err());
    }
    assert_eq!(breaker.state(), CircuitState::Closed);
    assert_eq!(breaker.metrics().ignored, 10);
    for _ in 0..5 {
        let breaker = breaker.clone();
        let panics = tokio::spawn(async move {
            let call = breaker.call::<(), (), _, _>(|| async { panic!("in the call") });
            call.await
        });
        assert!(panics.await.unwrap_err().is_panic());
    }
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn it_can_be_opened_and_reset_by_hand() {
    let breaker = CircuitBreaker::new("d");
    breaker.force_open();
    tokio::time::advance(1000 * MINUTE).await;
    assert_eq!(breaker.state(), CircuitState::Open);
    breaker.reset();
    succeeds(&breaker).await.unwrap();
    assert_eq!(breaker.state(), CircuitState::Closed);
    assert_eq!(breaker.metrics().opened, 1);
}

#[test]
fn bounds_that_make_no_sense_are_refused() {
    let rate = |rate| CircuitBreaker::builder("d").failure_rate(rate, SlidingWindow::calls(10));
    let wrong = [
        CircuitBreaker::builder("d").failure_threshold(0),
        CircuitBreaker::builder("d").no_failure_threshold(),
        CircuitBreaker::builder("d").timeout(Duration::ZERO),
        CircuitBreaker::builder("d").half_open_calls(0),
        rate(0.0),
        rate(1.5),
        rate(f64::NAN),
        CircuitBreaker::builder("d").failure_rate(0.5, SlidingWindow::calls(0)),
        CircuitBreaker::builder("d").failure_rate(0.5, SlidingWindow::time(Duration::ZERO)),
        CircuitBreaker::builder("d").failure_rate(0.5, SlidingWindow::calls(5).minimum_calls(6)),
    ];
    for builder in wrong {
        let error = builder.clone().build().expect_err("refused");
        assert_eq!(
            error.kind(),
            glmsg_core::ErrorKind::InvalidArgument,
            "{builder:?}"
        );
    }
    assert!(rate(1.0).build().is_ok());
}
