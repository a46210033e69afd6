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
        self.bell.rang.store(false, SeqCst);
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
