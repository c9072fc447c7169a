//! What the queues carry out: each task by whoever knows it.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::flow::tasks::FlowTasks;
use crate::inbound::sync::tasks::SyncTasks;
use crate::inbound::tasks::CallTasks;
use crate::queue::job::{Job, Outcome, Task};
use crate::queue::worker::{Handler, Handlers, Worker};

/// Carries out the jobs of all queues.
#[derive(Clone)]
pub(super) struct Tasks {
    pub flows: FlowTasks,
    pub calls: CallTasks,
    pub syncs: SyncTasks,
    pub handlers: Handlers,
}

impl Worker for Tasks {
    fn handler(&self, kind: &str) -> Option<Arc<dyn Handler>> {
        self.handlers.get(kind)
    }

    fn stop(&self, job: &Job, by: &str) {
        // What would start a run has started none, and a call that is being read is read at once,
        // as are the pages of a listing.
        if let Task::RunFlow { flow, run } = job.task.clone() {
            self.flows.stop(job.org_id.clone(), flow, run, by.to_owned());
        }
    }

    fn run(&self, job: Job) -> BoxFuture<'static, Outcome> {
        let this = self.clone();
        Box::pin(async move {
            match job.task.clone() {
                Task::RunFlow { flow, run } => this.flows.run_flow(job.org_id, flow, run).await,
                Task::FireTrigger { flow, trigger, event, breadth } => {
                    this.flows.fire_trigger(&job, &flow, (&trigger, breadth), event).await
                }
                Task::ReadCall { call } => this.calls.read(&job, call).await,
                Task::SyncVendor { integration } => this.syncs.run(&job, integration).await,
                Task::Work { kind } => Outcome::Fail(format!("nobody in this process does `{kind}`")),
            }
        })
    }
}
