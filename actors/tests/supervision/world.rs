//! A tree of two levels: a root, a group, and ledgers in it; and a nursery of ledgers beside the group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::{Actor, Arbiter, Context};
use appengine_actors::supervision::{
    ActorPath, Budget, Child, Fate, Group, Members, Nursery, Policy, Ref, Registry, Restart, Starter,
    Supervisor, on_arbiter, run_root,
};
use appengine_actors::testkit::probe::quiet;
use appengine_actors::testkit::{ManualClock, MemoryStore};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::ledger::{Acting, Ledger};

pub const PATIENCE: Duration = Duration::from_secs(10);

const fn policy(restart: Restart, restarts: usize, seconds: u64) -> Policy {
    Policy {
        restart,
        budget: Budget { restarts, within: Duration::from_secs(seconds) },
        first_pause: Duration::from_millis(10),
        longest_pause: Duration::from_secs(1),
    }
}

/// Two restarts are normal for a ledger, one for the group, one for the root.
pub const LEAF: Policy = policy(Restart::Permanent, 2, 30);
const GROUP: Policy = policy(Restart::Permanent, 1, 60);
/// A member that stops by itself is done.
const MEMBER: Policy = policy(Restart::Transient, 2, 30);

pub struct World {
    pub store: MemoryStore,
    pub clock: ManualClock,
    pub registry: Registry,
    pub ended: JoinHandle<Result<(), String>>,
    stop: Option<oneshot::Sender<()>>,
    acting: BTreeMap<&'static str, Arc<Acting>>,
}

impl World {
    /// The tree `root/{group/{a, b}, nursery}`, running on this thread.
    pub fn start() -> Self {
        let (store, clock) = (MemoryStore::default(), ManualClock::default());
        let registry = Registry::new(Arc::new(clock.clone()));
        let acting: BTreeMap<_, Arc<Acting>> = ["a", "b", "member"].map(|name| (name, Arc::default())).into();
        let root = ActorPath::root("root");
        let ledger = {
            let (registry, store, acting) = (registry.clone(), store.clone(), acting.clone());
            move |place: ActorPath, name: &str, policy| {
                let name = name.to_owned();
                let acting = acting.get(name.as_str()).unwrap_or(&acting["member"]).clone();
                let store = store.clone();
                let start = starter(&registry, &place, policy, move |fate| {
                    Ledger::new(name.clone(), store.clone(), acting.clone(), fate)
                });
                Child { path: place, policy, start }
            }
        };
        let group = root.child("group");
        let children = ["a", "b"].map(|name| ledger(group.child(name), name, LEAF)).to_vec();
        let nursery: Nursery = {
            let (ledger, place) = (ledger.clone(), root.child("nursery"));
            Arc::new(move |name: &str| Some(ledger(place.child(name), name, MEMBER)))
        };
        let below = vec![
            supervisor(&registry, group, children, None),
            supervisor(&registry, root.child("nursery"), Vec::new(), Some(nursery)),
        ];
        let root = supervisor(&registry, root, below, None);
        let (stop, told_to_stop) = oneshot::channel::<()>();
        let running = registry.clone();
        let ended = tokio::spawn(async move {
            run_root(root, running, async {
                let _ = told_to_stop.await;
            })
            .await
        });
        Self { store, clock, registry, ended, stop: Some(stop), acting }
    }

    pub fn path(&self, path: &str) -> ActorPath {
        path.split('/').fold(ActorPath::root("root"), |place, name| place.child(name))
    }

    pub fn actor<A: Actor>(&self, path: &str) -> Ref<A> {
        Ref::new(self.registry.clone(), self.path(path), PATIENCE)
    }

    pub fn ledger(&self, name: &str) -> Ref<Ledger> {
        self.actor(&format!("group/{name}"))
    }

    pub fn members(&self) -> Members<Ledger> {
        Members::new(self.actor("nursery"))
    }

    pub fn generation(&self, path: &str) -> Option<u64> {
        self.registry.generation(&self.path(path))
    }

    /// How many incarnations of a ledger acted at once, at most, and how many were started.
    pub fn acting(&self, name: &str) -> (usize, usize) {
        let acting = &self.acting[name];
        (acting.most.load(Ordering::SeqCst), acting.starts.load(Ordering::SeqCst))
    }

    /// Turns the clock far enough for every restart that is due, and no budget to be forgotten.
    pub async fn pass(&self, millis: u64) {
        quiet().await;
        self.clock.advance(Duration::from_millis(millis));
        quiet().await;
    }

    pub fn stop(&mut self) {
        self.stop.take();
    }
}

fn starter<A, F>(registry: &Registry, path: &ActorPath, policy: Policy, build: F) -> Starter
where
    A: Actor<Context = Context<A>>,
    F: Fn(Fate) -> A + Clone + Send + Sync + 'static,
{
    on_arbiter(registry.clone(), path.clone(), policy, Arbiter::current(), build)
}

fn supervisor(registry: &Registry, path: ActorPath, children: Vec<Child>, nursery: Option<Nursery>) -> Child {
    let group = Group { path: path.clone(), children, nursery };
    let below = registry.clone();
    let start =
        starter(registry, &path, GROUP, move |fate| Supervisor::new(group.clone(), below.clone(), fate));
    Child { path, policy: GROUP, start }
}
