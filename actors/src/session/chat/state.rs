//! What a conversation has in hand: the [`Line`] of what is to be said, and how those who speak learn which message
//! theirs has become.

use std::ops::{Deref, DerefMut};

use super::message::{Message, MessageDraft};
use crate::clock::Timestamp;
use crate::ids::MessageId;
pub use crate::session::line::{Busy, MOST_WAITING, RECENT};
use crate::session::line::{Draft, Line, Numbered, Ticket};

/// What something that is to be said is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Name {
    /// The id that it will have: the question is asked again.
    Id(MessageId),
    /// What its sender calls it: the client sends it again.
    Called(String, String),
}

impl Draft for MessageDraft {
    type Name = Name;

    fn names(&self) -> Vec<Name> {
        let sender = self.from.as_ref().map(|person| person.email.clone()).unwrap_or_default();
        let called = self.client_id.clone().map(|client_id| Name::Called(sender, client_id));
        std::iter::once(Name::Id(self.id)).chain(called).collect()
    }

    fn weight(&self) -> usize {
        self.weight()
    }
}

impl Numbered for Message {
    fn seq(&self) -> u64 {
        self.seq
    }

    fn at(&self) -> Timestamp {
        self.sent
    }
}

/// The state of a conversation.
#[derive(Debug)]
pub struct ChatState<W>(Line<MessageDraft, Message, W>);

impl<W> Deref for ChatState<W> {
    type Target = Line<MessageDraft, Message, W>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<W> DerefMut for ChatState<W> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<W> ChatState<W> {
    /// A conversation whose latest messages these are, in their order.
    #[must_use]
    pub fn new(latest: Vec<Message>) -> Self {
        Self(Line::new(latest))
    }

    /// The group is on the disk, these new messages of it. Returns those who asked, each with the message that theirs
    /// has become: a new one, or one of `known` that was said before.
    pub fn wrote(&mut self, new: Vec<Message>, known: &[Message]) -> Vec<(W, Message)> {
        let mut answers = Vec::new();
        for Ticket { draft, waits } in self.0.written(new.clone()) {
            let became = new.iter().chain(known).find(|message| {
                message.id == draft.id || (draft.client_id.is_some() && message.client_id == draft.client_id)
            });
            if let Some(message) = became {
                answers.extend(waits.into_iter().map(|wait| (wait, message.clone())));
            }
        }
        answers
    }

    /// What is being written.
    #[must_use]
    pub fn ids(&self) -> Vec<MessageId> {
        self.0.drafts().iter().map(|draft| draft.id).collect()
    }

    /// The group has to be written again, behind these latest messages. Returns those who asked for one of them, or
    /// for one that was `said` before.
    pub fn again(&mut self, latest: Vec<Message>, said: &[Message]) -> Vec<(W, Message)> {
        self.0.again(latest, |draft, recent| {
            recent.iter().chain(said).find(|message| message.id == draft.id).cloned()
        })
    }

    /// A message that was told has changed.
    pub fn changed(&mut self, message: &Message) {
        if let Some(known) = self.0.recent_mut().find(|known| known.seq == message.seq) {
            *known = message.clone();
        }
    }
}

#[cfg(test)]
mod tests;
