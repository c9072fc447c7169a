//! The shell around a conversation: reads it from the store when it wakes, writes what is said, and tells it to
//! everybody who is here. It sleeps again when nothing has been said for a while.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture, fut};
use tokio::sync::oneshot;
use tracing::warn;

use super::answering::Answering;
use super::book::{ChatBook, Reloaded, Wanted, Written};
use super::erasure::Erasing;
use super::message::Message;
use super::messages::{Attach, ChatError, Mark, Replayed, Reword, Said, Say, Take};
use super::model::Chat;
use super::routes::Routes;
use super::state::ChatState;
use super::words;
use crate::bus::change::ChangeError;
use crate::session::hall::{CatchUp, RoomName};
use crate::session::replay::{Past, Step, replay_page};
use crate::session::seat::{Frame, Seat};
use crate::session::stream::Streams;
use crate::store::StoreError;
use crate::supervision::{Answer, Errands, Fate};

/// A conversation in which nothing has been said for so long sleeps; the next word wakes it.
const IDLE: Duration = Duration::from_secs(60);

pub(super) type Wait = oneshot::Sender<Result<Said, ChatError>>;
type RouteWait = oneshot::Sender<Result<Chat, ChatError>>;

/// How the writing of a group ended.
enum Ended {
    /// It is on the disk.
    Written(Written),
    /// Somebody else wrote first.
    Outrun(Reloaded),
}

/// A conversation.
pub struct ChatActor {
    pub(super) book: ChatBook,
    fate: Fate,
    room: RoomName,
    pub(super) chat: Option<Chat>,
    pub(super) state: ChatState<Wait>,
    pub(super) routes: Routes<RouteWait>,
    pub(super) streams: Streams,
    pub(super) answering: Option<Answering>,
    pub(super) erasing: Erasing,
    pub(super) errands: Errands<Self>,
    /// Those who have too much waiting, and what they have heard last.
    lagging: Vec<(Arc<dyn Seat>, u64)>,
    /// When something was last wanted of it.
    busy_at: Duration,
}

impl ChatActor {
    /// A conversation that learns from the store what it is when it starts.
    #[must_use]
    pub fn new(book: ChatBook, streams: Streams, fate: Fate) -> Self {
        let (room, busy_at) = (book.room(), book.house.clock.elapsed());
        let (chat, state, errands) = (None, ChatState::new(Vec::new()), Errands::default());
        let (routes, erasing, lagging) = (Routes::default(), Erasing::default(), Vec::new());
        let answering = None;
        Self { book, fate, room, chat, state, routes, streams, answering, erasing, errands, lagging, busy_at }
    }

    pub(super) fn touch(&mut self) {
        self.busy_at = self.book.house.clock.elapsed();
    }

    /// Sleeps once it has been quiet for long enough.
    fn doze(&self, ctx: &mut Context<Self>) {
        let wait = self.book.house.clock.sleep(IDLE).into_actor(self);
        ctx.spawn(wait.map(|(), act, ctx| {
            let quiet = act.book.house.clock.elapsed().saturating_sub(act.busy_at);
            let is_quiet = act.state.is_quiet() && act.routes.is_quiet() && act.erasing.is_quiet();
            if quiet >= IDLE && is_quiet && act.answering.is_none() {
                ctx.stop();
            } else {
                act.doze(ctx);
            }
        }));
    }

    /// Writes the next group, if nothing is being written.
    pub(super) fn write(&mut self) {
        if self.state.is_writing() || self.routes.is_writing() || self.erases() {
            return;
        }
        let (routes, drafts) = (self.routes.next_group(), self.state.next_group());
        if routes.is_empty() && drafts.is_empty() {
            return;
        }
        let (book, reached) = (self.book.clone(), self.reached());
        let wanted = Wanted {
            chat: self.chat.clone(),
            routes,
            drafts,
            reached,
            heard: self.answering.as_ref().map(Answering::heard),
        };
        let written = async move { book.write(wanted).await }.into_actor(self);
        self.errands.send(written.then(|written, act, _| {
            let (book, ids) = (act.book.clone(), act.state.ids());
            let ended = async move {
                match written {
                    Ok(written) => Ok(Ended::Written(written)),
                    // An earlier incarnation has written it, or something else: its last words came late.
                    Err(ChangeError::Condition | ChangeError::Published(_)) => {
                        Ok(Ended::Outrun(book.reload(ids).await?))
                    }
                    Err(error) => Err(ChatError::from(error)),
                }
            };
            ended.into_actor(act).map(|ended, act, _| {
                match ended {
                    Ok(Ended::Written(written)) => act.wrote(written),
                    Ok(Ended::Outrun(reloaded)) => act.outrun(reloaded),
                    Err(error) => act.failed(&error),
                }
                act.touch();
                act.write();
            })
        }));
    }

    fn wrote(&mut self, Written { chat, new, known, moves, routed }: Written) {
        // Whoever is told of it is told first: the answer says that everybody was.
        let before = self.chat.as_ref().map_or_else(Vec::new, Chat::hearers);
        let last = self.state.last();
        self.book.house.hall.gather(&self.room, &[before, chat.hearers()].concat(), |_| last);
        let was = self.chat.replace(chat.clone());
        self.tell_end(&new);
        new.iter().for_each(|message| self.tell(message));
        moves.iter().for_each(|moved| words::moved(moved).into_iter().for_each(|frame| self.announce(frame)));
        if let Some(ended) = new.iter().rev().find(|message| message.ends.is_some()) {
            self.announce(words::ended(ended));
        }
        let answers = self.state.wrote(new, &known);
        let standing = chat.standing();
        if was.as_ref().and_then(Chat::standing) != standing {
            self.book.house.board.post(&self.book.org, &self.book.chat, chat.turn, standing);
        }
        self.attend();
        self.follow_up();
        self.answer(answers);
        for (wait, routed) in self.routes.wrote(routed) {
            let _ = wait.send(routed.map_err(ChatError::from));
        }
    }

    fn answer(&self, answers: Vec<(Wait, Message)>) {
        for (wait, message) in answers {
            let said = self.chat.clone().map(|chat| Said { message, chat });
            // Whoever asked may be gone.
            let _ = wait.send(said.ok_or(ChatError::NoMessage));
        }
    }

    /// Takes up what somebody else has written, and goes on behind it.
    pub(super) fn outrun(&mut self, Reloaded { chat, latest, reached, said }: Reloaded) {
        self.chat = chat;
        let answers = self.state.again(latest, &said);
        self.goes_on_behind(reached);
        self.routes.again();
        self.attend();
        self.catch_up();
        self.answer(answers);
    }

    fn failed(&mut self, error: &ChatError) {
        for wait in self.state.failed() {
            let _ = wait.send(Err(error.clone()));
        }
        for wait in self.routes.failed() {
            let _ = wait.send(Err(error.clone()));
        }
    }

    fn tell(&mut self, message: &Message) {
        let frame = match words::message(message, &self.book.org, &*self.book.house.links) {
            Ok(frame) => frame,
            Err(error) => return warn!(%error, id = %message.id, "a message cannot be told"),
        };
        self.lagging.extend(self.book.house.hall.tell(&self.room, message.seq, &frame));
    }

    /// Brings those who have too much waiting to what they have not heard, at their own pace.
    fn follow_up(&mut self) {
        for (seat, heard) in std::mem::take(&mut self.lagging) {
            // Nobody waits for it.
            let (tell, _) = oneshot::channel();
            self.replay_on(seat, Step::from(heard), tell);
        }
    }

    /// Tells those who are here what an earlier incarnation wrote and did not tell.
    fn catch_up(&mut self) {
        let last = self.state.last();
        if let Some(chat) = &self.chat {
            // Whoever is not in the room has heard nothing of it since they came.
            let heard = |came| self.state.before(came);
            self.book.house.hall.gather(&self.room, &chat.hearers(), heard);
        }
        for (seat, heard) in self.book.house.hall.behind(&self.room, last) {
            match self.state.since(heard) {
                Some(missed) => missed.iter().for_each(|message| self.tell(message)),
                None => {
                    self.book.house.hall.catch_up(&self.room, &seat, heard);
                    self.lagging.push((seat, heard));
                }
            }
        }
        self.follow_up();
    }

    /// Sends a client what it has missed, page by page, and has it in the room once that is all.
    fn replay(&mut self, seat: Arc<dyn Seat>, step: Step) -> Answer<Self, Result<Replayed, ChatError>> {
        let (tell, told) = oneshot::channel();
        self.replay_on(seat, step, tell);
        self.once_told(told)
    }

    /// Answers with what is told later.
    pub(super) fn once_told<T: 'static>(
        &self,
        told: oneshot::Receiver<Result<T, ChatError>>,
    ) -> Answer<Self, Result<T, ChatError>> {
        let gone = || StoreError::Unavailable("the chat stopped".to_owned()).into();
        self.errands.answer(async move { told.await.unwrap_or_else(|_| Err(gone())) }.into_actor(self))
    }

    fn replay_on(
        &mut self,
        seat: Arc<dyn Seat>,
        step: Step,
        tell: oneshot::Sender<Result<Replayed, ChatError>>,
    ) {
        if step.is_at(self.state.last()) {
            self.book.house.hall.caught_up(&self.room, seat.id());
            self.tell_so_far(&*seat);
            let _ = tell.send(Ok(step.done()));
            return;
        }
        let (book, latest) = (self.book.clone(), self.state.since(step.at()));
        let page = async move {
            let page = replay_page(&book, &*seat, step, latest).await;
            (seat, page)
        };
        self.errands.send(page.into_actor(self).map(|(seat, page), act, _| match page {
            Ok(step) => act.replay_on(seat, step, tell),
            Err(error) => _ = tell.send(Err(error.into())),
        }));
    }
}

impl Actor for ChatActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.book.house.settings.mailbox);
        self.errands.begin(ctx);
        let book = self.book.clone();
        let load = async move { book.load().await };
        ctx.wait(load.into_actor(self).map(|loaded, act, ctx| match loaded {
            Ok((chat, latest, reached)) => {
                act.chat = chat;
                act.state = ChatState::new(latest);
                act.goes_on_behind(reached);
                // Whoever brought these on ended with them half way.
                act.lagging = act.book.house.hall.catching_up(&act.room);
                act.catch_up();
                act.attend();
                act.doze(ctx);
            }
            Err(error) => {
                act.fate.failed(format!("load the chat: {error}"));
                ctx.stop();
            }
        }));
    }
}

impl Handler<Say> for ChatActor {
    type Result = Answer<Self, Result<Said, ChatError>>;

    fn handle(&mut self, Say(draft): Say, _: &mut Self::Context) -> Self::Result {
        self.touch();
        let (tell, told) = oneshot::channel();
        if let Err(busy) = self.state.say(draft, tell) {
            return self.errands.answer(fut::ready(Err(busy.into())));
        }
        self.write();
        self.once_told(told)
    }
}

impl Handler<Take> for ChatActor {
    type Result = Answer<Self, Result<Chat, ChatError>>;

    fn handle(&mut self, Take(route): Take, _: &mut Self::Context) -> Self::Result {
        self.touch();
        let (tell, told) = oneshot::channel();
        if let Err(busy) = self.routes.take(route, tell) {
            return self.errands.answer(fut::ready(Err(busy.into())));
        }
        self.write();
        self.once_told(told)
    }
}

impl Handler<Attach> for ChatActor {
    type Result = Answer<Self, Result<Replayed, ChatError>>;

    fn handle(&mut self, Attach { seat, since }: Attach, _: &mut Self::Context) -> Self::Result {
        self.touch();
        // A number that does not exist yet would have the client hear nothing until it does.
        let since = since.unwrap_or(u64::MAX).min(self.state.last());
        match self.book.house.hall.catch_up(&self.room, &seat, since) {
            CatchUp::Begun => self.replay(seat, Step::from(since)),
            CatchUp::UnderWay(at) => self.errands.answer(fut::ready(Ok(Step::from(at).done()))),
            // Nobody waits for the answer.
            CatchUp::Gone => self.errands.answer(fut::ready(Ok(Replayed::default()))),
        }
    }
}

impl Handler<Mark> for ChatActor {
    type Result = Answer<Self, Result<Message, ChatError>>;

    fn handle(&mut self, Mark { seq, status, by }: Mark, _: &mut Self::Context) -> Self::Result {
        self.touch();
        let book = self.book.clone();
        let marked = async move { book.mark(seq, status).await };
        self.errands.answer(marked.into_actor(self).map(move |marked, act, _| {
            let (message, is_new) = marked?;
            if is_new {
                act.state.changed(&message);
                act.announce(words::update(&message, &by));
            }
            Ok(message)
        }))
    }
}

impl Handler<Reword> for ChatActor {
    type Result = Answer<Self, Result<Message, ChatError>>;

    fn handle(&mut self, Reword { seq, content, by }: Reword, _: &mut Self::Context) -> Self::Result {
        self.touch();
        let book = self.book.clone();
        let reworded = async move { (book.reword(seq, content, &by).await, by) };
        self.errands.answer(reworded.into_actor(self).map(|(reworded, by), act, _| {
            let message = reworded?;
            act.state.changed(&message);
            act.announce(words::reworded(&message, &by));
            Ok(message)
        }))
    }
}

impl ChatActor {
    pub(super) fn announce(&self, frame: Result<Frame, StoreError>) {
        match frame {
            Ok(frame) => self.book.house.hall.announce(&self.room, &frame),
            Err(error) => warn!(%error, chat = %self.book.chat, "something cannot be told"),
        }
    }
}
