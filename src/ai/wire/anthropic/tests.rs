use appengine_actors::session::stream::model::Message;
use serde_json::json;

use super::*;
use crate::ai::wire::testing::{
    call, called, endures_anything, failed, full, prompt, text, tool, user, whole,
};

/// A stream of these data, with their types as names.
fn stream(data: &[&str]) -> String {
    let event = |data: &&str| {
        let parsed: Value = serde_json::from_str(data).unwrap_or_default();
        let name = parsed["type"].as_str().map(|name| format!("event: {name}\n")).unwrap_or_default();
        format!("{name}data: {data}\n\n")
    };
    data.iter().map(event).collect()
}

const START: &str = r#"{"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant","content":[],"model":"claude-sonnet-4-5-20250929","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":100,"cache_read_input_tokens":1000,"cache_creation":{"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":0},"output_tokens":1,"service_tier":"standard"}}}"#;
const TEXT: &str = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
const HELLO: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grü"}}"#;
const WORLD: &str =
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"ße 🦀\n"}}"#;
const TEXT_STOP: &str = r#"{"type":"content_block_stop","index":0}"#;
const PING: &str = r#"{"type":"ping"}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

fn delta(reason: &str) -> String {
    format!(
        r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}","stop_sequence":null}},"usage":{{"output_tokens":15}}}}"#
    )
}

fn read(data: &[&str]) -> Vec<Piece> {
    whole(&Messages, &full(), &stream(data))
}

fn begun() -> Vec<Piece> {
    vec![Piece::Model("claude-sonnet-4-5-20250929".to_owned()), usage(1125, 1)]
}

const fn usage(input: u64, output: u64) -> Piece {
    Piece::Usage { input, output }
}

#[test]
fn words_are_read() {
    let pieces = read(&[START, TEXT, PING, HELLO, WORLD, TEXT_STOP, &delta("end_turn"), STOP]);
    let mut expected = begun();
    expected.extend([text("Grü"), text("ße 🦀\n"), usage(1125, 15), Piece::Finish(Finish::Stop)]);
    assert_eq!(pieces, expected);
}

#[test]
fn calls_are_read_whole_and_by_our_names() {
    let pieces = read(&[
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}"#,
        TEXT_STOP,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_01","name":"server__memory__store","input":{}}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"key\": \"a"}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"\"}"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"query\":\"x\"}"}}"#,
        r#"{"type":"content_block_stop","index":2}"#,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_02","name":"look","input":{}}}"#,
        r#"{"type":"content_block_stop","index":3}"#,
        &delta("tool_use"),
        STOP,
    ]);
    let mut expected = begun();
    let store = called("toolu_01", "server.memory.store", json!({"key": "a"}));
    expected.extend([
        usage(1125, 15),
        store,
        called("toolu_02", "look", json!({})),
        Piece::Finish(Finish::ToolCalls),
    ]);
    assert_eq!(pieces, expected);
}

#[test]
fn ends_of_all_kinds_are_read() {
    let table = [
        ("end_turn", Finish::Stop),
        ("stop_sequence", Finish::Stop),
        ("max_tokens", Finish::Length),
        ("model_context_window_exceeded", Finish::Length),
        ("refusal", Finish::ContentFilter),
        ("pause_turn", Finish::Other),
        ("something_new", Finish::Other),
        ("tool_use", Finish::Other),
    ];
    for (reason, finish) in table {
        let pieces = read(&[START, TEXT, HELLO, TEXT_STOP, &delta(reason), STOP]);
        assert_eq!(pieces.last(), Some(&Piece::Finish(finish)), "{reason}");
    }
    let cut = r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_01","name":"look","input":{}}}"#;
    let pieces = read(&[
        START,
        cut,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"x"}}"#,
        &delta("max_tokens"),
        STOP,
    ]);
    assert_eq!(pieces[2..], [usage(1125, 15), Piece::Finish(Finish::Length)]);
}

#[test]
fn compatible_servers_are_understood() {
    let calls = Piece::Finish(Finish::ToolCalls);
    let whole_call = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"look","input":{"x":1}}}"#;
    let look = || called("t", "look", json!({"x": 1}));
    let table: Vec<(&str, Vec<&str>, Vec<Piece>)> = vec![
        ("all of a call at once, and no reason", vec![whole_call, STOP], vec![look(), calls.clone()]),
        (
            "counts at the end only, and nothing behind",
            vec![
                r#"{"type":"message_start","message":{"model":"m"}}"#,
                whole_call,
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":7,"output_tokens":3}}"#,
            ],
            vec![Piece::Model("m".to_owned()), usage(7, 3), look(), calls],
        ),
        (
            "words at once, and counts on the way",
            vec![
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":2}}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#,
                r#"{"type":"new_event","delta":"?","message":1}"#,
                STOP,
                STOP,
                HELLO,
                "nonsense",
            ],
            vec![text("a"), usage(0, 2), Piece::Finish(Finish::Stop)],
        ),
    ];
    for (name, data, pieces) in table {
        assert_eq!(read(&data), pieces, "{name}");
    }
    let nameless = "event: content_block_delta\ndata: {\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\nevent: message_stop\ndata: {}\n\n";
    assert_eq!(whole(&Messages, &prompt(), nameless), [text("a"), Piece::Finish(Finish::Other)]);
}

#[test]
fn errors_end_a_stream() {
    let table = [
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#,
            "provider_unavailable",
            true,
        ),
        (
            r#"{"type":"error","error":{"type":"api_error","message":"Internal"}}"#,
            "provider_unavailable",
            true,
        ),
        (
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}"#,
            "provider_rate_limited",
            true,
        ),
        (
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"no"}}"#,
            "provider_refused",
            false,
        ),
        (r#"{"type":"error"}"#, "provider_unavailable", true),
        (r#"{"type":"content_block_delta","delta":7}"#, "stream_unreadable", true),
        ("{", "stream_unreadable", true),
    ];
    for (data, code, retryable) in table {
        let (pieces, error) = failed(&Messages, &prompt(), &stream(&[START, TEXT, HELLO, data, STOP]));
        assert_eq!((error.code, error.retryable), (code, retryable), "{data}");
        assert_eq!(pieces[2..], [text("Grü")], "{data}");
    }
    for broken in [stream(&[START, TEXT, HELLO]), stream(&[STOP]), stream(&[PING]), String::new()] {
        assert_eq!(failed(&Messages, &prompt(), &broken).1.code, "stream_broken", "{broken}");
    }
}

#[test]
fn anything_is_endured() {
    let mut words = vec![
        "type",
        "index",
        "message",
        "content_block",
        "delta",
        "usage",
        "model",
        "text",
        "id",
        "name",
        "input",
        "tool_use",
        "text_delta",
        "input_json_delta",
        "partial_json",
        "stop_reason",
        "end_turn",
        "output_tokens",
        "{}",
    ];
    words.extend(TYPES);
    endures_anything(&Messages, &full(), &words);
}

#[test]
fn prompts_are_written() {
    let words = |text: &str| json!({"type": "text", "text": text});
    let expected = json!({
        "model": "claude-sonnet-4-5",
        "max_tokens": 100,
        "messages": [
            {"role": "user", "content": [
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                words("What is it?"),
            ]},
            {"role": "assistant", "content": [
                words("Let me see."),
                {"type": "tool_use", "id": "c1", "name": "server__memory__store", "input": {"key": "a"}},
                {"type": "tool_use", "id": "c2", "name": "look", "input": {"input": "{oops"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": r#"{"ok":true}"#},
                {"type": "tool_result", "tool_use_id": "c2", "content": "no such thing", "is_error": true},
            ]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c3", "name": "look", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c3", "content": "seen"}]},
            {"role": "assistant", "content": [words("A picture.")]},
            {"role": "user", "content": [words("Thanks!")]},
        ],
        "stream": true,
        "system": "Be kind.",
        "tools": [
            {"name": "server__memory__store", "description": "Keeps something.", "input_schema": {"type": "object", "properties": {"key": {"type": "string"}}}},
            {"name": "look", "description": "Does something.", "input_schema": {"type": "object", "properties": {}}},
        ],
        "temperature": 1.0,
    });
    assert_eq!(Messages.body(&full(), "claude-sonnet-4-5"), expected);
    let plain = json!({"model": "m", "max_tokens": 4096, "messages": [{"role": "user", "content": [words("hi")]}], "stream": true});
    assert_eq!(Messages.body(&prompt(), "m"), plain);
}

/// Who speaks, and the kinds of what is said.
fn turns(messages: Vec<Message>) -> Vec<String> {
    let body = Messages.body(&Prompt { messages, ..prompt() }, "m");
    let kind = |block: &Value| block["type"].as_str().unwrap().to_owned();
    let turn = |turn: &Value| {
        let kinds: Vec<_> = turn["content"].as_array().unwrap().iter().map(kind).collect();
        format!("{} {}", turn["role"].as_str().unwrap(), kinds.join(","))
    };
    body["messages"].as_array().unwrap().iter().map(turn).collect()
}

#[test]
fn messages_take_turns() {
    let says = |words: &str| Message::Assistant { text: words.to_owned(), calls: Vec::new() };
    let calls = |id: &str| Message::Assistant { text: String::new(), calls: vec![call(id, "look", "{}")] };
    let result = |id: &str| Message::Tool {
        id: id.to_owned(),
        name: "look".to_owned(),
        output: json!(""),
        is_error: false,
    };
    let table = [
        (vec![user("a"), user("b"), says("c"), says("d")], vec!["user text,text", "assistant text,text"]),
        (vec![says("a"), user("b")], vec!["user text", "assistant text", "user text"]),
        (vec![user("a"), says(" \n"), user("b")], vec!["user text,text"]),
        (
            vec![user("a"), calls("1"), user("b"), result("1")],
            vec!["user text", "assistant tool_use", "user tool_result,text"],
        ),
        (
            vec![user("a"), calls("1"), calls("2"), result("1"), result("2"), user("b")],
            vec!["user text", "assistant tool_use,tool_use", "user tool_result,tool_result,text"],
        ),
        (vec![user("")], vec![]),
    ];
    for (messages, expected) in table {
        assert_eq!(turns(messages.clone()), expected, "{messages:?}");
    }
}

#[test]
fn calls_without_tools_are_named_and_not_allowed() {
    let mut prompt = Prompt { tools: Vec::new(), ..full() };
    let body = Messages.body(&prompt, "m");
    let schema = json!({"type": "object", "properties": {}});
    let named = json!([
        {"name": "server__memory__store", "input_schema": schema},
        {"name": "look", "input_schema": schema},
    ]);
    assert_eq!((&body["tools"], &body["tool_choice"]), (&named, &json!({"type": "none"})));
    prompt.tools = vec![tool("other")];
    let body = Messages.body(&prompt, "m");
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert!(body.get("tool_choice").is_none());
}

#[test]
fn ids_of_other_providers_are_made_fit() {
    let messages = vec![
        user("hi"),
        Message::Assistant { text: String::new(), calls: vec![call("functions.look:0", "look", "{}")] },
        Message::Tool {
            id: "functions.look:0".to_owned(),
            name: "look".to_owned(),
            output: json!(1),
            is_error: false,
        },
    ];
    let body = Messages.body(&Prompt { messages, ..prompt() }, "m");
    let id = body["messages"][1]["content"][0]["id"].as_str().unwrap();
    assert!(id.starts_with("call_"), "{id}");
    assert_eq!(body["messages"][2]["content"][0]["tool_use_id"], id);
}
