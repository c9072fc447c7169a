//! The AI SDK's UI message stream, version 1: what `useChat` reads. (ai-sdk.dev, "Stream protocols"; the schema
//! `uiMessageChunkSchema` and `processUIMessageStream` of the npm package `ai`, versions 5 to 7. Before 5.0.92 it
//! refuses the reason in `finish`, when all else has been read.)
//!
//! - A text has an id; here that of the frame which began it. It ends where a tool is used or answers, and at the end:
//!   `useChat` refuses words for a text that is not open.
//! - A tool of ours is `providerExecuted`, so that `useChat` does not ask its page to run it, and `dynamic`, because
//!   the page did not declare it. A tool of the page's is neither: its handlers pass over dynamic tools. Version 5
//!   wants to be told the same again with what came of it, so calls are remembered until then. What came of a call that
//!   is not open is not said, because `useChat` gives up when it hears of it.
//! - A step is one question to the model. The next begins with the first word or call after all calls have been
//!   answered.
//! - Tokens are metadata of the message, which `useChat` merges; a data part would become a part of the message.
//! - An answer that was stopped is an `abort`; among the reasons of `finish`, which still closes it, there is none for
//!   that.

use appengine_actors::session::stream::frame::{Frame, Said};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::block::{self, Text};

/// What a reader has been told.
#[derive(Debug, Default)]
pub(super) struct Ui {
    /// The text that is open, by the frame that began it.
    text: Option<u64>,
    /// The calls that nothing came of yet.
    open: Vec<Call>,
    /// Whether something came of a call of this step.
    answered: bool,
}

#[derive(Debug)]
struct Call {
    id: String,
    client: bool,
}

impl Ui {
    /// Where an open call is.
    fn call(&self, id: &str) -> Option<usize> {
        self.open.iter().position(|call| call.id == id)
    }

    /// Whether the next word or call begins a step. No text is open then: what came last is what came of a call.
    const fn is_between_steps(&self) -> bool {
        self.answered && self.open.is_empty()
    }

    /// Takes note of a word or a call, which begins a step where it is time to.
    const fn begin(&mut self) {
        if self.is_between_steps() {
            self.answered = false;
        }
    }

    pub(super) fn skip(&mut self, frame: &Frame) {
        match &*frame.said {
            Said::Start { .. } | Said::Usage { .. } => {}
            Said::Chunk { .. } => {
                self.begin();
                self.text.get_or_insert(frame.number);
            }
            Said::ToolUse { id, client, .. } => {
                self.begin();
                self.text = None;
                self.open.push(Call { id: id.clone(), client: *client });
            }
            Said::ToolResult { id, .. } => {
                if let Some(at) = self.call(id) {
                    self.open.remove(at);
                    self.answered = true;
                    self.text = None;
                }
            }
            Said::End { .. } | Said::Error { .. } => self.text = None,
        }
    }

    pub(super) fn say(&self, frame: &Frame, into: &mut Vec<u8>) {
        let number = frame.number;
        match &*frame.said {
            Said::Start { stream_id, message_id, model } => {
                let message_metadata = About { stream_id, model };
                block::more(into, &Chunk::Start { message_id, message_metadata });
                block::last(into, number, &Chunk::StartStep);
            }
            Said::Chunk { data } => {
                self.turn(into);
                let id = TextId(self.text.unwrap_or(number));
                if self.text.is_none() {
                    block::more(into, &Chunk::TextStart { id });
                }
                block::last(into, number, &Chunk::TextDelta { id, delta: data });
            }
            Said::ToolUse { id: tool_call_id, name: tool_name, input, client } => {
                self.turn(into);
                self.end_text(into);
                let (provider_executed, dynamic) = ours(*client);
                block::more(
                    into,
                    &Chunk::ToolInputStart { tool_call_id, tool_name, provider_executed, dynamic },
                );
                let whole =
                    Chunk::ToolInputAvailable { tool_call_id, tool_name, input, provider_executed, dynamic };
                block::last(into, number, &whole);
            }
            Said::ToolResult { id: tool_call_id, output, is_error, .. } => {
                let Some(at) = self.call(tool_call_id) else { return };
                self.end_text(into);
                let (provider_executed, dynamic) = ours(self.open[at].client);
                let came = if *is_error {
                    let error_text = Text(output);
                    Chunk::ToolOutputError { tool_call_id, error_text, provider_executed, dynamic }
                } else {
                    Chunk::ToolOutputAvailable { tool_call_id, output, provider_executed, dynamic }
                };
                block::last(into, number, &came);
            }
            Said::Usage { input_tokens, output_tokens, estimated } => {
                let usage = Usage {
                    input_tokens: *input_tokens,
                    output_tokens: *output_tokens,
                    total_tokens: input_tokens.saturating_add(*output_tokens),
                    estimated: *estimated,
                };
                block::last(into, number, &Chunk::MessageMetadata { message_metadata: Used { usage } });
            }
            Said::End { finish_reason, .. } => {
                self.end_text(into);
                if finish_reason == "stopped" {
                    block::more(into, &Chunk::Abort);
                }
                block::more(into, &Chunk::FinishStep);
                block::last(into, number, &Chunk::Finish { finish_reason: reason(finish_reason) });
            }
            Said::Error { message, .. } => {
                self.end_text(into);
                block::more(into, &Chunk::Error { error_text: message });
                block::more(into, &Chunk::FinishStep);
                block::last(into, number, &Chunk::Finish { finish_reason: "error" });
            }
        }
    }

    /// Ends a step and begins the next, where it is time to.
    fn turn(&self, into: &mut Vec<u8>) {
        if self.is_between_steps() {
            block::more(into, &Chunk::FinishStep);
            block::more(into, &Chunk::StartStep);
        }
    }

    fn end_text(&self, into: &mut Vec<u8>) {
        if let Some(number) = self.text {
            block::more(into, &Chunk::TextEnd { id: TextId(number) });
        }
    }
}

/// What a call says of who runs it: `providerExecuted` and `dynamic`.
fn ours(client: bool) -> (Option<bool>, Option<bool>) {
    let ours = (!client).then_some(true);
    (ours, ours)
}

/// Why a message ended, in words that all versions know. `interrupted` is not known before version 7.
fn reason(ours: &str) -> &'static str {
    match ours {
        "stop" => "stop",
        "length" => "length",
        "content_filter" => "content-filter",
        "tool_calls" => "tool-calls",
        _ => "other",
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum Chunk<'a> {
    Start {
        message_id: &'a str,
        message_metadata: About<'a>,
    },
    StartStep,
    FinishStep,
    TextStart {
        id: TextId,
    },
    TextDelta {
        id: TextId,
        delta: &'a str,
    },
    TextEnd {
        id: TextId,
    },
    ToolInputStart {
        tool_call_id: &'a str,
        tool_name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        provider_executed: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        dynamic: Option<bool>,
    },
    ToolInputAvailable {
        tool_call_id: &'a str,
        tool_name: &'a str,
        input: &'a Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        provider_executed: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        dynamic: Option<bool>,
    },
    ToolOutputAvailable {
        tool_call_id: &'a str,
        output: &'a Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        provider_executed: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        dynamic: Option<bool>,
    },
    ToolOutputError {
        tool_call_id: &'a str,
        error_text: Text<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        provider_executed: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        dynamic: Option<bool>,
    },
    MessageMetadata {
        message_metadata: Used,
    },
    Error {
        error_text: &'a str,
    },
    Abort,
    Finish {
        finish_reason: &'static str,
    },
}

/// What a page needs to stop the stream, or to post what came of a tool.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    stream_id: &'a str,
    model: &'a str,
}

#[derive(Serialize)]
struct Used {
    usage: Usage,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
    estimated: bool,
}

/// A text's id, by the frame that began it.
#[derive(Clone, Copy)]
struct TextId(u64);

impl Serialize for TextId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("text-{}", self.0))
    }
}

#[cfg(test)]
mod tests;
