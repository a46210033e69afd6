//! A task that stands by for as long as its owner is there.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// It ends when this is dropped. Where it has ended before, with the runtime that it was begun on, it is begun anew by
/// whoever works next: a broker may outlive the runtime that opened it.
#[derive(Debug, Default)]
pub(crate) struct Standing(Mutex<Option<AbortHandle>>);

impl Standing {
    /// Sees to it that it goes on. Without a runtime, the next call does.
    pub(crate) fn keep<F>(&self, begin: impl FnOnce() -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut task = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on = task.as_ref().is_some_and(|task| !task.is_finished());
        if !goes_on && let Ok(runtime) = Handle::try_current() {
            *task = Some(runtime.spawn(begin()).abort_handle());
        }
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        let task = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::runtime::Builder;
    use tokio::sync::mpsc;

    async fn work(begun: mpsc::UnboundedSender<()>) {
        begun.send(()).expect("somebody listens");
        std::future::pending::<()>().await;
    }

    #[test]
    fn it_outlives_the_runtime_that_began_it_and_not_its_owner() {
        let (begun, mut told) = mpsc::unbounded_channel();
        let standing = Standing::default();
        standing.keep(|| work(begun.clone()));
        assert!(told.is_empty(), "there is no runtime");
        for _ in 0..2 {
            let runtime = Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                standing.keep(|| work(begun.clone()));
                standing.keep(|| work(begun.clone()));
                told.recv().await.expect("it has begun");
                tokio::task::yield_now().await;
                assert!(told.is_empty(), "once is enough");
            });
        }
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            standing.keep(|| work(begun.clone()));
            told.recv().await.expect("it has begun");
            drop((standing, begun));
            assert_eq!(told.recv().await, None, "it has ended with its owner");
        });
    }
}
