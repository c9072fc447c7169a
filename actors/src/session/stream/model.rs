//! The port through which a run asks a language model, or whatever answers in its place.

use std::fmt;

use futures_util::future::ready;
use futures_util::stream::{self, BoxStream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::head::Asker;
use super::tools::is_named;
use crate::ids::OrgId;

/// Answers prompts, piece by piece.
pub trait Model: Send + Sync + 'static {
    /// The answer to a prompt: pieces as they come, with [`Piece::Finish`] as the last. An error is the end. Whoever drops
    /// the stream wants no more of it.
    fn answer(&self, prompt: Prompt) -> BoxStream<'static, Result<Piece, ModelError>>;
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// Whose keys and records are used.
    pub org: OrgId,
    /// Who asks: what they may not read, they are not told.
    pub by: Asker,
    /// Collections that whoever asks may be told of all the same: an assistant's sources.
    #[serde(default)]
    pub sources: Vec<String>,
    /// The provider, by the name that the organisation gave it; none for the organisation's own choice.
    pub provider: Option<String>,
    /// The provider's name of the model; none for the provider's own choice.
    pub model: Option<String>,
    /// What the model is told before everything else; may be empty.
    pub system: String,
    /// What was said, oldest first. The last is what is to be answered.
    pub messages: Vec<Message>,
    /// What the model may use.
    pub tools: Vec<Tool>,
    /// What it may use of servers that the organisation has connected, by name: `mcp.stock.find`, or `mcp.stock.*` for all
    /// that begin so. Whoever answers asks those servers what that is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connected: Vec<String>,
    /// How much chance there is in the answer, from 0 to 2.
    pub temperature: Option<f64>,
    /// Tokens of the answer at most.
    pub max_tokens: Option<u32>,
}

impl Prompt {
    /// Whether the model may use a tool of this name.
    #[must_use]
    pub fn offers(&self, tool: &str) -> bool {
        self.tools.iter().any(|of| of.name == tool) || is_named(&self.connected, tool)
    }
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub enum Message {
    /// By whoever asks.
    User {
        /// The words.
        text: String,
        /// Addresses of pictures: `https:` or `data:`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        images: Vec<String>,
    },
    /// By the model.
    Assistant {
        /// The words.
        text: String,
        /// The tools that it wanted to use.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<ToolCall>,
    },
    /// By a tool.
    Tool {
        /// The call that it answers.
        id: String,
        /// The tool.
        name: String,
        /// What came of it.
        output: Value,
        /// Whether that is an error.
        #[serde(default)]
        is_error: bool,
    },
}

/// A tool that a model wants to use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's id of the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments, an object; where the model wrote no JSON, its text.
    pub input: Value,
}

/// A tool that a model may use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does, in words for the model.
    pub description: String,
    /// The JSON schema of its arguments.
    pub schema: Value,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Which model answers, in the provider's words. Comes first, where it comes.
    Model(String),
    /// Some words.
    Text(String),
    /// A tool is to be used: whole.
    ToolCall(ToolCall),
    /// Tokens that were read and written, of the whole prompt so far.
    Usage {
        /// Those that were read.
        input: u64,
        /// Those that were written.
        output: u64,
    },
    /// The end.
    Finish(Finish),
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// All was said.
    Stop,
    /// There was no room for more.
    Length,
    /// Tools are to be used first.
    ToolCalls,
    /// The provider holds the rest back.
    ContentFilter,
    /// For a reason of the provider's.
    Other,
}

impl Finish {
    /// The word for it on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Other => "other",
        }
    }
}

/// A [`Model`] that answers nothing.
pub struct NoModel;

impl Model for NoModel {
    fn answer(&self, _: Prompt) -> BoxStream<'static, Result<Piece, ModelError>> {
        let message = "answer: there is no model".to_owned();
        let error = ModelError { code: "no_model", message, retryable: false };
        Box::pin(stream::once(ready(Err(error))))
    }
}

/// Why there is no answer, or no more of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelError {
    /// The kind of it, such as `provider_unavailable`.
    pub code: &'static str,
    /// In words, fit after "failed to".
    pub message: String,
    /// Whether the same may work later.
    pub retryable: bool,
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ModelError {}
