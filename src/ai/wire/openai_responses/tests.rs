use appengine_actors::session::stream::model::Message;
use serde_json::json;

use super::body::MOST_ID;
use super::*;
use crate::ai::wire::testing::{called, endures_anything, failed, full, prompt, text, user, whole};

/// A stream of these data, with their types as names.
fn stream(data: &[&str]) -> String {
    let event = |data: &&str| {
        let parsed: Value = serde_json::from_str(data).unwrap_or_default();
        let name = parsed["type"].as_str().map(|name| format!("event: {name}\n")).unwrap_or_default();
        format!("{name}data: {data}\n\n")
    };
    data.iter().map(event).collect()
}

const CREATED: &str = r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_67c9","object":"response","created_at":1741290958,"status":"in_progress","error":null,"incomplete_details":null,"instructions":"Be kind.","max_output_tokens":null,"model":"gpt-4o-2024-08-06","output":[],"parallel_tool_calls":true,"reasoning":{"effort":null,"summary":null},"store":false,"temperature":1.0,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"usage":null,"user":null,"metadata":{}}}"#;
const IN_PROGRESS: &str = r#"{"type":"response.in_progress","sequence_number":1,"response":{"id":"resp_67c9","object":"response","status":"in_progress","model":"gpt-4o-2024-08-06","output":[],"usage":null}}"#;

/// The last event, of some status and output.
fn last(status: &str, output: &str, details: &str) -> String {
    format!(
        r#"{{"type":"response.{status}","sequence_number":9,"response":{{"id":"resp_67c9","object":"response","status":"{status}","error":null,"incomplete_details":{details},"model":"gpt-4o-2024-08-06","output":[{output}],"usage":{{"input_tokens":37,"input_tokens_details":{{"cached_tokens":0}},"output_tokens":11,"output_tokens_details":{{"reasoning_tokens":0}},"total_tokens":48}}}}}}"#
    )
}

fn delta(words: &str) -> String {
    format!(
        r#"{{"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_67c9","output_index":0,"content_index":0,"delta":{words},"logprobs":[],"obfuscation":"k9"}}"#
    )
}

fn read(data: &[&str]) -> Vec<Piece> {
    whole(&Responses, &full(), &stream(data))
}

fn model() -> Piece {
    Piece::Model("gpt-4o-2024-08-06".to_owned())
}

const USAGE: Piece = Piece::Usage { input: 37, output: 11 };

#[test]
fn words_are_read() {
    let pieces = read(&[
        CREATED,
        IN_PROGRESS,
        r#"{"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"msg_67c9","type":"message","status":"in_progress","role":"assistant","content":[]}}"#,
        r#"{"type":"response.content_part.added","sequence_number":3,"item_id":"msg_67c9","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"#,
        &delta(r#""Grü""#),
        &delta(r#""ße 🦀\n""#),
        &delta(r#""""#),
        r#"{"type":"response.output_text.done","sequence_number":6,"item_id":"msg_67c9","output_index":0,"content_index":0,"text":"Grüße 🦀\n"}"#,
        r#"{"type":"response.content_part.done","sequence_number":7,"item_id":"msg_67c9","output_index":0,"content_index":0,"part":{"type":"output_text","text":"Grüße 🦀\n","annotations":[]}}"#,
        r#"{"type":"response.output_item.done","sequence_number":8,"output_index":0,"item":{"id":"msg_67c9","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Grüße 🦀\n","annotations":[]}]}}"#,
        &last("completed", r#"{"id":"msg_67c9","type":"message","role":"assistant","content":[]}"#, "null"),
    ]);
    assert_eq!(pieces, [model(), text("Grü"), text("ße 🦀\n"), USAGE, Piece::Finish(Finish::Stop)]);
}

#[test]
fn calls_are_read_whole_and_by_our_names() {
    let pieces = read(&[
        CREATED,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]},"sequence_number":2}"#,
        r#"{"type":"response.output_item.done","output_index":9,"item":{"id":"mcp_1","type":"mcp_call","name":"look","server_label":"x","arguments":"{}","output":"seen"},"sequence_number":2}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"item_id":"rs_1","delta":"hm","sequence_number":2}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"id":"fc_1","type":"function_call","status":"in_progress","call_id":"call_a","name":"server__memory__store","arguments":""},"sequence_number":2}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":1,"delta":"{\"key\":","sequence_number":3}"#,
        r#"{"type":"response.output_item.added","output_index":2,"item":{"id":"fc_2","type":"function_call","status":"in_progress","call_id":"call_b","name":"look","arguments":""},"sequence_number":4}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":1,"delta":"\"a\"}","sequence_number":5}"#,
        r#"{"type":"response.function_call_arguments.done","item_id":"fc_1","output_index":1,"arguments":"{\"key\":\"a\"}","sequence_number":6}"#,
        r#"{"type":"response.output_item.done","output_index":1,"item":{"id":"fc_1","type":"function_call","status":"completed","call_id":"call_a","name":"server__memory__store","arguments":"{\"key\":\"a\"}"},"sequence_number":7}"#,
        r#"{"type":"response.output_item.done","output_index":2,"item":{"id":"fc_2","type":"function_call","status":"completed","call_id":"call_b","name":"look","arguments":"{}"},"sequence_number":8}"#,
        &last(
            "completed",
            r#"{"id":"fc_1","type":"function_call","call_id":"call_a","name":"server__memory__store","arguments":"{\"key\":\"a\"}"},{"id":"fc_2","type":"function_call","call_id":"call_b","name":"look","arguments":"{}"}"#,
            "null",
        ),
    ]);
    let store = called("call_a", "server.memory.store", json!({"key": "a"}));
    let look = called("call_b", "look", json!({}));
    assert_eq!(pieces, [model(), store, look, USAGE, Piece::Finish(Finish::ToolCalls)]);
}

#[test]
fn ends_of_all_kinds_are_read() {
    let words = delta(r#""a""#);
    let refusal = r#"{"type":"response.refusal.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"a"}"#;
    let call = r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"fc_1","type":"function_call","call_id":"call_a","name":"look","arguments":"{\"x\":"}}"#;
    let only_last = last(
        "completed",
        r#"{"id":"fc_1","type":"function_call","call_id":"call_a","name":"look","arguments":"{}"}"#,
        "null",
    );
    let cut = |reason: &str| last("incomplete", "", &format!(r#"{{"reason":"{reason}"}}"#));
    let table = [
        (
            words.as_str(),
            cut("max_output_tokens"),
            vec![text("a"), model(), USAGE, Piece::Finish(Finish::Length)],
        ),
        (
            words.as_str(),
            cut("content_filter"),
            vec![text("a"), model(), USAGE, Piece::Finish(Finish::ContentFilter)],
        ),
        (words.as_str(), cut("other"), vec![text("a"), model(), USAGE, Piece::Finish(Finish::Other)]),
        (
            words.as_str(),
            last("incomplete", "", "null"),
            vec![text("a"), model(), USAGE, Piece::Finish(Finish::Other)],
        ),
        (call, cut("max_output_tokens"), vec![model(), USAGE, Piece::Finish(Finish::Length)]),
        (
            refusal,
            last("completed", "", "null"),
            vec![text("a"), model(), USAGE, Piece::Finish(Finish::Stop)],
        ),
        (
            refusal,
            r#"{"type":"response.completed"}"#.to_owned(),
            vec![text("a"), Piece::Finish(Finish::Stop)],
        ),
        (
            IN_PROGRESS,
            only_last,
            vec![model(), called("call_a", "look", json!({})), USAGE, Piece::Finish(Finish::ToolCalls)],
        ),
    ];
    for (data, end, pieces) in table {
        assert_eq!(
            read(&[data, &end, "[DONE]", r#"{"type":"response.output_text.delta","delta":"late"}"#]),
            pieces,
            "{data} {end}"
        );
    }
}

#[test]
fn what_is_not_known_is_passed_over() {
    let stream = "data: {\"type\":\"keepalive\",\"item\":7,\"response\":[]}\n\nevent: response.output_text.delta\ndata: {\"delta\":\"a\"}\n\ndata:\n\ndata: {\"type\":\"response.completed\"}\n\n";
    assert_eq!(whole(&Responses, &prompt(), stream), [text("a"), Piece::Finish(Finish::Stop)]);
}

#[test]
fn errors_end_a_stream() {
    let words = delta(r#""a""#);
    let table = [
        (
            r#"{"type":"error","code":"server_error","message":"Something went wrong","param":null,"sequence_number":1}"#,
            "provider_unavailable",
            true,
        ),
        (
            r#"{"type":"error","sequence_number":2,"error":{"type":"tokens","code":"rate_limit_exceeded","message":"Rate limit reached","param":null}}"#,
            "provider_rate_limited",
            true,
        ),
        (
            r#"{"type":"error","sequence_number":2,"error":{"type":"service_unavailable_error","code":null,"message":"Please retry."}}"#,
            "provider_unavailable",
            true,
        ),
        (
            r#"{"type":"response.failed","sequence_number":1,"response":{"id":"resp_1","status":"failed","error":{"code":"server_error","message":"no"},"usage":null}}"#,
            "provider_unavailable",
            true,
        ),
        (
            r#"{"type":"response.failed","response":{"id":"resp_1","status":"failed","error":{"code":"invalid_prompt","message":"no"}}}"#,
            "provider_refused",
            false,
        ),
        (r#"{"type":"response.failed","response":{"error":null}}"#, "provider_unavailable", true),
        (r#"{"type":"response.failed"}"#, "provider_unavailable", true),
        (r#"{"type":"response.completed","response":7}"#, "stream_unreadable", true),
        ("{", "stream_unreadable", true),
    ];
    for (data, code, retryable) in table {
        let (pieces, error) = failed(&Responses, &prompt(), &stream(&[CREATED, &words, data]));
        assert_eq!((error.code, error.retryable), (code, retryable), "{data}");
        assert_eq!(pieces, [model(), text("a")], "{data}");
    }
    for broken in [stream(&[CREATED, &words]), stream(&[CREATED, "[DONE]"]), String::new()] {
        assert_eq!(failed(&Responses, &prompt(), &broken).1.code, "stream_broken", "{broken}");
    }
}

#[test]
fn anything_is_endured() {
    let mut words = vec![
        "type",
        "delta",
        "output_index",
        "item",
        "arguments",
        "response",
        "model",
        "output",
        "usage",
        "call_id",
        "name",
        "incomplete_details",
        "reason",
        "error",
        "code",
        "message",
        "function_call",
        "{}",
    ];
    words.extend(TYPES);
    endures_anything(&Responses, &full(), &words);
}

#[test]
fn prompts_are_written() {
    let image = |url: &str| json!({"type": "input_image", "image_url": url, "detail": "auto"});
    let made = |id: &str, name: &str, arguments: &str| json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments});
    let result =
        |id: &str, output: &str| json!({"type": "function_call_output", "call_id": id, "output": output});
    let expected = json!({
        "model": "gpt-5",
        "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "What is it?"},
                image("https://example.com/a.png"),
                image("data:image/png;base64,AAAA"),
            ]},
            {"role": "assistant", "content": "Let me see."},
            made("c1", "server__memory__store", r#"{"key":"a"}"#),
            made("c2", "look", r#"{"input":"{oops"}"#),
            result("c1", r#"{"ok":true}"#),
            result("c2", r#"{"error":"no such thing"}"#),
            made("c3", "look", "{}"),
            result("c3", "seen"),
            {"role": "assistant", "content": "A picture."},
            {"role": "user", "content": "Thanks!"},
        ],
        "stream": true,
        "store": false,
        "instructions": "Be kind.",
        "tools": [
            {"type": "function", "name": "server__memory__store", "description": "Keeps something.", "parameters": {"type": "object", "properties": {"key": {"type": "string"}}}, "strict": false},
            {"type": "function", "name": "look", "description": "Does something.", "parameters": {"type": "object", "properties": {}}, "strict": false},
        ],
        "temperature": 1.5,
        "max_output_tokens": 100,
    });
    assert_eq!(Responses.body(&full(), "gpt-5"), expected);
    let plain =
        json!({"model": "m", "input": [{"role": "user", "content": "hi"}], "stream": true, "store": false});
    assert_eq!(Responses.body(&prompt(), "m"), plain);
}

#[test]
fn ids_of_other_providers_are_made_fit() {
    let long = "functions.look:".to_owned() + &"0".repeat(60);
    let call = crate::ai::wire::testing::call(&long, "look", "{}");
    let messages = vec![
        user("hi"),
        Message::Assistant { text: String::new(), calls: vec![call] },
        Message::Tool { id: long, name: "look".to_owned(), output: Value::Null, is_error: false },
    ];
    let body = Responses.body(&Prompt { messages, ..prompt() }, "m");
    let id = body["input"][1]["call_id"].as_str().unwrap();
    assert!(id.starts_with("call_") && id.len() <= MOST_ID, "{id}");
    assert_eq!(body["input"][2]["call_id"], id);
}
