use appengine_actors::session::stream::model::Message;
use serde_json::json;

use super::body::limit;
use super::*;
use crate::ai::wire::testing::{
    call, called, endures_anything, failed, full, prompt, text, tool, user, whole,
};

/// A stream of these data.
fn stream(data: &[&str]) -> String {
    data.iter().map(|data| format!("data: {data}\n\n")).collect()
}

/// A chunk as OpenAI writes it.
fn chunk(delta: &str, finish: &str) -> String {
    format!(
        r#"{{"id":"chatcmpl-9lLF","object":"chat.completion.chunk","created":1719000000,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_1","choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}],"usage":null,"obfuscation":"x7"}}"#
    )
}

const USAGE: &str = r#"{"id":"chatcmpl-9lLF","object":"chat.completion.chunk","created":1719000000,"model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}"#;

fn read(data: &[&str]) -> Vec<Piece> {
    whole(&Chat, &full(), &stream(data))
}

fn model() -> Piece {
    Piece::Model("gpt-4o-2024-08-06".to_owned())
}

const fn usage(input: u64, output: u64) -> Piece {
    Piece::Usage { input, output }
}

#[test]
fn words_are_read() {
    let pieces = read(&[
        &chunk(r#"{"role":"assistant","content":"","refusal":null}"#, "null"),
        &chunk(r#"{"content":"Grü"}"#, "null"),
        &chunk(r#"{"content":"ße,\n\"🦀\""}"#, "null"),
        &chunk("{}", r#""stop""#),
        USAGE,
        "[DONE]",
    ]);
    assert_eq!(
        pieces,
        [model(), text("Grü"), text("ße,\n\"🦀\""), usage(19, 10), Piece::Finish(Finish::Stop)]
    );
}

#[test]
fn calls_are_read_whole_and_by_our_names() {
    let pieces = read(&[
        &chunk(
            r#"{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"server__memory__store","arguments":""}}],"refusal":null}"#,
            "null",
        ),
        &chunk(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"key\":"}}]}"#, "null"),
        &chunk(r#"{"tool_calls":[{"index":0,"function":{"arguments":"\"a\"}"}}]}"#, "null"),
        &chunk(
            r#"{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"look","arguments":""}}]}"#,
            "null",
        ),
        &chunk("{}", r#""tool_calls""#),
        USAGE,
        "[DONE]",
    ]);
    let store = called("call_a", "server.memory.store", json!({"key": "a"}));
    let look = called("call_b", "look", json!({}));
    assert_eq!(pieces, [model(), store, look, usage(19, 10), Piece::Finish(Finish::ToolCalls)]);
}

#[test]
fn compatible_servers_are_understood() {
    let look = |id: &str| called(id, "look", json!({"x": 1}));
    let calls = Piece::Finish(Finish::ToolCalls);
    let stop = Piece::Finish(Finish::Stop);
    let generated = called("call_07c59007b48eaba5_0", "look", json!({"x": 1}));
    let table: Vec<(&str, Vec<&str>, Vec<Piece>)> = vec![
        (
            "Ollama: whole calls, and the finish `stop`",
            vec![
                r#"{"id":"chatcmpl-1","model":"qwen3","choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":[{"id":"call_x","index":0,"type":"function","function":{"name":"look","arguments":"{\"x\":1}"}}]},"finish_reason":null}]}"#,
                r#"{"id":"chatcmpl-1","model":"qwen3","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}"#,
                "[DONE]",
            ],
            vec![Piece::Model("qwen3".to_owned()), look("call_x"), calls.clone()],
        ),
        (
            "no index, no id, an object for arguments, nothing at the end",
            vec![
                r#"{"choices":[{"delta":{"tool_calls":[{"id":"","function":{"name":"look","arguments":{"x":1}}}]},"finish_reason":"tool_calls"}]}"#,
            ],
            vec![generated, calls.clone()],
        ),
        (
            "the same index twice",
            vec![
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"look","arguments":"{\"x\":1}"}}]}}]}"#,
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"look","arguments":"{\"x\":1}"}}]},"finish_reason":"stop"}]}"#,
                "[DONE]",
            ],
            vec![look("a"), look("b"), calls.clone()],
        ),
        (
            "vLLM: usage with every chunk, and `choices` that are null",
            vec![
                r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null,"stop_reason":null}],"usage":{"prompt_tokens":5,"total_tokens":6,"completion_tokens":1}}"#,
                r#"{"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop","stop_reason":null}],"usage":{"prompt_tokens":5,"completion_tokens":2}}"#,
                r#"{"choices":null,"usage":{"prompt_tokens":5,"completion_tokens":2}}"#,
                "[DONE]",
            ],
            vec![text("a"), text("b"), usage(5, 2), stop.clone()],
        ),
        (
            "usage with the finish, and no [DONE]",
            vec![
                r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":"5","completion_tokens":2.0}}"#,
            ],
            vec![text("a"), usage(5, 2), stop.clone()],
        ),
        (
            "Azure: filters first, without a model",
            vec![
                r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}"#,
                r#"{"choices":[{"content_filter_results":{},"delta":{"content":"a"},"finish_reason":null,"index":0}],"model":"gpt-4o"}"#,
                r#"{"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"content_filter","index":0}],"model":"gpt-4o"}"#,
                "[DONE]",
            ],
            vec![Piece::Model("gpt-4o".to_owned()), text("a"), Piece::Finish(Finish::ContentFilter)],
        ),
        (
            "words as a list, thoughts beside them, other choices",
            vec![
                r#"{"choices":[{"index":0,"delta":{"reasoning_content":"hm","content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"}]}},{"index":1,"delta":{"content":"no"},"finish_reason":"stop"}],"error":null}"#,
                r#"{"choices":[{"index":0,"delta":null,"finish_reason":"eos"}]}"#,
                "",
                "[DONE]",
            ],
            vec![text("a"), Piece::Finish(Finish::Other)],
        ),
        (
            "no finish, but [DONE]",
            vec![r#"{"choices":[{"delta":{"content":"a"}}]}"#, "[DONE]"],
            vec![text("a"), Piece::Finish(Finish::Other)],
        ),
        (
            "a refusal",
            vec![
                r#"{"choices":[{"delta":{"refusal":"I will not."}}]}"#,
                r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
                "[DONE]",
            ],
            vec![text("I will not."), stop.clone()],
        ),
        (
            "words behind the finish, and more behind the end",
            vec![
                r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
                r#"{"choices":[{"delta":{"content":"a"},"finish_reason":null}]}"#,
                r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
                r#"{"choices":[{"delta":{"content":"b"},"finish_reason":"stop"}]}"#,
                "nonsense",
                "[DONE]",
                "[DONE]",
            ],
            vec![text("a"), usage(1, 1), stop],
        ),
        (
            "no room for the rest of a call",
            vec![
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"look","arguments":"{\"x\":1}"}}]}}]}"#,
                r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"look","arguments":"{\"x"}}]},"finish_reason":"length"}]}"#,
            ],
            vec![look("a"), Piece::Finish(Finish::Length)],
        ),
        (
            "arguments that are no JSON",
            vec![
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"look","arguments":"{x:"}}]},"finish_reason":"tool_calls"}]}"#,
            ],
            vec![called("a", "look", json!("{x:")), calls],
        ),
    ];
    for (name, data, pieces) in table {
        assert_eq!(read(&data), pieces, "{name}");
    }
}

#[test]
fn what_is_between_events_is_nothing() {
    let stream = ": OPENROUTER PROCESSING\n\n: ping\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\nevent: done\ndata: [DONE]\n\n";
    assert_eq!(whole(&Chat, &prompt(), stream), [text("a"), Piece::Finish(Finish::Stop)]);
}

#[test]
fn errors_end_a_stream() {
    let begin = chunk(r#"{"content":"a"}"#, "null");
    let table = [
        (
            r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#,
            "provider_unavailable",
            true,
        ),
        (
            r#"{"error":{"code":429,"message":"slow down"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
            "provider_rate_limited",
            true,
        ),
        (
            r#"{"object":"error","message":"too long","type":"BadRequestError","param":null,"code":400}"#,
            "provider_refused",
            false,
        ),
        (r#"{"error":"out of memory"}"#, "provider_unavailable", true),
        ("{\"choices\":", "stream_unreadable", true),
        (r#"{"choices":"a"}"#, "stream_unreadable", true),
        ("<html>", "stream_unreadable", true),
    ];
    for (data, code, retryable) in table {
        let (pieces, error) = failed(&Chat, &prompt(), &stream(&[&begin, data, "[DONE]"]));
        assert_eq!((error.code, error.retryable), (code, retryable), "{data}");
        assert_eq!(pieces, [model(), text("a")], "{data}");
    }
    let named = format!("data: {begin}\n\nevent: error\ndata: overloaded\n\n");
    assert_eq!(failed(&Chat, &prompt(), &named).1.code, "provider_unavailable");
    for broken in [stream(&[&begin]), stream(&["[DONE]"]), String::new(), "<html></html>\n".to_owned()] {
        assert_eq!(failed(&Chat, &prompt(), &broken).1.code, "stream_broken", "{broken}");
    }
}

#[test]
fn anything_is_endured() {
    let words = [
        "id",
        "object",
        "model",
        "choices",
        "usage",
        "error",
        "index",
        "delta",
        "finish_reason",
        "content",
        "refusal",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "prompt_tokens",
        "stop",
        "length",
        "tool_calls",
        "{}",
        "{\"a\":",
    ];
    endures_anything(&Chat, &full(), &words);
}

#[test]
fn prompts_are_written() {
    let body = Chat.body(&full(), "gpt-4o");
    let image = |url: &str| json!({"type": "image_url", "image_url": {"url": url}});
    let made = |id: &str, name: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
    let expected = json!({
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is it?"},
                image("https://example.com/a.png"),
                image("data:image/png;base64,AAAA"),
            ]},
            {"role": "assistant", "content": "Let me see.", "tool_calls": [
                made("c1", "server__memory__store", r#"{"key":"a"}"#),
                made("c2", "look", r#"{"input":"{oops"}"#),
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": r#"{"ok":true}"#},
            {"role": "tool", "tool_call_id": "c2", "content": r#"{"error":"no such thing"}"#},
            {"role": "assistant", "content": null, "tool_calls": [made("c3", "look", "{}")]},
            {"role": "tool", "tool_call_id": "c3", "content": "seen"},
            {"role": "assistant", "content": "A picture."},
            {"role": "user", "content": "Thanks!"},
        ],
        "stream": true,
        "stream_options": {"include_usage": true},
        "tools": [
            {"type": "function", "function": {"name": "server__memory__store", "description": "Keeps something.", "parameters": {"type": "object", "properties": {"key": {"type": "string"}}}}},
            {"type": "function", "function": {"name": "look", "description": "Does something.", "parameters": {"type": "object", "properties": {}}}},
        ],
        "temperature": 1.5,
        "max_tokens": 100,
    });
    assert_eq!(body, expected);
    assert_eq!(
        Chat.body(&prompt(), "m"),
        json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": true, "stream_options": {"include_usage": true}})
    );
    let picture = Message::User { text: String::new(), images: vec!["https://a".to_owned()] };
    let body = Chat.body(&Prompt { messages: vec![picture], temperature: Some(f64::NAN), ..prompt() }, "m");
    assert_eq!(body["messages"][0]["content"], json!([image("https://a")]));
    assert!(body.get("temperature").is_none());
}

#[test]
fn the_tokens_at_most_have_the_name_that_the_model_wants() {
    let new = [
        "o1",
        "o3-mini",
        "o4-mini-2025-04-16",
        "gpt-5",
        "gpt-5.1",
        "gpt-5-mini",
        "openai/o3",
        "ft:gpt-5:org::id",
        "gpt-6",
    ];
    let old = [
        "gpt-4o",
        "gpt-4.1-mini",
        "gpt-3.5-turbo",
        "gpt-35-turbo-16k",
        "gpt-oss:20b",
        "qwen3",
        "olmo-2",
        "llama3.2:1b",
        "",
        "o",
        "ft:gpt-4o-mini:org::id",
    ];
    for model in new {
        assert_eq!(limit(model), "max_completion_tokens", "{model}");
    }
    for model in old {
        assert_eq!(limit(model), "max_tokens", "{model}");
    }
}

#[test]
fn names_come_back_as_they_went() {
    let ours = ["server.memory.store", "server__memory__store", "größe", "plain"];
    let messages =
        vec![user("hi"), Message::Assistant { text: String::new(), calls: vec![call("1", "gone.by", "{}")] }];
    let prompt = Prompt { tools: ours.map(tool).to_vec(), messages, ..prompt() };
    let body = Chat.body(&prompt, "m");
    for (at, name) in ours.into_iter().enumerate() {
        let wire = &body["tools"][at]["function"]["name"];
        let data = json!({"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "a", "function": {"name": wire, "arguments": ""}}]}, "finish_reason": "tool_calls"}]});
        let pieces = whole(&Chat, &prompt, &stream(&[&data.to_string()]));
        assert_eq!(pieces[0], called("a", name, json!({})), "{wire}");
    }
}
