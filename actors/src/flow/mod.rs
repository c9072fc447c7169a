//! What a flow is: its definition in both of the contract's dialects, when it fires, what its steps see
//! and where its conditions lead (contract §4). This half is pure: no actors, no clock, no I/O.

pub mod action;
mod actor;
pub mod book;
pub mod condition;
pub mod definition;
pub mod error_handling;
mod filter;
pub mod messages;
pub mod operator;
pub mod parse;
pub mod run;
pub mod runner;
pub mod step;
pub mod tasks;
pub mod trigger;

pub use actor::FlowActor;

pub use crate::form::Map;
