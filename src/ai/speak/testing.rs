//! What the tests of all ways share.

use std::sync::Arc;

use appengine_actors::session::stream::frame::{Frame, Said};
use serde_json::{Value, json};

use super::{Speaker, Way};

pub(super) const WAYS: [Way; 3] = [Way::Plain, Way::Ui, Way::OpenAi];

pub(super) fn said(json: Value) -> Said {
    serde_json::from_value(json).unwrap()
}

pub(super) fn frames(said: Vec<Said>) -> Vec<Frame> {
    (1..).zip(said).map(|(number, said)| Frame { number, said: Arc::new(said) }).collect()
}

pub(super) fn error() -> Said {
    let message = "the provider is overloaded";
    said(json!({"type": "error", "code": "provider_unavailable", "message": message, "retryable": true}))
}

/// A stream that has everything but a bad end.
pub(super) fn rich() -> Vec<Frame> {
    let all = [
        json!({"type": "start", "streamId": "s1", "messageId": "m1", "model": "gpt-x"}),
        json!({"type": "chunk", "data": "Let me "}),
        json!({"type": "chunk", "data": "look.\n"}),
        json!({"type": "tool_use", "id": "c1", "name": "server.memory.retrieve", "input": {"key": "name"}, "client": false}),
        json!({"type": "tool_result", "id": "c1", "name": "server.memory.retrieve", "output": {"value": "Ann"}, "isError": false}),
        json!({"type": "chunk", "data": "And "}),
        json!({"type": "tool_use", "id": "c2", "name": "pick", "input": {"of": ["a", "b"]}, "client": true}),
        json!({"type": "tool_use", "id": "c3", "name": "server.notification.send", "input": "not json", "client": false}),
        json!({"type": "tool_result", "id": "c3", "name": "server.notification.send", "output": {"error": "no such user"}, "isError": true}),
        json!({"type": "tool_result", "id": "c2", "name": "pick", "output": "a", "isError": false}),
        json!({"type": "chunk", "data": "Hello "}),
        json!({"type": "chunk", "data": "Ann"}),
        json!({"type": "usage", "inputTokens": 12, "outputTokens": 34, "estimated": false}),
        json!({"type": "end", "sk": "chat_message|9", "finishReason": "stop"}),
    ];
    frames(all.into_iter().map(said).collect())
}

/// A whole stream, and how long it is before the first frame and after each.
pub(super) fn spoken(way: Way, frames: &[Frame]) -> (Vec<u8>, Vec<usize>) {
    let mut speaker = Speaker::new(way, 7);
    let mut into = Vec::new();
    let mut ends = vec![0];
    for frame in frames {
        speaker.speak(frame, &mut into);
        ends.push(into.len());
    }
    speaker.done(&mut into);
    (into, ends)
}

/// An event as it is on the wire.
#[derive(Debug, PartialEq)]
pub(super) struct Block {
    pub(super) id: Option<u64>,
    pub(super) data: String,
}

/// What is on the wire, which is to be nothing but events of an id or none and one line of data.
pub(super) fn blocks(bytes: &[u8]) -> Vec<Block> {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.is_empty() || text.ends_with("\n\n"), "{text:?}");
    let block = |block: &str| {
        let (id, data) = match block.split_once('\n') {
            Some((id, data)) => (Some(id.strip_prefix("id: ").unwrap().parse().unwrap()), data),
            None => (None, block),
        };
        Block { id, data: data.strip_prefix("data: ").unwrap().to_owned() }
    };
    text.split_terminator("\n\n").map(block).collect()
}

/// A whole stream, event by event.
pub(super) fn events(way: Way, frames: &[Frame]) -> Vec<(Option<u64>, String)> {
    blocks(&spoken(way, frames).0).into_iter().map(|block| (block.id, block.data)).collect()
}

/// Numbers that are the same in every run. (Marsaglia, "Xorshift RNGs".)
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// Anything that a stream may say, and more.
    pub(super) fn said(&mut self) -> Said {
        let text =
            self.one(&["", "a", "two\n\nlines\r", "id: 1\ndata: x", "\u{2028}\u{0}\"\\", "é😀"]).to_owned();
        let value = self.one(&[
            json!(null),
            json!("text\n"),
            json!({"a": [1, {"b": "\r\n"}]}),
            json!(1.5),
            json!([]),
        ]);
        let id = self.one(&["a", "b", "c"]).to_owned();
        let flag = self.below(2) == 0;
        match self.below(10) {
            0 => Said::Start { stream_id: id, message_id: text.clone(), model: text },
            1..=3 => Said::Chunk { data: text },
            4 | 5 => Said::ToolUse { id, name: text, input: value, client: flag },
            6 | 7 => Said::ToolResult { id, name: text, output: value, is_error: flag },
            8 if flag => Said::Usage { input_tokens: u64::MAX, output_tokens: 1, estimated: flag },
            8 => Said::Error { code: id, message: text, retryable: flag },
            _ => Said::End { sk: flag.then_some(id), finish_reason: text },
        }
    }
}
