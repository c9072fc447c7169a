//! Frames as they are (contract §14): the JSON of what is said, in which `event` repeats `type` for readers that look
//! for that. Each frame is one event, so this way has nothing to remember.

use appengine_actors::session::stream::frame::{Frame, Said};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::block;

pub(super) fn say(frame: &Frame, into: &mut Vec<u8>) {
    block::last(into, frame.number, &Told(&frame.said));
}

struct Told<'a>(&'a Said);

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.0.name())?;
        map.serialize_entry("event", self.0.name())?;
        match self.0 {
            Said::Start { stream_id, message_id, model } => {
                map.serialize_entry("streamId", stream_id)?;
                map.serialize_entry("messageId", message_id)?;
                map.serialize_entry("model", model)?;
            }
            Said::Chunk { data } => map.serialize_entry("data", data)?,
            Said::ToolUse { id, name, input, client } => {
                map.serialize_entry("id", id)?;
                map.serialize_entry("name", name)?;
                map.serialize_entry("input", input)?;
                map.serialize_entry("client", client)?;
            }
            Said::ToolResult { id, name, output, is_error } => {
                map.serialize_entry("id", id)?;
                map.serialize_entry("name", name)?;
                map.serialize_entry("output", output)?;
                map.serialize_entry("isError", is_error)?;
            }
            Said::Usage { input_tokens, output_tokens, estimated } => {
                map.serialize_entry("inputTokens", input_tokens)?;
                map.serialize_entry("outputTokens", output_tokens)?;
                map.serialize_entry("estimated", estimated)?;
            }
            Said::End { sk, finish_reason } => {
                map.serialize_entry("sk", sk)?;
                map.serialize_entry("finishReason", finish_reason)?;
            }
            Said::Error { code, message, retryable } => {
                map.serialize_entry("code", code)?;
                map.serialize_entry("message", message)?;
                map.serialize_entry("retryable", retryable)?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::ai::speak::Way;
    use crate::ai::speak::testing::{Random, blocks, error, frames, rich, said, spoken};

    #[test]
    fn frames_are_told_as_they_are() {
        let (bytes, _) = spoken(Way::Plain, &rich());
        let wanted = [
            r#"{"type":"start","event":"start","streamId":"s1","messageId":"m1","model":"gpt-x"}"#,
            r#"{"type":"chunk","event":"chunk","data":"Let me "}"#,
            r#"{"type":"chunk","event":"chunk","data":"look.\n"}"#,
            r#"{"type":"tool_use","event":"tool_use","id":"c1","name":"server.memory.retrieve","input":{"key":"name"},"client":false}"#,
            r#"{"type":"tool_result","event":"tool_result","id":"c1","name":"server.memory.retrieve","output":{"value":"Ann"},"isError":false}"#,
            r#"{"type":"chunk","event":"chunk","data":"And "}"#,
            r#"{"type":"tool_use","event":"tool_use","id":"c2","name":"pick","input":{"of":["a","b"]},"client":true}"#,
            r#"{"type":"tool_use","event":"tool_use","id":"c3","name":"server.notification.send","input":"not json","client":false}"#,
            r#"{"type":"tool_result","event":"tool_result","id":"c3","name":"server.notification.send","output":{"error":"no such user"},"isError":true}"#,
            r#"{"type":"tool_result","event":"tool_result","id":"c2","name":"pick","output":"a","isError":false}"#,
            r#"{"type":"chunk","event":"chunk","data":"Hello "}"#,
            r#"{"type":"chunk","event":"chunk","data":"Ann"}"#,
            r#"{"type":"usage","event":"usage","inputTokens":12,"outputTokens":34,"estimated":false}"#,
            r#"{"type":"end","event":"end","sk":"chat_message|9","finishReason":"stop"}"#,
        ];
        let wanted: String =
            (1..).zip(wanted).map(|(id, data)| format!("id: {id}\ndata: {data}\n\n")).collect();
        assert_eq!(String::from_utf8(bytes).unwrap(), wanted);
    }

    #[test]
    fn the_last_is_told_as_it_is() {
        let table = [
            (
                said(json!({"type": "end", "sk": null, "finishReason": "stopped"})),
                r#"{"type":"end","event":"end","sk":null,"finishReason":"stopped"}"#,
            ),
            (
                error(),
                r#"{"type":"error","event":"error","code":"provider_unavailable","message":"the provider is overloaded","retryable":true}"#,
            ),
        ];
        for (said, data) in table {
            let (bytes, _) = spoken(Way::Plain, &frames(vec![said]));
            assert_eq!(String::from_utf8(bytes).unwrap(), format!("id: 1\ndata: {data}\n\n"));
        }
    }

    #[test]
    fn nothing_is_left_out_or_renamed() {
        let mut random = Random(9);
        let frames = frames((0..200).map(|_| random.said()).collect());
        let (bytes, _) = spoken(Way::Plain, &frames);
        for (frame, block) in frames.iter().zip(blocks(&bytes)) {
            let mut wanted = serde_json::to_value(&*frame.said).unwrap();
            wanted["event"] = json!(frame.said.name());
            assert_eq!(serde_json::from_str::<Value>(&block.data).unwrap(), wanted);
        }
    }
}
