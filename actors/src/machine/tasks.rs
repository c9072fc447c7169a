//! What the queues carry out: each task by whoever knows it.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::flow::FlowActor;
use crate::flow::runner::Runner;
use crate::flow::tasks::{FlowTasks, datatype};
use crate::ids::IdError;
use crate::inbound::sync::tasks::SyncTasks;
use crate::inbound::tasks::CallTasks;
use crate::queue::job::{Job, Outcome, Task};
use crate::queue::worker::{Handler, Handlers, Worker};
use crate::supervision::Members;

/// Carries out the jobs of all queues.
#[derive(Clone)]
pub(super) struct Tasks {
    flows: FlowTasks,
    calls: CallTasks,
    syncs: SyncTasks,
    handlers: Handlers,
}

impl Tasks {
    /// What carries out the jobs of a machine.
    ///
    /// # Errors
    /// Never in practice: only if a built-in name broke the rule for names.
    pub fn new(runner: &Runner, flows: Members<FlowActor>) -> Result<Self, IdError> {
        let Runner { house, publisher, records, .. } = runner.clone();
        Ok(Self {
            flows: FlowTasks::new(runner.clone(), flows, datatype()?),
            handlers: house.handlers.clone(),
            syncs: SyncTasks::new(house.clone(), publisher.clone(), records.clone()),
            calls: CallTasks::new(house, publisher, records),
        })
    }
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
