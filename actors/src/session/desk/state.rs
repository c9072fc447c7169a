//! What a desk knows, without a clock or a store: who of the staff is here, which conversations wait, who answers in the
//! others; and from that what is to be done next.
//!
//! Whatever it decides is an [`Order`] with the turn on which it was decided: the conversation itself carries it out,
//! unless something else came first. Until that is known, the conversation is reserved.

mod orders;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use super::agent::Agent;
use super::rules::Rules;
use crate::clock::Timestamp;
use crate::ids::EventId;
use crate::session::chat::decision::{Route, Standing, Step};
use crate::session::chat::handling::Handling;
use crate::session::chat::place::Place;
use crate::session::chat::{Between, ChatId};
use crate::session::person::Person;

/// How often a customer is told where they stand (contract §5.4).
pub const UPDATE: Duration = Duration::from_secs(15);
/// Conversations of which it remembers how long they took.
const HANDLED: usize = 50;

/// What a desk does where nothing else is said.
#[derive(Debug, Clone)]
pub struct DeskSettings {
    /// How long somebody of the staff may be gone before what they answer in waits again.
    pub agent_grace: Duration,
    /// Conversations that somebody is given at once.
    pub agent_capacity: usize,
    /// How long a conversation takes, as long as none has ended.
    pub handle_time: Duration,
}

/// Something that is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// In which conversation.
    pub chat: ChatId,
    /// What.
    pub route: Route,
}

/// Where a conversation stands in its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The queue.
    pub queue: String,
    /// From 1.
    pub position: usize,
    /// How long it may take; not known while nobody is there to answer.
    pub estimate: Option<Duration>,
}

/// A conversation that waits or is answered.
#[derive(Debug)]
struct Entry {
    standing: Standing,
    /// For whom it is reserved.
    reserved: Option<String>,
    /// Those who were given it and did not answer.
    declined: BTreeSet<String>,
    /// When its customer was told last where it stands.
    told: Option<Timestamp>,
}

type Line = (String, Reverse<i64>, Timestamp, ChatId);

/// A desk.
#[derive(Debug)]
pub struct DeskState {
    settings: DeskSettings,
    rules: Rules,
    agents: BTreeMap<String, Agent>,
    chats: HashMap<ChatId, Entry>,
    line: BTreeSet<Line>,
    handled: VecDeque<Duration>,
}

impl DeskState {
    /// A desk that knows of nobody.
    #[must_use]
    pub fn new(settings: DeskSettings) -> Self {
        let (agents, chats, line) = (BTreeMap::new(), HashMap::new(), BTreeSet::new());
        Self { settings, rules: Rules::default(), agents, chats, line, handled: VecDeque::new() }
    }

    /// How queues work from now on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// How they work.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether there is nothing to come back to.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.chats.is_empty()
    }

    /// All of the staff that it knows, by their addresses.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.agents.values()
    }

    /// One of them.
    #[must_use]
    pub fn agent(&self, email: &str) -> Option<&Agent> {
        self.agents.get(email)
    }

    /// The same, to be changed.
    pub fn agent_mut(&mut self, email: &str) -> Option<&mut Agent> {
        self.agents.get_mut(email)
    }

    /// Somebody of the staff, with what is known of them; what they answer in is counted.
    pub fn put_agent(&mut self, mut agent: Agent) {
        let email = agent.person.email.clone();
        agent.load = self.chats.values().filter(|entry| entry.holder() == Some(&email)).count();
        self.agents.insert(email, agent);
    }

    /// Where a conversation stands now. Says whether it has begun to wait.
    pub fn stands(&mut self, chat: &ChatId, turn: u64, standing: Option<Standing>, now: Timestamp) -> bool {
        let before = self.chats.remove(chat);
        if let Some(entry) = before {
            let is_same = entry.standing.turn == turn;
            if is_same && standing.is_none() && matches!(entry.standing.handling, Handling::Assisted { .. }) {
                // An assistant waits for its customer.
                return false;
            }
            if entry.standing.turn >= turn {
                self.chats.insert(chat.clone(), entry.confirmed(turn, standing));
                return false;
            }
            self.release(entry.holder().map(str::to_owned).as_deref());
            if let Some(line) = line_of(&entry.standing) {
                self.line.remove(&line);
            }
            return self.enter(chat, standing, Some(entry), now);
        }
        self.enter(chat, standing, None, now)
    }

    fn enter(
        &mut self,
        chat: &ChatId,
        standing: Option<Standing>,
        before: Option<Entry>,
        now: Timestamp,
    ) -> bool {
        let was = before.as_ref().map(|entry| &entry.standing.handling);
        let Some(standing) = standing else {
            if let Some(Handling::With { since, .. }) = was {
                self.handled.push_back(now.since(*since));
                if self.handled.len() > HANDLED {
                    self.handled.pop_front();
                }
            }
            return false;
        };
        let same = was.is_some_and(|was| was.place() == standing.handling.place() && was.place().is_some());
        let declined = before.as_ref().map(|entry| entry.declined.clone()).unwrap_or_default();
        let told = before.and_then(|entry| entry.told).filter(|_| same);
        if let Some(line) = line_of(&standing) {
            self.line.insert(line);
        }
        let begins = standing.handling.place().is_some() && !same;
        let entry = Entry { standing, reserved: None, declined, told };
        if let Some(agent) = entry.holder().and_then(|email| self.agents.get_mut(email)) {
            agent.load += 1;
        }
        self.chats.insert(chat.clone(), entry);
        begins
    }

    fn release(&mut self, holder: Option<&str>) {
        if let Some(agent) = holder.and_then(|email| self.agents.get_mut(email)) {
            agent.load = agent.load.saturating_sub(1);
        }
    }

    /// An order that gives a conversation to somebody.
    pub fn give(
        &mut self,
        chat: &ChatId,
        to: Person,
        by: Option<Person>,
        why: String,
        note: Option<String>,
        now: Timestamp,
    ) -> Order {
        let turn = self.chats.get(chat).map(|entry| entry.standing.turn);
        self.reserve(chat, &to.email);
        Order {
            chat: chat.clone(),
            route: Route { id: EventId::new(now), turn, step: Step::Give { to }, by, why, note },
        }
    }

    fn reserve(&mut self, chat: &ChatId, email: &str) {
        let Some(entry) = self.chats.get_mut(chat) else { return };
        let before = entry.holder().map(str::to_owned);
        entry.reserved = Some(email.to_owned());
        self.release(before.as_deref());
        if let Some(agent) = self.agents.get_mut(email) {
            agent.load += 1;
        }
    }

    /// Somebody is not to be given it any more.
    pub fn decline(&mut self, chat: &ChatId, email: &str) {
        if let Some(entry) = self.chats.get_mut(chat) {
            entry.declined.insert(email.to_owned());
        }
    }

    /// An order was not carried out: what it was about is free again.
    pub fn free(&mut self, chat: &ChatId) {
        let Some(entry) = self.chats.get_mut(chat) else { return };
        let Some(reserved) = entry.reserved.take() else { return };
        let holder = entry.holder().map(str::to_owned);
        self.release(Some(&reserved));
        if let Some(agent) = holder.and_then(|email| self.agents.get_mut(&email)) {
            agent.load += 1;
        }
    }

    /// Those whose customers are to be told where they stand, each said to be told now.
    pub fn updates(&mut self, now: Timestamp) -> Vec<(ChatId, Position)> {
        let is_due = |entry: &Entry| entry.told.is_none_or(|told| now.since(told) >= UPDATE);
        let due: Vec<(ChatId, Position)> = self
            .positions(None)
            .filter(|(chat, _)| self.chats.get(*chat).is_some_and(is_due))
            .map(|(chat, position)| (chat.clone(), position))
            .collect();
        for (chat, _) in &due {
            self.told(chat, now);
        }
        due
    }

    /// Its customer knows where it stands.
    pub fn told(&mut self, chat: &ChatId, now: Timestamp) {
        if let Some(entry) = self.chats.get_mut(chat) {
            entry.told = Some(now);
        }
    }

    /// Those that wait, in the order of their queues; or of one.
    pub fn waiting<'a>(
        &'a self,
        queue: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Standing, Position)> + 'a {
        self.positions(queue).filter_map(|(chat, position)| Some((&self.chats.get(chat)?.standing, position)))
    }

    /// Where a conversation stands in its queue.
    #[must_use]
    pub fn position(&self, chat: &ChatId) -> Option<Position> {
        let place = self.place(chat)?;
        self.positions(Some(&place.queue)).find(|(there, _)| *there == chat).map(|(_, position)| position)
    }

    /// What stands about a conversation.
    #[must_use]
    pub fn standing(&self, chat: &ChatId) -> Option<&Standing> {
        self.chats.get(chat).map(|entry| &entry.standing)
    }

    /// A conversation of a customer that waits already. A guest's is not: the address may be somebody else's.
    #[must_use]
    pub fn waiting_of(&self, email: &str) -> Option<&Standing> {
        let is_guests = |chat: &ChatId| matches!(chat.between(), Between::Customer { guest: Some(_), .. });
        let of = |entry: &&Entry| {
            let Standing { customer_email, chat_id, .. } = &entry.standing;
            entry.place().is_some() && customer_email == email && !is_guests(chat_id)
        };
        self.chats.values().find(of).map(|entry| &entry.standing)
    }

    /// How many wait, how many are answered.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let is_answered = |entry: &&Entry| entry.standing.handling.agent().is_some();
        (self.line.len(), self.chats.values().filter(is_answered).count())
    }

    /// Those in which an assistant is answering.
    pub fn assisted(&self) -> impl Iterator<Item = &ChatId> {
        let is_assisted = |entry: &Entry| entry.standing.handling.reply().is_some();
        self.chats.iter().filter(move |(_, entry)| is_assisted(entry)).map(|(chat, _)| chat)
    }

    /// How long a conversation takes, on average.
    #[must_use]
    pub fn handle_time(&self) -> Duration {
        match u32::try_from(self.handled.len()) {
            Ok(count) if count > 0 => self.handled.iter().sum::<Duration>() / count,
            _ => self.settings.handle_time,
        }
    }

    /// Those who take conversations now.
    #[must_use]
    pub fn available(&self) -> usize {
        self.agents.values().filter(|agent| agent.shown() == "available").count()
    }

    fn positions<'a>(&'a self, queue: Option<&'a str>) -> impl Iterator<Item = (&'a ChatId, Position)> + 'a {
        let (agents, takes) = (self.available(), self.handle_time());
        let (mut of, mut count) = ("", 0_usize);
        let line = self.line.iter().filter(move |(name, ..)| queue.is_none_or(|queue| queue == name));
        line.map(move |(name, .., chat)| {
            count = if of == name { count + 1 } else { 1 };
            of = name;
            // Contract §5.6.
            let estimate = (agents > 0)
                .then(|| takes.saturating_mul(u32::try_from(count.div_ceil(agents)).unwrap_or(u32::MAX)));
            (chat, Position { queue: name.clone(), position: count, estimate })
        })
    }

    fn place(&self, chat: &ChatId) -> Option<&Place> {
        self.chats.get(chat)?.place()
    }

    fn is_free(&self, chat: &ChatId) -> bool {
        self.chats.get(chat).is_some_and(|entry| entry.reserved.is_none() && entry.place().is_some())
    }
}

impl Entry {
    fn place(&self) -> Option<&Place> {
        self.standing.handling.place()
    }

    /// The same, as it is told again: whoever answers in it may have done so since.
    fn confirmed(self, turn: u64, standing: Option<Standing>) -> Self {
        match standing {
            Some(standing) if turn == self.standing.turn => Self { standing, ..self },
            _ => self,
        }
    }

    /// Whose work it is.
    fn holder(&self) -> Option<&str> {
        let agent = self.standing.handling.agent().map(|agent| agent.email.as_str());
        self.reserved.as_deref().or(agent)
    }
}

fn line_of(standing: &Standing) -> Option<Line> {
    match &standing.handling {
        Handling::Waiting { place, since, .. } => {
            Some((place.queue.clone(), Reverse(place.priority), *since, standing.chat_id.clone()))
        }
        Handling::Nobody | Handling::With { .. } | Handling::Assisted { .. } => None,
    }
}

#[cfg(test)]
mod tests;
