//! A turn of the event loop: what may be too much of it is done by one task a turn, first come, first served. Between two of
//! them all that is ready is served.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Those who wait for one.
pub(crate) struct Turns(Arc<Semaphore>);

impl Turns {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    /// Waits for a turn. What is done next is done in it.
    pub(crate) fn next(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        let turns = Arc::clone(&self.0);
        Box::pin(async move {
            // Nobody closes the semaphore.
            if let Ok(turn) = turns.acquire_owned().await {
                // The next one's when the loop has looked after its sockets.
                tokio::task::spawn_local(async move {
                    tokio::task::yield_now().await;
                    drop(turn);
                });
            }
        })
    }
}
