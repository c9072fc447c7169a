//! Runs of flows, from the event that starts them to what they leave behind.

mod actions;
mod branches;
mod by_hand;
mod crashes;
mod failures;
mod history;
pub mod mail;
mod rights;
mod webhooks;
