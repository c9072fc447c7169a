//! What the AI SDK reads, chunk by chunk.

use serde_json::json;

use crate::ai::speak::Way;
use crate::ai::speak::testing::{Random, error, events, frames, rich, said};
use appengine_actors::session::stream::frame::Said;

/// The data of a whole stream.
fn told(all: Vec<Said>) -> Vec<String> {
    events(Way::Ui, &frames(all)).into_iter().map(|(_, data)| data).collect()
}

fn chunk(data: &str) -> Said {
    said(json!({"type": "chunk", "data": data}))
}

fn call(id: &str, client: bool) -> Said {
    said(json!({"type": "tool_use", "id": id, "name": "t", "input": {}, "client": client}))
}

fn came(id: &str) -> Said {
    said(json!({"type": "tool_result", "id": id, "name": "t", "output": 1, "isError": false}))
}

fn end(reason: &str) -> Said {
    said(json!({"type": "end", "sk": null, "finishReason": reason}))
}

/// The types of a whole stream, without the mark at its end.
fn types(all: Vec<Said>) -> Vec<String> {
    let mut told = told(all);
    assert_eq!(told.pop().as_deref(), Some("[DONE]"));
    let name = |data: &String| {
        let chunk: serde_json::Value = serde_json::from_str(data).unwrap();
        chunk["type"].as_str().unwrap().to_owned()
    };
    told.iter().map(name).collect()
}

#[test]
fn a_stream_is_a_ui_message() {
    let wanted = [
        (None, r#"{"type":"start","messageId":"m1","messageMetadata":{"streamId":"s1","model":"gpt-x"}}"#),
        (Some(1), r#"{"type":"start-step"}"#),
        (None, r#"{"type":"text-start","id":"text-2"}"#),
        (Some(2), r#"{"type":"text-delta","id":"text-2","delta":"Let me "}"#),
        (Some(3), r#"{"type":"text-delta","id":"text-2","delta":"look.\n"}"#),
        (None, r#"{"type":"text-end","id":"text-2"}"#),
        (
            None,
            r#"{"type":"tool-input-start","toolCallId":"c1","toolName":"server.memory.retrieve","providerExecuted":true,"dynamic":true}"#,
        ),
        (
            Some(4),
            r#"{"type":"tool-input-available","toolCallId":"c1","toolName":"server.memory.retrieve","input":{"key":"name"},"providerExecuted":true,"dynamic":true}"#,
        ),
        (
            Some(5),
            r#"{"type":"tool-output-available","toolCallId":"c1","output":{"value":"Ann"},"providerExecuted":true,"dynamic":true}"#,
        ),
        (None, r#"{"type":"finish-step"}"#),
        (None, r#"{"type":"start-step"}"#),
        (None, r#"{"type":"text-start","id":"text-6"}"#),
        (Some(6), r#"{"type":"text-delta","id":"text-6","delta":"And "}"#),
        (None, r#"{"type":"text-end","id":"text-6"}"#),
        (None, r#"{"type":"tool-input-start","toolCallId":"c2","toolName":"pick"}"#),
        (
            Some(7),
            r#"{"type":"tool-input-available","toolCallId":"c2","toolName":"pick","input":{"of":["a","b"]}}"#,
        ),
        (
            None,
            r#"{"type":"tool-input-start","toolCallId":"c3","toolName":"server.notification.send","providerExecuted":true,"dynamic":true}"#,
        ),
        (
            Some(8),
            r#"{"type":"tool-input-available","toolCallId":"c3","toolName":"server.notification.send","input":"not json","providerExecuted":true,"dynamic":true}"#,
        ),
        (
            Some(9),
            r#"{"type":"tool-output-error","toolCallId":"c3","errorText":"{\"error\":\"no such user\"}","providerExecuted":true,"dynamic":true}"#,
        ),
        (Some(10), r#"{"type":"tool-output-available","toolCallId":"c2","output":"a"}"#),
        (None, r#"{"type":"finish-step"}"#),
        (None, r#"{"type":"start-step"}"#),
        (None, r#"{"type":"text-start","id":"text-11"}"#),
        (Some(11), r#"{"type":"text-delta","id":"text-11","delta":"Hello "}"#),
        (Some(12), r#"{"type":"text-delta","id":"text-11","delta":"Ann"}"#),
        (
            Some(13),
            r#"{"type":"message-metadata","messageMetadata":{"usage":{"inputTokens":12,"outputTokens":34,"totalTokens":46,"estimated":false}}}"#,
        ),
        (None, r#"{"type":"text-end","id":"text-11"}"#),
        (None, r#"{"type":"finish-step"}"#),
        (Some(14), r#"{"type":"finish","finishReason":"stop"}"#),
        (None, "[DONE]"),
    ];
    let spoken = events(Way::Ui, &rich());
    let spoken: Vec<_> = spoken.iter().map(|(id, data)| (*id, data.as_str())).collect();
    assert_eq!(spoken, wanted);
}

#[test]
fn ends_have_the_sdks_reasons() {
    let table = [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content-filter"),
        ("tool_calls", "tool-calls"),
        ("stopped", "other"),
        ("other", "other"),
        ("", "other"),
    ];
    for (ours, theirs) in table {
        let finish = format!(r#"{{"type":"finish","finishReason":"{theirs}"}}"#);
        let told = told(vec![chunk("a"), end(ours)]);
        assert_eq!(told[2], r#"{"type":"text-end","id":"text-1"}"#);
        let abort = told.contains(&r#"{"type":"abort"}"#.to_owned());
        assert_eq!((abort, &told[told.len() - 2]), (ours == "stopped", &finish), "{ours}");
    }
}

#[test]
fn an_error_ends_the_text_first() {
    let wanted = [
        r#"{"type":"text-start","id":"text-1"}"#,
        r#"{"type":"text-delta","id":"text-1","delta":"a"}"#,
        r#"{"type":"text-end","id":"text-1"}"#,
        r#"{"type":"error","errorText":"the provider is overloaded"}"#,
        r#"{"type":"finish-step"}"#,
        r#"{"type":"finish","finishReason":"error"}"#,
        "[DONE]",
    ];
    assert_eq!(told(vec![chunk("a"), error()]), wanted);
    assert_eq!(told(vec![error()]), wanted[3..]);
}

#[test]
fn a_step_ends_when_all_calls_are_answered() {
    let (input, output) = (["tool-input-start", "tool-input-available"], ["tool-output-available"]);
    let step = ["finish-step", "start-step"];
    let words = ["text-start", "text-delta"];
    let table: [(Vec<Said>, Vec<&str>); 5] = [
        // Two at once, then words.
        (
            vec![call("a", false), call("b", true), came("b"), came("a"), chunk("x")],
            [&input[..], &input, &output, &output, &step, &words].concat(),
        ),
        // One after the other.
        (
            vec![call("a", false), came("a"), call("b", false), came("b")],
            [&input[..], &output, &step, &input, &output].concat(),
        ),
        // Words and a call while another is open belong to the same step.
        (
            vec![
                call("a", false),
                chunk("x"),
                call("b", false),
                came("a"),
                chunk("y"),
                came("b"),
                chunk("z"),
            ],
            [
                &input[..],
                &words,
                &["text-end"],
                &input,
                &output,
                &words,
                &["text-end"],
                &output,
                &step,
                &words,
            ]
            .concat(),
        ),
        // What came of nothing that is open is not said, and changes nothing.
        (
            vec![chunk("x"), came("a"), chunk("y"), call("a", false), came("a"), came("a"), chunk("z")],
            [&words[..], &["text-delta", "text-end"], &input, &output, &step, &words].concat(),
        ),
        // The same id in two steps.
        (
            vec![call("a", true), came("a"), call("a", false), came("a")],
            [&input[..], &output, &step, &input, &output].concat(),
        ),
    ];
    for (all, wanted) in table {
        assert_eq!(types(all.clone()), wanted, "{all:?}");
    }
}

/// What `processUIMessageStream` throws at: words for a text that is not open, what came of a call it does not know.
#[test]
fn the_sdk_can_follow_anything() {
    let mut random = Random(77);
    for _ in 0..500 {
        let all: Vec<_> = (0..random.below(30)).map(|_| random.said()).collect();
        let (mut text, mut texts, mut calls) = (None, Vec::new(), Vec::new());
        for data in told(all.clone()).iter().filter(|data| *data != "[DONE]") {
            let chunk: serde_json::Value = serde_json::from_str(data).unwrap();
            match chunk["type"].as_str().unwrap() {
                "text-start" => {
                    assert_eq!(text.replace(chunk["id"].clone()), None, "{all:?}");
                    assert!(!texts.contains(&chunk["id"]), "{all:?}");
                    texts.push(chunk["id"].clone());
                }
                "text-delta" => assert_eq!(text.as_ref(), Some(&chunk["id"]), "{all:?}"),
                "text-end" => assert_eq!(text.take().as_ref(), Some(&chunk["id"]), "{all:?}"),
                "finish-step" => assert_eq!(text, None, "{all:?}"),
                "tool-input-start" => calls.push((chunk["toolCallId"].clone(), chunk["dynamic"].clone())),
                "tool-output-available" | "tool-output-error" => {
                    let call = (chunk["toolCallId"].clone(), chunk["dynamic"].clone());
                    assert!(calls.contains(&call), "{all:?}");
                }
                _ => {}
            }
        }
    }
}
