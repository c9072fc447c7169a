//! The shell around the bus: stamps and queues each change in the order in which it came, and tells
//! everybody once it is durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::dev::MessageResponse;
use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use tracing::{debug, error, warn};

use super::build::{Built, Guard, Limits, build};
use super::change::{Change, ChangeError, EndpointWrite, Receipt, Remembered};
use super::listeners::Listeners;
use super::load::{Loaded, load};
use super::messages::Commit;
use super::state::BusState;
use crate::failpoint;
use crate::feed::Observation;
use crate::house::House;
use crate::ids::{OrgId, QueueName};
use crate::keys;
use crate::queue::QueueActor;
use crate::queue::job::Job;
use crate::queue::messages::JobsAdded;
use crate::record::model::Record;
use crate::schedule::ScheduleActor;
use crate::schedule::messages::Look;
use crate::store::{Batch, Lease, StoreError, decode};
use crate::supervision::{Answer, Errands, Fate, Members, Ref};
use crate::webhook::DestinationActor;
use crate::webhook::messages::{ALL_DESTINATIONS, DeliveriesAdded, EndpointChanged};

/// Those whom the bus tells: the level below it.
#[derive(Clone)]
pub struct Below {
    /// The queues.
    pub queues: Vec<(QueueName, Ref<QueueActor>)>,
    /// The destinations of webhooks.
    pub destinations: Members<DestinationActor>,
    /// Whoever looks after schedules.
    pub schedules: Ref<ScheduleActor>,
}

/// The bus.
pub struct BusActor {
    house: Arc<House>,
    below: Below,
    listeners: Listeners,
    fate: Fate,
    state: BusState,
    turns: Turns,
    errands: Errands<Self>,
    lease: Option<Lease>,
}

/// The line of commits: each is announced after those that were queued before it.
#[derive(Default)]
struct Turns {
    given: u64,
    /// Whose turn it is to be announced.
    next: u64,
    /// Those that were answered before their turn; none where nothing was written.
    early: BTreeMap<u64, Option<Receipt>>,
}

impl BusActor {
    /// A bus that learns the flows of all organisations from the store when it starts.
    #[must_use]
    pub fn new(house: Arc<House>, below: Below, listeners: Listeners, fate: Fate) -> Self {
        let (state, turns) = (BusState::new(house.settings.flows.max_depth), Turns::default());
        Self { house, below, listeners, fate, state, turns, errands: Errands::default(), lease: None }
    }

    fn built(&self, org: &OrgId, change: &Change) -> Result<Built, ChangeError> {
        let settings = &self.house.settings;
        let attempts = |queue: &QueueName| settings.queues.get(queue).map_or(1, |queue| queue.attempts);
        let limits =
            Limits { value: settings.value_limit, breadth: settings.flows.max_breadth, attempts: &attempts };
        build(org, change, self.house.stamper.next(), &self.state, limits)
    }

    fn learn(&mut self, record: &Record) {
        if let Err(why) = self.state.record_written(record) {
            error!(org = %record.org, why, "a stored flow does not listen");
        }
    }

    fn learn_endpoint(&mut self, write: &EndpointWrite) {
        if let Err(why) = self.state.endpoint_written(write) {
            error!(org = %write.endpoint.org_id, why, "a stored endpoint does not listen");
        }
    }

    /// An earlier incarnation may have died before it told anybody of what it had committed.
    fn suspect_lost_hints(&self) {
        for (queue, _) in &self.below.queues {
            self.house.hints.note(queue.as_str());
        }
        self.house.hints.note(ALL_DESTINATIONS);
    }

    /// A commit was answered. The store does not say in which order it answers, and whoever
    /// watches, and the triggers of a flow that was written twice, need the order of the commits.
    fn answered(&mut self, turn: u64, receipt: Option<&Receipt>) {
        if turn != self.turns.next {
            self.turns.early.insert(turn, receipt.cloned());
            return;
        }
        if let Some(receipt) = receipt {
            self.announce(receipt);
        }
        self.turns.next += 1;
        while let Some(receipt) = self.turns.early.remove(&self.turns.next) {
            if let Some(receipt) = receipt {
                self.announce(&receipt);
            }
            self.turns.next += 1;
        }
    }

    /// Tells those below and those who watch. None of them can fail the change: it is durable already.
    fn announce(&mut self, receipt: &Receipt) {
        failpoint::pass("bus.tell");
        for record in &receipt.records {
            self.learn(record);
        }
        for write in &receipt.endpoints {
            self.learn_endpoint(write);
            // Nothing waits for a new one.
            if write.read_version.is_some() {
                self.tell_destination(&write.endpoint.id.to_string(), EndpointChanged);
            }
        }
        for (queue, actor) in &self.below.queues {
            let jobs: Vec<Job> = receipt.jobs.iter().filter(|job| job.queue == *queue).cloned().collect();
            if !jobs.is_empty() && actor.tell(JobsAdded(jobs)).is_err() {
                // Full or restarting: the queue finds the jobs in the store at its next heartbeat.
                self.house.hints.note(queue.as_str());
            }
        }
        for delivery in &receipt.deliveries {
            self.tell_destination(delivery.destination.as_str(), DeliveriesAdded(vec![delivery.clone()]));
        }
        if receipt.reschedules {
            // One that is full looks after it has heard the others, and one that is gone as it comes back.
            let _ = self.below.schedules.tell(Look);
        }
        for event in &receipt.events {
            let event = Arc::new(event.clone());
            self.listeners.hear(&event);
            self.house.feed.show(|| Observation::Event { event });
        }
    }

    fn tell_destination<M>(&self, name: &str, news: M)
    where
        DestinationActor: Handler<M>,
        <DestinationActor as Handler<M>>::Result: MessageResponse<DestinationActor, M>,
        M: Message<Result = ()> + Send + 'static,
    {
        if self.below.destinations.tell(name, news).is_err() {
            // It looks into the store when it starts, and when it finds this note.
            self.house.hints.note(name);
            let (name, destinations) = (name.to_owned(), self.below.destinations.clone());
            tokio::spawn(async move {
                if let Err(error) = destinations.wake(&name).await {
                    debug!(destination = name, %error, "a destination could not be woken; the sweep will");
                }
            });
        }
    }
}

impl Actor for BusActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.house.settings.mailbox);
        self.errands.begin(ctx);
        let house = self.house.clone();
        let loading = async move {
            let lease = house.store.lease("bus".to_owned()).await?;
            // What an earlier incarnation has queued is in the store before this one reads it.
            house.store.commit(Batch::default()).await?;
            Ok::<_, StoreError>((lease, load(house.store.as_ref()).await?))
        };
        // Messages wait in the mailbox until the triggers are known.
        ctx.wait(loading.into_actor(self).map(|loaded, act, ctx| match loaded {
            Ok((lease, Loaded { flows, endpoints })) => {
                act.lease = Some(lease);
                for flow in &flows {
                    act.learn(flow);
                }
                for endpoint in endpoints {
                    act.learn_endpoint(&EndpointWrite { endpoint, read_version: None, removed: false });
                }
                act.suspect_lost_hints();
            }
            Err(error) => {
                warn!(%error, "the bus cannot load flows and endpoints");
                act.fate.failed(format!("load the flows: {error}"));
                ctx.stop();
            }
        }));
    }
}

impl Handler<Commit> for BusActor {
    type Result = Answer<Self, Result<Receipt, ChangeError>>;

    fn handle(&mut self, Commit { org, change }: Commit, _: &mut Self::Context) -> Self::Result {
        let built = match self.built(&org, &change) {
            Ok(built) => built,
            Err(error) => return self.errands.answer(actix::fut::ready(Err(error))),
        };
        // Queued here and now: the order of commits is the order of stamps.
        let Built { batch, guards, receipt } = built;
        let committed = self.house.store.commit(batch).into_actor(self);
        let turn = self.turns.given;
        self.turns.given += 1;
        self.errands.answer(committed.then(move |committed, act, _| {
            act.answered(turn, committed.is_ok().then_some(&receipt));
            let house = act.house.clone();
            let answer = async move {
                match committed {
                    Ok(()) => Ok(receipt),
                    Err(StoreError::Conflict { index }) if guards.get(index) == Some(&Guard::Key) => {
                        repeated(&house, &org, &change).await
                    }
                    Err(StoreError::Conflict { index }) => Err(Guard::error(&guards, index)),
                    Err(error) => Err(error.into()),
                }
            };
            answer.into_actor(act)
        }))
    }
}

/// The answer to a request whose idempotency key was used before.
async fn repeated(house: &House, org: &OrgId, change: &Change) -> Result<Receipt, ChangeError> {
    let Some(idempotency) = &change.idempotency else { return Err(ChangeError::Condition) };
    let found = house.store.get(keys::idempotency(org, &idempotency.key)).await?;
    let Some(found) = found else { return Err(ChangeError::Condition) };
    let remembered: Remembered = decode(&found.value)?;
    if remembered.digest != idempotency.digest {
        return Err(ChangeError::KeyReused);
    }
    Ok(Receipt { stamp: remembered.at, repeated: Some(remembered.events), ..Receipt::default() })
}
