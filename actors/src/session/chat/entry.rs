//! A change of a conversation as it grows: what is said and decided, one after the other, and the events that tell of it.

use serde_json::{Value, json};
use tracing::warn;

use super::book::ChatBook;
use super::decision::{Conclusion, Handover, Moved, Outcome, Outrun, Route, Step, Then};
use super::erasure::Reached;
use super::handling::Handling;
use super::message::{MOST_CONTENT, Message, MessageDraft, server};
use super::model::{Chat, ChatStatus};
use super::reception::Reception;
use super::transcript::{said, transcript};
use super::{assisting, handling};
use crate::bus::change::Change;
use crate::clock::Timestamp;
use crate::event::{EventDraft, EventKind, EventKindError};
use crate::ids::{EventId, MessageId, StreamId};
use crate::keys;
use crate::mail::{LONGEST_SUBJECT, Letter, OrderError, order};
use crate::session::person::{Person, Side};
use crate::session::stream::StreamBook;
use crate::session::stream::head::Head;
use crate::store::{StoreError, encode};

/// What an assistant has said so far of an answer.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    /// The answer.
    pub(super) reply: handling::Reply,
    /// What it said.
    pub(super) text: String,
}

/// A change that grows.
pub(super) struct Entry<'a> {
    book: &'a ChatBook,
    now: Timestamp,
    /// Whether the conversation as it was is over, or was none.
    is_over: bool,
    last: u64,
    /// What was said before, oldest first, where an assistant is to know it.
    told: Vec<Message>,
    /// What an assistant has said so far of the answer that is under way.
    heard: Option<Heard>,
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
    pub(super) fn new(
        book: &'a ChatBook,
        before: Option<Chat>,
        Reached { seq, turn }: Reached,
        told: Vec<Message>,
        heard: Option<Heard>,
    ) -> Self {
        let now = book.house.clock.now();
        let has_begun = |chat: &Chat| chat.status == ChatStatus::Open && chat.has_begun();
        let is_over = !before.as_ref().is_some_and(has_begun);
        let chat =
            before.unwrap_or_else(|| Chat { turn, ..Chat::new(book.chat.clone(), book.org.clone(), now) });
        let (mut change, last) = (Change::default(), seq);
        book.expect_nothing_behind(Reached { seq, turn: chat.turn }, &mut change.extra);
        Self { book, now, is_over, last, told, heard, chat, change, new: Vec::new(), moves: Vec::new() }
    }

    /// Takes a step.
    pub(super) fn route(&mut self, route: &Route) -> Result<Result<Chat, Outrun>, StoreError> {
        if let Step::Conclude(conclusion) = &route.step {
            self.conclude(route, conclusion)?;
            return Ok(Ok(self.chat.clone()));
        }
        match self.chat.routed(route, self.now) {
            Ok(Some(moved)) => {
                self.cut_short()?;
                self.moved(moved)?;
            }
            Ok(None) => {}
            Err(outrun) => return Ok(Err(outrun)),
        }
        Ok(Ok(self.chat.clone()))
    }

    /// An assistant's answer is over: it becomes a message, and the staff goes on where that is to be.
    fn conclude(&mut self, route: &Route, conclusion: &Conclusion) -> Result<(), StoreError> {
        let Conclusion { reply, text, then } = conclusion;
        if *then == Then::Again {
            let waiting = self.chat.replied(reply, false);
            let asked = |chat: &Chat| chat.asked(Some(chat.handling.question().unwrap_or(reply.to)), None);
            return match waiting.as_ref().and_then(asked) {
                Some(next) => self.becomes(next),
                None => Ok(()),
            };
        }
        let Some(next) = self.chat.replied(reply, !text.trim().is_empty()) else { return Ok(()) };
        self.answered(reply, text)?;
        self.becomes(next)?;
        match then {
            Then::HandOver(handover) => self.hand_over(handover, route.id),
            Then::Listen | Then::Again => Ok(()),
        }
    }

    /// The staff goes on where an assistant answered.
    fn hand_over(&mut self, handover: &Handover, id: EventId) -> Result<(), StoreError> {
        let summary = handover.summary.clone().unwrap_or_else(|| self.summary());
        let handover = Handover { summary: Some(summary), ..handover.clone() };
        match self.chat.handed_over(&handover, id, self.now) {
            Some(moved) => self.moved(moved),
            None => Ok(()),
        }
    }

    /// What was said since the conversation began, the last time.
    fn summary(&self) -> String {
        let all = self.told.iter().chain(&self.new).filter(|message| message.sent >= self.chat.started);
        let all: Vec<Message> = all.cloned().collect();
        assisting::summary(&all)
    }

    /// Somebody else goes on while an assistant answers: what it has said so far stays.
    fn cut_short(&mut self) -> Result<(), StoreError> {
        let heard = self.heard.take();
        match heard.filter(|heard| self.chat.handling.reply() == Some(&heard.reply)) {
            Some(Heard { reply, text }) => self.answered(&reply, &text),
            None => Ok(()),
        }
    }

    /// What an assistant has said, as a message.
    fn answered(&mut self, reply: &handling::Reply, text: &str) -> Result<(), StoreError> {
        let Handling::Assisted { title, .. } = &self.chat.handling else { return Ok(()) };
        let text = &text[..text.floor_char_boundary(MOST_CONTENT)];
        if text.trim().is_empty() {
            return Ok(());
        }
        let draft = MessageDraft::of_assistant(reply.becomes, title, text.to_owned());
        self.last += 1;
        let message = draft.into_message(self.book.chat.clone(), self.last, self.now);
        self.message(&message)?;
        self.new.push(message);
        Ok(())
    }

    /// Says something, and has the conversation received so if somebody is to answer it.
    pub(super) fn word(&mut self, draft: MessageDraft, at: &Reception) -> Result<(), StoreError> {
        let (from, asks) = (draft.from.clone(), draft.asks);
        let (text, step) = (said(&draft.content), EventId::new(self.now));
        let by = from.as_ref().filter(|_| asks);
        // What an assistant has said so far was said before this.
        if draft.ends.is_some()
            || by.is_some_and(|by| self.chat.after_word_by(by, &text, at, step, self.now).is_some())
        {
            self.cut_short()?;
        }
        let message = draft.into_message(self.book.chat.clone(), self.last + 1, self.now);
        self.last += 1;
        if let Some(next) = self.chat.after_word(from.as_ref(), message.config_id.as_deref(), self.now) {
            self.becomes(next)?;
        }
        self.message(&message)?;
        self.new.push(message.clone());
        if let Some(by) = by {
            let moved = self.chat.after_word_by(by, &text, at, step, self.now);
            self.after_word(by, &message, moved)?;
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
        Ok(())
    }

    /// What follows for who answers from somebody's word.
    fn after_word(&mut self, by: &Person, message: &Message, moved: Option<Moved>) -> Result<(), StoreError> {
        if let Some(mut moved) = moved {
            if matches!(moved.before, Handling::Assisted { .. }) && moved.chat.handling.place().is_some() {
                moved.decision.note = Some(self.summary());
            }
            self.moved(moved)?;
        } else if let Some(next) = self.chat.answered_by(by) {
            self.becomes(next)?;
        }
        let is_asked = by.side == Side::Customer && matches!(self.chat.handling, Handling::Assisted { .. });
        if let Some(next) = self.chat.asked(Some(message.id), None).filter(|_| is_asked) {
            self.becomes(next)?;
        }
        Ok(())
    }

    /// Has an assistant answer what is asked of it, if it is not answering; the staff goes on where it cannot.
    pub(super) fn answer(&mut self, at: &Reception) -> Result<(), StoreError> {
        let Some(question) = self.chat.handling.question() else { return Ok(()) };
        let unable = |why: &str| Handover { why: why.to_owned(), ..Handover::default() };
        let (Some(with), Some(customer)) = (&at.assistance, self.chat.customer.clone()) else {
            return self.hand_over(&unable("the assistant is not there any more"), EventId::new(self.now));
        };
        let mut told: Vec<Message> = self.told.iter().chain(&self.new).cloned().collect();
        told.drain(..told.len().saturating_sub(assisting::TOLD));
        let ChatBook { house, publisher, org, chat } = self.book;
        let tools = house.tools.named(&with.assistant.tools);
        let ask = assisting::ask(org.clone(), &customer, with, tools, &told);
        if encode(&ask)?.len() > house.settings.value_limit {
            let why = "what the assistant is to know is too long";
            return self.hand_over(&unable(why), EventId::new(self.now));
        }
        if house.answers.count() >= house.settings.streams.max_running {
            return self.hand_over(&unable("too many answers go on"), EventId::new(self.now));
        }
        let (id, by) = (StreamId::new(self.now), ask.prompt.by.clone());
        let mut head = Head::new(id, org.clone(), by, self.now, house.settings.streams.keep);
        (head.chat, head.assistant) = (Some(chat.to_string()), Some(with.id.to_string()));
        let becomes = head.message_id;
        StreamBook::new(house.clone(), publisher.clone(), org.clone(), id).begins(
            &head,
            &ask,
            &mut self.change.extra,
        )?;
        let reply = handling::Reply { stream: id, to: question, becomes };
        match self.chat.asked(None, Some(reply)) {
            Some(next) => self.becomes(next),
            None => Ok(()),
        }
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

    fn moved(&mut self, mut moved: Moved) -> Result<(), StoreError> {
        if matches!(moved.before, Handling::Assisted { .. }) {
            // Whoever goes on finds it with the conversation, however it came to them; and what somebody adds to it.
            let said = moved.chat.summary.take().unwrap_or_else(|| self.summary());
            let note = moved.decision.note.clone().filter(|note| *note != said);
            let known = note.into_iter().chain([said]).filter(|text| !text.is_empty()).collect::<Vec<_>>();
            moved.chat.summary = Some(known.join("\n")).filter(|text| !text.is_empty());
        }
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
            Outcome::Assisted => self.event(None, "chat.assisted", told.clone())?,
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
    draft.from.as_ref().map_or(server(draft.kind), |person| &person.email)
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
        "fromAgent": before.agent().map(|agent| &agent.email), "summary": chat.summary,
        "note": decision.note, "reason": decision.words, "by": decision.by,
    })
}
