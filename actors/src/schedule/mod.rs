//! Schedules: what is to happen at times, and that it happens once for each of them. A schedule's occurrence is
//! one commit: what it does, and that it was done. Those that are due are read from the store page by page.

pub mod actor;
pub mod book;
pub mod cron;
pub mod draft;
mod effect;
mod fire;
pub mod messages;
pub mod missed;
pub mod model;
mod state;
pub mod timing;
pub mod zone;

pub use actor::ScheduleActor;
