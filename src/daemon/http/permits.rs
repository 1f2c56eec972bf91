//! Permits to send a document to an operator: its text is large, and a client may take it slowly.

use std::sync::Arc;

use pacingd::answer::{Answer, Status};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Documents that are being sent at once. A client on the same network takes one in a millisecond.
pub(super) const DOCUMENTS: usize = 8;

/// Permits to send a document.
pub(crate) struct Permits(Arc<Semaphore>);

impl Default for Permits {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(DOCUMENTS)))
    }
}

impl Permits {
    /// A permit, or `None` while [`DOCUMENTS`] documents are being sent.
    pub(crate) fn take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }

    /// The answer to those who get none.
    pub(crate) fn refusal() -> Answer {
        let detail = format_args!("{DOCUMENTS} large responses are already being sent; try again");
        Answer { retry_after: Some(1), ..Answer::problem(Status::ServiceUnavailable, detail) }
    }
}
