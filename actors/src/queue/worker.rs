//! What does the jobs: implemented where the tasks are known, called by the queue.

use futures_util::future::BoxFuture;

use super::job::{Job, Outcome};

/// Carries out jobs. One job may be handed over twice (after a crash, or when its result could not be
/// written), so what it does is either safe to repeat or guarded by ids that the job carries.
pub trait Worker: Send + Sync + 'static {
    /// One attempt at `job`.
    fn run(&self, job: Job) -> BoxFuture<'static, Outcome>;

    /// Whether it does work of this kind. What it does not is done by workers outside of this process.
    fn does(&self, _kind: &str) -> bool {
        false
    }

    /// Somebody called a job off, which is not run or no longer: what it has set in motion may be stopped.
    fn stop(&self, _job: &Job, _by: &str) {}
}
