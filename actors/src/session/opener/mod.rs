//! The opener: opens the desk of an organisation when there is something for it to do.

mod actor;

pub use actor::OpenerActor;
