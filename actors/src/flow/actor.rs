//! One actor a flow: it has each of its runs under way at most once, and lets those who ask join it.

use std::collections::HashMap;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, ResponseFuture, WrapFuture};
use tokio::sync::oneshot;
use tracing::error;

use super::messages::{Cancel, Proceed};
use super::run::Run;
use super::runner::{RunFault, Runner};
use crate::ids::RunId;
use crate::store::StoreError;

type Answer = Result<Run, RunFault>;

/// A flow.
pub struct FlowActor {
    runner: Runner,
    under_way: HashMap<RunId, UnderWay>,
}

struct UnderWay {
    asked: Vec<oneshot::Sender<Answer>>,
    task: tokio::task::AbortHandle,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        // A run whose flow is gone must not go on beside the one that takes it up again.
        self.task.abort();
    }
}

impl FlowActor {
    /// A flow with no run under way: whatever was, its queue asks for again.
    #[must_use]
    pub fn new(runner: Runner) -> Self {
        Self { runner, under_way: HashMap::new() }
    }

    fn begin(&mut self, Proceed { org, run }: Proceed, ctx: &mut Context<Self>) -> &mut UnderWay {
        let runner = self.runner.clone();
        let task = tokio::spawn(async move { runner.proceed(&org, run).await });
        let abort = task.abort_handle();
        ctx.spawn(task.into_actor(self).map(move |ended, act, _| {
            let answer = ended.unwrap_or_else(|failure| {
                if failure.is_cancelled() {
                    return Err(StoreError::Unavailable("the run was called off".to_owned()).into());
                }
                error!(%run, %failure, "a step panicked");
                Err(StoreError::Unavailable("a step panicked; the log has the place".to_owned()).into())
            });
            if let Some(mut under_way) = act.under_way.remove(&run) {
                for asked in under_way.asked.drain(..) {
                    // Whoever asked may have given up waiting.
                    let _ = asked.send(answer.clone());
                }
            }
        }));
        self.under_way.entry(run).or_insert(UnderWay { asked: Vec::new(), task: abort })
    }
}

impl Actor for FlowActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.runner.house.settings.mailbox);
    }
}

impl Handler<Cancel> for FlowActor {
    type Result = ResponseFuture<Answer>;

    fn handle(&mut self, Cancel { org, run, by }: Cancel, _: &mut Self::Context) -> Self::Result {
        if let Some(under_way) = self.under_way.get(&run) {
            under_way.task.abort();
        }
        let runner = self.runner.clone();
        Box::pin(async move { runner.cancel(&org, run, &by).await })
    }
}

impl Handler<Proceed> for FlowActor {
    type Result = ResponseFuture<Answer>;

    fn handle(&mut self, proceed: Proceed, ctx: &mut Self::Context) -> Self::Result {
        let run = proceed.run;
        let (tell, answer) = oneshot::channel();
        if let Some(under_way) = self.under_way.get_mut(&run) {
            under_way.asked.push(tell);
        } else {
            self.begin(proceed, ctx).asked.push(tell);
        }
        Box::pin(async move {
            let gone = || StoreError::Unavailable("the flow stopped".to_owned()).into();
            answer.await.unwrap_or_else(|_| Err(gone()))
        })
    }
}
