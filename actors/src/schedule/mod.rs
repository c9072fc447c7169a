//! Schedules.
pub mod cron;
pub mod timing;
pub mod zone;
