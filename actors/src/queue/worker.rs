//! What does the jobs: implemented where the tasks are known, called by the queue.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use super::context::JobContext;
use super::job::{Job, Outcome};

/// Carries out jobs. One job may be handed over twice (after a crash, or when its result could not be
/// written), so what it does is either safe to repeat or guarded by ids that the job carries.
pub trait Worker: Send + Sync + 'static {
    /// One attempt at `job`.
    fn run(&self, job: Job) -> BoxFuture<'static, Outcome>;

    /// Who does work of this kind within this process. What nobody does is done by workers outside of it.
    fn handler(&self, _kind: &str) -> Option<Arc<dyn Handler>> {
        None
    }

    /// Somebody called a job off, which is not run or no longer: what it has set in motion may be stopped.
    fn stop(&self, _job: &Job, _by: &str) {}
}

/// Does work of one kind.
pub trait Handler: Send + Sync + 'static {
    /// One attempt at `job`. It may be made twice: see [`Worker`].
    fn work(&self, job: Job, context: JobContext) -> BoxFuture<'static, Outcome>;
}

/// Who does which kind of work within this process.
#[derive(Clone, Default)]
pub struct Handlers(BTreeMap<String, Arc<dyn Handler>>);

impl Handlers {
    /// The same, and work of this kind is done by `handler`.
    #[must_use]
    pub fn with(mut self, kind: &str, handler: impl Handler) -> Self {
        self.0.insert(kind.to_owned(), Arc::new(handler));
        self
    }

    /// Who does work of this kind.
    #[must_use]
    pub fn get(&self, kind: &str) -> Option<Arc<dyn Handler>> {
        self.0.get(kind).cloned()
    }
}
