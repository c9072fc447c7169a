use std::sync::Arc;

use serde_json::{Value, json};

use super::super::assisting::TRANSFER;
use super::super::decision::{Handover, Then};
use super::super::handling::Reply;
use super::state::{Answering, Telling};
use crate::clock::Timestamp;
use crate::ids::{MessageId, StreamId};
use crate::session::stream::INTERRUPTED;
use crate::session::stream::frame::{Frame, Said};

fn answering() -> Answering {
    let at = Timestamp::from_millis;
    let (stream, to, becomes) = (StreamId::new(at(1)), MessageId::new(at(1)), MessageId::new(at(2)));
    Answering::new(Reply { stream, to, becomes })
}

fn frames(said: Vec<Said>) -> Vec<Frame> {
    (1..).zip(said).map(|(number, said)| Frame { number, said: Arc::new(said) }).collect()
}

fn words(text: &str) -> Said {
    Said::Chunk { data: text.to_owned() }
}

fn end(reason: &str) -> Said {
    Said::End { sk: None, finish_reason: reason.to_owned() }
}

fn tool(name: &str, input: Value) -> Said {
    Said::ToolUse { id: "c1".into(), name: name.into(), input, client: false }
}

fn telling(event: &'static str, fields: Value) -> Telling {
    Telling { event, fields }
}

#[test]
fn words_are_told_with_where_they_begin_in_what_a_browser_counts() {
    let mut of = answering();
    let (told, come_to) = of.hear(&frames(vec![words("Grüße "), words("🌍"), words("!")]));
    assert_eq!(
        told,
        [telling("chunk", json!({"data": "Grüße 🌍!", "offset": 0}))],
        "one for what came at once"
    );
    assert!(come_to.is_none() && !of.is_over());
    let (told, come_to) = of.hear(&frames(vec![words(" So"), end("stop"), words("late")]));
    assert_eq!(told, [telling("chunk", json!({"data": " So", "offset": 9}))]);
    let come_to = come_to.unwrap();
    assert_eq!((come_to.text.as_str(), come_to.then), ("Grüße 🌍! So", Then::Listen));
    assert_eq!(of.so_far(), Some(telling("chunk", json!({"data": "Grüße 🌍! So", "offset": 0}))));
    let sk = MessageId::new(Timestamp::from_millis(2));
    assert_eq!(of.end(Some(sk)), Some(telling("end", json!({"sk": sk, "finishReason": "stop"}))));
}

#[test]
fn a_tool_and_what_came_of_it_stand_between_the_words() {
    let result = Said::ToolResult { id: "c1".into(), name: "find".into(), output: json!(7), is_error: false };
    let (told, _) =
        answering().hear(&frames(vec![words("a"), tool("find", json!({"q": 1})), result, words("b")]));
    let expected = [
        telling("chunk", json!({"data": "a", "offset": 0})),
        telling("tool-use", json!({"data": {"id": "c1", "name": "find", "input": {"q": 1}}})),
        telling("tool-result", json!({"data": {"id": "c1", "name": "find", "output": 7, "isError": false}})),
        telling("chunk", json!({"data": "b", "offset": 1})),
    ];
    assert_eq!(told, expected);
}

#[test]
fn the_transfer_is_what_it_does_and_not_told_as_a_tool() {
    let mut of = answering();
    let input = json!({"reason": "a refund", "summary": "Wants 5 € back", "skill": "billing"});
    let (told, come_to) = of.hear(&frames(vec![words("One moment."), tool(TRANSFER, input), words("more")]));
    assert_eq!(told.len(), 1);
    let why = "the assistant handed it over: a refund".to_owned();
    let then =
        Handover { why, summary: Some("Wants 5 € back".to_owned()), skill: Some("billing".to_owned()) };
    assert_eq!(come_to.unwrap().then, Then::HandOver(then));
    assert_eq!(of.end(None), Some(telling("end", json!({"sk": null, "finishReason": "stopped"}))));
}

#[test]
fn what_fails_is_handed_over_and_what_a_restart_cut_is_asked_again() {
    let error = |code: &str| {
        let (code, message) = (code.to_owned(), "reach the provider: it refused".to_owned());
        Said::Error { code, message, retryable: true }
    };
    let mut of = answering();
    let come_to = of.hear(&frames(vec![words("Half"), error("provider_unavailable")])).1.unwrap();
    let why = "the assistant failed: provider_unavailable".to_owned();
    assert_eq!(come_to.then, Then::HandOver(Handover { why, ..Handover::default() }));
    assert_eq!(come_to.text, "Half");
    let told = "failed to reach the provider: it refused";
    let fields = json!({"error": told, "code": "provider_unavailable", "sk": null});
    assert_eq!(of.end(None), Some(telling("error", fields)));

    let mut cut = answering();
    assert_eq!(cut.hear(&frames(vec![words("Half"), error(INTERRUPTED)])).1.unwrap().then, Then::Again);
    assert!(cut.is_over() && cut.end(None).is_none(), "its readers wait for the next");

    let mut lost = answering();
    let _ = lost.hear(&frames(vec![words("Half")]));
    lost.begin_again();
    assert_eq!(lost.so_far(), None);
    assert!(matches!(lost.give_up("it is gone").then, Then::HandOver(_)));
}

#[test]
fn an_answer_without_a_word_is_none() {
    let mut of = answering();
    let (told, come_to) = of.hear(&frames(vec![words("\n"), end("content_filter")]));
    assert_eq!(told, [telling("chunk", json!({"data": "\n", "offset": 0}))]);
    let why = "the assistant gave no answer: content_filter".to_owned();
    assert_eq!(come_to.unwrap().then, Then::HandOver(Handover { why, ..Handover::default() }));
    let fields = json!({"sk": null, "finishReason": "content_filter"});
    assert_eq!(of.end(None), Some(telling("end", fields)));
}
