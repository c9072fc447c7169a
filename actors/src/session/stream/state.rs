//! How far a run has come: what the model was told, what it said, which tools it waits for. Pure: what it was told before
//! is its frames, so that one which was cut is rebuilt from them.

use std::sync::Arc;

use serde_json::Value;

use super::frame::Said;
use super::model::{Message, ModelError, Piece, ToolCall};

/// What is to be done next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Nothing: more is to come.
    Listen,
    /// The model is to be asked, with what was said so far.
    Ask,
    /// These tools are to be used here; what came of each is given to [`RunState::used`].
    Use(Vec<ToolCall>),
    /// Whoever reads is to use tools, and to post what came of them.
    Wait,
    /// It is over, for this reason.
    Over(String),
}

/// Why what came of a tool is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsedError {
    /// Nobody waits for it.
    #[error("take a result of a tool that nobody waits for")]
    Unasked,
}

/// How far a run has come.
#[derive(Debug, Clone, Default)]
pub struct RunState {
    /// What was said in this run, behind the prompt: whole turns.
    said: Vec<Message>,
    /// The words of this turn.
    text: String,
    /// The tools of this turn.
    calls: Vec<Call>,
    /// Turns of the model that have ended.
    steps: u32,
    /// Words that were said in all, for an estimate.
    letters: usize,
    tokens: Tokens,
}

/// A tool that the model wants to use.
#[derive(Debug, Clone, PartialEq)]
struct Call {
    call: ToolCall,
    client: bool,
    /// Whether it is being used here, or was.
    is_begun: bool,
    result: Option<(Value, bool)>,
}

/// Tokens as the provider counts them: each turn reads what was said before again, and is paid for.
#[derive(Debug, Clone, Copy, Default)]
struct Tokens {
    before: (u64, u64),
    turn: Option<(u64, u64)>,
}

impl RunState {
    /// What the model is told behind the prompt.
    #[must_use]
    pub fn said(&self) -> &[Message] {
        &self.said
    }

    /// The words of the turn that goes on.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All words of the answer.
    #[must_use]
    pub fn answer(&self) -> String {
        let turns = self.said.iter().filter_map(|message| match message {
            Message::Assistant { text, .. } if !text.is_empty() => Some(text.as_str()),
            _ => None,
        });
        let turns: Vec<&str> =
            turns.chain(Some(self.text.as_str()).filter(|text| !text.is_empty())).collect();
        turns.join("\n\n")
    }

    /// Tokens that were read and written in all, and whether that is only an estimate.
    #[must_use]
    pub fn usage(&self) -> (u64, u64, bool) {
        let Tokens { before, turn } = self.tokens;
        let turn_or_nothing = turn.unwrap_or_default();
        let counted = (before.0 + turn_or_nothing.0, before.1 + turn_or_nothing.1);
        // Four letters are a token, roughly, with all models and in most languages.
        if counted == (0, 0) {
            (0, (self.letters as u64).div_ceil(4), true)
        } else {
            (counted.0, counted.1, false)
        }
    }

    /// What a piece of the model's becomes. `is_client` knows the tools that whoever reads uses.
    pub fn heard(
        &mut self,
        piece: Piece,
        is_client: impl Fn(&str) -> bool,
        most_steps: u32,
    ) -> (Vec<Said>, Next) {
        match piece {
            Piece::Model(_) => (Vec::new(), Next::Listen),
            Piece::Text(text) if text.is_empty() => (Vec::new(), Next::Listen),
            Piece::Text(data) => {
                self.speak(&data);
                (vec![Said::Chunk { data }], Next::Listen)
            }
            Piece::ToolCall(call) => {
                let client = is_client(&call.name);
                let ToolCall { id, name, input } = call.clone();
                self.calls.push(Call { call, client, is_begun: false, result: None });
                (vec![Said::ToolUse { id, name, input, client }], Next::Listen)
            }
            Piece::Usage { input, output } => {
                self.tokens.turn = Some((input, output));
                (Vec::new(), Next::Listen)
            }
            Piece::Finish(_) if !self.calls.is_empty() => (Vec::new(), self.wanted(most_steps)),
            Piece::Finish(finish) => (Vec::new(), Next::Over(finish.name().to_owned())),
        }
    }

    fn speak(&mut self, words: &str) {
        self.text.push_str(words);
        self.letters += words.chars().count();
    }

    /// What came of a tool.
    ///
    /// # Errors
    /// When nobody waits for it.
    pub fn used(
        &mut self,
        id: &str,
        output: Value,
        is_error: bool,
        most_steps: u32,
    ) -> Result<(Said, Next), UsedError> {
        let call = self.calls.iter_mut().find(|call| call.call.id == id && call.result.is_none());
        let call = call.ok_or(UsedError::Unasked)?;
        call.result = Some((output.clone(), is_error));
        let said = Said::ToolResult { id: id.to_owned(), name: call.call.name.clone(), output, is_error };
        Ok((said, self.wanted(most_steps)))
    }

    /// Whether whoever reads is to use this call's tool.
    #[must_use]
    pub fn is_for_client(&self, id: &str) -> bool {
        self.calls.iter().any(|call| call.client && call.call.id == id && call.result.is_none())
    }

    /// What is to be done once the model waits for tools.
    fn wanted(&mut self, most_steps: u32) -> Next {
        let mut here = self.calls.iter_mut().filter(|of| !of.client && of.result.is_none()).peekable();
        if here.peek().is_some() {
            let new = |of: &mut Call| (!std::mem::replace(&mut of.is_begun, true)).then(|| of.call.clone());
            let new: Vec<_> = here.filter_map(new).collect();
            // Others are being used: each is used once.
            return if new.is_empty() { Next::Listen } else { Next::Use(new) };
        }
        if self.calls.iter().any(|of| of.result.is_none()) {
            return Next::Wait;
        }
        self.turn();
        if self.steps >= most_steps { Next::Over("step_limit".to_owned()) } else { Next::Ask }
    }

    /// The turn is over: what it said and what came of its tools is told with the next one.
    fn turn(&mut self) {
        let (text, calls) = (std::mem::take(&mut self.text), std::mem::take(&mut self.calls));
        let (asked, results): (Vec<_>, Vec<_>) = calls
            .into_iter()
            .map(|Call { call, result, .. }| {
                let (output, is_error) = result.unwrap_or_default();
                let result = Message::Tool { id: call.id.clone(), name: call.name.clone(), output, is_error };
                (call, result)
            })
            .unzip();
        self.said.push(Message::Assistant { text, calls: asked });
        self.said.extend(results);
        self.steps += 1;
        if let Some((input, output)) = self.tokens.turn.take() {
            self.tokens.before.0 += input;
            self.tokens.before.1 += output;
        }
    }

    /// Rebuilds the state of a run that has said this: what is to be done next, had it gone on.
    pub fn rebuild<'a>(frames: impl IntoIterator<Item = &'a Arc<Said>>, most_steps: u32) -> (Self, Next) {
        let mut state = Self::default();
        let mut next = Next::Ask;
        for said in frames {
            match &**said {
                Said::Chunk { data } => {
                    state.speak(data);
                    next = Next::Ask;
                }
                Said::ToolUse { id, name, input, client } => {
                    let call = ToolCall { id: id.clone(), name: name.clone(), input: input.clone() };
                    state.calls.push(Call { call, client: *client, is_begun: false, result: None });
                    next = Next::Listen;
                }
                Said::ToolResult { id, output, is_error, .. } => {
                    // One that nobody waits for changes nothing.
                    if let Ok((_, then)) = state.used(id, output.clone(), *is_error, most_steps) {
                        next = then;
                    }
                }
                Said::Usage { input_tokens, output_tokens, estimated: false } => {
                    state.tokens = Tokens { before: (*input_tokens, *output_tokens), turn: None };
                }
                Said::Usage { .. } | Said::Start { .. } => {}
                Said::End { finish_reason, .. } => next = Next::Over(finish_reason.clone()),
                Said::Error { code, .. } => next = Next::Over(code.clone()),
            }
        }
        // Tools that were being used, or were about to be, are used now.
        if !state.calls.is_empty() && !matches!(next, Next::Over(_)) {
            state.calls.iter_mut().for_each(|of| of.is_begun = false);
            next = state.wanted(most_steps);
        }
        (state, next)
    }
}

/// What readers are told of an answer that broke off.
#[must_use]
pub fn broken(error: &ModelError) -> Said {
    Said::Error { code: error.code.to_owned(), message: error.message.clone(), retryable: error.retryable }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::session::stream::model::Finish;

    const STEPS: u32 = 3;

    fn call(id: &str, name: &str) -> Piece {
        Piece::ToolCall(ToolCall { id: id.to_owned(), name: name.to_owned(), input: json!({"a": 1}) })
    }

    /// Everything that a run says and does, told so.
    fn run(state: &mut RunState, pieces: Vec<Piece>, log: &mut Vec<Arc<Said>>) -> Next {
        let mut next = Next::Listen;
        for piece in pieces {
            let (said, then) = state.heard(piece, |name| name.starts_with("client."), STEPS);
            log.extend(said.into_iter().map(Arc::new));
            next = then;
        }
        next
    }

    fn used(state: &mut RunState, id: &str, output: Value, log: &mut Vec<Arc<Said>>) -> Next {
        let (said, next) = state.used(id, output, false, STEPS).unwrap();
        log.push(Arc::new(said));
        next
    }

    #[test]
    fn words_come_to_an_end() {
        let (mut state, mut log) = (RunState::default(), Vec::new());
        let pieces = vec![
            Piece::Model("m".to_owned()),
            Piece::Text("Hel".to_owned()),
            Piece::Text(String::new()),
            Piece::Text("lo".to_owned()),
            Piece::Usage { input: 10, output: 2 },
            Piece::Finish(Finish::Stop),
        ];
        assert_eq!(run(&mut state, pieces, &mut log), Next::Over("stop".to_owned()));
        assert_eq!((state.answer().as_str(), log.len(), state.usage()), ("Hello", 2, (10, 2, false)));
    }

    #[test]
    fn without_a_count_tokens_are_estimated() {
        let (mut state, mut log) = (RunState::default(), Vec::new());
        run(&mut state, vec![Piece::Text("Hello, you".to_owned())], &mut log);
        assert_eq!(state.usage(), (0, 3, true));
    }

    #[test]
    fn tools_are_used_here_first_and_then_by_whoever_reads() {
        let (mut state, mut log) = (RunState::default(), Vec::new());
        let pieces = vec![
            Piece::Text("I look.".to_owned()),
            call("1", "server.find"),
            call("2", "client.map"),
            Piece::Usage { input: 10, output: 5 },
            Piece::Finish(Finish::ToolCalls),
        ];
        let Next::Use(here) = run(&mut state, pieces, &mut log) else { panic!() };
        assert_eq!(here.iter().map(|call| call.id.as_str()).collect::<Vec<_>>(), ["1"]);
        assert!(state.is_for_client("2") && !state.is_for_client("1") && !state.is_for_client("3"));
        assert_eq!(used(&mut state, "1", json!([]), &mut log), Next::Wait);
        assert_eq!(state.used("1", json!([]), false, STEPS), Err(UsedError::Unasked), "once");
        assert_eq!(used(&mut state, "2", json!("here"), &mut log), Next::Ask);
        assert!(matches!(state.said(), [
            Message::Assistant { text, calls }, Message::Tool { id: one, .. }, Message::Tool { id: two, .. },
        ] if text == "I look." && calls.len() == 2 && one == "1" && two == "2"));
        let pieces = vec![
            Piece::Text("Found.".to_owned()),
            Piece::Usage { input: 20, output: 3 },
            Piece::Finish(Finish::Stop),
        ];
        assert_eq!(run(&mut state, pieces, &mut log), Next::Over("stop".to_owned()));
        assert_eq!((state.answer().as_str(), state.usage()), ("I look.\n\nFound.", (30, 8, false)));
    }

    #[test]
    fn a_tool_is_used_once_however_late_the_others_are() {
        let (mut state, mut log) = (RunState::default(), Vec::new());
        let calls = ["1", "2", "3"].map(|id| call(id, "server.find"));
        let pieces = calls.into_iter().chain([call("4", "client.map"), Piece::Finish(Finish::ToolCalls)]);
        let ids = |next: Next| match next {
            Next::Use(calls) => calls.into_iter().map(|call| call.id).collect::<Vec<_>>(),
            next => panic!("{next:?}"),
        };
        assert_eq!(ids(run(&mut state, pieces.collect(), &mut log)), ["1", "2", "3"]);
        assert_eq!(used(&mut state, "2", json!([]), &mut log), Next::Listen);
        // A process that ends here does not know which of them had been used.
        assert_eq!(ids(RunState::rebuild(&log, STEPS).1), ["1", "3"]);
        assert_eq!(used(&mut state, "4", json!("here"), &mut log), Next::Listen);
        assert_eq!(used(&mut state, "1", json!([]), &mut log), Next::Listen);
        let (mut again, next) = RunState::rebuild(&log, STEPS);
        assert_eq!(ids(next), ["3"]);
        for state in [&mut state, &mut again] {
            assert_eq!(state.used("3", json!([]), false, STEPS).unwrap().1, Next::Ask);
        }
    }

    #[test]
    fn turns_have_an_end() {
        let (mut state, mut log) = (RunState::default(), Vec::new());
        for turn in 1..=STEPS {
            let next = run(&mut state, vec![call("1", "server.find"), Piece::Finish(Finish::Stop)], &mut log);
            assert!(matches!(next, Next::Use(_)), "tools are used whatever the end is called");
            let next = used(&mut state, "1", json!({}), &mut log);
            let expected = if turn == STEPS { Next::Over("step_limit".to_owned()) } else { Next::Ask };
            assert_eq!(next, expected);
        }
    }

    #[test]
    fn a_run_is_rebuilt_from_what_it_has_said_wherever_it_was_cut() {
        let (mut state, mut log) = (RunState::default(), Vec::new());
        let mut expected = vec![Next::Ask];
        let pieces =
            vec![Piece::Text("I look.".to_owned()), call("1", "server.find"), call("2", "client.map")];
        run(&mut state, pieces, &mut log);
        let of = |id: &str, name: &str| ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            input: json!({"a": 1}),
        };
        expected.extend([
            Next::Ask,
            Next::Use(vec![of("1", "server.find")]),
            Next::Use(vec![of("1", "server.find")]),
        ]);
        run(&mut state, vec![Piece::Finish(Finish::ToolCalls)], &mut log);
        expected.push(used(&mut state, "1", json!([1]), &mut log));
        expected.push(used(&mut state, "2", json!("here"), &mut log));
        run(&mut state, vec![Piece::Text("Found.".to_owned())], &mut log);
        expected.push(Next::Ask);
        for (cut, expected) in expected.into_iter().enumerate() {
            let (rebuilt, next) = RunState::rebuild(&log[..cut], STEPS);
            assert_eq!(next, expected, "after {cut}");
            let whole = rebuilt.said().len() == 3;
            assert_eq!(whole, cut >= 5, "after {cut}");
        }
        let (rebuilt, _) = RunState::rebuild(&log, STEPS);
        assert_eq!(
            (rebuilt.said(), rebuilt.text(), rebuilt.answer()),
            (state.said(), "Found.", state.answer())
        );
    }
}
