//! Supervision: who is restarted, how often, how fast, and what happens when that does not help.
//!
//! actix restarts an actor after `stop()`, never after a panic, and then with the same half-changed
//! value. So each supervised actor carries a [`Lifeline`] that tells its [`Supervisor`] when the actor
//! is gone, however it went; the supervisor builds a new one, which loads its state from the store.
//! Callers hold a [`Ref`], which finds the new incarnation by name and asks it again, once.
//!
//! | what ends | what the supervisor does |
//! |---|---|
//! | permanent child, in any way | restarts it after a back-off |
//! | transient child, by panic or failure | restarts it; one that stops by itself is done |
//! | temporary child, in any way | forgets it |
//! | a child for the (budget+1)th time | stops the other children and fails: its own parent restarts the group |
//! | the root beyond its budget | the process ends with an error |
//! | the supervisor | its children stop; the parent builds a new one with new children |
//!
//! Two incarnations never act at once: a permanent actor first takes the store's lease of its name,
//! which is free only when the old incarnation is gone.

mod alarm;
mod errands;
mod lifeline;
mod members;
mod policy;
mod registry;
mod supervisor;

pub use alarm::Alarm;
pub use errands::{Answer, ErrandId, Errands};
pub use lifeline::{Exit, Fate, Lifeline, Watch};
pub use members::Members;
pub use policy::{Budget, Policy, Restart, RestartLog, Verdict};
pub use registry::{ActorPath, AskError, ChildState, ChildStatus, Ref, Registry, TellError};
#[cfg(feature = "testkit")]
pub use supervisor::Collapse;
pub use supervisor::{Child, Ensure, Group, Nursery, Starter, Supervisor, on_arbiter, run_root};
