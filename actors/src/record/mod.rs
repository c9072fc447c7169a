//! Everything that is asked of a record and can be answered without a store: does it match, where does it sort,
//! which of its fields are shown, what does it look like after a change, what do many of them add up to (contract §3).
//! Pure: no clock, no I/O; documents are whole records as JSON, with application fields under `data`.

pub mod aggregate;
pub mod body;
pub mod compare;
pub mod edit;
mod fields;
pub mod find;
mod limits;
pub mod lookup;
pub mod model;
pub mod options;
pub mod partial;
pub mod path;
pub mod place;
mod problem;
pub mod query;
pub mod search;
pub mod select;
pub mod service;
pub mod sort;

pub use aggregate::{Demand, Exceeded, Pipeline, PipelineError, Run};
pub use limits::Limits;
pub use options::Options;
pub use path::{Path, PathError};
pub use problem::Problem;
pub use query::{Query, TimeRange};
pub use select::Projection;
pub use sort::{Direction, Sort, SortKey};

#[cfg(test)]
mod tests;
