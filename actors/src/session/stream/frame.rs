//! What readers of a stream are told (contract §8): a frame has a number, from 1 and without gaps, and says one thing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing that a stream says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Said {
    /// First of all: an answer begins.
    #[serde(rename_all = "camelCase")]
    Start {
        /// The stream.
        stream_id: String,
        /// The message that the answer becomes.
        message_id: String,
        /// Who answers.
        model: String,
    },
    /// Some words.
    Chunk {
        /// The words.
        data: String,
    },
    /// A tool is used.
    ToolUse {
        /// The call.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments.
        input: Value,
        /// Whether the reader is to use it, and to post what came of it.
        client: bool,
    },
    /// What came of a tool.
    #[serde(rename_all = "camelCase")]
    ToolResult {
        /// The call.
        id: String,
        /// The tool.
        name: String,
        /// What came of it.
        output: Value,
        /// Whether that is an error.
        is_error: bool,
    },
    /// Tokens that were used, in all.
    #[serde(rename_all = "camelCase")]
    Usage {
        /// Those that were read.
        input_tokens: u64,
        /// Those that were written.
        output_tokens: u64,
        /// Whether they are only estimated.
        estimated: bool,
    },
    /// Last of all: the answer is whole, or was stopped.
    #[serde(rename_all = "camelCase")]
    End {
        /// The message that was kept of it.
        sk: Option<String>,
        /// Why it ended: `stop`, `length`, `content_filter`, `stopped` …
        finish_reason: String,
    },
    /// Last of all, in place of the end: the answer broke off.
    Error {
        /// The kind of error.
        code: String,
        /// In words.
        message: String,
        /// Whether the same may work later.
        retryable: bool,
    },
}

impl Said {
    /// Whether nothing comes after it.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        matches!(self, Self::End { .. } | Self::Error { .. })
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Chunk { .. } => "chunk",
            Self::ToolUse { .. } => "tool_use",
            Self::ToolResult { .. } => "tool_result",
            Self::Usage { .. } => "usage",
            Self::End { .. } => "end",
            Self::Error { .. } => "error",
        }
    }
}

/// One thing that was said, and its number.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Its number, from 1.
    pub number: u64,
    /// What it says.
    pub said: Arc<Said>,
}
