use serde_json::json;

use super::*;
use crate::ai::wire::testing::prompt;

fn part<'p>(index: Option<u64>, id: &'p str, name: &'p str, more: &'p str) -> Part<'p> {
    Part { index, id, name, more, whole: None }
}

fn finished(parts: &[Part<'_>], finish: Finish) -> (Vec<(String, String, Value)>, Finish) {
    let mut calls = Calls::of(&prompt());
    for part in parts {
        calls.add(*part).unwrap();
    }
    let (pieces, finish) = calls.finish("answer", finish);
    let calls = pieces.into_iter().map(|piece| match piece {
        Piece::ToolCall(call) => (call.id, call.name, call.input),
        other => panic!("{other:?}"),
    });
    (calls.collect(), finish)
}

#[test]
fn calls_are_told_apart() {
    let two = vec![
        ("a".to_owned(), "f".to_owned(), json!({"x": 1})),
        ("b".to_owned(), "f".to_owned(), json!({"x": 2})),
    ];
    let x = r#"{"x":1}"#;
    let y = r#"{"x":2}"#;
    let table: &[&[Part<'_>]] = &[
        // As it should be, and out of order.
        &[
            part(Some(0), "a", "f", ""),
            part(Some(0), "", "", x),
            part(Some(1), "b", "f", ""),
            part(Some(1), "", "", y),
        ],
        &[part(Some(1), "b", "f", y), part(Some(0), "a", "f", r#"{"x""#), part(Some(0), "", "", ":1}")],
        // All have the same index.
        &[part(Some(0), "a", "f", x), part(Some(0), "b", "f", y)],
        // There is no index.
        &[part(None, "a", "f", x), part(None, "b", "f", y)],
        &[
            part(None, "a", "f", ""),
            part(None, "", "", x),
            part(None, "b", "f", r#"{"x"#),
            part(None, "b", "", r#"":2}"#),
        ],
        // The name and the id come with each piece.
        &[part(Some(0), "a", "f", r#"{"x""#), part(Some(0), "a", "f", ":1}"), part(Some(1), "b", "f", y)],
    ];
    for parts in table {
        assert_eq!(finished(parts, Finish::ToolCalls), (two.clone(), Finish::ToolCalls), "{parts:?}");
    }
}

#[test]
fn calls_without_ids_get_their_own() {
    let table: &[&[Part<'_>]] = &[
        &[part(Some(0), "", "f", r#"{"x":1}"#), part(Some(0), "", "f", r#"{"x":2}"#)],
        &[part(None, "", "f", r#"{"x":1}"#), part(None, "", "f", r#"{"x":2}"#)],
        &[part(Some(0), "", "f", r#"{"x":1}"#), part(Some(1), "", "f", r#"{"x":2}"#)],
    ];
    for parts in table {
        let (calls, _) = finished(parts, Finish::Stop);
        let ids: Vec<_> = calls.iter().map(|(id, ..)| id.as_str()).collect();
        let mark = format!("call_{:016x}", mark("answer 1"));
        assert_eq!(ids, [format!("{mark}_0"), format!("{mark}_1")], "{parts:?}");
    }
    let (calls, _) = finished(&[part(Some(0), "a", "f", ""), part(Some(1), "a", "g", "")], Finish::Stop);
    assert_ne!(calls[0].0, calls[1].0);
}

#[test]
fn arguments_are_read() {
    let table = [
        ("", json!({})),
        (" \n", json!({})),
        ("null", json!({})),
        (r#"{"a":{"b":[1]}}"#, json!({"a": {"b": [1]}})),
        (r#"{"a":"#, json!(r#"{"a":"#)),
        ("[1]", json!("[1]")),
        ("hello", json!("hello")),
        (&"[".repeat(5000), json!("[".repeat(5000))),
    ];
    for (arguments, input) in table {
        let (calls, _) = finished(&[part(Some(0), "a", "f", arguments)], Finish::ToolCalls);
        assert_eq!(calls[0].2, input, "{arguments}");
    }
}

#[test]
fn an_end_fits_its_calls() {
    let whole = part(Some(0), "a", "f", r#"{"x":1}"#);
    let cut = part(Some(1), "b", "f", r#"{"x":"#);
    let empty = part(Some(3), "d", "f", "");
    let unnamed = part(Some(2), "c", "", "{}");
    let table: &[(&[Part<'_>], Finish, usize, Finish)] = &[
        (&[whole], Finish::Stop, 1, Finish::ToolCalls),
        (&[whole], Finish::Other, 1, Finish::ToolCalls),
        (&[whole, cut], Finish::ToolCalls, 2, Finish::ToolCalls),
        (&[whole, cut], Finish::Length, 1, Finish::Length),
        (&[whole, cut, empty], Finish::Other, 2, Finish::ToolCalls),
        (&[empty], Finish::Length, 0, Finish::Length),
        (&[cut], Finish::Other, 0, Finish::Other),
        (&[cut], Finish::ContentFilter, 0, Finish::ContentFilter),
        (&[unnamed], Finish::ToolCalls, 0, Finish::Other),
        (&[], Finish::ToolCalls, 0, Finish::Other),
        (&[], Finish::Stop, 0, Finish::Stop),
    ];
    for (parts, before, count, after) in table {
        let (calls, finish) = finished(parts, *before);
        assert_eq!((calls.len(), finish), (*count, *after), "{parts:?} {before:?}");
    }
}

#[test]
fn there_is_an_end_to_them() {
    let mut calls = Calls::default();
    let added = (0..1000).try_for_each(|index| calls.add(part(Some(index), "", "f", "")));
    assert_eq!(added.unwrap_err().code, "answer_too_large");
    let mut calls = Calls::default();
    let more = "x".repeat(100_000);
    let added = (0..1000).try_for_each(|_| calls.add(part(Some(0), "", "f", &more)));
    assert_eq!(added.unwrap_err().code, "answer_too_large");
    let mut calls = Calls::default();
    for _ in 0..1000 {
        calls.add(Part { index: Some(0), whole: Some(&more), ..Part::default() }).unwrap();
    }
}
