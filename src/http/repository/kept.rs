//! What the routes of records answer to a write of a field that records only show. Which fields these are is
//! said in [`appengine_actors::rights::kept`], for flows as well.

use appengine_actors::ids::Datatype;
use appengine_actors::record::model::Record;
use appengine_actors::rights::kept::{self, Fixed};
use serde_json::{Map, Value};

use crate::problem::{Detail, Problem};

/// Keeps what a change of a record must not touch: left out it stays, and changed it is refused.
///
/// # Errors
/// 400 with every field that is changed elsewhere or not at all, saying where.
pub fn keep(before: &Record, after: &mut Record) -> Result<(), Problem> {
    kept::keep(&before.datatype, &before.data, &mut after.data).map_err(refused)
}

/// Whether a new record says nothing that it could only show.
///
/// # Errors
/// 400 for roles: a person who is created has the least that such people are.
pub fn check_new(datatype: &Datatype, data: &Map<String, Value>) -> Result<(), Problem> {
    kept::check_new(datatype, data).map_err(refused)
}

fn refused(fixed: Vec<Fixed>) -> Problem {
    let detail = |Fixed { path, message }| Detail { path, message };
    Problem::invalid("the record cannot be written so", fixed.into_iter().map(detail).collect())
}
