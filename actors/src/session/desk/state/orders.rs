//! What a desk does next: hands out what waits, takes back what nobody answers, and lets people pick.

use super::{DeskState, Order};
use crate::clock::Timestamp;
use crate::ids::EventId;
use crate::session::chat::ChatId;
use crate::session::chat::decision::{Route, Standing, Step};
use crate::session::chat::handling::Handling;
use crate::session::chat::place::Place;
use crate::session::desk::agent::choose;
use crate::session::desk::rules::Mode;
use crate::session::person::Person;

impl DeskState {
    /// The next conversation for somebody who asks: the highest priority first, then the one that waits longest. It is
    /// reserved for them.
    pub fn pick(
        &mut self,
        by: &Person,
        queue: Option<&str>,
        skill: Option<&str>,
        now: Timestamp,
    ) -> Option<Order> {
        let agent = self.agents.get(&by.email);
        let fits = |place: &Place| {
            let wanted = |asked: &str, has: &str| asked.eq_ignore_ascii_case(has);
            queue.is_none_or(|queue| wanted(queue, &place.queue))
                && match (skill, &place.skill) {
                    (Some(skill), Some(has)) => wanted(skill, has),
                    (Some(_), None) => false,
                    // Somebody whose skills are known is not handed what they cannot do.
                    (None, Some(needs)) => {
                        agent.is_none_or(|agent| agent.abilities.skills.is_empty() || agent.can(Some(needs)))
                    }
                    (None, None) => true,
                }
        };
        let free = self.line.iter().filter(|(.., chat)| self.is_free(chat));
        let free = free.filter(|(.., chat)| self.place(chat).is_some_and(&fits));
        let (.., chat) = free.min_by_key(|(_, priority, since, _)| (*priority, *since))?;
        let (chat, waits) = (chat.clone(), self.line.len());
        let why = format!("{} picked it: first of {waits} that wait", by.email);
        Some(self.give(&chat, by.clone(), Some(by.clone()), why, None, now))
    }

    /// What is to be done now. `is_here` says whether a conversation's customer is.
    pub fn orders(&mut self, now: Timestamp, is_here: impl Fn(&ChatId) -> bool) -> Vec<Order> {
        let mut orders = self.moved_on(now);
        orders.extend(self.missed(now));
        orders.extend(self.taken_back(now, is_here));
        orders.extend(self.handed_out(now));
        orders
    }

    /// Conversations that waited too long in one queue, and go on to another.
    fn moved_on(&mut self, now: Timestamp) -> Vec<Order> {
        let mut orders = Vec::new();
        for (queue, _, since, chat) in self.line.iter().filter(|(.., chat)| self.is_free(chat)) {
            let rules = self.rules.of(queue);
            let (Some(longest), Some(overflow), Some(entry)) =
                (rules.longest_wait, rules.overflow.clone(), self.chats.get(chat))
            else {
                continue;
            };
            if now.since(*since) >= longest {
                let why =
                    format!("waited in {queue} for {} s, the longest that it allows", longest.as_secs());
                let place = Place { queue: overflow, ..entry.place().cloned().unwrap_or_default() };
                orders.push(wait(chat, &entry.standing, place, Some(*since), why, now));
            }
        }
        for order in &orders {
            self.reserve(&order.chat, "");
        }
        orders
    }

    /// Conversations that wait for longer than their widget finds right, of which nobody was told yet.
    fn missed(&mut self, now: Timestamp) -> Vec<Order> {
        let mut orders = Vec::new();
        for (.., chat) in self.line.iter().filter(|(.., chat)| self.is_free(chat)) {
            let Some(standing) = self.standing(chat) else { continue };
            let Handling::Waiting { since, missed: false, .. } = &standing.handling else { continue };
            let Some(rule) = self.rules.missed(standing.config_id.as_deref()) else { continue };
            if now.since(*since) >= rule.after {
                let why = format!("nobody answered within {} minutes", rule.after.as_secs() / 60);
                let step = Step::Miss { notify: rule.notify.clone() };
                let (id, turn) = (EventId::new(now), Some(standing.turn));
                let route = Route { id, turn, step, by: None, why, note: None };
                orders.push(Order { chat: chat.clone(), route });
            }
        }
        for order in &orders {
            self.reserve(&order.chat, "");
        }
        orders
    }

    /// Conversations whose agent is gone, or does not answer.
    fn taken_back(&mut self, now: Timestamp, is_here: impl Fn(&ChatId) -> bool) -> Vec<Order> {
        let (mut orders, mut declined) = (Vec::new(), Vec::new());
        for (chat, entry) in self.chats.iter().filter(|(_, entry)| entry.reserved.is_none()) {
            let Handling::With { agent, since, answered, place, waited } = &entry.standing.handling else {
                continue;
            };
            let gone = self.agents.get(&agent.email).and_then(|agent| agent.gone);
            let gone = gone.filter(|gone| now.since(*gone) >= self.settings.agent_grace);
            let within = self.rules.of(&place.queue).answer_within;
            let why = if gone.is_some() && (!answered || is_here(chat)) {
                format!("{} has been gone for {} s", agent.email, self.settings.agent_grace.as_secs())
            } else if let Some(within) = within.filter(|within| !answered && now.since(*since) >= *within) {
                declined.push((chat.clone(), agent.email.clone()));
                format!("{} did not answer within {} s", agent.email, within.as_secs())
            } else {
                continue;
            };
            orders.push(wait(chat, &entry.standing, place.clone(), Some(*waited), why, now));
        }
        for (chat, email) in declined {
            if let Some(entry) = self.chats.get_mut(&chat) {
                entry.declined.insert(email);
            }
        }
        for order in &orders {
            self.reserve(&order.chat, "");
        }
        orders
    }

    /// Conversations for which there is somebody.
    fn handed_out(&mut self, now: Timestamp) -> Vec<Order> {
        let mut orders = Vec::new();
        let waiting: Vec<ChatId> = self.line.iter().map(|(.., chat)| chat.clone()).collect();
        for chat in waiting.into_iter().filter(|chat| self.is_free(chat)).collect::<Vec<_>>() {
            let Some(entry) = self.chats.get(&chat) else { continue };
            let Some(place) = entry.place() else { continue };
            let rules = self.rules.of(&place.queue);
            if rules.mode == Mode::Manual || rules.hours.as_ref().is_some_and(|hours| !hours.is_open(now)) {
                continue;
            }
            let chosen = choose(self.agents.values(), place, rules, &entry.declined, now);
            if let Some((to, why)) = chosen.map(|(agent, why)| (agent.person.clone(), why)) {
                if let Some(agent) = self.agents.get_mut(&to.email) {
                    agent.give(now);
                }
                orders.push(self.give(&chat, to, None, why, None, now));
            }
        }
        orders
    }
}

fn wait(
    chat: &ChatId,
    standing: &Standing,
    place: Place,
    since: Option<Timestamp>,
    why: String,
    now: Timestamp,
) -> Order {
    let step = Step::Wait { place, since, customer: None, context: None };
    let turn = Some(standing.turn);
    Order {
        chat: chat.clone(),
        route: Route { id: EventId::new(now), turn, step, by: None, why, note: None },
    }
}
