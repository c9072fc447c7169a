//! Queues: jobs that survive the process, run within bounds, and tried again until they are done or
//! given up. Every transition is written before it is acted on; the store is the truth and what an
//! actor holds in memory is a window on it. The bus adds jobs; a [`worker::Worker`] does them.

mod actor;
pub mod add;
pub mod aftermath;
pub mod alter;
mod attempt;
mod context;
pub mod effects;
mod ended;
pub mod format;
mod interrupted;
pub mod job;
pub mod lines;
mod load;
pub mod messages;
pub mod outside;
pub mod parts;
pub mod rate;
pub mod retention;
pub mod settings;
pub mod state;
pub mod task;
pub mod terms;
mod trail;
pub mod worker;

mod pages;

pub use actor::QueueActor;
pub use pages::{Found, JobPage, Jobs, jobs_of, read_jobs};
