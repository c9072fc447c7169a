//! A change of a conversation as it grows: what is said and decided, one after the other, and the events that tell of it.

use serde_json::{Value, json};
use tracing::warn;

use super::book::ChatBook;
use super::erasure::Reached;
use super::handling::{Moved, Outcome, Outrun, Route};
use super::message::{Message, MessageDraft};
use super::model::{Chat, ChatStatus};
use super::place::Place;
use super::transcript::transcript;
use crate::bus::change::Change;
use crate::clock::Timestamp;
use crate::event::{EventDraft, EventKind, EventKindError};
use crate::ids::{EventId, MessageId};
use crate::keys;
use crate::mail::{LONGEST_SUBJECT, Letter, OrderError, order};
use crate::store::{StoreError, encode};

/// A change that grows.
pub(super) struct Entry<'a> {
    book: &'a ChatBook,
    now: Timestamp,
    /// Whether the conversation as it was is over, or was none.
    is_over: bool,
    last: u64,
    /// The conversation so far.
    pub(super) chat: Chat,
    /// What is to be written so far.
    pub(super) change: Change,
    /// The messages.
    pub(super) new: Vec<Message>,
    /// Who answers now, each time that changed.
    pub(super) moves: Vec<Moved>,
}

impl<'a> Entry<'a> {
    /// A change of a conversation whose latest message and decision have these numbers.
    pub(super) fn new(book: &'a ChatBook, before: Option<Chat>, Reached { seq, turn }: Reached) -> Self {
        let now = book.house.clock.now();
        let is_over = before.as_ref().is_none_or(|chat| chat.status == ChatStatus::Ended);
        let chat =
            before.unwrap_or_else(|| Chat { turn, ..Chat::new(book.chat.clone(), book.org.clone(), now) });
        let (mut change, last) = (Change::default(), seq);
        book.expect_nothing_behind(Reached { seq, turn: chat.turn }, &mut change.extra);
        Self { book, now, is_over, last, chat, change, new: Vec::new(), moves: Vec::new() }
    }

    /// Takes a step.
    pub(super) fn route(&mut self, route: &Route) -> Result<Result<Chat, Outrun>, StoreError> {
        match self.chat.routed(route, self.now) {
            Ok(Some(moved)) => self.moved(moved)?,
            Ok(None) => {}
            Err(outrun) => return Ok(Err(outrun)),
        }
        Ok(Ok(self.chat.clone()))
    }

    /// Says something, and has the conversation wait at this place if somebody is to answer it.
    pub(super) fn word(&mut self, draft: MessageDraft, place: &Place) -> Result<(), StoreError> {
        let (from, asks) = (draft.from.clone(), draft.asks);
        let message = draft.into_message(self.book.chat.clone(), self.last + 1, self.now);
        self.last += 1;
        if let Some(next) = self.chat.after_word(from.as_ref(), message.config_id.as_deref(), self.now) {
            self.becomes(next)?;
        }
        self.message(&message)?;
        if let Some(by) = from.as_ref().filter(|_| asks) {
            let step = EventId::new(self.now);
            if let Some(moved) = self.chat.after_word_by(by, place, step, self.now) {
                self.moved(moved)?;
            } else if let Some(next) = self.chat.answered_by(by) {
                self.becomes(next)?;
            }
        }
        if let Some(reason) = &message.ends {
            let step = EventId::new(self.now);
            let (next, moved) = self.chat.closed(reason, message.ended_by.as_deref(), step, self.now);
            if let Some(moved) = moved {
                self.moved(moved)?;
            }
            self.becomes(next)?;
            self.event(None, "chat.ended", self.chat.told())?;
        }
        self.new.push(message);
        Ok(())
    }

    /// Has what was said since the conversation began sent to these addresses.
    pub(super) fn transcripts(&mut self, to: &[String], mut said: Vec<Message>) -> Result<(), StoreError> {
        said.retain(|message| message.sent >= self.chat.started);
        said.extend(self.new.iter().cloned());
        let (subject, text) = transcript(&self.chat, &said);
        to.iter().try_for_each(|to| self.mail(to, &subject, &text))
    }

    /// Orders a mail with the rest. What cannot be ordered is not worth the rest.
    fn mail(&mut self, to: &str, subject: &str, text: &str) -> Result<(), StoreError> {
        let letter = Letter { to, subject, text, html: None };
        match order(&self.book.house, letter, &mut self.change.extra, self.now) {
            Ok(job) => self.change.jobs.push(job),
            Err(OrderError::Store(error)) => return Err(error),
            Err(error) => warn!(%error, chat = %self.book.chat, "a mail about a chat is not sent"),
        }
        Ok(())
    }

    fn becomes(&mut self, chat: Chat) -> Result<(), StoreError> {
        self.chat = chat;
        if self.is_over && self.chat.status == ChatStatus::Open {
            self.event(None, "chat.started", self.chat.told())?;
        }
        self.is_over = self.chat.status == ChatStatus::Ended;
        Ok(())
    }

    fn moved(&mut self, moved: Moved) -> Result<(), StoreError> {
        self.becomes(moved.chat.clone())?;
        let decision = &moved.decision;
        let key = keys::decision(&self.book.org, self.book.chat.as_str(), decision.turn);
        self.change.extra.insert(key, encode(decision)?);
        let told = told(&moved);
        match decision.outcome {
            Outcome::Queued => {
                self.event(None, "chat.queued", told.clone())?;
                self.event(None, "chat-queue-notification", told.clone())?;
            }
            Outcome::Assigned => self.event(None, "chat.assigned", told.clone())?,
            Outcome::Missed => {
                if let Some(to) = &moved.notify {
                    let (email, name) = moved.chat.customer_is();
                    let subject = format!("A chat was missed: {}", name.replace(char::is_control, " "));
                    let text = format!(
                        "{name} ({email}) waits in the chat {}.\n{}.\n",
                        moved.chat.id, decision.words
                    );
                    self.mail(to, &subject.chars().take(LONGEST_SUBJECT).collect::<String>(), &text)?;
                }
                self.event(None, "chat.missed", told.clone())?;
            }
            // `chat.ended` tells of it.
            Outcome::Ended => {}
        }
        if moved.before.agent().is_some() && decision.outcome != Outcome::Ended {
            self.event(None, "chat.transferred", told)?;
        }
        self.moves.push(moved);
        Ok(())
    }

    /// An event, with the id of what it tells of, so that the same again is noticed.
    fn event(&mut self, of: Option<MessageId>, kind: &str, data: Value) -> Result<(), StoreError> {
        let id = of.map_or_else(|| EventId::new(self.now), |id| EventId::from_bytes(id.to_bytes()));
        self.change.events.push(event(id, kind, data)?);
        Ok(())
    }

    fn message(&mut self, message: &Message) -> Result<(), StoreError> {
        let ChatBook { org, chat, .. } = self.book;
        let told = message.in_event();
        self.event(None, "chat-new-message", told.clone())?;
        self.event(Some(message.id), "chat.message.created", told)?;
        let batch = &mut self.change.extra;
        batch.insert(keys::message(org, chat.as_str(), message.seq), encode(message)?);
        batch.insert(keys::message_place(org, message.id), encode(&(chat, message.seq))?);
        if let Some(client_id) = &message.client_id {
            batch.put(
                keys::message_called(org, chat.as_str(), &message.from, client_id),
                encode(&message.seq)?,
            );
        }
        Ok(())
    }
}

/// An event of a conversation.
pub(super) fn event(id: EventId, kind: &str, data: Value) -> Result<EventDraft, StoreError> {
    let kind =
        EventKind::new(kind).map_err(|error: EventKindError| StoreError::Corrupt(error.to_string()))?;
    Ok(EventDraft { id, kind, data, occurred_at: None })
}

/// Who wants to say it.
pub(super) fn sender(draft: &MessageDraft) -> &str {
    draft.from.as_ref().map_or("system", |person| &person.email)
}

/// A decision as events tell of it.
fn told(Moved { before, chat, decision, context, .. }: &Moved) -> Value {
    let (email, name) = chat.customer_is();
    let place = decision.place.as_ref();
    json!({
        "chatId": chat.id, "customerEmail": email, "customerName": name, "configId": chat.config_id,
        "queue": place.map(|place| &place.queue), "skill": place.and_then(|place| place.skill.as_ref()),
        "priority": place.map(|place| place.priority), "context": context,
        "agent": chat.handling.agent().map(|agent| json!({"email": agent.email, "name": agent.name})),
        "fromAgent": before.agent().map(|agent| &agent.email),
        "note": decision.note, "reason": decision.words, "by": decision.by,
    })
}
