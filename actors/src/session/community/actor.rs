//! The shell around a conversation of a community: reads it from the store when it wakes, writes what comes of what is
//! wanted, and tells it to everybody who is here. It sleeps again when nothing has been wanted for a while.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture, fut};
use tokio::sync::oneshot;
use tracing::warn;

use super::book::{Book, Written};
use super::conversation::Conversation;
use super::entry::{Deed, Happened};
use super::messages::{Attach, Replayed, TalkError, Typing, Want};
use super::plan::Reading;
use super::who::Handle;
use super::wish::{Done, Refusal, Wish};
use super::words;
use crate::bus::change::ChangeError;
use crate::session::hall::{CatchUp, RoomName};
use crate::session::line::{Line, Ticket};
use crate::session::person::Address;
use crate::session::replay::{Past, Step, replay_page};
use crate::session::seat::{Frame, Seat};
use crate::store::StoreError;
use crate::supervision::{Answer, Errands, Fate};

/// A conversation of which nothing was wanted for so long sleeps; the next wish wakes it.
const IDLE: Duration = Duration::from_secs(60);

type Wait = oneshot::Sender<Result<Done, TalkError>>;

/// How the writing of a group ended.
enum Ended {
    /// It is on the disk.
    Written(Box<Written>),
    /// Somebody else wrote first.
    Outrun(Box<(Option<Conversation>, Vec<Happened>)>),
}

/// A conversation.
pub struct TalkActor {
    book: Book,
    fate: Fate,
    room: RoomName,
    conversation: Option<Conversation>,
    line: Line<Wish, Happened, Wait>,
    errands: Errands<Self>,
    /// Those who have too much waiting, and what they have heard last.
    lagging: Vec<(Arc<dyn Seat>, u64)>,
    /// When something was last wanted of it.
    busy_at: Duration,
}

impl TalkActor {
    /// A conversation that learns from the store what it is when it starts.
    #[must_use]
    pub fn new(book: Book, fate: Fate) -> Self {
        let (room, busy_at) = (book.room(), book.house.clock.elapsed());
        let (conversation, line, errands) = (None, Line::new(Vec::new()), Errands::default());
        Self { book, fate, room, conversation, line, errands, lagging: Vec::new(), busy_at }
    }

    fn touch(&mut self) {
        self.busy_at = self.book.house.clock.elapsed();
    }

    /// Sleeps once it has been quiet for long enough.
    fn doze(&self, ctx: &mut Context<Self>) {
        let wait = self.book.house.clock.sleep(IDLE).into_actor(self);
        ctx.spawn(wait.map(|(), act, ctx| {
            let quiet = act.book.house.clock.elapsed().saturating_sub(act.busy_at);
            if quiet >= IDLE && act.line.is_quiet() {
                ctx.stop();
            } else {
                act.doze(ctx);
            }
        }));
    }

    /// Writes the next group, if nothing is being written.
    fn write(&mut self) {
        let wishes = self.line.next_group();
        if wishes.is_empty() {
            return;
        }
        let (book, conversation) = (self.book.clone(), self.conversation.clone());
        let written = async move { book.write(conversation, wishes).await }.into_actor(self);
        self.errands.send(written.then(|written, act, _| {
            let book = act.book.clone();
            let ended = async move {
                match written {
                    Ok(written) => Ok(Ended::Written(Box::new(written))),
                    // An earlier incarnation has written it, or something else: its last words came late. Or a message
                    // went because it is too old, or a notification was changed by whom it is for.
                    Err(ChangeError::Condition | ChangeError::Published(_) | ChangeError::Changed(_)) => {
                        Ok(Ended::Outrun(Box::new(book.load().await?)))
                    }
                    Err(error) => Err(TalkError::from(error)),
                }
            };
            ended.into_actor(act).map(|ended, act, _| {
                match ended {
                    Ok(Ended::Written(written)) => act.wrote(*written),
                    Ok(Ended::Outrun(loaded)) => act.outrun(*loaded),
                    Err(error) => act.failed(&error),
                }
                act.touch();
                act.write();
            })
        }));
    }

    fn wrote(&mut self, Written { conversation, happened, marks, answers }: Written) {
        // Whoever is told of it is told first: the answer says that everybody was.
        let last = self.line.last();
        self.gather(last);
        if let Some(begun) = conversation.as_ref().filter(|_| last == 0) {
            self.book.house.hall.gather(&self.room, &begun.hearers(), |_| last);
        }
        for told in self.line.recent_mut() {
            let newer = happened.iter().rev().find(|new| new.entry.message() == told.entry.message());
            if let Some(newer) = newer.and_then(|new| new.message.as_ref()).filter(|_| told.message.is_some())
            {
                told.message = Some(newer.clone());
            }
        }
        happened.iter().for_each(|entry| self.tell(entry));
        self.conversation = conversation;
        for Reading { mark, ids, by, .. } in marks.iter().filter(|reading| reading.is_told) {
            self.announce(words::read(&self.book.org, &self.book.id, by, mark, ids));
        }
        let tickets = self.line.written(happened);
        self.follow_up();
        for (Ticket { waits, .. }, answer) in tickets.into_iter().zip(answers) {
            for wait in waits {
                // Whoever asked may be gone.
                let _ = wait.send(answer.clone().map_err(TalkError::from));
            }
        }
    }

    /// Has everybody who takes part hear what comes next.
    fn gather(&self, last: u64) {
        if let Some(conversation) = &self.conversation {
            self.book.house.hall.gather(&self.room, &conversation.hearers(), |_| last);
        }
    }

    /// Takes up what somebody else has written, and looks at what is wanted again, behind that.
    fn outrun(&mut self, (conversation, latest): (Option<Conversation>, Vec<Happened>)) {
        self.conversation = conversation;
        // What was written of it is found by its id when it is looked at.
        let none = self.line.again(latest, |_, _| None::<Done>);
        debug_assert!(none.is_empty());
        self.catch_up();
    }

    fn failed(&mut self, error: &TalkError) {
        for wait in self.line.failed() {
            let _ = wait.send(Err(error.clone()));
        }
    }

    fn tell(&mut self, happened: &Happened) {
        let (org, hall) = (&self.book.org, &self.book.house.hall);
        let before = happened.entry.seq - 1;
        if let Deed::Joined { member } = &happened.entry.deed {
            let address = Handle::of(&member.person).address(org);
            hall.gather(&self.room, &[address], |_| before);
        }
        match words::happened(org, &self.book.id, happened) {
            Ok(Some(frame)) => self.lagging.extend(hall.tell(&self.room, happened.entry.seq, &frame)),
            Ok(None) => {}
            Err(error) => warn!(%error, id = %happened.entry.id, "something cannot be told"),
        }
        if let Deed::Left { member, .. } = &happened.entry.deed {
            // Whoever has not heard that they are out comes again, and is told.
            let address = Handle::of(member).address(org);
            hall.part_all(&self.room, &address).iter().for_each(|seat| seat.cut());
        }
    }

    fn announce(&self, frame: Result<Frame, StoreError>) {
        match frame {
            Ok(frame) => self.book.house.hall.announce(&self.room, &frame),
            Err(error) => warn!(%error, conversation = %self.book.id, "something cannot be told"),
        }
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
        let last = self.line.last();
        let hall = self.book.house.hall.clone();
        if let Some(conversation) = &self.conversation {
            // Whoever is not in the room has heard nothing of it since they came.
            hall.gather(&self.room, &conversation.hearers(), |came| self.line.before(came));
        }
        for address in self.gone() {
            hall.part_all(&self.room, &address).iter().for_each(|seat| seat.cut());
        }
        for (seat, heard) in hall.behind(&self.room, last) {
            match self.line.since(heard) {
                Some(missed) => missed.iter().for_each(|happened| self.tell(happened)),
                None => {
                    hall.catch_up(&self.room, &seat, heard);
                    self.lagging.push((seat, heard));
                }
            }
        }
        self.follow_up();
    }

    /// Those who went not long ago, and are not back.
    fn gone(&self) -> Vec<Address> {
        let Some(conversation) = &self.conversation else { return Vec::new() };
        let left = self.line.recent().filter_map(|happened| match &happened.entry.deed {
            Deed::Left { member, .. } => Some(Handle::of(member)),
            _ => None,
        });
        let left = left.filter(|who| !conversation.members.contains_key(who));
        left.map(|who| who.address(&self.book.org)).collect()
    }

    /// Answers with what is told later.
    fn once_told<T: 'static>(
        &self,
        told: oneshot::Receiver<Result<T, TalkError>>,
    ) -> Answer<Self, Result<T, TalkError>> {
        let gone = || StoreError::Unavailable("the conversation stopped".to_owned()).into();
        self.errands.answer(async move { told.await.unwrap_or_else(|_| Err(gone())) }.into_actor(self))
    }

    fn replay_on(
        &mut self,
        seat: Arc<dyn Seat>,
        step: Step,
        tell: oneshot::Sender<Result<Replayed, TalkError>>,
    ) {
        let hall = &self.book.house.hall;
        if step.is_at(self.line.last()) || !hall.is_in(&self.room, seat.id()) {
            hall.caught_up(&self.room, seat.id());
            let _ = tell.send(Ok(step.done()));
            return;
        }
        let (book, latest) = (self.book.clone(), self.line.since(step.at()));
        let page = async move {
            let page = replay_page(&book, &*seat, step, latest).await;
            (seat, page)
        };
        self.errands.send(page.into_actor(self).map(|(seat, page), act, _| match page {
            Ok(step) => act.replay_on(seat, step, tell),
            Err(error) => _ = tell.send(Err(error.into())),
        }));
    }

    /// Whether others hear that somebody writes.
    fn may_type(&self, who: &Handle) -> Result<(), Refusal> {
        self.admits(who)?;
        let member = self.conversation.as_ref().and_then(|conversation| conversation.members.get(who));
        match member.filter(|member| member.is_muted(self.book.house.clock.now())) {
            Some(member) => Err(Refusal::Muted { until: member.muted.and_then(|muted| muted.until) }),
            None => Ok(()),
        }
    }

    /// Whether somebody may hear it: in what two people have they may before anything is said.
    fn admits(&self, who: &Handle) -> Result<(), Refusal> {
        match &self.conversation {
            Some(conversation) => conversation.member(who).map(|_| ()),
            None if self.book.id.peer_of(who).is_some() => Ok(()),
            None => Err(Refusal::NoGroup),
        }
    }
}

impl Actor for TalkActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.book.house.settings.mailbox);
        self.errands.begin(ctx);
        let book = self.book.clone();
        let load = async move { book.load().await };
        ctx.wait(load.into_actor(self).map(|loaded, act, ctx| match loaded {
            Ok((conversation, latest)) => {
                act.conversation = conversation;
                act.line = Line::new(latest);
                // Whoever brought these on ended with them half way.
                act.lagging = act.book.house.hall.catching_up(&act.room);
                act.catch_up();
                act.doze(ctx);
            }
            Err(error) => {
                act.fate.failed(format!("load the conversation: {error}"));
                ctx.stop();
            }
        }));
    }
}

impl Handler<Want> for TalkActor {
    type Result = Answer<Self, Result<Done, TalkError>>;

    fn handle(&mut self, Want(wish): Want, _: &mut Self::Context) -> Self::Result {
        self.touch();
        let (tell, told) = oneshot::channel();
        if let Err(busy) = self.line.say(wish, tell) {
            return self.errands.answer(fut::ready(Err(busy.into())));
        }
        self.write();
        self.once_told(told)
    }
}

impl Handler<Attach> for TalkActor {
    type Result = Answer<Self, Result<Replayed, TalkError>>;

    fn handle(&mut self, attach: Attach, _: &mut Self::Context) -> Self::Result {
        self.touch();
        let Attach { by, seat, since, unless_there } = attach;
        if unless_there && self.book.house.hall.is_in(&self.room, seat.id()) {
            return self.errands.answer(fut::ready(Ok(Replayed::default())));
        }
        if let Err(refusal) = self.admits(&Handle::of(&by)) {
            return self.errands.answer(fut::ready(Err(refusal.into())));
        }
        // A number that does not exist yet would have the client hear nothing until it does.
        let since = since.unwrap_or(u64::MAX).min(self.line.last());
        match self.book.house.hall.catch_up(&self.room, &seat, since) {
            CatchUp::Begun => {
                let (tell, told) = oneshot::channel();
                self.replay_on(seat, Step::from(since), tell);
                self.once_told(told)
            }
            CatchUp::UnderWay(at) => self.errands.answer(fut::ready(Ok(Step::from(at).done()))),
            // Nobody waits for the answer.
            CatchUp::Gone => self.errands.answer(fut::ready(Ok(Replayed::default()))),
        }
    }
}

impl Handler<Typing> for TalkActor {
    type Result = Answer<Self, Result<(), TalkError>>;

    fn handle(&mut self, Typing { by, is_typing, seat }: Typing, _: &mut Self::Context) -> Self::Result {
        self.touch();
        let told = self.may_type(&Handle::of(&by)).map_err(TalkError::from).and_then(|()| {
            self.gather(self.line.last());
            let frame = words::typing(&self.book.org, &self.book.id, &by, is_typing)?;
            self.book.house.hall.hint(&self.room, &frame, seat);
            Ok(())
        });
        self.errands.answer(fut::ready(told))
    }
}
