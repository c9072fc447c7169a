//! The shell around a desk: hears of what happens by the board, has conversations do what it decides, and tells
//! customers and the staff.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};
use futures_util::future::try_join_all;
use tracing::warn;

use super::agent::Agent;
use super::book::DeskBook;
use super::rules::Rules;
use super::state::{DeskState, Order, Position};
use super::words;
use crate::clock::Timestamp;
use crate::session::board::{Ear, News};
use crate::session::chat::decision::{Standing, Step};
use crate::session::chat::messages::Take;
use crate::session::chat::{Chat, ChatActor, ChatId, actor_name};
use crate::session::person::{Person, Side};
use crate::session::seat::Frame;
use crate::store::StoreError;
use crate::supervision::{Errands, Fate, Members};

/// How often it looks for what has become late.
const TICK: Duration = Duration::from_secs(1);
/// Every so many of these it reads how the queues work.
const TICKS_OF_RULES: u32 = 5;

/// The desk of an organisation.
pub struct DeskActor {
    pub(super) book: DeskBook,
    pub(super) chats: Members<ChatActor>,
    pub(super) state: DeskState,
    pub(super) errands: Errands<Self>,
    fate: Fate,
    ear: Arc<Ear>,
    ticking: bool,
    ticks: u32,
}

impl DeskActor {
    /// A desk that learns from the store what there is when it starts.
    #[must_use]
    pub fn new(book: DeskBook, chats: Members<ChatActor>, fate: Fate) -> Self {
        let state = DeskState::new(book.house.settings.desk.clone());
        // Before it reads: what happens meanwhile is news to it.
        let ear = Arc::new(book.house.board.ear(&book.org));
        Self { book, chats, state, errands: Errands::default(), fate, ear, ticking: false, ticks: 0 }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.book.house.clock.now()
    }

    /// Hears what is new, for as long as it lives.
    fn listen(&self) {
        let ear = Arc::clone(&self.ear);
        let rung = async move { ear.rung().await }.into_actor(self);
        self.errands.send(rung.map(|(), act, _| {
            act.read_board();
            act.work();
            act.listen();
        }));
    }

    /// Takes up what is new.
    pub(super) fn read_board(&mut self) {
        let News { chats, people } = self.ear.take();
        let now = self.now();
        for (chat, (turn, standing)) in chats {
            self.stands(&chat, turn, standing, now);
        }
        people.into_values().for_each(|person| self.meet(person));
    }

    /// Looks for what has become late, as long as anything waits or is answered.
    fn tick(&mut self) {
        if self.state.is_idle() {
            // It begins with a look at the rules.
            self.ticks = 0;
        }
        if self.ticking || self.state.is_idle() {
            return;
        }
        self.ticking = true;
        self.wake_assisted();
        if self.ticks.is_multiple_of(TICKS_OF_RULES) {
            self.read_rules();
        }
        let clock = self.book.house.clock.clone();
        let wait = async move { clock.sleep(TICK).await }.into_actor(self);
        self.errands.send(wait.map(|(), act, _| {
            act.ticking = false;
            act.ticks = act.ticks.wrapping_add(1);
            let now = act.now();
            for (chat, at) in act.state.updates(now) {
                act.tell_position("queue-update", &chat, &at);
            }
            act.work();
        }));
    }

    /// Wakes the conversations in which an assistant answers, and that nobody has woken since a restart.
    fn wake_assisted(&self) {
        for chat in self.state.assisted() {
            let (chats, name) = (self.chats.clone(), actor_name(&self.book.org, chat));
            if chats.is_awake(&name) {
                continue;
            }
            let woken = async move { chats.wake(&name).await }.into_actor(self);
            self.errands.send(woken.map(|woken, _, _| {
                if let Err(error) = woken {
                    warn!(%error, "a chat with an assistant is not awake yet");
                }
            }));
        }
    }

    fn read_rules(&self) {
        let book = self.book.clone();
        let rules = async move { book.rules().await }.into_actor(self);
        self.errands.send(rules.map(|rules, act, _| match rules {
            Ok(rules) => {
                act.state.set_rules(rules);
                act.work();
            }
            Err(error) => warn!(%error, "the queues' records cannot be read"),
        }));
    }

    /// Has everything done that is to be done now.
    pub(super) fn work(&mut self) {
        let (presence, org) = (self.book.house.presence.clone(), self.book.org.clone());
        let is_here =
            |chat: &ChatId| chat.parties(&org).iter().any(|address| presence.is_here(&org, address));
        for Order { chat, route } in self.state.orders(self.now(), is_here) {
            let (chats, name) = (self.chats.clone(), actor_name(&self.book.org, &chat));
            let given = match &route.step {
                Step::Give { to } => Some(to.email.clone()),
                Step::Wait { .. } | Step::Miss { .. } | Step::Conclude(_) => None,
            };
            let taken = async move { chats.ask(&name, Take(route)).await }.into_actor(self);
            self.errands.send(taken.map(move |taken, act, _| match taken {
                Ok(Ok(done)) => {
                    act.done(&done);
                    if let Some(email) = given {
                        act.keep(&email);
                    }
                }
                // Something else came first: the board says what.
                Ok(Err(_)) | Err(_) => act.state.free(&chat),
            }));
        }
        self.tick();
    }

    /// A conversation has done what it was to do.
    pub(super) fn done(&mut self, chat: &Chat) {
        self.stands(&chat.id, chat.turn, chat.standing(), self.now());
        self.tick();
    }

    fn stands(&mut self, chat: &ChatId, turn: u64, standing: Option<Standing>, now: Timestamp) {
        if !self.state.stands(chat, turn, standing, now) {
            return;
        }
        let (Some(standing), Some(at)) = (self.state.standing(chat), self.state.position(chat)) else {
            return;
        };
        self.tell_staff(words::queued(standing, &at));
        self.tell_position("queued", chat, &at);
        self.state.told(chat, now);
    }

    /// Tells a customer where they stand.
    fn tell_position(&self, event: &'static str, chat: &ChatId, at: &Position) {
        let Some(standing) = self.state.standing(chat) else { return };
        let rules = self.state.rules().of(&at.queue);
        let is_open = rules.hours.as_ref().is_none_or(|hours| hours.is_open(self.now()));
        let offline = rules.offline_message.as_deref().filter(|_| !is_open || self.state.available() == 0);
        let frame = match words::position(event, standing, at, offline) {
            Ok(frame) => frame,
            Err(error) => return warn!(%error, "a place in a queue cannot be told"),
        };
        let (presence, org) = (&self.book.house.presence, &self.book.org);
        for here in chat.parties(org).iter().flat_map(|address| presence.of(org, address)) {
            // Whoever does not keep up hears it again in a moment.
            let _ = here.seat.push(&frame);
        }
    }

    fn tell_staff(&self, frame: Result<Frame, StoreError>) {
        self.hint(frame, &[Side::Agent]);
    }

    fn hint(&self, frame: Result<Frame, StoreError>, sides: &[Side]) {
        match frame {
            Ok(frame) => self.book.house.presence.hint(&self.book.org, &frame, sides),
            Err(error) => warn!(%error, "something cannot be told to those who are here"),
        }
    }

    /// Somebody came or went.
    fn meet(&mut self, person: Person) {
        let online = self.book.house.presence.is_here(&self.book.org, &person.address(&self.book.org));
        if person.side == Side::Customer {
            return self.tell_staff(words::customer(&person, online));
        }
        let now = self.now();
        match self.state.agent_mut(&person.email) {
            Some(agent) if !online => {
                agent.gone = agent.gone.or(Some(now));
                if std::mem::replace(&mut agent.online, false) {
                    self.announce(&person.email);
                }
            }
            // What they can do may have changed since they were here last.
            _ => self.learn(person),
        }
    }

    /// Reads what is known of somebody, and tells everybody that they are here.
    fn learn(&self, person: Person) {
        let (book, email) = (self.book.clone(), person.email.clone());
        let known = async move { book.agent(person).await }.into_actor(self);
        self.errands.send(known.map(move |known, act, _| match known {
            Ok(agent) => {
                act.state.put_agent(agent);
                act.announce(&email);
                act.work();
            }
            Err(error) => warn!(%error, "what is known of one of the staff cannot be read"),
        }));
    }

    /// Tells everybody how one of the staff is.
    pub(super) fn announce(&self, email: &str) {
        if let Some(agent) = self.state.agent(email) {
            self.hint(words::agent(agent), &[Side::Agent, Side::Customer]);
        }
    }

    fn keep(&self, email: &str) {
        let Some(agent) = self.state.agent(email) else { return };
        let (book, email, kept) = (self.book.clone(), email.to_owned(), agent.kept.clone());
        let keep = async move { book.keep(&email, &kept, true).await }.into_actor(self);
        self.errands.send(keep.map(|kept, _, _| {
            if let Err(error) = kept {
                warn!(%error, "what one of the staff was given cannot be kept");
            }
        }));
    }
}

/// What a desk starts with.
async fn load(book: &DeskBook) -> Result<(Vec<Standing>, Vec<Agent>, Rules), StoreError> {
    let (standings, rules) = (book.standings().await?, book.rules().await?);
    let answering = standings.iter().filter_map(|standing| standing.handling.agent().cloned());
    let here = book.house.presence.online(&book.org, Side::Agent);
    let mut staff: Vec<Person> = here.into_iter().map(|online| online.person).chain(answering).collect();
    staff.sort_by(|one, other| one.email.cmp(&other.email));
    staff.dedup_by(|one, other| one.email == other.email);
    let agents = try_join_all(staff.into_iter().map(|person| book.agent(person))).await?;
    Ok((standings, agents, rules))
}

impl Actor for DeskActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.book.house.settings.mailbox);
        self.errands.begin(ctx);
        let book = self.book.clone();
        let loaded = async move { load(&book).await };
        ctx.wait(loaded.into_actor(self).map(|loaded, act, ctx| match loaded {
            Ok((standings, agents, rules)) => {
                let now = act.now();
                act.state.set_rules(rules);
                agents.into_iter().for_each(|agent| act.state.put_agent(agent));
                for standing in standings {
                    let chat = standing.chat_id.clone();
                    // Whoever waits was told before; they are told again with the next update.
                    let _ = act.state.stands(&chat, standing.turn, Some(standing), now);
                }
                act.listen();
                act.work();
            }
            Err(error) => {
                act.fate.failed(format!("load the desk: {error}"));
                ctx.stop();
            }
        }));
    }
}
