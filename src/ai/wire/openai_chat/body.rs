//! The body of a request to Chat Completions.
//!
//! **Tokens at most** are `max_completion_tokens` for OpenAI's reasoning models (`o1`, `o3`, `gpt-5` …), which refuse
//! `max_tokens`, and `max_tokens` for all others: OpenAI still takes it for them, and servers such as Ollama (its issue
//! 7125), older llama.cpp and older vLLM know nothing else, and would write on without an end or refuse.

use appengine_actors::session::stream::model::{Message, Prompt, ToolCall};
use serde_json::{Value, json};

use crate::ai::wire::names::Names;
use crate::ai::wire::parts;

/// The body that asks for a streamed answer.
pub fn body(prompt: &Prompt, model: &str) -> Value {
    let names = Names::of(prompt);
    let system = Some(prompt.system.as_str()).filter(|system| !system.is_empty());
    let system = system.map(|system| json!({"role": "system", "content": system}));
    let said = prompt.messages.iter().map(|said| message(said, &names));
    let mut body = json!({
        "model": model,
        "messages": system.into_iter().chain(said).collect::<Vec<_>>(),
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    if !prompt.tools.is_empty() {
        let tools = prompt.tools.iter().map(|tool| {
            let function = json!({
                "name": names.wire(&tool.name),
                "description": tool.description,
                "parameters": parts::schema(&tool.schema),
            });
            json!({"type": "function", "function": function})
        });
        body["tools"] = tools.collect();
    }
    if let Some(temperature) = parts::temperature(prompt.temperature, 2.0) {
        body["temperature"] = temperature.into();
    }
    if let Some(most) = prompt.max_tokens {
        body[limit(model)] = most.into();
    }
    body
}

fn message(said: &Message, names: &Names) -> Value {
    match said {
        Message::User { text, images } if images.is_empty() => json!({"role": "user", "content": text}),
        Message::User { text, images } => {
            let text = Some(text).filter(|text| !text.is_empty());
            let text = text.map(|text| json!({"type": "text", "text": text}));
            let images = images.iter().map(|url| json!({"type": "image_url", "image_url": {"url": url}}));
            json!({"role": "user", "content": text.into_iter().chain(images).collect::<Vec<_>>()})
        }
        Message::Assistant { text, calls } if calls.is_empty() => {
            json!({"role": "assistant", "content": text})
        }
        Message::Assistant { text, calls } => {
            let content = if text.is_empty() { Value::Null } else { text.as_str().into() };
            let calls: Vec<_> = calls.iter().map(|made| call(made, names)).collect();
            json!({"role": "assistant", "content": content, "tool_calls": calls})
        }
        Message::Tool { id, name: _, output, is_error } => {
            json!({"role": "tool", "tool_call_id": id, "content": parts::outcome(output, *is_error)})
        }
    }
}

fn call(made: &ToolCall, names: &Names) -> Value {
    let arguments = parts::arguments(&made.input).to_string();
    let function = json!({"name": names.wire(&made.name), "arguments": arguments});
    json!({"id": made.id, "type": "function", "function": function})
}

/// What the tokens at most are called for a model. Its owner may stand before its name, or that it was tuned. Azure calls
/// GPT 3.5 `gpt-35`.
pub fn limit(model: &str) -> &'static str {
    let name = model.rsplit('/').next().unwrap_or(model);
    let name = name.strip_prefix("ft:").unwrap_or(name);
    let begins_with_digit = |text: &str| text.starts_with(|letter: char| letter.is_ascii_digit());
    let is_reasoning = if let Some(version) = name.strip_prefix("gpt-") {
        let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().is_ok_and(|version| (5..30).contains(&version))
    } else {
        name.strip_prefix('o').is_some_and(begins_with_digit)
    };
    if is_reasoning { "max_completion_tokens" } else { "max_tokens" }
}
