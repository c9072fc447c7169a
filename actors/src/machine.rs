//! Puts the machine together: from the tree and the shared parts to running actors, and back to rest.

mod queues;
mod sessions;
mod tasks;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use actix::{Arbiter, ArbiterHandle};
use tokio::sync::oneshot;

use crate::bus::change::ChangeError;
use crate::bus::listeners::Listeners;
use crate::bus::{Below, Bus, BusActor};
use crate::flow::FlowActor;
use crate::flow::book::Flows;
use crate::flow::runner::Runner;
use crate::flow::tasks::datatype;
use crate::house::House;
use crate::ids::QueueName;
use crate::inbound::Inbound;
use crate::keys;
use crate::ports::Publisher;
use crate::queue::QueueActor;
use crate::queue::job::QueueSettings;
use crate::queue::messages::Drain;
use crate::record::service::Records;
use crate::retention::RetentionActor;
use crate::schedule::ScheduleActor;
use crate::schedule::book::Schedules;
use crate::session::Sessions;
use crate::session::chat::{ChatActor, Chats};
use crate::session::community::Talks;
use crate::session::desk::{DeskActor, Desks};
use crate::session::opener::OpenerActor;
use crate::session::people::People;
use crate::session::stream::{StreamActor, Streams, WakerActor};
use crate::session::visits::Visits;
use crate::store::Batch;
use crate::supervision::{
    ActorPath, AskError, Child, Group, Members, Nursery, Policy, Ref, Registry, Starter, Supervisor,
    on_arbiter, run_root,
};
use crate::tree::{MemberKind, Place, Role, TREE, member_of, paths};
use crate::webhook::endpoint::book::Endpoints;
use crate::webhook::replay::ReplayerActor;
use crate::webhook::replay::book::Replays;
use crate::webhook::resend::Resender;
use crate::webhook::{self, DestinationActor, DispatcherActor};

pub use queues::Queues;

use self::tasks::Tasks;

/// A running machine and the ways to speak to it.
pub struct Machine {
    /// The shared parts.
    pub house: Arc<House>,
    /// Where changes are committed.
    pub publisher: Arc<dyn Publisher>,
    /// The records.
    pub records: Records,
    /// The flows.
    pub flows: Flows,
    /// The queues.
    pub queues: Queues,
    /// The endpoints of webhooks.
    pub endpoints: Endpoints,
    /// What sends webhooks again.
    pub resender: Resender,
    /// What sends many of them again.
    pub replays: Replays,
    /// The schedules.
    pub schedules: Schedules,
    /// What people take part in.
    pub sessions: Sessions,
    /// What vendors tell.
    pub inbound: Inbound,
    stop: Mutex<Option<oneshot::Sender<()>>>,
}

/// Ends when the machine does: with the reason when that was beyond its budget of restarts.
pub type Ended = futures_util::future::BoxFuture<'static, Result<(), String>>;

/// What every place of one tree is built with.
struct Plan {
    house: Arc<House>,
    arbiters: Vec<ArbiterHandle>,
    below: Below,
    listeners: Listeners,
    runner: Runner,
    flows: Members<FlowActor>,
    destinations: Members<DestinationActor>,
    chats: Members<ChatActor>,
    desks: Members<DeskActor>,
    streams: Members<StreamActor>,
}

impl Machine {
    /// Starts the tree on `arbiters` (at least one; this thread's own where none is given). The second
    /// value must be awaited by whoever owns the process.
    ///
    /// # Errors
    /// Never in practice: only if a built-in name broke the rule for names.
    pub fn start(
        house: House,
        listeners: Listeners,
        arbiters: Vec<ArbiterHandle>,
    ) -> Result<(Self, Ended), crate::ids::IdError> {
        let house = Arc::new(house);
        let arbiters = if arbiters.is_empty() { vec![Arbiter::current()] } else { arbiters };
        let root = ActorPath::root(TREE.name);
        let at = |path: &str| path.split('/').fold(root.clone(), |place, name| place.child(name));
        let patience = house.settings.patience;
        let registry = &house.registry;
        let group = |path| Ref::<Supervisor>::new(registry.clone(), at(path), patience);
        let queues = house.settings.queues.keys().map(|name| {
            let path = at(paths::QUEUES).child(name.as_str());
            (name.clone(), Ref::<QueueActor>::new(registry.clone(), path, patience))
        });
        let queues: Vec<_> = queues.collect();
        let bus = Bus::new(Ref::new(registry.clone(), at(paths::BUS), patience), house.keeper.clone());
        let publisher: Arc<dyn Publisher> = Arc::new(bus);
        let records = Records::new(house.store.clone(), house.clock.clone(), publisher.clone());
        let destinations = Members::new(group(paths::DESTINATIONS));
        let flow_actors = Members::new(group(paths::FLOWS));
        let flows =
            Flows::new(house.clone(), publisher.clone(), records.clone(), flow_actors.clone(), datatype()?);
        let schedules = Schedules::new(house.clone(), publisher.clone());
        let inbound = Inbound::new(&house, &publisher);
        let stream_actors = Members::new(group(paths::STREAMS));
        let streams = Streams::new(house.clone(), publisher.clone(), stream_actors.clone());
        let (own, records_too) = (house.clone(), records.clone());
        let runner = Runner {
            house: own,
            publisher: publisher.clone(),
            records: records_too,
            streams: streams.clone(),
        };
        let endpoints = Endpoints::new(house.clone(), publisher.clone());
        let resender = Resender::new(house.clone(), destinations.clone());
        let replayer = Ref::new(registry.clone(), at(paths::REPLAYER), patience);
        let replays = Replays::new(house.clone(), replayer);
        let visits = Visits::new(records.clone(), publisher.clone(), house.clock.clone())?;
        let chat_actors = Members::new(group(paths::CHATS));
        let chats = Chats::new(house.clone(), chat_actors.clone());
        let desk_actors = Members::new(group(paths::DESKS));
        let desks = Desks::new(house.clone(), desk_actors.clone());
        let people = People::new(records.clone())?;
        let talks = Talks::new(house.clone(), people.clone(), Members::new(group(paths::TALKS)));
        let sessions = Sessions { chats, desks, visits, talks, streams, people };
        let plan = Arc::new(Plan {
            house: house.clone(),
            arbiters,
            below: Below {
                queues: queues.clone(),
                destinations: destinations.clone(),
                schedules: Ref::new(registry.clone(), at(paths::SCHEDULES), patience),
            },
            listeners,
            runner,
            flows: flow_actors,
            destinations,
            chats: chat_actors,
            desks: desk_actors,
            streams: stream_actors,
        });
        let (stop, told_to_stop) = oneshot::channel::<()>();
        let child = plan.child(&TREE, root)?;
        let registry = house.registry.clone();
        let ended: Ended = Box::pin(async move {
            run_root(child, registry, async move {
                // A dropped machine and one that is stopped come to the same.
                let _ = told_to_stop.await;
            })
            .await
        });
        let queues = Queues::new(queues);
        let stop = Mutex::new(Some(stop));
        let machine = Self {
            house,
            publisher,
            records,
            flows,
            queues,
            schedules,
            endpoints,
            resender,
            replays,
            sessions,
            inbound,
            stop,
        };
        Ok((machine, ended))
    }

    /// Lets no new job and no new attempt begin and waits for those that run, however long they take:
    /// whoever calls it sets the deadline.
    pub async fn drain(&self) {
        let queues = self.queues.iter().map(|(_, queue)| drained(queue, Drain));
        futures_util::future::join_all(queues).await;
        let registry = &self.house.registry;
        let group = format!("{}/{}", TREE.name, paths::DESTINATIONS);
        let is_destination = |path: &str| member_of(path).is_some_and(|(of, _)| of == group);
        let destinations = registry.statuses().into_iter().filter(|s| is_destination(s.path.as_str()));
        let destinations = destinations.map(|status| {
            let patience = self.house.settings.patience;
            let destination = Ref::<DestinationActor>::new(registry.clone(), status.path, patience);
            async move { drained(&destination, webhook::messages::Drain).await }
        });
        futures_util::future::join_all(destinations).await;
    }

    /// Stops every actor. What was not finished is taken up at the next start.
    pub fn stop(&self) {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether the store commits and every permanent actor lives; the reasons when not.
    ///
    /// # Errors
    /// Everything that is wrong, in words.
    pub async fn health(&self) -> Result<(), Vec<String>> {
        let mut wrong: Vec<String> =
            self.house.registry.missing().iter().map(|path| is_missing(path.as_str())).collect();
        wrong.dedup();
        let mut probe = Batch::default();
        if self.house.store.stats().failing.is_some() {
            // Only a write shows whether the disk is well again.
            probe.put(keys::system_private("health", "probe"), Vec::new());
        }
        let probe = self.house.store.commit(probe);
        let patience = self.house.settings.patience;
        match crate::clock::timeout(self.house.clock.as_ref(), patience, probe).await {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                wrong.push(format!("the store does not commit: {}", ChangeError::from(error)));
            }
            None => wrong.push("the store does not commit in time".to_owned()),
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

/// Asks until the answer comes: a question waits no longer than anybody's patience, work may.
async fn drained<A, M>(actor: &Ref<A>, drain: M)
where
    A: actix::Actor<Context = actix::Context<A>> + actix::Handler<M>,
    <A as actix::Handler<M>>::Result: actix::dev::MessageResponse<A, M>,
    M: actix::Message<Result = ()> + Copy + Send + 'static,
{
    while actor.ask(drain).await == Err(AskError::Late) {}
}

/// Says what is missing without the name of anybody's flow or receiver: health is for everybody to see.
fn is_missing(path: &str) -> String {
    match member_of(path) {
        Some((group, _)) => format!("{group} lacks a member that is to run"),
        None => format!("{path} is not running"),
    }
}

impl Plan {
    /// The arbiter of a name: the same one for all its incarnations.
    fn arbiter(&self, path: &ActorPath) -> ArbiterHandle {
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        let count = self.arbiters.len() as u64;
        let index = usize::try_from(hasher.finish() % count.max(1)).unwrap_or_default();
        self.arbiters.get(index).cloned().unwrap_or_else(Arbiter::current)
    }

    fn child(self: &Arc<Self>, place: &'static Place, path: ActorPath) -> Result<Child, crate::ids::IdError> {
        let children = place.children.iter().map(|below| self.child(below, path.child(below.name)));
        let children = children.collect::<Result<Vec<_>, _>>()?;
        let start = match place.role {
            Role::Supervisor => self.supervisor(&path, place.policy, children, None),
            Role::Queues(policy) => {
                let queues = self.house.settings.queues.clone().into_iter();
                let queues = queues.map(|queue| self.queue(queue, &path, *policy));
                let queues = queues.collect::<Result<Vec<_>, _>>()?;
                self.supervisor(&path, place.policy, queues, None)
            }
            Role::Nursery(member) => {
                let (plan, group, policy) = (self.clone(), path.clone(), member.policy);
                let nursery: Nursery = match member.kind {
                    MemberKind::Flow => Arc::new(move |name| Some(plan.flow(group.child(name), policy))),
                    MemberKind::Destination => {
                        Arc::new(move |name| Some(plan.destination(name, &group, policy)))
                    }
                    MemberKind::Desk => Arc::new(move |name| plan.desk(name, &group, policy)),
                    MemberKind::Chat => Arc::new(move |name| plan.chat(name, &group, policy)),
                    MemberKind::Talk => Arc::new(move |name| plan.talk(name, &group, policy)),
                    MemberKind::Stream => Arc::new(move |name| plan.stream(name, &group, policy)),
                };
                self.supervisor(&path, place.policy, children, Some(nursery))
            }
            Role::Bus => {
                let plan = self.clone();
                self.starter(&path, place.policy, move |fate| {
                    BusActor::new(plan.house.clone(), plan.below.clone(), plan.listeners.clone(), fate)
                })
            }
            Role::Replayer => {
                let plan = self.clone();
                self.starter(&path, place.policy, move |fate| {
                    ReplayerActor::new(plan.house.clone(), plan.destinations.clone(), fate)
                })
            }
            Role::Opener => {
                let plan = self.clone();
                self.starter(&path, place.policy, move |_| {
                    OpenerActor::new(plan.house.clone(), plan.desks.clone())
                })
            }
            Role::Waker => {
                let plan = self.clone();
                self.starter(&path, place.policy, move |_| {
                    WakerActor::new(plan.house.clone(), plan.streams.clone())
                })
            }
            Role::Retention => {
                let plan = self.clone();
                self.starter(&path, place.policy, move |fate| {
                    RetentionActor::new(plan.house.clone(), plan.runner.publisher.clone(), fate)
                })
            }
            Role::Schedules => {
                let plan = self.clone();
                self.starter(&path, place.policy, move |fate| {
                    ScheduleActor::new(plan.house.clone(), plan.runner.publisher.clone(), fate)
                })
            }
            Role::Dispatcher => {
                let plan = self.clone();
                self.starter(&path, place.policy, move |_| {
                    DispatcherActor::new(plan.house.clone(), plan.destinations.clone())
                })
            }
        };
        Ok(Child { path, policy: place.policy, start })
    }

    fn starter<A, F>(&self, path: &ActorPath, policy: Policy, build: F) -> Starter
    where
        A: actix::Actor<Context = actix::Context<A>>,
        F: Fn(crate::supervision::Fate) -> A + Clone + Send + Sync + 'static,
    {
        on_arbiter(self.house.registry.clone(), path.clone(), policy, self.arbiter(path), build)
    }

    fn supervisor(
        &self,
        path: &ActorPath,
        policy: Policy,
        children: Vec<Child>,
        nursery: Option<Nursery>,
    ) -> Starter {
        let group = Group { path: path.clone(), children, nursery };
        let registry: Registry = self.house.registry.clone();
        self.starter(path, policy, move |fate| Supervisor::new(group.clone(), registry.clone(), fate))
    }

    fn queue(
        self: &Arc<Self>,
        queue: (QueueName, QueueSettings),
        group: &ActorPath,
        policy: Policy,
    ) -> Result<Child, crate::ids::IdError> {
        let path = group.child(queue.0.as_str());
        let worker = Arc::new(Tasks::new(&self.runner, self.flows.clone())?);
        let (plan, group) = (self.clone(), group.clone());
        let start = self.starter(&path, policy, move |fate| {
            QueueActor::new(queue.clone(), plan.house.clone(), worker.clone(), fate).beside(group.clone())
        });
        Ok(Child { path, policy, start })
    }

    fn flow(&self, path: ActorPath, policy: Policy) -> Child {
        let runner = self.runner.clone();
        let start = self.starter(&path, policy, move |_| FlowActor::new(runner.clone()));
        Child { path, policy, start }
    }

    fn destination(&self, name: &str, group: &ActorPath, policy: Policy) -> Child {
        let (path, name, house) = (group.child(name), name.to_owned(), self.house.clone());
        let publisher = self.runner.publisher.clone();
        let build = move |fate| DestinationActor::new(name.clone(), house.clone(), publisher.clone(), fate);
        let start = self.starter(&path, policy, build);
        Child { path, policy, start }
    }
}
