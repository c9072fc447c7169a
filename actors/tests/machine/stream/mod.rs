//! Answers of language models: they belong to no request, and survive readers, actors and restarts.

mod cut;
mod flow;
mod read;
mod rules;
mod tools;

use std::sync::{Arc, Mutex};

use appengine_actors::event::EventKind;
use appengine_actors::ids::{OrgId, StreamId};
use appengine_actors::log::EventLog;
use appengine_actors::rights::Author;
use appengine_actors::session::stream::frame::{Frame, Said};
use appengine_actors::session::stream::head::{Ask, Asker, Head, Origin, StreamStatus};
use appengine_actors::session::stream::model::{
    Finish, Message, Model, ModelError, Piece, Prompt, Tool, ToolCall,
};
use appengine_actors::session::stream::tools::ToolBox;
use appengine_actors::session::stream::{Beginning, Once, Streams};
use appengine_actors::testkit::probe::quiet;
use appengine_actors::testkit::{Setup, TestHouse};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use futures_util::stream::{BoxStream, poll_fn};
use serde_json::{Value, json};
use tokio::sync::mpsc::{Sender, channel};

/// A model whose words are a test's. Each of its turns is asked of it once.
#[derive(Clone, Default)]
pub struct Scripted(Arc<Mutex<Vec<Turn>>>);

/// One turn of the model.
#[derive(Clone)]
pub struct Turn {
    pub prompt: Prompt,
    says: Sender<Result<Piece, ModelError>>,
}

impl Model for Scripted {
    fn answer(&self, prompt: Prompt) -> BoxStream<'static, Result<Piece, ModelError>> {
        let (says, mut said) = channel(10_000);
        self.0.lock().unwrap().push(Turn { prompt, says });
        Box::pin(poll_fn(move |context| said.poll_recv(context)))
    }
}

impl Scripted {
    /// The turns that it was asked for.
    pub fn turns(&self) -> Vec<Turn> {
        self.0.lock().unwrap().clone()
    }

    /// The turn that it was asked for last.
    pub fn turn(&self) -> Turn {
        self.turns().pop().expect("the model was asked")
    }

    /// It says no more, in whichever turn.
    pub fn hang_up(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl Turn {
    pub fn says(&self, words: &str) {
        self.piece(Piece::Text(words.to_owned()));
    }

    pub fn piece(&self, piece: Piece) {
        // A run that was stopped listens no more.
        let _ = self.says.try_send(Ok(piece));
    }

    pub fn fails(&self, error: ModelError) {
        let _ = self.says.try_send(Err(error));
    }

    pub fn finishes(&self) {
        self.piece(Piece::Usage { input: 10, output: 5 });
        self.piece(Piece::Finish(Finish::Stop));
    }

    pub fn wants(&self, id: &str, name: &str) {
        self.piece(Piece::ToolCall(ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            input: json!({"q": 1}),
        }));
    }

    /// Whether somebody still listens.
    pub fn is_heard(&self) -> bool {
        !self.says.is_closed()
    }
}

/// Tools that say what they were asked.
pub struct Echo;

impl ToolBox for Echo {
    fn named(&self, _: &[String]) -> Vec<Tool> {
        Vec::new()
    }

    fn used<'a>(
        &'a self,
        org: &'a OrgId,
        by: &'a Asker,
        call: &'a ToolCall,
    ) -> BoxFuture<'a, Result<Value, String>> {
        let used = match call.name.as_str() {
            "server.echo" => Ok(json!({"org": org, "by": by.label, "input": call.input})),
            "server.large" => Ok("x".repeat(100_000).into()),
            name => Err(format!("there is no tool `{name}`")),
        };
        Box::pin(ready(used))
    }
}

/// A house whose model says what a test says.
pub fn start() -> (TestHouse, Scripted) {
    start_with(|_| {})
}

pub fn start_with(change: impl FnOnce(&mut Setup)) -> (TestHouse, Scripted) {
    let model = Scripted::default();
    let mut setup = Setup { model: Arc::new(model.clone()), tools: Arc::new(Echo), ..Setup::default() };
    change(&mut setup);
    (setup.start(), model)
}

pub fn streams(house: &TestHouse) -> &Streams {
    &house.machine.sessions.streams
}

pub fn ada() -> Asker {
    let address = "ada@example.com".to_owned();
    Asker {
        id: "user-1".to_owned(),
        label: address.clone(),
        email: Some(address),
        name: "Ada".to_owned(),
        rights: Author::unknown(),
    }
}

pub fn beginning(house: &TestHouse, text: &str) -> Beginning {
    let tool = |name: &str| Tool {
        name: name.to_owned(),
        description: String::new(),
        schema: json!({"type": "object"}),
    };
    let prompt = Prompt {
        org: house.org.clone(),
        by: ada(),
        sources: Vec::new(),
        provider: None,
        model: None,
        system: "Be kind.".to_owned(),
        messages: vec![Message::User { text: text.to_owned(), images: Vec::new() }],
        tools: vec![tool("server.echo"), tool("server.large"), tool("client.map")],
        connected: Vec::new(),
        temperature: None,
        max_tokens: None,
    };
    let given = json!({"server.echo": {"unit": "mm", "q": 2}}).as_object().unwrap().clone();
    let ask = Ask { prompt, client_tools: vec!["client.map".to_owned()], given };
    Beginning { origin: Origin::default(), conversation: None, assistant: None, ask, once: None }
}

pub fn once(key: &str, digest: &str) -> Option<Once> {
    Some(Once { key: key.to_owned(), digest: digest.to_owned(), replaces: None })
}

/// Begins an answer, and has the model asked for it.
pub async fn begin(house: &TestHouse) -> StreamId {
    let begun = streams(house).begin(&house.org, beginning(house, "Hello?")).await.unwrap();
    quiet().await;
    begun
}

pub async fn head(house: &TestHouse, id: StreamId) -> Head {
    streams(house).find(&house.org, id).await.unwrap().expect("a stream")
}

/// What was told by events of a kind.
pub async fn events(house: &TestHouse, kind: &str) -> Vec<Value> {
    let log = EventLog::new(house.house().store.clone());
    let page = log.page(&house.org, Some(&EventKind::new(kind).unwrap()), None, false, 100).await.unwrap();
    page.events.into_iter().map(|event| event.data).collect()
}

/// All that can be read behind a place without waiting, and whether that was the end.
pub async fn read(house: &TestHouse, id: StreamId, place: u64) -> (Vec<Frame>, bool) {
    quiet().await;
    let mut reader = streams(house).read(&head(house, id).await, place);
    let mut all = Vec::new();
    loop {
        let next = Box::pin(reader.next());
        let mut next = next.fuse();
        // Whatever takes a turn of an actor is there after a quiet moment.
        let read = match (&mut next).now_or_never() {
            Some(read) => read,
            None => {
                quiet().await;
                match next.now_or_never() {
                    Some(read) => read,
                    None => return (all, false),
                }
            }
        };
        match read.unwrap() {
            Some(frames) => all.extend(frames),
            None => return (all, true),
        }
    }
}

/// What was said, without the beginning and the count of tokens.
pub fn words(frames: &[Frame]) -> String {
    let said = frames.iter().map(|frame| match &*frame.said {
        Said::Chunk { data } => data.clone(),
        Said::End { finish_reason, .. } => format!("[{finish_reason}]"),
        Said::Error { code, .. } => format!("[{code}]"),
        Said::ToolUse { id, name, client, .. } => format!("[{id} {name}{}]", if *client { "!" } else { "" }),
        Said::ToolResult { id, is_error, .. } => {
            format!("[{id} {}]", if *is_error { "failed" } else { "done" })
        }
        Said::Start { .. } | Said::Usage { .. } => String::new(),
    });
    said.collect()
}

/// Numbers go up by one, from behind a place.
pub fn assert_numbered(frames: &[Frame], place: u64) {
    let numbers: Vec<u64> = frames.iter().map(|frame| frame.number).collect();
    let expected: Vec<u64> = (place + 1..).take(frames.len()).collect();
    assert_eq!(numbers, expected);
}
