//! An attempt at a job, under way. One whose queue is gone must not go on beside the one that begins it again.

use tokio::task::AbortHandle;

/// An attempt, which ends with this.
pub(super) struct Attempt {
    task: AbortHandle,
    cancelled_by: Option<String>,
}

impl Attempt {
    /// The attempt that a task makes.
    pub(super) const fn of(task: AbortHandle) -> Self {
        Self { task, cancelled_by: None }
    }

    /// Stops it, and remembers on whose behalf.
    pub(super) fn cancel(&mut self, by: &str) {
        self.cancelled_by = Some(by.to_owned());
        self.task.abort();
    }

    /// It is over: who called it off, if somebody did.
    pub(super) fn end(mut self) -> Option<String> {
        self.cancelled_by.take()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.task.abort();
    }
}
