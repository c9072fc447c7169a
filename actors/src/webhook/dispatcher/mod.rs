//! The dispatcher: wakes destinations that are owed something.

mod actor;

pub use actor::DispatcherActor;
