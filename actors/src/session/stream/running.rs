//! How many answers go on in this process. Each holds a prompt, a connection to its model and what is not kept yet; so there
//! is a most of them, and whoever would begin one more is told to come again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many answers go on.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<AtomicUsize>);

/// One that goes on, for as long as this is held.
pub(super) struct Counted(Arc<AtomicUsize>);

impl Running {
    /// How many there are. One counts from when its actor has read what it is asked.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// One more, until what is returned is dropped.
    pub(super) fn one_more(&self) -> Counted {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(self.0.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
