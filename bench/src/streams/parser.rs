//! A long answer of Chat Completions, in pieces as a socket gives them: how fast it becomes events, and how fast it becomes
//! words. In one thread, with nothing else; OpenAI's package reads the same.

use std::io::Write;

use anyhow::{Context, ensure};
use appengine::ai::wire;
use appengine::ai::wire::sse::Parser;
use appengine::connect::register::site::Protocol;
use appengine_actors::ids::OrgId;
use appengine_actors::rights::Author;
use appengine_actors::session::stream::head::Asker;
use appengine_actors::session::stream::model::{Piece, Prompt};
use tokio::process::Command;
use tokio::time::Instant;

use super::provider::{beginning, ending, token};
use crate::measured::Side;

/// Tokens of the answer.
const TOKENS: usize = 50_000;
/// How often it is read.
const TIMES: usize = 5;
const PIECE: usize = 16 * 1024;

const EVENTS: &str = "an answer in pieces of 16 KiB, to its events";
const WORDS: &str = "an answer in pieces of 16 KiB, to its words";

/// Measures one side.
pub async fn measure(name: &str, side: &Side) -> anyhow::Result<()> {
    let answer = format!("{}{}{}", beginning(), token().repeat(TOKENS), ending());
    if name == "ours" {
        side.value(EVENTS, "MB/s", speed(&answer, events)?)?;
        return side.value(WORDS, "MB/s", speed(&answer, words)?);
    }
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(answer.as_bytes())?;
    let mut node = Command::new("node");
    node.args(["bench/peers/streams.mjs", "read"])
        .arg(file.path())
        .args([PIECE, TIMES].map(|n| n.to_string()));
    let output = node.stderr(std::process::Stdio::inherit()).output().await?;
    let told: (f64, usize) = serde_json::from_slice(&output.stdout).context("Node says how fast it reads")?;
    let (seconds, found) = told;
    ensure!(found == TOKENS * TIMES, "Node found {found} words");
    side.value(WORDS, "MB/s", megabytes(&answer, seconds))
}

fn speed(answer: &str, read: fn(&[u8]) -> anyhow::Result<usize>) -> anyhow::Result<f64> {
    // Once before it counts.
    read(answer.as_bytes())?;
    let started = Instant::now();
    for _ in 0..TIMES {
        let found = read(answer.as_bytes())?;
        ensure!(found == TOKENS, "{found} of {TOKENS} were found");
    }
    Ok(megabytes(answer, started.elapsed().as_secs_f64()))
}

#[expect(clippy::cast_precision_loss, reason = "some megabytes")]
fn megabytes(answer: &str, seconds: f64) -> f64 {
    (answer.len() * TIMES) as f64 / 1e6 / seconds
}

fn events(answer: &[u8]) -> anyhow::Result<usize> {
    let (mut parser, mut events, mut found) = (Parser::new(), Vec::new(), 0);
    for piece in answer.chunks(PIECE) {
        parser.push(piece, &mut events)?;
        found += events.drain(..).count();
    }
    // All but the beginning, the finish and `[DONE]`.
    Ok(found.saturating_sub(3))
}

fn words(answer: &[u8]) -> anyhow::Result<usize> {
    let (mut parser, mut events, mut found) = (Parser::new(), Vec::new(), 0);
    let mut reader = wire::of(Protocol::OpenAi).reader(&prompt()?);
    for piece in answer.chunks(PIECE) {
        parser.push(piece, &mut events)?;
        for event in events.drain(..) {
            let pieces = reader.read(&event).map_err(|error| anyhow::anyhow!("{error}"))?;
            found += pieces.iter().filter(|piece| matches!(piece, Piece::Text(_))).count();
        }
    }
    Ok(found)
}

fn prompt() -> anyhow::Result<Prompt> {
    let by = Asker {
        id: String::new(),
        label: String::new(),
        email: None,
        name: String::new(),
        rights: Author::unknown(),
    };
    Ok(Prompt {
        org: OrgId::new("bench")?,
        by,
        sources: Vec::new(),
        provider: None,
        model: None,
        system: String::new(),
        messages: Vec::new(),
        tools: Vec::new(),
        connected: Vec::new(),
        temperature: None,
        max_tokens: None,
    })
}
