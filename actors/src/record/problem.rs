//! What is wrong with a query, an option, a pipeline or a change, and where.
//! Parsers collect problems and return them together; the edge turns them into one 400 answer.

use std::fmt::Display;

/// Parsers stop collecting here: more would not help the reader.
const MOST: usize = 20;
const LONGEST_PATH: usize = 200;
const LONGEST_MESSAGE: usize = 400;

/// One thing that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Problem {
    /// Where it is, from the name of the input: `query.data.age.$foo`, `options.pageSize`, `pipeline[1].$group`.
    pub path: String,
    /// What is wrong and what is allowed instead, as a lower-case fragment.
    pub message: String,
}

/// Collects problems up to a bound.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    /// Notes one problem; names and messages that quote very long input are cut.
    pub(super) fn add(&mut self, path: &str, message: impl Display) {
        if !self.full() {
            let message = message.to_string();
            self.0.push(Problem { path: clip(path, LONGEST_PATH), message: clip(&message, LONGEST_MESSAGE) });
        }
    }

    /// Notes what another parser found.
    pub(super) fn extend(&mut self, others: Vec<Problem>) {
        let room = MOST.saturating_sub(self.0.len());
        self.0.extend(others.into_iter().take(room));
    }

    /// True once nothing more is collected, so that a parser may stop early.
    pub(super) fn full(&self) -> bool {
        self.0.len() >= MOST
    }

    /// `value`, unless anything was noted.
    pub(super) fn or<T>(self, value: T) -> Result<T, Vec<Problem>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}

/// "a string", "an array" …: how a message names the type of what it found.
pub(super) fn kind(value: &serde_json::Value) -> &'static str {
    use serde_json::Value;
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn clip(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
