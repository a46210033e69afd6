//! Half open: bounded probes, stale results, events.

use super::*;

/// The original let any number through: 50 of 50, at a limit of 3.
#[tokio::test(start_paused = true)]
async fn no_more_than_three_probes_are_let_through() {
    let breaker = half_open().await;
    let calls: Vec<_> = (0..50).map(|_| breaker.try_acquire()).collect();
    let (let_through, refused): (Vec<_>, Vec<_>) = calls.into_iter().partition(Result::is_ok);
    assert_eq!((let_through.len(), refused.len()), (3, 47));
    let refused = refused.into_iter().next().unwrap().unwrap_err();
    assert_eq!(refused.state(), CircuitState::HalfOpen);
    assert!(refused.retry_after() > Duration::ZERO);
    let mut probes = let_through.into_iter().map(Result::unwrap);
    probes.next().unwrap().success();
    // What has succeeded keeps its place.
    breaker.try_acquire().unwrap_err();
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
    probes.for_each(CircuitPermit::success);
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_first_probe_that_fails_opens_it_again() {
    let breaker = half_open().await;
    succeeds(&breaker).await.unwrap();
    succeeds(&breaker).await.unwrap();
    fails(&breaker).await.unwrap_err();
    assert_eq!(breaker.state(), CircuitState::Open);
    assert_eq!(
        succeeds(&breaker).await.unwrap_err().retry_after(),
        Some(MINUTE)
    );
    tokio::time::advance(MINUTE).await;
    for _ in 0..3 {
        succeeds(&breaker).await.unwrap();
    }
    assert_eq!(breaker.state(), CircuitState::Closed);
}

/// In the original a success from before it opened closed the circuit while its probe was failing.
#[tokio::test(start_paused = true)]
async fn results_of_calls_that_began_before_are_ignored() {
    let breaker = CircuitBreaker::new("d");
    let early: Vec<_> = (0..8).map(|_| breaker.try_acquire().unwrap()).collect();
    let mut early = early.into_iter();
    for _ in 0..5 {
        fails(&breaker).await.unwrap_err();
    }
    early.next().unwrap().success();
    assert_eq!(breaker.state(), CircuitState::Open);
    tokio::time::advance(MINUTE).await;
    let probe = breaker.try_acquire().unwrap();
    for stale in early.by_ref().take(3) {
        stale.success();
    }
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
    early.next().unwrap().failure();
    assert_eq!(
        breaker.state(),
        CircuitState::HalfOpen,
        "nor does a failure open it"
    );
    probe.failure();
    assert_eq!(breaker.state(), CircuitState::Open);
    // A probe of the last round counts for nothing in the next.
    tokio::time::advance(MINUTE).await;
    let lost = breaker.try_acquire().unwrap();
    fails(&breaker).await.unwrap_err();
    tokio::time::advance(MINUTE).await;
    succeeds(&breaker).await.unwrap();
    succeeds(&breaker).await.unwrap();
    lost.success();
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
    drop(early);
    assert_eq!(breaker.metrics().stale, 6);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_gives_its_place_back() {
    let breaker = half_open().await;
    for _ in 0..20 {
        let probes: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
        breaker.try_acquire().unwrap_err();
        drop(probes);
        let hangs = breaker.call(std::future::pending::<Result<(), &str>>);
        let second = Duration::from_secs(1);
        assert!(tokio::time::timeout(second, hangs).await.is_err());
    }
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
    for _ in 0..3 {
        succeeds(&breaker).await.unwrap();
    }
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn probes_of_which_nothing_is_heard_lose_their_places() {
    let breaker = half_open().await;
    let mut events = breaker.events();
    let hang: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
    let waiting = tokio::spawn({
        let breaker = breaker.clone();
        async move { breaker.acquire().await }
    });
    let fresh = waiting.await.unwrap().unwrap();
    assert_eq!(events.try_recv().unwrap().cause, CircuitCause::ProbesLost);
    hang.into_iter().for_each(CircuitPermit::failure);
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
    fresh.success();
    succeeds(&breaker).await.unwrap();
    succeeds(&breaker).await.unwrap();
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_place_goes_when_the_probes_decide() {
    for decision in [CallOutcome::Success, CallOutcome::Failure] {
        let breaker = half_open().await;
        let probes: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
        let waiting: Vec<_> = (0..10)
            .map(|_| {
                let breaker = breaker.clone();
                tokio::spawn(async move { breaker.acquire().await.map(drop) })
            })
            .collect();
        tokio::task::yield_now().await;
        probes.into_iter().for_each(|probe| probe.settle(decision));
        for waiting in waiting {
            let let_through = waiting.await.unwrap().is_ok();
            assert_eq!(let_through, decision == CallOutcome::Success);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_change_is_told_once_and_in_order() {
    let breaker = CircuitBreaker::new("prices");
    let (mut events, states) = (breaker.events(), breaker.watch());
    for _ in 0..5 {
        fails(&breaker).await.unwrap_err();
    }
    tokio::time::advance(MINUTE).await;
    fails(&breaker).await.unwrap_err();
    tokio::time::advance(2 * MINUTE).await;
    for _ in 0..3 {
        succeeds(&breaker).await.unwrap();
    }
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        assert_eq!(&*event.name, "prices");
        told.push((
            event.from.as_str(),
            event.to.as_str(),
            event.cause,
            event.after,
        ));
    }
    let zero = Duration::ZERO;
    assert_eq!(
        told,
        [
            ("CLOSED", "OPEN", CircuitCause::FailuresInARow(5), zero),
            ("OPEN", "HALF_OPEN", CircuitCause::TimeoutPassed, MINUTE),
            ("HALF_OPEN", "OPEN", CircuitCause::ProbeFailed, zero),
            ("OPEN", "HALF_OPEN", CircuitCause::TimeoutPassed, 2 * MINUTE),
            ("HALF_OPEN", "CLOSED", CircuitCause::ProbesSucceeded, zero),
        ]
    );
    assert_eq!(*states.borrow(), CircuitState::Closed);
    assert_eq!(breaker.metrics().opened, 2);
}

/// Many threads at once: never more than three probes are under way.
#[tokio::test(start_paused = true)]
async fn probes_stay_bounded_under_contention() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let breaker = half_open().await;
    let (under_way, rounds) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // The clock of this runtime stands still.
    let runtime = tokio::runtime::Handle::current();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let _clock = runtime.enter();
                while rounds.load(Ordering::SeqCst) < 500 {
                    let Ok(probe) = breaker.try_acquire() else {
                        std::thread::yield_now();
                        continue;
                    };
                    let others = under_way.fetch_add(1, Ordering::SeqCst);
                    assert!(others < 3, "{others} besides this one");
                    std::thread::yield_now();
                    under_way.fetch_sub(1, Ordering::SeqCst);
                    // Dropped, so that it stays half open.
                    drop(probe);
                    rounds.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
}
