//! A run that goes on: what was asked, how far it has come, and what of it is not in the store yet. Without a clock, a
//! store or a model: its actor has those.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::actor::Wait;
use super::book::line;
use super::frame::Said;
use super::head::{Ask, Exchange, Head, StreamStatus};
use super::messages::{StreamError, ToolOutput};
use super::model::{Message, ModelError, Piece, Prompt, ToolCall};
use super::state::{Next, RunState, broken};
use crate::clock::Timestamp;

/// Bytes of words in one frame: those that come faster than they are kept are put together.
const WORDS: usize = 4 * 1024;
/// Bytes of frames that are kept at once: the store takes no value of 128 KiB.
const PAGE: usize = 32 * 1024;
/// Bytes of what a tool is given, or gives.
const TOOL: usize = 48 * 1024;
/// The kind of error of an answer that a restart has cut.
pub const INTERRUPTED: &str = "interrupted";
/// What a model that was cut is told behind its own words.
const GO_ON: &str =
    "You were interrupted. Go on exactly where you stopped, and repeat nothing of what you have said.";

/// What runs may do.
#[derive(Debug, Clone)]
pub struct StreamSettings {
    /// How long a stream can be read after it was begun.
    pub keep: Duration,
    /// Bytes that one may say.
    pub max_bytes: usize,
    /// Turns of the model in one.
    pub max_steps: u32,
    /// How long one waits for tools that whoever reads uses.
    pub tool_wait: Duration,
    /// How many may go on at once in this process.
    pub max_running: usize,
    /// Whether one that a restart has cut goes on; it breaks off otherwise.
    pub resume: bool,
}

/// A run that goes on.
pub(super) struct Run {
    pub(super) head: Head,
    ask: Ask,
    client_tools: HashSet<String>,
    state: RunState,
    settings: StreamSettings,
    /// What is not in the store yet.
    unwritten: Vec<Said>,
    /// Whether frames are being written.
    is_writing: bool,
    /// Whether what is not written must be on the disk at once.
    durable: bool,
    /// Whether the beginning was said.
    has_begun: bool,
    bytes: usize,
    turn: u32,
    /// Whether the model has said all of its turn.
    has_finished: bool,
    /// Whether it waits for whoever reads.
    waits: bool,
    /// What it has come to, once that is decided.
    ending: Option<StreamStatus>,
    /// Those who wait for what is not written yet, and for what is being written.
    waiting: [Vec<Wait>; 2],
}

/// Frames that are to be kept.
pub(super) struct Written {
    pub(super) lines: Vec<u8>,
    pub(super) said: Vec<(Arc<Said>, usize)>,
    /// What the stream has come to, and what a conversation remembers of it, where these are the last.
    pub(super) end: Option<(Head, Option<Exchange>)>,
    pub(super) durable: bool,
}

impl Run {
    /// A run that has said this, of which nobody knows whether anything goes on; and what is to be done next.
    pub(super) fn taken_up(
        head: Head,
        ask: Ask,
        said: &[Arc<Said>],
        settings: StreamSettings,
    ) -> (Self, Next) {
        let (state, next) = RunState::rebuild(said, settings.max_steps);
        let client_tools = ask.client_tools.iter().cloned().collect();
        let resume = settings.resume;
        let mut run = Self {
            head,
            ask,
            client_tools,
            state,
            settings,
            unwritten: Vec::new(),
            is_writing: false,
            durable: false,
            has_begun: !said.is_empty(),
            bytes: said.iter().map(|said| weight(said)).sum(),
            turn: 0,
            has_finished: false,
            waits: false,
            ending: None,
            waiting: Default::default(),
        };
        let next = match next {
            // Nothing was cut: whoever reads has the word.
            Next::Wait => run.then(Next::Wait),
            next if said.is_empty() || resume => run.then(next),
            _ => run.broke(run.turn, &interrupted()),
        };
        (run, next)
    }

    /// The number of the model's turn.
    pub(super) const fn turn(&self) -> u32 {
        self.turn
    }

    /// Whether it waits for whoever reads since this turn.
    pub(super) const fn waits_since(&self, turn: u32) -> bool {
        self.waits && self.turn == turn && self.ending.is_none()
    }

    /// Whether the model may use a tool of this name.
    pub(super) fn offers(&self, tool: &str) -> bool {
        self.ask.prompt.offers(tool)
    }

    /// A call with what its tool is given where the model does not say.
    pub(super) fn completed(&self, mut call: ToolCall) -> ToolCall {
        let given = self.ask.given.get(&call.name).and_then(Value::as_object);
        if let (Some(given), Some(input)) = (given, call.input.as_object_mut()) {
            for (name, value) in given {
                input.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        call
    }

    /// What the model is asked now, and the number of the turn that this begins.
    pub(super) fn asks(&mut self) -> (u32, Prompt) {
        self.turn += 1;
        self.has_finished = false;
        let mut prompt = self.ask.prompt.clone();
        prompt.messages.extend(self.state.said().iter().cloned());
        if !self.state.text().is_empty() {
            let text = self.state.text().to_owned();
            prompt.messages.push(Message::Assistant { text, calls: Vec::new() });
            prompt.messages.push(Message::User { text: GO_ON.to_owned(), images: Vec::new() });
        }
        (self.turn, prompt)
    }

    /// What the model says in a turn.
    pub(super) fn heard(&mut self, turn: u32, piece: Piece) -> Next {
        if turn != self.turn || self.ending.is_some() || self.has_finished {
            return Next::Listen;
        }
        if let Piece::Model(model) = &piece {
            self.begin(Some(model));
        }
        self.has_finished = matches!(piece, Piece::Finish(_));
        if let Piece::ToolCall(call) = &piece
            && call.input.to_string().len() > TOOL
        {
            let message = format!("use `{}`: its arguments are larger than {} KiB", call.name, TOOL / 1024);
            return self.broke(turn, &ModelError { code: "too_large", message, retryable: false });
        }
        let client_tools = &self.client_tools;
        let is_client = |name: &str| client_tools.contains(name);
        let (said, next) = self.state.heard(piece, is_client, self.settings.max_steps);
        said.into_iter().for_each(|said| self.say(said));
        if self.bytes > self.settings.max_bytes {
            return self.then(Next::Over("length".to_owned()));
        }
        self.then(next)
    }

    /// What came of one of the server's own tools.
    pub(super) fn used(&mut self, output: ToolOutput) -> Result<Next, StreamError> {
        if self.ending.is_some() {
            return Err(StreamError::Over);
        }
        let ToolOutput { id, output, is_error } = fitting(output);
        let used = self.state.used(&id, output, is_error, self.settings.max_steps);
        let (said, next) = used.map_err(|_| StreamError::Unasked(id))?;
        self.say(said);
        Ok(self.then(next))
    }

    /// What came of tools that whoever reads has used: all of it, or nothing.
    pub(super) fn take(&mut self, results: Vec<ToolOutput>, wait: Wait) -> Result<Next, StreamError> {
        if self.ending.is_some() {
            return Err(StreamError::Over);
        }
        let mut seen = HashSet::new();
        let is_wanted = |id: &str| self.state.is_for_client(id);
        if let Some(wrong) = results.iter().find(|of| !is_wanted(&of.id) || !seen.insert(of.id.clone())) {
            return Err(StreamError::Unasked(wrong.id.clone()));
        }
        let mut next = Next::Wait;
        for result in results {
            next = self.used(result)?;
        }
        self.durable = true;
        self.waiting[0].push(wait);
        Ok(next)
    }

    /// The answer ends here; what was said is kept.
    pub(super) fn stop(&mut self, wait: Wait) {
        self.waiting[0].push(wait);
        if self.ending.is_none() {
            self.ends(StreamStatus::Stopped, "stopped");
        }
    }

    /// The model broke off in a turn.
    pub(super) fn broke(&mut self, turn: u32, error: &ModelError) -> Next {
        if turn != self.turn || self.ending.is_some() || self.has_finished {
            return Next::Listen;
        }
        self.breaks(error);
        Next::Over(error.code.to_owned())
    }

    /// The answer breaks off.
    pub(super) fn breaks(&mut self, error: &ModelError) {
        self.begin(None);
        self.use_up();
        self.unwritten.push(broken(error));
        self.head.finish = Some(error.code.to_owned());
        self.ending = Some(StreamStatus::Failed);
    }

    /// The model says nothing more in a turn. It must have said that it ends.
    pub(super) fn fell_silent(&mut self, turn: u32) -> Next {
        let message = "read the whole answer: it broke off".to_owned();
        self.broke(turn, &ModelError { code: "stream_broken", message, retryable: true })
    }

    fn then(&mut self, next: Next) -> Next {
        self.waits = next == Next::Wait;
        if let Next::Over(reason) = &next {
            self.ends(StreamStatus::Done, reason);
        }
        next
    }

    fn ends(&mut self, status: StreamStatus, reason: &str) {
        self.begin(None);
        self.use_up();
        let sk = Some(self.head.message_id.to_string());
        self.unwritten.push(Said::End { sk, finish_reason: reason.to_owned() });
        self.head.finish = Some(reason.to_owned());
        self.ending = Some(status);
    }

    /// Says how many tokens were used.
    fn use_up(&mut self) {
        let (input_tokens, output_tokens, estimated) = self.state.usage();
        (self.head.input_tokens, self.head.output_tokens) = (input_tokens, output_tokens);
        self.unwritten.push(Said::Usage { input_tokens, output_tokens, estimated });
    }

    /// Says who answers, before anything else is said.
    fn begin(&mut self, model: Option<&str>) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let known = model.or(self.ask.prompt.model.as_deref()).unwrap_or_default().to_owned();
        let (stream_id, message_id) = (self.head.id.to_string(), self.head.message_id.to_string());
        self.head.model = Some(known.clone()).filter(|model| !model.is_empty());
        self.unwritten.push(Said::Start { stream_id, message_id, model: known });
    }

    fn say(&mut self, said: Said) {
        if let Said::Chunk { data } = &said
            && data.len() > PAGE
        {
            let (first, rest) = data.split_at(data.floor_char_boundary(PAGE));
            self.say(Said::Chunk { data: first.to_owned() });
            return self.say(Said::Chunk { data: rest.to_owned() });
        }
        self.begin(None);
        self.bytes += weight(&said);
        match (self.unwritten.last_mut(), said) {
            // Words that come faster than they are kept.
            (Some(Said::Chunk { data: before }), Said::Chunk { data })
                if before.len() + data.len() <= WORDS =>
            {
                before.push_str(&data);
            }
            (_, said) => self.unwritten.push(said),
        }
    }

    /// The next frames that are to be kept, from this number on, if none are being kept.
    pub(super) fn page(&mut self, first: u64, now: Timestamp) -> Result<Option<Written>, StreamError> {
        if self.is_writing || self.unwritten.is_empty() {
            return Ok(None);
        }
        let (mut lines, mut said) = (Vec::new(), Vec::new());
        let mut left = std::mem::take(&mut self.unwritten).into_iter();
        while lines.len() < PAGE
            && let Some(next) = left.next()
        {
            let bytes = line(&next, &mut lines)?;
            said.push((Arc::new(next), bytes));
        }
        self.unwritten = left.collect();
        let is_all = self.unwritten.is_empty();
        let end = self.ending.filter(|_| is_all).map(|status| {
            self.head.status = status;
            self.head.ended_at = Some(now);
            self.head.last = first - 1 + said.len() as u64;
            (self.head.clone(), self.exchange(now))
        });
        self.is_writing = true;
        let durable = self.durable;
        if is_all {
            self.durable = false;
            let waiting = std::mem::take(&mut self.waiting[0]);
            self.waiting[1].extend(waiting);
        }
        Ok(Some(Written { lines, said, end, durable }))
    }

    /// The frames are in the store: those who waited for them.
    pub(super) fn wrote(&mut self, is_end: bool) -> Vec<Wait> {
        self.is_writing = false;
        let mut waited = std::mem::take(&mut self.waiting[1]);
        if is_end {
            waited.append(&mut self.waiting[0]);
        }
        waited
    }

    /// What a conversation remembers.
    fn exchange(&self, now: Timestamp) -> Option<Exchange> {
        Some(Exchange {
            sk: self.head.message_id,
            stream_id: self.head.id,
            question: self.ask.question()?.to_owned(),
            answer: self.state.answer(),
            asked_at: self.head.started_at,
            answered_at: now,
        })
    }
}

/// What readers are told of an answer that a restart has cut.
fn interrupted() -> ModelError {
    let message = "go on with the answer: the server was restarted".to_owned();
    ModelError { code: INTERRUPTED, message, retryable: true }
}

/// What a tool gave, where that is not too large for a frame.
fn fitting(output: ToolOutput) -> ToolOutput {
    let bytes = output.output.to_string().len();
    if bytes <= TOOL {
        return output;
    }
    let why = format!("the result has {bytes} bytes, and {TOOL} is the most that is taken: ask for less");
    ToolOutput { output: why.into(), is_error: true, ..output }
}

/// Bytes that something said counts for.
fn weight(said: &Said) -> usize {
    match said {
        Said::Chunk { data } => data.len(),
        Said::ToolUse { input, .. } => input.to_string().len(),
        Said::ToolResult { output, .. } => output.to_string().len(),
        Said::Start { .. } | Said::Usage { .. } | Said::End { .. } | Said::Error { .. } => 0,
    }
}
