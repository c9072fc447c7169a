//! For the wires' tests: prompts, and streams that are cut at every byte, broken off at every event, and spoilt.

use appengine_actors::ids::OrgId;
use appengine_actors::rights::Author;
use appengine_actors::session::stream::head::Asker;
use appengine_actors::session::stream::model::{Message, ModelError, Piece, Prompt, Tool, ToolCall};
use serde_json::{Value, json};

use super::Wire;
use super::sse::{Event, Parser};

/// A prompt of a user's word.
pub fn prompt() -> Prompt {
    Prompt {
        org: OrgId::new("acme").unwrap(),
        by: Asker {
            id: "user-1".to_owned(),
            label: "ada@example.com".to_owned(),
            email: None,
            name: "Ada".to_owned(),
            rights: Author::unknown(),
        },
        sources: Vec::new(),
        provider: None,
        model: None,
        system: String::new(),
        messages: vec![user("hi")],
        tools: Vec::new(),
        connected: Vec::new(),
        temperature: None,
        max_tokens: None,
    }
}

/// A prompt with everything: what is said by everybody, pictures, tools with dots, calls and results.
pub fn full() -> Prompt {
    Prompt {
        system: "Be kind.".to_owned(),
        messages: vec![
            Message::User {
                text: "What is it?".to_owned(),
                images: vec!["https://example.com/a.png".to_owned(), "data:image/png;base64,AAAA".to_owned()],
            },
            Message::Assistant {
                text: "Let me see.".to_owned(),
                calls: vec![
                    call("c1", "server.memory.store", r#"{"key":"a"}"#),
                    call("c2", "look", "\"{oops\""),
                ],
            },
            Message::Tool {
                id: "c1".to_owned(),
                name: "server.memory.store".to_owned(),
                output: json!({"ok": true}),
                is_error: false,
            },
            Message::Tool {
                id: "c2".to_owned(),
                name: "look".to_owned(),
                output: json!("no such thing"),
                is_error: true,
            },
            Message::Assistant { text: String::new(), calls: vec![call("c3", "look", "{}")] },
            Message::Tool {
                id: "c3".to_owned(),
                name: "look".to_owned(),
                output: json!("seen"),
                is_error: false,
            },
            Message::Assistant { text: "A picture.".to_owned(), calls: Vec::new() },
            user("Thanks!"),
        ],
        tools: vec![
            Tool {
                name: "server.memory.store".to_owned(),
                description: "Keeps something.".to_owned(),
                schema: json!({"type": "object", "properties": {"key": {"type": "string"}}}),
            },
            tool("look"),
        ],
        temperature: Some(1.5),
        max_tokens: Some(100),
        ..prompt()
    }
}

/// A user's words.
pub fn user(text: &str) -> Message {
    Message::User { text: text.to_owned(), images: Vec::new() }
}

/// A tool without arguments.
pub fn tool(name: &str) -> Tool {
    Tool { name: name.to_owned(), description: "Does something.".to_owned(), schema: Value::Null }
}

/// A call that was made.
pub fn call(id: &str, name: &str, input: &str) -> ToolCall {
    ToolCall { id: id.to_owned(), name: name.to_owned(), input: serde_json::from_str(input).unwrap() }
}

/// Some words of an answer.
pub fn text(words: &str) -> Piece {
    Piece::Text(words.to_owned())
}

/// A call in an answer.
pub fn called(id: &str, name: &str, input: Value) -> Piece {
    Piece::ToolCall(ToolCall { id: id.to_owned(), name: name.to_owned(), input })
}

/// What came of a stream: pieces, and the error that ended them.
type Answer = (Vec<Piece>, Option<ModelError>);

/// What a stream means that comes in these chunks.
pub fn answer<'c>(wire: &dyn Wire, prompt: &Prompt, chunks: impl IntoIterator<Item = &'c [u8]>) -> Answer {
    let mut parser = Parser::new();
    let mut events = Vec::new();
    for chunk in chunks {
        if let Err(error) = parser.push(chunk, &mut events) {
            return (Vec::new(), Some(error.into()));
        }
    }
    of_events(wire, prompt, &events)
}

fn of_events(wire: &dyn Wire, prompt: &Prompt, events: &[Event]) -> Answer {
    let mut reader = wire.reader(prompt);
    let mut pieces = Vec::new();
    for event in events {
        match reader.read(event) {
            Ok(mut more) => pieces.append(&mut more),
            Err(error) => return (pieces, Some(error)),
        }
    }
    match reader.end() {
        Ok(mut more) => pieces.append(&mut more),
        Err(error) => return (pieces, Some(error)),
    }
    (pieces, None)
}

/// What a whole stream means. However it is cut it means the same, and wherever it breaks off it is whole or broken.
pub fn whole(wire: &dyn Wire, prompt: &Prompt, stream: &str) -> Vec<Piece> {
    let (pieces, error) = answer(wire, prompt, [stream.as_bytes()]);
    assert_eq!(error, None, "{pieces:?}");
    assert_ends_once(&pieces);
    every_cut(wire, prompt, stream, &(pieces.clone(), None));
    let mut events = Vec::new();
    Parser::new().push(stream.as_bytes(), &mut events).unwrap();
    for end in 0..events.len() {
        match of_events(wire, prompt, &events[..end]) {
            (some, None) => assert_ends_once(&some),
            (some, Some(error)) => {
                assert_eq!((error.code, error.retryable), ("stream_broken", true), "{end}: {some:?}");
                assert!(pieces.starts_with(&some), "{end}: {some:?}");
            }
        }
    }
    spoilt(wire, prompt, stream);
    pieces
}

/// The error that a stream ends with, and what came before.
pub fn failed(wire: &dyn Wire, prompt: &Prompt, stream: &str) -> (Vec<Piece>, ModelError) {
    let answer = answer(wire, prompt, [stream.as_bytes()]);
    every_cut(wire, prompt, stream, &answer);
    spoilt(wire, prompt, stream);
    (answer.0, answer.1.unwrap())
}

/// However a stream is cut, its events are the same. With its bytes one by one, and with other ends of lines, it means the
/// same.
fn every_cut(wire: &dyn Wire, prompt: &Prompt, stream: &str, whole: &Answer) {
    let stream = stream.as_bytes();
    let mut events = Vec::new();
    Parser::new().push(stream, &mut events).unwrap();
    for at in 0..=stream.len() {
        let (begin, end) = stream.split_at(at);
        let (mut parser, mut cut) = (Parser::new(), Vec::new());
        parser.push(begin, &mut cut).unwrap();
        parser.push(end, &mut cut).unwrap();
        assert_eq!(cut, events, "cut at {at}");
    }
    assert_eq!(answer(wire, prompt, stream.chunks(1)), *whole);
    let lines: Vec<_> = stream.split(|byte| *byte == b'\n').collect();
    for end in [&b"\r"[..], b"\r\n"] {
        assert_eq!(answer(wire, prompt, lines.join(end).chunks(7)), *whole);
    }
}

fn assert_ends_once(pieces: &[Piece]) {
    let ends = pieces.iter().filter(|piece| matches!(piece, Piece::Finish(_))).count();
    assert_eq!(ends, usize::from(matches!(pieces.last(), Some(Piece::Finish(_)))), "{pieces:?}");
}

/// Streams of which some bytes are others, and some lines elsewhere, mean something or fail: nothing more is asked.
fn spoilt(wire: &dyn Wire, prompt: &Prompt, stream: &str) {
    let mut chance = Chance(stream.len() as u64 + 1);
    for _ in 0..if stream.is_empty() { 0 } else { 300 } {
        let mut bytes = stream.as_bytes().to_vec();
        for _ in 0..=chance.below(4) {
            let at = chance.below(bytes.len());
            bytes[at] = [chance.next() as u8, b'"', b'{', b'}', b'[', b'0', b'\n'][chance.below(7)];
        }
        let mut events: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let (one, other) = (chance.below(events.len()), chance.below(events.len()));
        events.swap(one, other);
        let (pieces, error) = answer(wire, prompt, events);
        assert_ends_once(&pieces);
        assert!(error.is_none_or(|error| !error.message.is_empty()));
    }
}

/// Bytes and events of chance, of any kind.
pub fn endures_anything(wire: &dyn Wire, prompt: &Prompt, words: &[&str]) {
    let mut chance = Chance(42);
    for _ in 0..2000 {
        let bytes: Vec<_> = (0..chance.below(200)).map(|_| chance.next() as u8).collect();
        answer(wire, prompt, bytes.chunks(3));
        let mut stream = String::new();
        for _ in 0..chance.below(12) {
            let data = json_of(&mut chance, words, 5);
            stream.push_str(&format!("data: {data}\n\n"));
        }
        assert_ends_once(&answer(wire, prompt, [stream.as_bytes()]).0);
    }
}

fn json_of(chance: &mut Chance, words: &[&str], depth: usize) -> Value {
    match chance.below(if depth == 0 { 5 } else { 12 }) {
        0 => Value::Null,
        1 => (chance.below(3) as i64 - 1).into(),
        2 => 1.5.into(),
        3 => true.into(),
        4 => words[chance.below(words.len())].into(),
        5 | 6 => (0..chance.below(3)).map(|_| json_of(chance, words, depth - 1)).collect(),
        _ => {
            let fields = 1 + chance.below(6);
            let field = |chance: &mut Chance| {
                (words[chance.below(words.len())].to_owned(), json_of(chance, words, depth - 1))
            };
            Value::Object((0..fields).map(|_| field(chance)).collect())
        }
    }
}

/// Numbers that are the same in every run: xorshift.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, most: usize) -> usize {
        (self.next() >> 11) as usize % most.max(1)
    }
}
