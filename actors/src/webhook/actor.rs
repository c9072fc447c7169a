//! The shell around a destination's state: reads what it is owed, makes attempts, keeps time, and passes on
//! what is learned of the receiver.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use tokio::sync::{oneshot, watch};
use tracing::warn;

use super::attempt::{Order, attempt};
use super::delivery::Spot;
use super::health::health_of;
use super::messages::{DeliveriesAdded, DeliveryMoved, Drain, EndpointChanged, GetHealth, Look};
use super::owed::{first_of, lines_after, page_after};
use super::settle::Report;
use super::state::{DestinationState, Effect, Ended, Input};
use super::target::Target;
use super::turn::Turned;
use crate::house::House;
use crate::ids::DeliveryId;
use crate::ports::Publisher;
use crate::store::{Lease, StoreError};
use crate::supervision::{Alarm, Errands, Fate};

const STORE_PAUSE: Duration = Duration::from_millis(500);

/// Who is spoken to.
pub struct DestinationActor {
    name: String,
    house: Arc<House>,
    publisher: Arc<dyn Publisher>,
    fate: Fate,
    target: Target,
    state: DestinationState,
    under_way: HashMap<DeliveryId, AbortOnDrop>,
    /// Ends the rests of attempts that have not sent anything.
    draining: watch::Sender<bool>,
    drained: Vec<oneshot::Sender<()>>,
    alarm: Alarm,
    /// What it waits for.
    errands: Errands<Self>,
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
    pub fn new(name: String, house: Arc<House>, publisher: Arc<dyn Publisher>, fate: Fate) -> Self {
        let (target, settings) = (Target::Flows, &house.settings.webhooks);
        let state = DestinationState::new(target.allowed(settings.concurrency), settings.breaker);
        let (under_way, drained) = (HashMap::new(), Vec::new());
        let draining = watch::Sender::new(false);
        Self {
            name,
            house,
            publisher,
            fate,
            target,
            state,
            under_way,
            draining,
            drained,
            alarm: Alarm::default(),
            errands: Errands::default(),
            lease: None,
        }
    }

    fn feed(&mut self, input: Input, ctx: &mut Context<Self>) {
        for effect in self.state.handle(input, self.house.clock.now()) {
            match effect {
                Effect::Attempt(id, spot, probe) => self.attempt(id, spot, probe),
                Effect::Fetch(after) => {
                    let read = page_after(self.house.clone(), self.name.clone(), after);
                    self.read(read, |(page, more)| Input::Fetched(page, more), || Input::FetchFailed);
                }
                Effect::Survey(after) => {
                    let read = lines_after(self.house.clone(), self.name.clone(), after);
                    self.read(read, |(lines, more)| Input::Surveyed(lines, more), || Input::SurveyFailed);
                }
                Effect::ReadFirst(line) => {
                    let read = first_of(self.house.clone(), self.name.clone(), line.clone());
                    let again = line.clone();
                    let failed = move || Input::ReadFailed(again);
                    self.read(read, |first| Input::FirstRead(line, first), failed);
                }
                Effect::WakeIn(pause) => self.tick_after(pause, ctx),
                Effect::Turned(turn, health) => self.turned(Turned::Breaker(turn, health)),
                Effect::Gone => self.turned(Turned::Gone),
                Effect::Drained => {
                    for done in self.drained.drain(..) {
                        // Whoever asked may have given up waiting.
                        let _ = done.send(());
                    }
                }
            }
        }
    }

    /// Reads of the store, and again after a while when that fails.
    fn read<T: 'static>(
        &self,
        read: impl Future<Output = Result<T, StoreError>> + 'static,
        came: impl FnOnce(T) -> Input + 'static,
        failed: impl FnOnce() -> Input + 'static,
    ) {
        self.errands.send(read.into_actor(self).map(|read, act, ctx| match read {
            Ok(found) => act.feed(came(found), ctx),
            Err(error) => {
                warn!(destination = act.name, %error, "deliveries could not be read, trying again");
                let wait = act.house.clock.sleep(STORE_PAUSE).into_actor(act);
                act.errands.send(wait.map(|(), act, ctx| act.feed(failed(), ctx)));
            }
        }));
    }

    fn tick_after(&mut self, pause: Duration, ctx: &mut Context<Self>) {
        self.alarm.ring_after(pause, self.house.clock.as_ref(), ctx, |act, ctx| {
            act.alarm.rang();
            act.feed(Input::Tick, ctx);
        });
    }

    fn attempt(&mut self, id: DeliveryId, spot: Spot, probe: bool) {
        let (destination, target) = (self.name.clone(), self.target.clone());
        let order = Order { destination, target, id, spot: spot.clone(), probe };
        let work = tokio::spawn(attempt(self.house.clone(), order, self.draining.subscribe()));
        self.under_way.insert(id, AbortOnDrop(work.abort_handle()));
        self.errands.send(work.into_actor(self).map(move |ended, act, ctx| {
            act.under_way.remove(&id);
            // A panic leaves the delivery where it was in the store; it is met again with the next look.
            let ended = ended.unwrap_or_else(|failure| {
                warn!(destination = act.name, delivery = %id, %failure, "an attempt panicked");
                act.house.hints.note(&act.name);
                Ended { id, spot, probe, next: None, report: Report::Nothing }
            });
            act.feed(Input::Settled(ended), ctx);
        }));
    }

    /// Remembers what was learned of the receiver, and has its owner hear of it. Nothing waits for that.
    fn turned(&self, turned: Turned) {
        let (house, publisher) = (self.house.clone(), self.publisher.clone());
        let (name, target) = (self.name.clone(), self.target.clone());
        tokio::spawn(
            async move { super::turn::tell(&house, publisher.as_ref(), &name, &target, turned).await },
        );
    }

    /// Reads whom it speaks to, and what is remembered of them.
    fn configure(&mut self, then: Input, ctx: &mut Context<Self>) {
        let (house, name) = (self.house.clone(), self.name.clone());
        let read = async move { Target::read(&house, &name).await };
        ctx.wait(read.into_actor(self).map(|target, act, ctx| match target {
            Ok(target) => {
                let allowed = target.allowed(act.house.settings.webhooks.concurrency);
                let held = target.is_held();
                act.target = target;
                act.feed(Input::Configured(allowed, held), ctx);
                act.feed(then, ctx);
            }
            Err(error) => {
                // What it is owed waits in the store until it is started again.
                act.fate.failed(format!("read the endpoint {}: {error}", act.name));
                ctx.stop();
            }
        }));
    }
}

impl Actor for DestinationActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.house.settings.mailbox);
        self.errands.begin(ctx);
        let (house, name) = (self.house.clone(), self.name.clone());
        let load = async move {
            let lease = house.store.lease(format!("destination/{name}")).await?;
            Ok::<_, StoreError>((lease, health_of(house.store.as_ref(), &name).await?))
        };
        ctx.wait(load.into_actor(self).map(|loaded, act, ctx| match loaded {
            Ok((lease, health)) => {
                act.lease = Some(lease);
                // Held until it is known whom it speaks to.
                let allowed = act.target.allowed(act.house.settings.webhooks.concurrency);
                act.feed(Input::Configured(allowed, true), ctx);
                act.feed(Input::Restored(health), ctx);
                act.configure(Input::Missed, ctx);
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
            if let Some(spot) = delivery.spot() {
                self.feed(Input::Added(spot, delivery.id), ctx);
            }
        }
    }
}

impl Handler<DeliveryMoved> for DestinationActor {
    type Result = ();

    fn handle(&mut self, DeliveryMoved(spot, id): DeliveryMoved, ctx: &mut Self::Context) {
        self.feed(Input::Moved(spot, id), ctx);
    }
}

impl Handler<EndpointChanged> for DestinationActor {
    type Result = ();

    fn handle(&mut self, _: EndpointChanged, ctx: &mut Self::Context) {
        self.configure(Input::Tick, ctx);
    }
}

impl Handler<GetHealth> for DestinationActor {
    type Result = actix::MessageResult<GetHealth>;

    fn handle(&mut self, _: GetHealth, _: &mut Self::Context) -> Self::Result {
        actix::MessageResult(self.state.health())
    }
}

impl Handler<Look> for DestinationActor {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Self::Context) {
        self.configure(Input::Missed, ctx);
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
