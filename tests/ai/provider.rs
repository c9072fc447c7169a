//! A provider of language models on a free port: it answers as it was told, and remembers what it was asked.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What a provider does next.
pub enum Act {
    /// Answers with this status, these headers and this body.
    Refuses(u16, &'static str, String),
    /// Answers with these bytes, one piece after the other, and ends.
    Says(Vec<Vec<u8>>),
    /// Answers with what it is given, until whoever gives is gone.
    Waits(Receiver<Vec<u8>>),
    /// Answers with these bytes, and hangs up in the middle.
    Breaks(Vec<u8>),
    /// Hangs up without a word.
    Hangs,
}

/// A request that it was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct State {
    acts: VecDeque<Act>,
    asked: Vec<Asked>,
}

/// The provider.
#[derive(Clone)]
pub struct Provider {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Provider {
    pub fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let provider = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let state = provider.state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = state.clone();
                // Whoever hangs up has what they want.
                std::thread::spawn(move || drop(serve(&stream, &state)));
            }
        });
        provider
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn will(&self, act: Act) {
        self.state.lock().unwrap().acts.push_back(act);
    }

    /// It will answer as it is told by this.
    pub fn will_wait(&self) -> SyncSender<Vec<u8>> {
        let (give, given) = sync_channel(1_000);
        self.will(Act::Waits(given));
        give
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        let (name, value) = (name.to_lowercase(), value.trim().to_owned());
        if name == "content-length" {
            length = value.parse().unwrap_or_default();
        }
        headers.push((name, value));
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let act = {
        let mut state = state.lock().unwrap();
        state.asked.push(Asked { path, headers, body });
        state.acts.pop_front()
    };
    let mut stream = stream;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    match act {
        Some(Act::Refuses(status, more, body)) => {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} No\r\ncontent-type: application/json\r\nconnection: close\r\n{more}content-length: {length}\r\n\r\n"
            );
            stream.write_all(format!("{head}{body}").as_bytes())
        }
        Some(Act::Says(pieces)) => {
            stream.write_all(head.as_bytes())?;
            for piece in pieces {
                chunk(stream, &piece)?;
            }
            stream.write_all(b"0\r\n\r\n")
        }
        Some(Act::Waits(given)) => {
            stream.write_all(head.as_bytes())?;
            for piece in given {
                chunk(stream, &piece)?;
            }
            stream.write_all(b"0\r\n\r\n")
        }
        Some(Act::Breaks(bytes)) => {
            stream.write_all(head.as_bytes())?;
            chunk(stream, &bytes)
        }
        Some(Act::Hangs) | None => Ok(()),
    }
}

fn chunk(mut stream: &TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes())?;
    stream.write_all(bytes)?;
    stream.write_all(b"\r\n")?;
    stream.flush()
}

/// A chunk of OpenAI's Chat Completions.
pub fn chat(delta: &Value, finish: Option<&str>) -> Vec<u8> {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "gpt-x-2026",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": null}],
    });
    format!("data: {chunk}\n\n").into_bytes()
}

/// What OpenAI's Chat Completions say of these words.
pub fn chat_of(words: &[&str]) -> Vec<Vec<u8>> {
    let mut all = vec![chat(&json!({"role": "assistant", "content": ""}), None)];
    all.extend(words.iter().map(|word| chat(&json!({"content": word}), None)));
    all.push(chat(&json!({}), Some("stop")));
    let usage = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-x-2026", "choices": [],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    });
    all.push(format!("data: {usage}\n\ndata: [DONE]\n\n").into_bytes());
    all
}

/// What Anthropic's Messages say of these words.
pub fn messages_of(words: &[&str]) -> Vec<Vec<u8>> {
    let event = |name: &str, data: Value| format!("event: {name}\ndata: {data}\n\n").into_bytes();
    let mut all = vec![
        event(
            "message_start",
            json!({"type": "message_start", "message": {
                "id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "claude-x",
                "stop_reason": null, "usage": {"input_tokens": 11, "output_tokens": 1},
            }}),
        ),
        event(
            "content_block_start",
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        ),
        event("ping", json!({"type": "ping"})),
    ];
    all.extend(words.iter().map(|word| {
        event(
            "content_block_delta",
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}),
        )
    }));
    all.push(event("content_block_stop", json!({"type": "content_block_stop", "index": 0})));
    all.push(event("message_delta", json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 7}})));
    all.push(event("message_stop", json!({"type": "message_stop"})));
    all
}
