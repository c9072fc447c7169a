//! The shell around a destination's state, and the dispatcher that wakes destinations which are owed
//! something when the machine starts or when a hint was lost.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, SpawnHandle, WrapFuture};
use tokio::sync::{oneshot, watch};
use tracing::warn;

use super::attempt::attempt;
use super::messages::{ALL_DESTINATIONS, DeliveriesAdded, Drain, Look};
use super::state::{DestinationState, Effect, Input};
use crate::clock::Timestamp;
use crate::house::House;
use crate::ids::DeliveryId;
use crate::keys;
use crate::store::{Lease, Scan, StoreError};
use crate::supervision::{Fate, Members};
use crate::window::WINDOW;

const STORE_PAUSE: Duration = Duration::from_millis(500);
/// How often lost hints are looked for.
const SWEEP: Duration = Duration::from_secs(2);
/// Destinations that are read at once when the machine starts.
const PAGE: usize = 1_000;

/// Who is spoken to.
pub struct DestinationActor {
    name: String,
    house: Arc<House>,
    fate: Fate,
    state: DestinationState,
    under_way: HashMap<DeliveryId, AbortOnDrop>,
    /// Ends the rests of attempts that have not sent anything.
    draining: watch::Sender<bool>,
    drained: Vec<oneshot::Sender<()>>,
    /// The next moment to look up at, on the clock that never goes back.
    alarm: Option<(Duration, SpawnHandle)>,
    lease: Option<Lease>,
}

/// An attempt whose destination is gone must not go on beside the one that starts it again.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl DestinationActor {
    /// A destination that reads what it is owed when it starts.
    #[must_use]
    pub fn new(name: String, house: Arc<House>, fate: Fate) -> Self {
        let state = DestinationState::new(house.settings.webhooks.concurrency);
        let (under_way, drained) = (HashMap::new(), Vec::new());
        let draining = watch::Sender::new(false);
        Self { name, house, fate, state, under_way, draining, drained, alarm: None, lease: None }
    }

    fn feed(&mut self, input: Input, ctx: &mut Context<Self>) {
        for effect in self.state.handle(input, self.house.clock.now()) {
            match effect {
                Effect::Attempt(id, due) => self.attempt(id, due, ctx),
                Effect::Fetch(after) => self.fetch(after, ctx),
                Effect::WakeIn(pause) => self.tick_after(pause, ctx),
                Effect::Drained => {
                    for done in self.drained.drain(..) {
                        // Whoever asked may have given up waiting.
                        let _ = done.send(());
                    }
                }
            }
        }
    }

    /// There is one alarm, however often it is asked for: when it goes off, the next one is known.
    fn tick_after(&mut self, pause: Duration, ctx: &mut Context<Self>) {
        let due = self.house.clock.elapsed().saturating_add(pause);
        match self.alarm {
            Some((set, _)) if set <= due => return,
            Some((_, later)) => _ = ctx.cancel_future(later),
            None => {}
        }
        let wait = self.house.clock.sleep(pause).into_actor(self);
        let ring = wait.map(|(), act, ctx| {
            act.alarm = None;
            act.feed(Input::Tick, ctx);
        });
        self.alarm = Some((due, ctx.spawn(ring)));
    }

    fn attempt(&mut self, id: DeliveryId, due: Timestamp, ctx: &mut Context<Self>) {
        let work =
            tokio::spawn(attempt(self.house.clone(), self.name.clone(), id, due, self.draining.subscribe()));
        self.under_way.insert(id, AbortOnDrop(work.abort_handle()));
        ctx.spawn(work.into_actor(self).map(move |ended, act, ctx| {
            act.under_way.remove(&id);
            // A panic leaves the delivery where it was in the store; it is met again with the next look.
            let next = ended.unwrap_or_else(|failure| {
                warn!(destination = act.name, delivery = %id, %failure, "an attempt panicked");
                act.house.hints.note(&act.name);
                None
            });
            act.feed(Input::Settled(id, next), ctx);
        }));
    }

    fn fetch(&self, after: Option<(u64, DeliveryId)>, ctx: &mut Context<Self>) {
        let mut scan = Scan::prefix(keys::waiting_at(&self.name), WINDOW).keys_only();
        if let Some((due, id)) = after {
            scan = scan.after(&keys::delivery_at(&self.name, Timestamp::from_millis(due), id));
        }
        let read = self.house.store.scan(scan).into_actor(self);
        ctx.spawn(read.map(|page, act, ctx| match page {
            Ok(page) => {
                let more = page.len() == WINDOW;
                let places = page.iter().filter_map(|(key, _)| keys::parse_delivery_at(key)).collect();
                act.feed(Input::Fetched(places, more), ctx);
            }
            Err(error) => {
                warn!(destination = act.name, %error, "deliveries could not be read, trying again");
                let wait = act.house.clock.sleep(STORE_PAUSE).into_actor(act);
                ctx.spawn(wait.map(|(), act, ctx| act.feed(Input::FetchFailed, ctx)));
            }
        }));
    }
}

impl Actor for DestinationActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.house.settings.mailbox);
        let lease = self.house.store.lease(format!("destination/{}", self.name)).into_actor(self);
        ctx.wait(lease.map(|lease, act, ctx| match lease {
            Ok(lease) => {
                act.lease = Some(lease);
                act.feed(Input::Missed, ctx);
            }
            Err(error) => {
                act.fate.failed(error.to_string());
                ctx.stop();
            }
        }));
    }
}

impl Handler<DeliveriesAdded> for DestinationActor {
    type Result = ();

    fn handle(&mut self, DeliveriesAdded(deliveries): DeliveriesAdded, ctx: &mut Self::Context) {
        for delivery in deliveries {
            let due = delivery.next_attempt_at.unwrap_or(delivery.created_at);
            self.feed(Input::Added(due, delivery.id), ctx);
        }
    }
}

impl Handler<Look> for DestinationActor {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Self::Context) {
        self.feed(Input::Missed, ctx);
    }
}

impl Handler<Drain> for DestinationActor {
    type Result = actix::ResponseFuture<()>;

    fn handle(&mut self, _: Drain, ctx: &mut Self::Context) -> Self::Result {
        let (done, drained) = oneshot::channel();
        self.drained.push(done);
        self.draining.send_replace(true);
        self.feed(Input::Drain, ctx);
        Box::pin(async move {
            // An error means that the actor is gone: then nothing of it is under way either.
            let _ = drained.await;
        })
    }
}

/// Wakes destinations that are owed something and do not run.
pub struct DispatcherActor {
    house: Arc<House>,
    destinations: Members<DestinationActor>,
}

impl DispatcherActor {
    /// A dispatcher that looks at every destination when it starts.
    #[must_use]
    pub const fn new(house: Arc<House>, destinations: Members<DestinationActor>) -> Self {
        Self { house, destinations }
    }

    fn sweep(&self, ctx: &mut Context<Self>) {
        let wait = self.house.clock.sleep(SWEEP).into_actor(self);
        ctx.spawn(wait.map(|(), act, ctx| {
            for name in act.house.hints.take_prefixed(ALL_DESTINATIONS) {
                let (house, destinations) = (act.house.clone(), act.destinations.clone());
                tokio::spawn(async move { look(&house, &destinations, &name).await });
            }
            act.sweep(ctx);
        }));
    }
}

impl Actor for DispatcherActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (house, destinations) = (self.house.clone(), self.destinations.clone());
        let wake = async move {
            while let Err(error) = wake_all(&house, &destinations).await {
                warn!(%error, "destinations could not be read, trying again");
                house.clock.sleep(STORE_PAUSE).await;
            }
        };
        ctx.spawn(wake.into_actor(self));
        self.sweep(ctx);
    }
}

/// Has a destination, or all of them, running and looking; notes it down again when that fails.
async fn look(house: &House, destinations: &Members<DestinationActor>, name: &str) {
    let looked = if name == ALL_DESTINATIONS {
        wake_all(house, destinations).await.is_ok()
    } else {
        destinations.ask(name, Look).await.is_ok()
    };
    if !looked {
        house.hints.note(name);
    }
}

async fn wake_all(house: &House, destinations: &Members<DestinationActor>) -> Result<(), StoreError> {
    let mut scan = Scan::prefix(keys::destinations(), PAGE).keys_only();
    loop {
        let page = house.store.scan(scan.clone()).await?;
        for name in page.iter().filter_map(|(key, _)| keys::parse_destination(key)) {
            let owed = Scan::prefix(keys::waiting_at(&name), 1).keys_only();
            let is_owed = !house.store.scan(owed).await?.is_empty();
            if is_owed && destinations.ask(&name, Look).await.is_err() {
                house.hints.note(&name);
            }
        }
        match page.last() {
            Some((last, _)) if page.len() == PAGE => scan = scan.after(last),
            _ => return Ok(()),
        }
    }
}
