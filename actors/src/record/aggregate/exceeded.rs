//! The bounds of a run: which one was exceeded and where, and the count of bytes that are held.

use serde_json::Value;

/// A run that was stopped by a bound; what it had is dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {exceeded}")]
pub struct PipelineError {
    /// The stage: `pipeline[1].$group`; `pipeline` for the result.
    pub at: String,
    /// The bound.
    pub exceeded: Exceeded,
}

/// Which bound, with its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// `Limits::groups`.
    #[error("more than {0} groups: narrow the $match or group by fewer values")]
    Groups(usize),
    /// `Limits::collected`.
    #[error("more than {0} values pushed or added: narrow the $match or collect less")]
    Collected(usize),
    /// `Limits::sorted`.
    #[error("more than {0} documents to sort: narrow the $match or put a $limit after the $sort")]
    Sorted(usize),
    /// `Limits::unwound`.
    #[error("more than {0} documents made by $unwind: narrow the $match before it")]
    Unwound(usize),
    /// `Limits::results`.
    #[error("more than {0} documents in the result: add a $limit")]
    Results(usize),
    /// `Limits::document_bytes`.
    #[error("more than {0} bytes added to one document: compute fewer or smaller values")]
    DocumentBytes(usize),
    /// `Limits::held_bytes`.
    #[error("more than {0} bytes held at once: narrow the $match or keep fewer fields")]
    HeldBytes(usize),
}

/// Counts approximate bytes against a limit.
#[derive(Debug)]
pub(super) struct Meter {
    held: usize,
    limit: usize,
    exceeded: fn(usize) -> Exceeded,
}

impl Meter {
    /// For what one run holds.
    pub(super) fn held(limit: usize) -> Self {
        Self { held: 0, limit, exceeded: Exceeded::HeldBytes }
    }

    /// For what is added to one document.
    pub(super) fn document(limit: usize) -> Self {
        Self { held: 0, limit, exceeded: Exceeded::DocumentBytes }
    }

    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Exceeded> {
        self.held = self.held.saturating_add(bytes);
        if self.held > self.limit { Err((self.exceeded)(self.limit)) } else { Ok(()) }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.held
    }

    pub(super) fn give(&mut self, bytes: usize) {
        self.held = self.held.saturating_sub(bytes);
    }
}

/// Approximate bytes of a value in memory.
pub(super) fn weight(value: &Value) -> usize {
    const VALUE: usize = size_of::<Value>();
    const ENTRY: usize = size_of::<String>() + 2 * size_of::<usize>();
    VALUE
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| ENTRY + name.len() + weight(value)).sum()
            }
        }
}
