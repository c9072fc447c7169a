//! What is known of a stream beside its frames: whose it is, how far it is, how it ended.

use std::time::Duration;

use super::model::{Message, Prompt};
use crate::clock::Timestamp;
use crate::event::Cause;
use crate::ids::{MessageId, OrgId, StreamId};
use crate::rights::Author;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How far a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamStatus {
    /// It goes on, or waits for tools.
    Running,
    /// The answer is whole.
    Done,
    /// Somebody has stopped it; what was said is kept.
    Stopped,
    /// It broke off.
    Failed,
}

impl StreamStatus {
    /// Whether nothing comes any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Running)
    }
}

/// Somebody who asks, with all that says what they may do: tools are used in their name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// The id of their record.
    pub id: String,
    /// The name under which what they do is kept.
    pub label: String,
    /// Their address, where they have one.
    pub email: Option<String>,
    /// The name to show.
    pub name: String,
    /// What they may do.
    pub rights: Author,
}

/// What led to a stream: its end is an event, which stands as far from the outside as what asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The step of a flow; none where somebody asked.
    pub cause: Option<Cause>,
    /// How many runs stand between it and the outside.
    pub depth: u32,
    /// How many runs may stand beside it.
    pub breadth: u32,
}

/// What is known of a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Its id.
    pub id: StreamId,
    /// Whose it is.
    pub org_id: OrgId,
    /// Who has asked.
    pub by: Asker,
    /// What led to it.
    #[serde(default)]
    pub origin: Origin,
    /// The conversation that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The chat that it is told in, and whose message it becomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<String>,
    /// The assistant that answers; none for the organisation's own choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assistant: Option<String>,
    /// The message that the answer becomes.
    pub message_id: MessageId,
    /// How far it is.
    pub status: StreamStatus,
    /// Who answers, in the provider's words, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it ended: the end's reason, or the error's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<String>,
    /// Tokens that were read.
    #[serde(default)]
    pub input_tokens: u64,
    /// Tokens that were written.
    #[serde(default)]
    pub output_tokens: u64,
    /// The number of its last frame, once it is over.
    #[serde(default)]
    pub last: u64,
    /// The idempotency key that it was begun with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<String>,
    /// Until when it can be read.
    pub kept_until: Timestamp,
}

impl Head {
    /// A stream that is about to begin, and can be read for so long.
    #[must_use]
    pub fn new(id: StreamId, org_id: OrgId, by: Asker, now: Timestamp, keep: Duration) -> Self {
        Self {
            id,
            org_id,
            by,
            origin: Origin::default(),
            conversation: None,
            chat: None,
            assistant: None,
            message_id: MessageId::new(now),
            status: StreamStatus::Running,
            model: None,
            started_at: now,
            ended_at: None,
            finish: None,
            input_tokens: 0,
            output_tokens: 0,
            last: 0,
            once: None,
            kept_until: now.plus(keep),
        }
    }
}

/// What was asked: kept beside the head, for it may be long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ask {
    /// What the model is asked first.
    pub prompt: Prompt,
    /// The tools of the prompt that whoever reads uses.
    #[serde(default)]
    pub client_tools: Vec<String>,
    /// What tools are given where the model does not say, by tool and argument.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub given: Map<String, Value>,
}

impl Ask {
    /// The last words that were asked.
    #[must_use]
    pub fn question(&self) -> Option<&str> {
        self.prompt.messages.iter().rev().find_map(|message| match message {
            Message::User { text, .. } => Some(text.as_str()),
            _ => None,
        })
    }
}

/// One question and its answer, as a conversation remembers them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// The answer's message.
    pub sk: MessageId,
    /// The stream.
    pub stream_id: StreamId,
    /// What was asked.
    pub question: String,
    /// What was answered, so far as it was.
    pub answer: String,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When the answer ended.
    pub answered_at: Timestamp,
}
