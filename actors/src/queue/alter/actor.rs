//! Carries out what is wanted of jobs beside their own course.

use actix::{ActorFutureExt, Context, Handler, ResponseActFuture, WrapFuture, fut};

use super::{AlterError, Alteration, Altered, Which, Wish, alter, batch_of, find};
use crate::ids::JobId;
use crate::keys;
use crate::queue::QueueActor;
use crate::queue::effects::Input;
use crate::queue::job::{Job, Outcome};
use crate::queue::messages::Alter;
use crate::store::{Batch, StoreError, encode};
use crate::supervision::Answer;

impl Handler<Alter> for QueueActor {
    type Result = Answer<Self, Result<Altered, AlterError>>;

    fn handle(&mut self, Alter { org, which, wish, by }: Alter, _: &mut Self::Context) -> Self::Result {
        let found = find(self.house.clone(), self.name.clone(), org, which.clone()).into_actor(self);
        self.errands.answer(found.then(
            move |found, act, ctx| -> ResponseActFuture<Self, Result<Altered, AlterError>> {
                match found.and_then(|(jobs, more)| Ok((act.alterations(jobs, &which, &wish, &by)?, more))) {
                    Ok((Wanted::Stopped(job), _)) => {
                        Box::pin(fut::ready(Ok(Altered { jobs: vec![*job], more: false })))
                    }
                    Ok((Wanted::TakenBack(id), _)) => {
                        let outcome = Outcome::Cancelled(by);
                        let taken = act.settle(id, outcome, Vec::new(), ctx).into_actor(act);
                        Box::pin(taken.map(|taken, _, _| {
                            let job = taken.ok_or(AlterError::Moved)?;
                            Ok(Altered { jobs: vec![job], more: false })
                        }))
                    }
                    Ok((Wanted::Alterations(alterations), more)) => {
                        act.write_altered(alterations, more, Batch::default(), ctx)
                    }
                    Err(error) => Box::pin(fut::ready(Err(error))),
                }
            },
        ))
    }
}

/// What a wish comes to.
enum Wanted {
    Alterations(Vec<Alteration>),
    /// A job that runs was told to stop.
    Stopped(Box<Job>),
    /// A job that a worker outside of this process has is to be taken back.
    TakenBack(JobId),
}

impl QueueActor {
    fn alterations(
        &mut self,
        jobs: Vec<Job>,
        which: &Which,
        wish: &Wish,
        by: &str,
    ) -> Result<Wanted, AlterError> {
        if let (Which::One(id), Wish::Cancel) = (which, wish)
            && self.state.leases().jobs().any(|job| job.id == *id)
        {
            return Ok(Wanted::TakenBack(*id));
        }
        if let (Which::One(id), Wish::Cancel, [job]) = (which, wish, jobs.as_slice())
            && let Some(attempt) = self.running.get_mut(id)
        {
            attempt.cancel(by);
            let job = Job { cancelled_by: Some(by.to_owned()), ..job.clone() };
            self.worker.stop(&job, by);
            return Ok(Wanted::Stopped(Box::new(job)));
        }
        let now = self.house.clock.now();
        let altered: Result<Vec<_>, _> =
            jobs.into_iter().map(|job| alter(job, wish.clone(), by, now)).collect();
        Ok(Wanted::Alterations(altered?))
    }

    pub(in crate::queue) fn write_altered(
        &mut self,
        alterations: Vec<Alteration>,
        more: bool,
        with: Batch,
        ctx: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Result<Altered, AlterError>> {
        if alterations.is_empty() && with.ops.is_empty() {
            return Box::pin(fut::ready(Ok(Altered { jobs: Vec::new(), more })));
        }
        // From here on every write counts so.
        self.feed(Input::Altering(alterations.clone()), ctx);
        let (store, totals) = (self.house.store.clone(), self.state.totals());
        let batch = batch_of(&alterations, self.house.clock.now()).and_then(|mut batch| {
            batch.append(with);
            batch.put(keys::queue_totals(&self.name), encode(&totals)?);
            Ok(batch)
        });
        let write = async move { store.commit(batch?).await };
        Box::pin(write.into_actor(self).map(move |written, act, ctx| {
            let jobs = alterations.iter().map(|of| of.after.clone().unwrap_or_else(|| of.before.clone()));
            let jobs = jobs.collect();
            match written {
                Ok(()) => {
                    for job in alterations.iter().filter_map(|of| of.after.as_ref()) {
                        job.cancelled_by.iter().for_each(|by| act.worker.stop(job, by));
                    }
                    let moved = alterations.iter().filter_map(|of| of.after.clone());
                    act.tell_others(moved.filter(|job| job.queue != act.name).collect());
                    act.feed(Input::Altered(alterations), ctx);
                    act.spread();
                }
                Err(error) => {
                    act.feed(Input::NotAltered(alterations), ctx);
                    return Err(match error {
                        StoreError::Conflict { .. } => AlterError::Moved,
                        error => error.into(),
                    });
                }
            }
            Ok(Altered { jobs, more })
        }))
    }
}
