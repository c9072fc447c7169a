//! The supervisor: starts its children in order, restarts them by their policies, and fails upwards
//! when that does not help. It does no other work, so it has little to die of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, ArbiterHandle, AsyncContext, Context, Handler, Message};
use tracing::{error, info, warn};

use super::lifeline::{Exit, Fate, Lifeline, Watch};
use super::policy::{Policy, RestartLog, Verdict};
use super::registry::{ActorPath, ChildState, Registry};

/// Starts one incarnation: makes the actor, ties it to the lifeline and enters it in the registry.
/// The number is how often it has been restarted.
pub type Starter = Arc<dyn Fn(Lifeline, u64) + Send + Sync>;

/// A child as its supervisor knows it.
#[derive(Clone)]
pub struct Child {
    /// Its place in the tree.
    pub path: ActorPath,
    /// How it is looked after.
    pub policy: Policy,
    /// How it is started.
    pub start: Starter,
}

/// Makes children by name, for groups whose members are not known beforehand; none by a name that is no member's.
pub type Nursery = Arc<dyn Fn(&str) -> Option<Child> + Send + Sync>;

/// A supervisor's charge.
#[derive(Clone)]
pub struct Group {
    /// The supervisor's own place.
    pub path: ActorPath,
    /// Children that are always there, in the order in which they start.
    pub children: Vec<Child>,
    /// Where further children come from.
    pub nursery: Option<Nursery>,
}

/// A [`Starter`] for an actor that lives on `arbiter`. `build` makes the value; its state is loaded
/// from the store when the actor starts, never carried over.
pub fn on_arbiter<A, F>(
    registry: Registry,
    path: ActorPath,
    policy: Policy,
    arbiter: ArbiterHandle,
    build: F,
) -> Starter
where
    A: Actor<Context = Context<A>>,
    F: Fn(Fate) -> A + Clone + Send + Sync + 'static,
{
    Arc::new(move |lifeline, restarts| {
        let build = build.clone();
        let addr = A::start_in_arbiter(&arbiter, move |ctx| {
            let actor = build(lifeline.fate());
            lifeline.tie(ctx);
            actor
        });
        registry.enter(&path, policy.restart, restarts, addr);
    })
}

struct Charge {
    child: Child,
    log: RestartLog,
    /// Dropping it stops the child; none while the child waits to be restarted.
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    /// Its present incarnation.
    generation: Option<u64>,
    /// Somebody asked for a member that was just going to sleep.
    wanted: bool,
}

/// Looks after one [`Group`].
pub struct Supervisor {
    group: Group,
    registry: Registry,
    fate: Fate,
    charges: BTreeMap<ActorPath, Charge>,
}

impl Supervisor {
    /// A supervisor that starts its group when it is started itself.
    #[must_use]
    pub const fn new(group: Group, registry: Registry, fate: Fate) -> Self {
        Self { group, registry, fate, charges: BTreeMap::new() }
    }

    fn adopt(&mut self, child: Child, ctx: &mut Context<Self>) {
        let path = child.path.clone();
        let (log, stop, generation, wanted) = (RestartLog::default(), None, None, false);
        self.charges.insert(path.clone(), Charge { child, log, stop, generation, wanted });
        self.start(&path, ctx);
    }

    fn start(&mut self, path: &ActorPath, ctx: &mut Context<Self>) {
        let Some(charge) = self.charges.get_mut(path) else {
            return;
        };
        let (lifeline, Watch { exit, stop }) = Lifeline::new();
        charge.stop = Some(stop);
        (charge.child.start)(lifeline, charge.log.total());
        charge.generation = self.registry.generation(path);
        let path = path.clone();
        let gone = actix::fut::wrap_future(exit).map(move |exit, act: &mut Self, ctx: &mut Context<Self>| {
            act.child_ended(&path, &exit.unwrap_or(Exit::Panicked), ctx);
        });
        ctx.spawn(gone);
    }

    fn child_ended(&mut self, path: &ActorPath, exit: &Exit, ctx: &mut Context<Self>) {
        let Some(charge) = self.charges.get_mut(path) else {
            return;
        };
        let now = self.registry.clock().elapsed();
        match charge.log.judge(&charge.child.policy, exit, now) {
            Verdict::Done if std::mem::take(&mut charge.wanted) => self.start(path, ctx),
            Verdict::Done => {
                info!(actor = %path, %exit, "child is done");
                self.charges.remove(path);
                self.registry.forget(path);
            }
            Verdict::RestartAfter(pause) => {
                warn!(actor = %path, %exit, ?pause, "child ended, restarting it");
                charge.stop = None;
                self.registry.leave(path, ChildState::Restarting, &exit.to_string());
                let path = path.clone();
                let wait = actix::fut::wrap_future(self.registry.clock().sleep(pause));
                ctx.spawn(wait.map(move |(), act: &mut Self, ctx: &mut Context<Self>| act.start(&path, ctx)));
            }
            Verdict::GiveUp => {
                error!(actor = %path, %exit, group = %self.group.path, "child ended too often, giving up");
                self.registry.leave(path, ChildState::Ended, &exit.to_string());
                self.fate.failed(format!("{path} {exit} beyond its restart budget"));
                ctx.stop();
            }
        }
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        for child in self.group.children.clone() {
            self.adopt(child, ctx);
        }
    }
}

impl Drop for Supervisor {
    /// Its children stop with it, so nobody shall be led to them, nor see them as running.
    fn drop(&mut self) {
        for (path, charge) in &self.charges {
            self.registry.leave_with_group(path, charge.generation);
            if self.group.children.iter().all(|child| child.path != *path) {
                // A member comes back when it is asked for, not with its group: nobody misses it.
                self.registry.forget(path);
            }
        }
    }
}

/// Asks a group with a nursery to have a child of this name running.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Ensure {
    /// The child's own name, without its group's.
    pub name: String,
    /// An incarnation that is known to be gone; 0 for none.
    pub newer_than: u64,
}

impl Handler<Ensure> for Supervisor {
    type Result = ();

    fn handle(&mut self, Ensure { name, newer_than }: Ensure, ctx: &mut Self::Context) {
        let Some(nursery) = self.group.nursery.clone() else { return };
        let path = self.group.path.child(&name);
        let generation = self.registry.generation(&path);
        match self.charges.get_mut(&path) {
            // Gone already, but its exit is not yet known here: start it again when it is.
            Some(charge) if generation.is_some_and(|g| g <= newer_than) => charge.wanted = true,
            Some(_) => {}
            None => match nursery(&name) {
                Some(child) => self.adopt(child, ctx),
                None => {
                    warn!(group = %self.group.path, name, "asked for a member by a name that is no member's");
                }
            },
        }
    }
}

/// Makes a supervisor panic, so that tests can see what becomes of its children.
#[cfg(feature = "testkit")]
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Collapse;

#[cfg(feature = "testkit")]
impl Handler<Collapse> for Supervisor {
    type Result = ();

    #[expect(clippy::panic, reason = "it is what a test asks for")]
    fn handle(&mut self, _: Collapse, _: &mut Self::Context) {
        panic!("a test made the supervisor of {} panic", self.group.path);
    }
}

/// Runs the root of a tree until it is told to stop (`Ok`) or the root fails beyond `policy` (the
/// reason). The root has no supervisor: this loop is it.
///
/// # Errors
/// Why the root failed last.
pub async fn run_root(
    root: Child,
    registry: Registry,
    told_to_stop: impl Future<Output = ()>,
) -> Result<(), String> {
    let mut log = RestartLog::default();
    tokio::pin!(told_to_stop);
    loop {
        let (lifeline, Watch { mut exit, stop }) = Lifeline::new();
        (root.start)(lifeline, log.total());
        let ended = tokio::select! {
            ended = &mut exit => ended.unwrap_or(Exit::Panicked),
            () = &mut told_to_stop => {
                drop(stop);
                // The exit says that the root's own context is gone; its children follow it.
                let _ = exit.await;
                return Ok(());
            }
        };
        let now = registry.clock().elapsed();
        let Verdict::RestartAfter(pause) = log.judge(&root.policy, &ended, now) else {
            registry.leave(&root.path, ChildState::Ended, &ended.to_string());
            return Err(format!("{} {ended}", root.path));
        };
        registry.leave(&root.path, ChildState::Restarting, &ended.to_string());
        error!(actor = %root.path, exit = %ended, "the root ended, restarting everything");
        registry.clock().sleep(pause.max(Duration::from_millis(1))).await;
    }
}
