//! The body of a request to Responses.
//!
//! Nothing is kept there (`store: false`): the prompt holds all that was said. Tools are not `strict`, which is the
//! default here, since that takes only some schemas.

use appengine_actors::session::stream::model::{Message, Prompt};
use serde_json::{Value, json};

use crate::ai::wire::names::Names;
use crate::ai::wire::parts;

/// Letters of a call's id at most.
pub const MOST_ID: usize = 64;

/// The body that asks for a streamed answer.
pub fn body(prompt: &Prompt, model: &str) -> Value {
    let names = Names::of(prompt);
    let input: Vec<_> = prompt.messages.iter().flat_map(|said| items(said, &names)).collect();
    let mut body = json!({"model": model, "input": input, "stream": true, "store": false});
    if !prompt.system.is_empty() {
        body["instructions"] = prompt.system.as_str().into();
    }
    if !prompt.tools.is_empty() {
        let tools = prompt.tools.iter().map(|tool| {
            json!({
                "type": "function",
                "name": names.wire(&tool.name),
                "description": tool.description,
                "parameters": parts::schema(&tool.schema),
                "strict": false,
            })
        });
        body["tools"] = tools.collect();
    }
    if let Some(temperature) = parts::temperature(prompt.temperature, 2.0) {
        body["temperature"] = temperature.into();
    }
    if let Some(most) = prompt.max_tokens {
        body["max_output_tokens"] = most.into();
    }
    body
}

/// What was said, as items: an assistant's words and each of its calls are items of their own.
fn items(said: &Message, names: &Names) -> Vec<Value> {
    match said {
        Message::User { text, images } if images.is_empty() => vec![json!({"role": "user", "content": text})],
        Message::User { text, images } => {
            let text = Some(text).filter(|text| !text.is_empty());
            let text = text.map(|text| json!({"type": "input_text", "text": text}));
            let images =
                images.iter().map(|url| json!({"type": "input_image", "image_url": url, "detail": "auto"}));
            vec![json!({"role": "user", "content": text.into_iter().chain(images).collect::<Vec<_>>()})]
        }
        Message::Assistant { text, calls } => {
            let text = Some(text).filter(|text| !text.is_empty() || calls.is_empty());
            let text = text.map(|text| json!({"role": "assistant", "content": text}));
            let calls = calls.iter().map(|call| {
                json!({
                    "type": "function_call",
                    "call_id": parts::call_id(&call.id, MOST_ID),
                    "name": names.wire(&call.name),
                    "arguments": parts::arguments(&call.input).to_string(),
                })
            });
            text.into_iter().chain(calls).collect()
        }
        Message::Tool { id, name: _, output, is_error } => vec![json!({
            "type": "function_call_output",
            "call_id": parts::call_id(id, MOST_ID),
            "output": parts::outcome(output, *is_error),
        })],
    }
}
