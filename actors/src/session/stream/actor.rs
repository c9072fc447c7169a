//! The shell around a run: asks the model, uses tools, keeps what is said and lets readers have it once it is in the
//! store. It belongs to no request: whoever reads may come and go.

use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, SpawnHandle, StreamHandler,
    WrapFuture, fut,
};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::book::{Loaded, StreamBook};
use super::frame::Said;
use super::head::Head;
use super::messages::{Attach, StopAnswer, StreamError, TakeResults, ToolOutput};
use super::model::{ModelError, Piece, ToolCall};
use super::run::{Run, Written};
use super::running::Counted;
use super::state::Next;
use super::tail::{Glimpse, Tail};
use crate::clock::timeout;
use crate::store::StoreError;
use crate::supervision::{Answer, Errands, Fate};

/// How long a stream that is over stays awake for those who ask about it.
const IDLE: Duration = Duration::from_secs(10);
/// How long one of the server's own tools may take.
const TOOL: Duration = Duration::from_secs(60);

/// Somebody who waits for what they have asked of the stream to be on the disk.
pub(super) type Wait = oneshot::Sender<Result<Head, StreamError>>;

/// A stream.
pub struct StreamActor {
    book: StreamBook,
    fate: Fate,
    errands: Errands<Self>,
    tail: Tail,
    /// What it has come to; none until it was read, and where there is no such stream.
    head: Option<Head>,
    /// What goes on, which counts for as long; nothing once it is over.
    run: Option<Run>,
    counted: Option<Counted>,
    /// What the model says is heard by this.
    listening: Option<SpawnHandle>,
}

/// What a model says, in which of its turns.
pub(super) enum Heard {
    Piece(u32, Result<Piece, ModelError>),
    /// It says nothing more.
    Over(u32),
}

impl StreamActor {
    /// A stream that learns from the store what it is when it starts.
    #[must_use]
    pub fn new(book: StreamBook, fate: Fate) -> Self {
        let (errands, tail) = (Errands::default(), Tail::new(0, false));
        Self { book, fate, errands, tail, head: None, run: None, counted: None, listening: None }
    }

    fn loaded(&mut self, loaded: Option<Loaded>, ctx: &mut Context<Self>) {
        let Some(Loaded { head, ask, said }) = loaded else { return self.doze(ctx) };
        self.tail = Tail::new(said.len() as u64, head.status.is_over());
        self.head = Some(head.clone());
        if head.status.is_over() {
            return self.doze(ctx);
        }
        let settings = self.book.house.settings.streams.clone();
        let (run, next) = Run::taken_up(head, ask, &said, settings);
        self.run = Some(run);
        self.counted = Some(self.book.house.answers.one_more());
        self.go_on(next, ctx);
    }

    /// A stream that is over sleeps after a while. The store has all of it.
    fn doze(&self, ctx: &mut Context<Self>) {
        let wait = self.book.house.clock.sleep(IDLE).into_actor(self);
        ctx.spawn(wait.map(|(), _, ctx| ctx.stop()));
    }

    /// Does what is to be done next, and keeps what was said.
    fn go_on(&mut self, next: Next, ctx: &mut Context<Self>) {
        match next {
            Next::Listen => {}
            Next::Ask => self.ask(ctx),
            Next::Use(calls) => calls.into_iter().for_each(|call| self.use_tool(call)),
            Next::Wait => self.wait_for_tools(),
            Next::Over(_) => self.hush(ctx),
        }
        self.write(ctx);
    }

    fn ask(&mut self, ctx: &mut Context<Self>) {
        let Some(run) = &mut self.run else { return };
        let (turn, prompt) = run.asks();
        let pieces = self.book.house.model.answer(prompt).map(move |piece| Heard::Piece(turn, piece));
        let pieces = pieces.chain(stream::once(std::future::ready(Heard::Over(turn))));
        self.listening = Some(ctx.add_stream(pieces));
    }

    /// Wants no more of the model's words.
    fn hush(&mut self, ctx: &mut Context<Self>) {
        if let Some(listening) = self.listening.take() {
            ctx.cancel_future(listening);
        }
    }

    fn use_tool(&self, call: ToolCall) {
        let Some(run) = &self.run else { return };
        let (book, by, is_offered) = (self.book.clone(), run.head.by.clone(), run.offers(&call.name));
        let call = run.completed(call);
        let used = async move {
            let used = async {
                // Nothing else checks what the tools of connected servers are used for.
                if !is_offered {
                    return Err(format!("there is no tool `{}`", call.name));
                }
                book.house.tools.used(&book.org, &by, &call).await
            };
            let used = timeout(book.house.clock.as_ref(), TOOL, used).await;
            let late = || Err(format!("the tool did not answer within {} s", TOOL.as_secs()));
            let (output, is_error) = match used.unwrap_or_else(late) {
                Ok(output) => (output, false),
                Err(why) => (Value::String(why), true),
            };
            ToolOutput { id: call.id, output, is_error }
        };
        self.errands.send(used.into_actor(self).map(|output, act, ctx| {
            let Some(run) = &mut act.run else { return };
            match run.used(output) {
                Ok(next) => act.go_on(next, ctx),
                // It was stopped meanwhile.
                Err(error) => warn!(%error, stream = %act.book.id, "what came of a tool is not taken"),
            }
        }));
    }

    /// Whoever reads has a while to use their tools.
    fn wait_for_tools(&self) {
        let Some(run) = &self.run else { return };
        let (turn, clock) = (run.turn(), self.book.house.clock.clone());
        let wait = clock.sleep(self.book.house.settings.streams.tool_wait);
        self.errands.send(wait.into_actor(self).map(move |(), act, ctx| {
            if let Some(run) = act.run.as_mut().filter(|run| run.waits_since(turn)) {
                run.breaks(&ModelError {
                    code: "tools_unanswered",
                    message: "wait for the tools of whoever reads: no results were posted in time".to_owned(),
                    retryable: true,
                });
                act.go_on(Next::Over(String::new()), ctx);
            }
        }));
    }

    /// Keeps the next frames, if none are being kept.
    fn write(&mut self, ctx: &mut Context<Self>) {
        let (now, first) = (self.book.house.clock.now(), self.tail.last() + 1);
        let Some(run) = &mut self.run else { return };
        let page = match run.page(first, now) {
            Ok(Some(page)) => page,
            Ok(None) => return,
            Err(error) => return self.fails(&error, ctx),
        };
        let book = self.book.clone();
        let kept = async move {
            let Written { lines, said, end, durable } = page;
            match &end {
                Some((head, exchange)) => {
                    book.end(head, (first, lines), exchange.clone()).await.map_err(StreamError::from)?;
                }
                None => book.keep(first, lines, durable).await?,
            }
            Ok::<_, StreamError>((said, end.map(|(head, _)| head)))
        };
        self.errands.send(kept.into_actor(self).map(|kept, act, ctx| match kept {
            Ok((said, end)) => act.wrote(said, end, ctx),
            Err(error) => act.fails(&error, ctx),
        }));
    }

    fn wrote(&mut self, said: Vec<(Arc<Said>, usize)>, end: Option<Head>, ctx: &mut Context<Self>) {
        // Readers have nothing that a killed process would have forgotten.
        self.tail.push(said);
        let Some(run) = &mut self.run else { return };
        for wait in run.wrote(end.is_some()) {
            // Whoever asked may be gone.
            let _ = wait.send(Ok(end.clone().unwrap_or_else(|| run.head.clone())));
        }
        match end {
            Some(head) => {
                info!(org = %head.org_id, stream = %head.id, status = ?head.status, "an answer is over");
                self.head = Some(head);
                (self.run, self.counted) = (None, None);
                self.doze(ctx);
            }
            None => self.write(ctx),
        }
    }

    /// What cannot be kept is told to nobody: the next incarnation goes on from what was.
    fn fails(&self, error: &StreamError, ctx: &mut Context<Self>) {
        self.fate.failed(format!("keep the answer: {error}"));
        ctx.stop();
    }

    /// Answers once what was asked is on the disk.
    fn once_kept(
        &self,
        kept: oneshot::Receiver<Result<Head, StreamError>>,
    ) -> Answer<Self, Result<Head, StreamError>> {
        let gone = || StoreError::Unavailable("the stream stopped".to_owned()).into();
        let kept = async move { kept.await.unwrap_or_else(|_| Err(gone())) };
        self.errands.answer(kept.into_actor(self))
    }
}

impl Actor for StreamActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.book.house.settings.mailbox);
        self.errands.begin(ctx);
        let book = self.book.clone();
        let load = async move { book.load().await };
        ctx.wait(load.into_actor(self).map(|loaded, act, ctx| match loaded {
            Ok(loaded) => act.loaded(loaded, ctx),
            Err(error) => {
                act.fate.failed(format!("load the stream: {error}"));
                ctx.stop();
            }
        }));
    }
}

impl StreamHandler<Heard> for StreamActor {
    fn handle(&mut self, heard: Heard, ctx: &mut Self::Context) {
        let Some(run) = &mut self.run else { return };
        let next = match heard {
            Heard::Piece(turn, Ok(piece)) => run.heard(turn, piece),
            Heard::Piece(turn, Err(error)) => run.broke(turn, &error),
            Heard::Over(turn) => run.fell_silent(turn),
        };
        self.go_on(next, ctx);
    }

    // The stream goes on without the model: tools are used, and what was said is kept.
    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<Attach> for StreamActor {
    type Result = Result<Glimpse, StreamError>;

    fn handle(&mut self, _: Attach, _: &mut Self::Context) -> Self::Result {
        if self.head.is_some() { Ok(self.tail.glimpse()) } else { Err(StreamError::Missing) }
    }
}

impl Handler<StopAnswer> for StreamActor {
    type Result = Answer<Self, Result<Head, StreamError>>;

    fn handle(&mut self, _: StopAnswer, ctx: &mut Self::Context) -> Self::Result {
        let Some(run) = &mut self.run else {
            let head = self.head.clone().ok_or(StreamError::Missing);
            return self.errands.answer(fut::ready(head));
        };
        let (tell, told) = oneshot::channel();
        run.stop(tell);
        self.go_on(Next::Over(String::new()), ctx);
        self.once_kept(told)
    }
}

impl Handler<TakeResults> for StreamActor {
    type Result = Answer<Self, Result<(), StreamError>>;

    fn handle(&mut self, TakeResults(results): TakeResults, ctx: &mut Self::Context) -> Self::Result {
        let Some(run) = &mut self.run else {
            let gone = if self.head.is_some() { StreamError::Over } else { StreamError::Missing };
            return self.errands.answer(fut::ready(Err(gone)));
        };
        let (tell, told) = oneshot::channel();
        match run.take(results, tell) {
            Ok(next) => self.go_on(next, ctx),
            Err(error) => return self.errands.answer(fut::ready(Err(error))),
        }
        let gone = || StoreError::Unavailable("the stream stopped".to_owned()).into();
        let told = async move { told.await.unwrap_or_else(|_| Err(gone())).map(drop) };
        self.errands.answer(told.into_actor(self))
    }
}
