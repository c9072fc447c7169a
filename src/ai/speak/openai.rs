//! OpenAI's `chat.completion.chunk`, for libraries that speak Chat Completions. (OpenAI API reference, "The chat
//! completion chunk object"; what npm's `openai` makes of it in `ChatCompletionStream`.)
//!
//! - Tools of ours are not shown: a tool call is something that the reader is to do, and it did not ask for these.
//! - Tools of the reader's are `tool_calls`, each whole in one delta. The stream does not end there, as OpenAI's would:
//!   it waits for what comes of them and goes on, and what ends it is said once, at the end.
//! - Tokens come after the end, in a chunk without choices, as with `stream_options.include_usage`. They are kept until
//!   then.
//! - An answer that was stopped has ended like any other: `stop`. So has one that ends for want of tools which were not
//!   shown: readers that are told `tool_calls` look for some.

use std::sync::Arc;

use appengine_actors::session::stream::frame::{Frame, Said};
use serde::Serialize;

use super::block::{self, Text};

/// What a reader has been told, and what it is to be told at the end.
#[derive(Debug)]
pub(super) struct OpenAi {
    created: u64,
    /// The first of all, whose message and model every chunk repeats.
    start: Option<Arc<Said>>,
    /// Tools that the reader is to use, so far.
    calls: u32,
    /// Tokens that were read and written.
    usage: Option<(u64, u64)>,
}

impl OpenAi {
    pub(super) const fn new(created: u64) -> Self {
        Self { created, start: None, calls: 0, usage: None }
    }

    pub(super) fn skip(&mut self, frame: &Frame) {
        match &*frame.said {
            Said::Start { .. } => self.start = Some(Arc::clone(&frame.said)),
            Said::ToolUse { client: true, .. } => self.calls = self.calls.saturating_add(1),
            Said::Usage { input_tokens, output_tokens, .. } => {
                self.usage = Some((*input_tokens, *output_tokens));
            }
            Said::Chunk { .. }
            | Said::ToolUse { .. }
            | Said::ToolResult { .. }
            | Said::End { .. }
            | Said::Error { .. } => {}
        }
    }

    pub(super) fn say(&self, frame: &Frame, into: &mut Vec<u8>) {
        let number = frame.number;
        match &*frame.said {
            Said::Start { message_id, model, .. } => {
                let choice =
                    Choice::of(Delta { role: Some("assistant"), content: Some(""), tool_calls: None });
                block::last(into, number, &self.chunk_of((message_id, model), &[choice]));
            }
            Said::Chunk { data } => {
                let choice = Choice::of(Delta { content: Some(data), ..Delta::default() });
                block::last(into, number, &self.chunk(&[choice]));
            }
            Said::ToolUse { id, name, input, client: true } => {
                let function = Function { name, arguments: Text(input) };
                let call = Call { index: self.calls, id, kind: "function", function };
                let choice = Choice::of(Delta { tool_calls: Some([call]), ..Delta::default() });
                block::last(into, number, &self.chunk(&[choice]));
            }
            Said::ToolUse { .. } | Said::ToolResult { .. } | Said::Usage { .. } => {}
            Said::End { finish_reason, .. } => {
                let finish_reason = Some(self.reason(finish_reason));
                let finish = [Choice { index: 0, delta: Delta::default(), finish_reason }];
                let finish = self.chunk(&finish);
                let Some((read, written)) = self.usage else {
                    return block::last(into, number, &finish);
                };
                block::more(into, &finish);
                let usage = Usage {
                    prompt_tokens: read,
                    completion_tokens: written,
                    total_tokens: read.saturating_add(written),
                };
                block::last(into, number, &Chunk { usage: Some(usage), ..self.chunk(&[]) });
            }
            Said::Error { code, message, .. } => {
                let error = Error { message, kind: "server_error", param: None, code };
                block::last(into, number, &Failed { error });
            }
        }
    }

    fn reason(&self, ours: &str) -> &'static str {
        match ours {
            "length" => "length",
            "content_filter" => "content_filter",
            "tool_calls" if self.calls > 0 => "tool_calls",
            _ => "stop",
        }
    }

    fn chunk<'a>(&'a self, choices: &'a [Choice<'a>]) -> Chunk<'a> {
        let of = match self.start.as_deref() {
            Some(Said::Start { message_id, model, .. }) => (message_id.as_str(), model.as_str()),
            _ => ("", ""),
        };
        self.chunk_of(of, choices)
    }

    const fn chunk_of<'a>(&self, (id, model): (&'a str, &'a str), choices: &'a [Choice<'a>]) -> Chunk<'a> {
        Chunk { id, object: "chat.completion.chunk", created: self.created, model, choices, usage: None }
    }
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    finish_reason: Option<&'static str>,
}

impl<'a> Choice<'a> {
    const fn of(delta: Delta<'a>) -> Self {
        Self { index: 0, delta, finish_reason: None }
    }
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[Call<'a>; 1]>,
}

#[derive(Serialize)]
struct Call<'a> {
    index: u32,
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: Text<'a>,
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

#[derive(Serialize)]
struct Failed<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'a str>,
    code: &'a str,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::ai::speak::Way;
    use crate::ai::speak::testing::{error, events, frames, rich, said};

    /// A chunk, by what is its own.
    fn chunk(choices: &str, more: &str) -> String {
        format!(
            r#"{{"id":"m1","object":"chat.completion.chunk","created":7,"model":"gpt-x","choices":[{choices}]{more}}}"#
        )
    }

    fn delta(delta: &str) -> String {
        chunk(&format!(r#"{{"index":0,"delta":{delta},"finish_reason":null}}"#), "")
    }

    fn finish(reason: &str) -> String {
        chunk(&format!(r#"{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}"#), "")
    }

    #[test]
    fn a_stream_is_a_chat_completion() {
        let usage = r#","usage":{"prompt_tokens":12,"completion_tokens":34,"total_tokens":46}"#;
        let wanted = [
            (Some(1), delta(r#"{"role":"assistant","content":""}"#)),
            (Some(2), delta(r#"{"content":"Let me "}"#)),
            (Some(3), delta(r#"{"content":"look.\n"}"#)),
            (Some(6), delta(r#"{"content":"And "}"#)),
            (
                Some(7),
                delta(
                    r#"{"tool_calls":[{"index":0,"id":"c2","type":"function","function":{"name":"pick","arguments":"{\"of\":[\"a\",\"b\"]}"}}]}"#,
                ),
            ),
            (Some(11), delta(r#"{"content":"Hello "}"#)),
            (Some(12), delta(r#"{"content":"Ann"}"#)),
            (None, finish("stop")),
            (Some(14), chunk("", usage)),
            (None, "[DONE]".to_owned()),
        ];
        assert_eq!(events(Way::OpenAi, &rich()), wanted);
    }

    #[test]
    fn ends_have_openais_reasons() {
        let start = || said(json!({"type": "start", "streamId": "s1", "messageId": "m1", "model": "gpt-x"}));
        let call = |client| {
            said(json!({"type": "tool_use", "id": "c", "name": "t", "input": "{", "client": client}))
        };
        let table = [
            ("stop", "stop", None),
            ("length", "length", None),
            ("content_filter", "content_filter", None),
            ("stopped", "stop", None),
            ("other", "stop", None),
            ("", "stop", None),
            ("tool_calls", "stop", None),
            ("tool_calls", "stop", Some(false)),
            ("tool_calls", "tool_calls", Some(true)),
            ("stop", "stop", Some(true)),
        ];
        for (ours, theirs, client) in table {
            let end = said(json!({"type": "end", "sk": null, "finishReason": ours}));
            let all: Vec<_> = [Some(start()), client.map(call), Some(end)].into_iter().flatten().collect();
            let last = all.len() as u64;
            let spoken = events(Way::OpenAi, &frames(all));
            let tail = &spoken[spoken.len() - 2..];
            assert_eq!(tail, [(Some(last), finish(theirs)), (None, "[DONE]".to_owned())], "{ours}");
        }
    }

    #[test]
    fn an_error_is_openais() {
        let error_is = r#"{"error":{"message":"the provider is overloaded","type":"server_error","param":null,"code":"provider_unavailable"}}"#;
        let wanted = [(Some(1), error_is.to_owned()), (None, "[DONE]".to_owned())];
        assert_eq!(events(Way::OpenAi, &frames(vec![error()])), wanted);
    }

    #[test]
    fn calls_are_counted_and_keep_the_models_words() {
        let call = |id: &str, input| {
            said(json!({"type": "tool_use", "id": id, "name": "t", "input": input, "client": true}))
        };
        let spoken = events(
            Way::OpenAi,
            &frames(vec![call("a", json!("not json")), call("b", json!(null)), call("b", json!({}))]),
        );
        for (spoken, call) in spoken.iter().zip([
            r#"{"index":0,"id":"a","type":"function","function":{"name":"t","arguments":"not json"}}"#,
            r#"{"index":1,"id":"b","type":"function","function":{"name":"t","arguments":"null"}}"#,
            r#"{"index":2,"id":"b","type":"function","function":{"name":"t","arguments":"{}"}}"#,
        ]) {
            assert!(spoken.1.contains(call), "{} {call}", spoken.1);
        }
    }
}
