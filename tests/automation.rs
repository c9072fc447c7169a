//! Flows, events and webhooks over REST, against a whole server in this process: the contract's §4 and §14 as
//! clients see them.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

#[path = "automation/event_types.rs"]
mod event_types;
#[path = "automation/events.rs"]
mod events;
#[path = "automation/flows.rs"]
mod flows;
#[path = "repository/house.rs"]
#[allow(dead_code, reason = "those who read lists of records use the rest")]
mod house;
#[path = "automation/jobs.rs"]
mod jobs;
#[path = "automation/kit.rs"]
mod kit;
#[path = "automation/queues.rs"]
mod queues;
#[path = "automation/rights.rs"]
mod rights;
