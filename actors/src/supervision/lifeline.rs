//! The cord between a child and its supervisor: each end notices when the other is gone, whether it
//! stopped, failed or panicked. It is dropped with the child's context, so no exit goes unseen.

use std::sync::{Arc, Mutex, PoisonError};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context};
use tokio::sync::oneshot;

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// By itself, or because its supervisor told it to.
    Stopped,
    /// It could not go on and said why.
    Failed(String),
    /// A handler or one of the actor's futures panicked.
    Panicked,
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Failed(why) => write!(f, "failed: {why}"),
            Self::Panicked => f.write_str("panicked"),
        }
    }
}

/// An actor's own word on why it is about to stop.
#[derive(Debug, Clone, Default)]
pub struct Fate(Arc<Mutex<Option<String>>>);

impl Fate {
    /// Says that the stop which follows is a failure.
    pub fn failed(&self, why: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.into());
    }

    fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The child's end.
#[derive(Debug)]
pub struct Lifeline {
    exit: Option<oneshot::Sender<Exit>>,
    told_to_stop: Option<oneshot::Receiver<()>>,
    fate: Fate,
}

/// The supervisor's end. Dropping it stops the child.
#[derive(Debug)]
pub struct Watch {
    /// Resolves when the child is gone.
    pub exit: oneshot::Receiver<Exit>,
    /// Dropping this tells the child to stop.
    pub stop: oneshot::Sender<()>,
}

impl Lifeline {
    /// Both ends of a new cord.
    #[must_use]
    pub fn new() -> (Self, Watch) {
        let (exit_tx, exit) = oneshot::channel();
        let (stop, stop_rx) = oneshot::channel();
        let child = Self { exit: Some(exit_tx), told_to_stop: Some(stop_rx), fate: Fate::default() };
        (child, Watch { exit, stop })
    }

    /// Where the actor says that it fails.
    #[must_use]
    pub fn fate(&self) -> Fate {
        self.fate.clone()
    }

    /// Gives the cord to an actor's context, which then lives no longer than its supervisor does.
    pub fn tie<A: Actor<Context = Context<A>>>(mut self, ctx: &mut Context<A>) {
        let told = self.told_to_stop.take();
        let wait = async move {
            if let Some(told) = told {
                // Both a message and a dropped sender mean the same: stop.
                let _ = told.await;
            }
            self
        };
        let stop = |lifeline: Self, _: &mut A, ctx: &mut Context<A>| {
            ctx.stop();
            // Dropped last: whoever hears of the exit may rely on the stop being under way.
            drop(lifeline);
        };
        ctx.spawn(actix::fut::wrap_future(wait).map(stop));
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        let exit = if std::thread::panicking() {
            Exit::Panicked
        } else {
            self.fate.take().map_or(Exit::Stopped, Exit::Failed)
        };
        if let Some(tell) = self.exit.take() {
            // Nobody listens when the supervisor went first.
            let _ = tell.send(exit);
        }
    }
}
