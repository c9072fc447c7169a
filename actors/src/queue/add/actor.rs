//! Adds work to a queue.

use std::sync::Arc;

use actix::{ActorFutureExt, Handler, ResponseActFuture, WrapFuture, fut};

use super::messages::AddWork;
use super::{AddError, Added, Plan, Terminal, plan};
use crate::queue::QueueActor;
use crate::queue::alter::batch_of;
use crate::queue::effects::Input;
use crate::store::StoreError;
use crate::supervision::Answer;

/// How often it is looked again when others change the same jobs at the same time.
const TRIES: u32 = 20;

type Adding = ResponseActFuture<QueueActor, Result<Vec<Added>, AddError>>;

impl QueueActor {
    fn add(&self, add: Arc<AddWork>, tries: u32) -> Adding {
        let at = Terminal {
            org: add.org.clone(),
            queue: self.name().clone(),
            now: self.house.clock.now(),
            attempts: self.state.settings().attempts,
        };
        let (house, worker, what) = (self.house.clone(), self.worker.clone(), add.clone());
        let inside = move |kind: &str| worker.handler(kind).is_some();
        let planned = async move { plan(&house, &at, &what.drafts, inside).await };
        Box::pin(planned.into_actor(self).then(move |planned, act, ctx| -> Adding {
            match planned {
                Ok(planned) => act.write_plan(planned, add, tries, ctx),
                Err(error) => Box::pin(fut::ready(Err(error))),
            }
        }))
    }

    fn write_plan(
        &mut self,
        planned: Plan,
        add: Arc<AddWork>,
        tries: u32,
        ctx: &mut <Self as actix::Actor>::Context,
    ) -> Adding {
        let Plan { added, altered, batch, outcome } = planned;
        let changes = batch_of(&altered, self.house.clock.now());
        if added.is_empty() && altered.is_empty() && batch.ops.is_empty() {
            return Box::pin(fut::ready(Ok(outcome)));
        }
        // From here on every write counts so.
        self.feed(Input::Altering(altered.clone()), ctx);
        let store = self.house.store.clone();
        let write = async move {
            let mut whole = changes?;
            whole.append(batch);
            store.commit(whole).await
        };
        Box::pin(write.into_actor(self).then(move |written, act, ctx| -> Adding {
            match written {
                Ok(()) => {
                    act.feed(Input::Altered(altered), ctx);
                    act.feed(Input::Added(added), ctx);
                    act.spread();
                    Box::pin(fut::ready(Ok(outcome)))
                }
                Err(StoreError::Conflict { .. }) if tries > 0 => {
                    act.feed(Input::NotAltered(altered), ctx);
                    act.add(add, tries - 1)
                }
                Err(error) => {
                    act.feed(Input::NotAltered(altered), ctx);
                    let conflict = matches!(error, StoreError::Conflict { .. });
                    let error = if conflict { AddError::Busy } else { error.into() };
                    Box::pin(fut::ready(Err(error)))
                }
            }
        }))
    }
}

impl Handler<AddWork> for QueueActor {
    type Result = Answer<Self, Result<Vec<Added>, AddError>>;

    fn handle(&mut self, add: AddWork, _: &mut Self::Context) -> Self::Result {
        self.errands.answer(self.add(Arc::new(add), TRIES))
    }
}
