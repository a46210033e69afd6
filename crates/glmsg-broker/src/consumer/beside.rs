//! Two futures in one task, of which the second may finish the first.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// A future that may become ready while another one of the same task is polled: settling, while a
/// receive hears that its acks have arrived.
///
/// A task that wakes itself while it runs goes to the end of its runtime's queue, and the runtime
/// wakes a thread that may take it over. Of one message alone at a time that would cost more than
/// its handling; so what happens [`beside`] it is looked for where it happens.
pub(super) struct Settling<T> {
    future: Pin<Box<dyn Future<Output = T> + Send>>,
    bell: Arc<Bell>,
}

#[derive(Default)]
struct Bell {
    rang: AtomicBool,
    /// Somebody looks at `rang` in a moment.
    is_watched: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rang.store(true, SeqCst);
        if !self.is_watched.load(SeqCst) {
            self.task.wake();
        }
    }
}

impl<T> Settling<T> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self {
            future: Box::pin(future),
            bell: Arc::default(),
        }
    }

    /// Waits for it alone.
    pub(super) async fn end(self) -> T {
        self.future.await
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.bell.task.register(cx.waker());
        // Not a store: what was done before a ring that is taken back here must be seen below.
        self.bell.rang.swap(false, SeqCst);
        let bell = Waker::from(Arc::clone(&self.bell));
        self.future.as_mut().poll(&mut Context::from_waker(&bell))
    }
}

/// Which of two came first.
pub(super) enum Either<A, B> {
    Settled(A),
    Received(B),
}

/// Waits for the first that is ready; what is not there never is.
///
/// # Cancel safety
/// Both go on where they were.
pub(super) async fn beside<A, B>(
    settling: &mut Option<Settling<A>>,
    receiving: &mut Option<Pin<Box<dyn Future<Output = B> + Send>>>,
) -> Either<A, B> {
    poll_fn(|cx| {
        if let Some(settling) = settling
            && let Poll::Ready(settled) = settling.poll(cx)
        {
            return Poll::Ready(Either::Settled(settled));
        }
        let Some(receiving) = receiving else {
            return Poll::Pending;
        };
        let bell = settling.as_ref().map(|settling| &settling.bell);
        if let Some(bell) = bell {
            bell.is_watched.store(true, SeqCst);
        }
        let received = receiving.as_mut().poll(cx);
        if let Some(bell) = bell {
            bell.is_watched.store(false, SeqCst);
        }
        if let Poll::Ready(received) = received {
            // Whoever waits looks at the other before anything else.
            return Poll::Ready(Either::Received(received));
        }
        match settling {
            Some(settling) if settling.bell.rang.load(SeqCst) => {
                settling.poll(cx).map(Either::Settled)
            }
            _ => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::oneshot;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    type Receiving = Option<Pin<Box<dyn Future<Output = &'static str> + Send>>>;

    /// One turn of a task that has both, and how often it was woken meanwhile.
    fn turn(
        settling: &mut Option<Settling<u32>>,
        receiving: &mut Receiving,
        wakes: &Arc<Wakes>,
    ) -> Poll<Either<u32, &'static str>> {
        let waker = Waker::from(Arc::clone(wakes));
        let both = beside(settling, receiving);
        let mut both = std::pin::pin!(both);
        both.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// A settling that ends when it is told to, and how it is told.
    fn settling() -> (oneshot::Sender<u32>, Option<Settling<u32>>) {
        let (tell, told) = oneshot::channel();
        let settling = Settling::new(async { told.await.unwrap_or(0) });
        (tell, Some(settling))
    }

    #[test]
    fn what_a_receive_finishes_is_seen_at_once_and_wakes_nobody() {
        let (tell, mut settling) = settling();
        let tell = Mutex::new(Some(tell));
        let mut turns = 0;
        let mut receiving: Receiving = Some(Box::pin(poll_fn(move |_| {
            turns += 1;
            if turns == 2
                && let Some(tell) = tell.lock().ok().and_then(|mut tell| tell.take())
            {
                let _ = tell.send(7);
            }
            Poll::Pending
        })));
        let wakes = Arc::new(Wakes::default());
        assert!(turn(&mut settling, &mut receiving, &wakes).is_pending());
        let settled = turn(&mut settling, &mut receiving, &wakes);
        assert!(matches!(settled, Poll::Ready(Either::Settled(7))));
        assert_eq!(wakes.0.load(SeqCst), 0);
    }

    #[test]
    fn what_others_finish_wakes_the_task() {
        let (tell, mut settling) = settling();
        let mut receiving: Receiving = Some(Box::pin(std::future::pending()));
        let wakes = Arc::new(Wakes::default());
        assert!(turn(&mut settling, &mut receiving, &wakes).is_pending());
        tell.send(7).expect("it waits");
        assert_eq!(wakes.0.load(SeqCst), 1);
        let settled = turn(&mut settling, &mut receiving, &wakes);
        assert!(matches!(settled, Poll::Ready(Either::Settled(7))));
    }

    #[test]
    fn of_both_at_once_the_other_is_there_at_the_next_turn() {
        let (tell, mut settling) = settling();
        let tell = Mutex::new(Some(tell));
        let mut receiving: Receiving = Some(Box::pin(poll_fn(move |_| {
            let tell = tell.lock().ok().and_then(|mut tell| tell.take());
            let _ = tell.map(|tell| tell.send(7));
            Poll::Ready("came")
        })));
        let wakes = Arc::new(Wakes::default());
        let received = turn(&mut settling, &mut receiving, &wakes);
        assert!(matches!(received, Poll::Ready(Either::Received("came"))));
        receiving = None;
        let settled = turn(&mut settling, &mut receiving, &wakes);
        assert!(matches!(settled, Poll::Ready(Either::Settled(7))));
    }
}
