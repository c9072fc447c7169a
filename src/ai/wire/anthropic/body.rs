//! The body of a request to Anthropic's Messages.
//!
//! Messages take turns and a user's comes first, so those of the same side become one; the results of tools stand before
//! anything else in it. Texts that are blank are left out: they are refused.

use appengine_actors::session::stream::model::{Message, Prompt, Tool};
use serde_json::{Value, json};

use crate::ai::wire::names::Names;
use crate::ai::wire::parts;

/// Tokens of an answer at most where nobody says: the provider wants to be told.
const MOST_TOKENS: u32 = 4096;
/// Letters of a call's id at most. The provider's own have 30; it says nothing of a bound.
const MOST_ID: usize = 128;
/// What a conversation begins with that begins with the model's words.
const BEGIN: &str = "(You speak first.)";

/// The body that asks for a streamed answer.
pub fn body(prompt: &Prompt, model: &str) -> Value {
    let names = Names::of(prompt);
    let mut body = json!({
        "model": model,
        "max_tokens": prompt.max_tokens.unwrap_or(MOST_TOKENS),
        "messages": messages(&prompt.messages, &names),
        "stream": true,
    });
    if !is_blank(&prompt.system) {
        body["system"] = prompt.system.as_str().into();
    }
    if !prompt.tools.is_empty() {
        body["tools"] = prompt.tools.iter().map(|said| tool(said, &names)).collect();
    } else if let tools @ [_, ..] = used(&prompt.messages, &names).as_slice() {
        // Calls are refused in a prompt without tools, so those are named that may not be used again.
        body["tools"] = tools.into();
        body["tool_choice"] = json!({"type": "none"});
    }
    if let Some(temperature) = parts::temperature(prompt.temperature, 1.0) {
        body["temperature"] = temperature.into();
    }
    body
}

fn tool(tool: &Tool, names: &Names) -> Value {
    json!({
        "name": names.wire(&tool.name),
        "description": tool.description,
        "input_schema": parts::schema(&tool.schema),
    })
}

/// The tools that were used, each once.
fn used(messages: &[Message], names: &Names) -> Vec<Value> {
    let mut used: Vec<&str> = Vec::new();
    for message in messages {
        let Message::Assistant { calls, .. } = message else { continue };
        for call in calls {
            let name = names.wire(&call.name);
            if !used.contains(&name) {
                used.push(name);
            }
        }
    }
    used.into_iter().map(|name| json!({"name": name, "input_schema": parts::schema(&Value::Null)})).collect()
}

/// One side's turn.
struct Turn {
    is_users: bool,
    /// The results of tools, which stand first.
    results: Vec<Value>,
    blocks: Vec<Value>,
}

fn messages(messages: &[Message], names: &Names) -> Vec<Value> {
    let mut turns: Vec<Turn> = Vec::new();
    for message in messages {
        let turn = turn(message, names);
        match turns.last_mut() {
            _ if turn.results.is_empty() && turn.blocks.is_empty() => {}
            Some(last) if last.is_users == turn.is_users => {
                last.results.extend(turn.results);
                last.blocks.extend(turn.blocks);
            }
            _ => turns.push(turn),
        }
    }
    if turns.first().is_some_and(|first| !first.is_users) {
        turns.insert(0, Turn { is_users: true, results: Vec::new(), blocks: vec![text(BEGIN)] });
    }
    let written = turns.into_iter().map(|turn| {
        let content: Vec<_> = turn.results.into_iter().chain(turn.blocks).collect();
        json!({"role": if turn.is_users { "user" } else { "assistant" }, "content": content})
    });
    written.collect()
}

fn turn(message: &Message, names: &Names) -> Turn {
    let words = |words: &str| (!is_blank(words)).then(|| text(words));
    let mut turn = Turn { is_users: true, results: Vec::new(), blocks: Vec::new() };
    match message {
        Message::User { text, images } => {
            turn.blocks.extend(images.iter().map(|address| image(address)));
            turn.blocks.extend(words(text));
        }
        Message::Assistant { text, calls } => {
            turn.is_users = false;
            turn.blocks.extend(words(text));
            turn.blocks.extend(calls.iter().map(|call| {
                json!({
                    "type": "tool_use",
                    "id": parts::call_id(&call.id, MOST_ID),
                    "name": names.wire(&call.name),
                    "input": parts::arguments(&call.input),
                })
            }));
        }
        Message::Tool { id, name: _, output, is_error } => {
            let mut result = json!({"type": "tool_result", "tool_use_id": parts::call_id(id, MOST_ID)});
            let output = parts::output(output);
            if !is_blank(&output) {
                result["content"] = output.into();
            }
            if *is_error {
                result["is_error"] = true.into();
            }
            turn.results.push(result);
        }
    }
    turn
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn image(address: &str) -> Value {
    let source = match parts::inline(address) {
        Some((kind, data)) => json!({"type": "base64", "media_type": kind, "data": data}),
        None => json!({"type": "url", "url": address}),
    };
    json!({"type": "image", "source": source})
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}
