//! Writes what jobs come to, and sees what is in the way where the store says no.

use actix::{ActorFutureExt, Context, WrapFuture};
use tracing::{debug, error};

use super::{Refused, batch_of, refused};
use crate::keys;
use crate::queue::QueueActor;
use crate::queue::effects::{Input, Totals};
use crate::queue::job::Job;
use crate::queue::messages::Move;
use crate::queue::trail::Awaited;
use crate::store::{StoreError, decode};

impl QueueActor {
    pub(in crate::queue) fn write(&self, moves: Vec<Move>, totals: Totals) {
        let batch = match batch_of(&moves, &self.name, totals) {
            // A power cut may have the jobs run again, as a crash may; whoever asks for them knows nothing of it.
            Ok(batch) if moves.iter().all(|one| !one.promised) => batch.lazily(),
            Ok(batch) => batch,
            Err(error) => return error!(queue = %self.name, %error, "cannot encode jobs"),
        };
        let write = self.house.store.commit(batch).into_actor(self);
        self.errands.send(write.map(move |written, act, ctx| act.wrote(written, moves, ctx)));
    }

    fn wrote(&mut self, written: Result<(), StoreError>, mut moves: Vec<Move>, ctx: &mut Context<Self>) {
        let refused = written.as_ref().err().and_then(|error| refused(&moves, error));
        match (written, refused) {
            (Ok(()), _) => {
                let is_heard_of = |one: &Move| {
                    one.awaited == Awaited::Perhaps && one.job.state.is_final() && one.job.task.is_work()
                };
                let ended = moves.iter().any(is_heard_of);
                self.desk.settled(&moves);
                self.feed(Input::Written(moves), ctx);
                if ended {
                    self.spread();
                }
            }
            (Err(_), Some(Refused::Moved(index))) => {
                let refused = moves.remove(index);
                self.look_into(refused, moves);
            }
            (Err(_), Some(Refused::Awaited(index))) => {
                moves.iter_mut().skip(index).take(1).for_each(|one| one.awaited = Awaited::Perhaps);
                self.feed(Input::WriteFailed(moves), ctx);
            }
            (Err(error), None) => self.after_pause(&error, Input::WriteFailed(moves)),
        }
    }

    /// A move was refused: either its job is elsewhere, or this very move came through although its
    /// first answer was a failure.
    fn look_into(&self, refused: Move, rest: Vec<Move>) {
        let read = self.house.store.get(keys::job(refused.id())).into_actor(self);
        self.errands.send(read.map(move |found, act, ctx| {
            let found = found.and_then(|f| f.map(|f| decode::<Job>(&f.value)).transpose());
            match found {
                Ok(Some(job)) if job == refused.job => {
                    act.desk.settled(std::slice::from_ref(&refused));
                    act.feed(Input::Written(vec![refused]), ctx);
                    if !rest.is_empty() {
                        act.feed(Input::WriteFailed(rest), ctx);
                    }
                }
                Ok(_) => {
                    debug!(queue = %act.name, job = %refused.id(), "a job had moved on already");
                    act.desk.settling.remove(&refused.id());
                    act.feed(Input::Stale(refused.id(), rest), ctx);
                }
                Err(error) => act.wrote(Err(error), [vec![refused], rest].concat(), ctx),
            }
        }));
    }
}
