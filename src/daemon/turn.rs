//! A turn of the event loop: what may be too much of it is done by one task a turn, first come, first served. Between two of
//! them all that is ready is served.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One task's, until it is passed on.
pub(crate) type Turn = OwnedSemaphorePermit;

/// Those who wait for one.
pub(crate) struct Turns(Arc<Semaphore>);

impl Turns {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    /// Waits for a turn.
    pub(crate) fn next(&self) -> Pin<Box<dyn Future<Output = Option<Turn>>>> {
        let turns = Arc::clone(&self.0);
        // Nobody closes the semaphore.
        Box::pin(async move { turns.acquire_owned().await.ok() })
    }

    /// Waits for a turn, and takes it.
    pub(crate) fn one(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        let turns = Arc::clone(&self.0);
        Box::pin(async move {
            if let Ok(turn) = turns.acquire_owned().await {
                pass_on(turn);
            }
        })
    }
}

/// Gives it to the next one when the loop has looked after its sockets.
pub(crate) fn pass_on(turn: Turn) {
    tokio::task::spawn_local(async move {
        tokio::task::yield_now().await;
        drop(turn);
    });
}
