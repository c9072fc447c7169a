//! What a stream hears.

use actix::Message as ActixMessage;
use serde_json::Value;

use super::head::Head;
use super::tail::Glimpse;
use crate::bus::change::ChangeError;
use crate::store::StoreError;

/// Why a stream did not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// There is no such stream.
    #[error("find the stream: there is none with that id")]
    Missing,
    /// It is over.
    #[error("change the stream: it is over")]
    Over,
    /// Nobody waits for a tool's result.
    #[error("take the result of `{0}`: the stream does not wait for it")]
    Unasked(String),
    /// It could not be written.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Brings a reader to the stream.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<Glimpse, StreamError>")]
pub struct Attach;

/// Stops the answer; what was said is kept. Answered once that is on the disk, with what the stream has come to.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<Head, StreamError>")]
pub struct StopAnswer;

/// What came of tools that whoever reads has used. Answered once it is on the disk.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<(), StreamError>")]
pub struct TakeResults(pub Vec<ToolOutput>);

/// What came of one tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolOutput {
    /// The call.
    pub id: String,
    /// What came of it.
    pub output: Value,
    /// Whether that is an error.
    pub is_error: bool,
}
