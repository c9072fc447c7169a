//! The shell around the replayer's turns: takes steps, keeps time, and looks for replays that it was not told of.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use tracing::warn;

use super::messages::Replaying;
use super::state::Turns;
use super::walk::{Stepped, step};
use crate::house::House;
use crate::ids::{OrgId, ReplayId};
use crate::keys;
use crate::store::{Lease, Scan, StoreError, decode};
use crate::supervision::{Alarm, Fate, Members};
use crate::webhook::DestinationActor;
use crate::webhook::resend::Resender;

/// How often replays are looked for in the store, and how long one rests whose step failed.
const LOOK: Duration = Duration::from_secs(2);
/// Replays that go on at once, of all organisations.
const MOST: usize = 1_000;

/// Takes the steps of all replays.
pub struct ReplayerActor {
    house: Arc<House>,
    resender: Resender,
    fate: Fate,
    turns: Turns,
    alarm: Alarm,
    lease: Option<Lease>,
}

impl ReplayerActor {
    /// A replayer that looks for replays in the store when it starts.
    #[must_use]
    pub fn new(house: Arc<House>, destinations: Members<DestinationActor>, fate: Fate) -> Self {
        let resender = Resender::new(house.clone(), destinations);
        Self { house, resender, fate, turns: Turns::default(), alarm: Alarm::default(), lease: None }
    }

    fn go_on(&mut self, ctx: &mut Context<Self>) {
        let now = self.house.clock.now();
        if let Some((org, id)) = self.turns.begin(now) {
            let house = self.house.clone();
            let (of, at) = (org.clone(), id);
            let taken = async move { step(&house, &of, at).await };
            ctx.spawn(
                taken.into_actor(self).map(move |stepped, act, ctx| act.stepped(org, id, stepped, ctx)),
            );
        } else if let Some(due) = self.turns.next() {
            self.alarm.ring_after(due.since(now), self.house.clock.as_ref(), ctx, |act, ctx| {
                act.alarm.rang();
                act.go_on(ctx);
            });
        }
    }

    fn stepped(
        &mut self,
        org: OrgId,
        id: ReplayId,
        stepped: Result<Option<Stepped>, StoreError>,
        ctx: &mut Context<Self>,
    ) {
        let now = self.house.clock.now();
        let next = match stepped {
            Ok(Some(Stepped { due, pause })) => {
                due.iter().for_each(|delivery| self.resender.tell(delivery));
                pause.map(|pause| now.plus(pause))
            }
            Ok(None) => None,
            // A delivery was attempted meanwhile: the same step again.
            Err(StoreError::Conflict { .. }) => Some(now),
            Err(error) => {
                warn!(replay = %id, %error, "a replay's step failed, trying again");
                Some(now.plus(LOOK))
            }
        };
        self.turns.stepped(org, id, next);
        self.go_on(ctx);
    }

    fn look(&self, ctx: &mut Context<Self>) {
        let read = self.house.store.scan(Scan::prefix(keys::all_replaying(), MOST)).into_actor(self);
        ctx.spawn(read.then(|found, act, ctx| {
            match found {
                Ok(found) => {
                    let now = act.house.clock.now();
                    for (key, org) in &found {
                        if let (Some(id), Ok(org)) = (keys::parse_replaying(key), decode(&org.value)) {
                            act.turns.add(org, id, now);
                        }
                    }
                    act.go_on(ctx);
                }
                Err(error) => warn!(%error, "replays could not be looked for, trying again"),
            }
            act.house.clock.sleep(LOOK).into_actor(act).map(|(), act, ctx: &mut Context<Self>| act.look(ctx))
        }));
    }
}

impl Actor for ReplayerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.house.settings.mailbox);
        let lease = self.house.store.lease("replayer".to_owned()).into_actor(self);
        ctx.wait(lease.map(|lease, act, ctx| match lease {
            Ok(lease) => {
                act.lease = Some(lease);
                act.look(ctx);
            }
            Err(error) => {
                act.fate.failed(error.to_string());
                ctx.stop();
            }
        }));
    }
}

impl Handler<Replaying> for ReplayerActor {
    type Result = ();

    fn handle(&mut self, Replaying(org, id): Replaying, ctx: &mut Self::Context) {
        self.turns.add(org, id, self.house.clock.now());
        self.go_on(ctx);
    }
}
