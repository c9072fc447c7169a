//! What a flow is: its definition in both of the contract's dialects, when it fires, what its steps see
//! and where its conditions lead (contract §4). This half is pure: no actors, no clock, no I/O.

pub mod action;
mod actor;
pub mod book;
pub mod condition;
pub mod definition;
pub mod error_handling;
mod fields;
mod filter;
pub mod messages;
pub mod operator;
pub mod parse;
pub mod problem;
pub mod run;
pub mod runner;
pub mod step;
pub mod tasks;
pub mod template;
pub mod trigger;

pub use actor::FlowActor;

/// A JSON object: a step's config, the variables of a run.
pub type Map = serde_json::Map<String, serde_json::Value>;

/// Words as a message lists them: `a`, `b`, `c`.
fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
