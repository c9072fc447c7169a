//! Wishes about messages.

use std::collections::HashSet;

use super::Plan;
use crate::ids::MessageId;
use crate::session::community::conversation::Conversation;
use crate::session::community::entry::Deed;
use crate::session::community::group::{Member, Role};
use crate::session::community::message::{Message, Reaction, ReplyTo};
use crate::session::community::rules::{self, MOST_MENTIONS, MOST_REACTIONS, MOST_THREADS};
use crate::session::community::who::Handle;
use crate::session::community::wish::{Done, Refusal, Wish, Word};
use crate::session::person::Person;

impl Plan {
    pub(super) fn say(&mut self, wish: &Wish, word: &Word, to: Option<&Person>) -> Result<Done, Refusal> {
        let by = Handle::of(&wish.by);
        let called = word.client_id.clone().map(|client_id| (by.clone(), client_id));
        if let Some(seq) = called.as_ref().and_then(|called| self.found.called.get(called)) {
            let message = self.found.messages.get(seq).cloned();
            return Ok(Done { seq: Some(*seq), message, ..Done::default() });
        }
        let begins = self.conversation.is_none();
        if begins && let Some(to) = to {
            self.blocked()?;
            self.begin(wish, to)?;
        }
        self.may_write(wish)?;
        let reply_to = match word.reply_to {
            Some(id) => Some(ReplyTo { id, seq: self.message(id)?.seq }),
            None => None,
        };
        let mut emails: HashSet<String> =
            word.mentions.iter().map(|email| email.trim().to_lowercase()).collect();
        emails.extend(rules::named_in(&word.content).take(MOST_MENTIONS));
        let named = self.named(&emails, &by);
        let seq = self.next();
        let count = self.conversation()?.head.messages + 1;
        let peer = self.id.peer_of(&by).and_then(|peer| self.conversation.as_ref()?.members.get(peer));
        let message = Message {
            id: wish.id,
            conversation: self.id.clone(),
            seq,
            count,
            from: wish.by.clone(),
            to: peer.map(|peer| peer.person.clone()),
            content: word.content.clone(),
            content_type: word.content_type,
            attachments: word.attachments.clone(),
            reply_to,
            mentions: named.iter().map(|person| person.email.clone()).collect(),
            client_id: word.client_id.clone(),
            sent: self.now,
            edited: None,
            deleted: None,
            reactions: Vec::new(),
        };
        self.found.places.insert(wish.id, seq);
        if let Some(called) = called {
            self.found.called.insert(called, seq);
        }
        if let Some(conversation) = &mut self.conversation {
            let head = &mut conversation.head;
            (head.messages, head.last_message, head.spoken) = (count, seq, self.now);
        }
        self.mentions.extend(named.into_iter().take(MOST_MENTIONS).map(|person| (seq, person)));
        self.put_message(message.clone());
        self.happen(wish, Deed::Said);
        // Whoever answers has read what they answer.
        self.mark(&wish.by, (seq, count), None);
        Ok(Done { seq: Some(seq), message: Some(message), ..Done::default() })
    }

    /// Two people begin to speak.
    fn begin(&mut self, wish: &Wish, to: &Person) -> Result<(), Refusal> {
        for person in [&wish.by, to] {
            let count = self.found.counts.get(&Handle::of(person)).copied().unwrap_or_default();
            if count >= MOST_THREADS {
                let why = format!(
                    "say something: {} speaks with {MOST_THREADS} people already, which is as many as may be",
                    person.email
                );
                return Err(Refusal::Full(why));
            }
        }
        self.conversation = Some(Conversation::new(self.id.clone(), self.org.clone(), None, self.now));
        for person in [&wish.by, to] {
            let member = Member::new(person.clone(), Role::Member, self.now);
            self.put_member(Handle::of(person), Some(member));
        }
        Ok(())
    }

    /// Whether somebody may write something here.
    fn may_write(&self, wish: &Wish) -> Result<(), Refusal> {
        let (conversation, member) = self.theirs(wish)?;
        let Some(group) = &conversation.head.group else { return self.blocked() };
        if conversation.is_archived() {
            return Err(Refusal::Archived);
        }
        if member.is_muted(self.now) {
            return Err(Refusal::Muted { until: member.muted.and_then(|muted| muted.until) });
        }
        if group.only_admins_post && member.role != Role::Admin {
            return Err(Refusal::OnlyAdminsPost);
        }
        Ok(())
    }

    pub(super) fn edit(&mut self, wish: &Wish, id: MessageId, content: &str) -> Result<Done, Refusal> {
        // Whoever may not hear it is not told that it exists.
        self.theirs(wish).map_err(|_| Refusal::NoMessage)?;
        let message = self.message(id)?.clone();
        if Handle::of(&message.from) != Handle::of(&wish.by) {
            return Err(Refusal::NotOwn);
        }
        self.may_write(wish)?;
        if message.content == content {
            return Ok(Done { message: Some(message), ..Done::default() });
        }
        let of = message.seq;
        let edited = Message { content: content.to_owned(), edited: Some(self.now), ..message };
        self.put_message(edited.clone());
        let seq = self.happen(wish, Deed::Edited { of });
        Ok(Done { seq: Some(seq), message: Some(edited), ..Done::default() })
    }

    pub(super) fn delete(&mut self, wish: &Wish, id: MessageId) -> Result<Done, Refusal> {
        let conversation = self.conversation.as_ref().ok_or(Refusal::NoMessage)?;
        let by = Handle::of(&wish.by);
        let is_group = conversation.head.group.is_some();
        let looks_after = is_group && (wish.moderates || conversation.is_admin(&by));
        if !looks_after {
            conversation.member(&by).map_err(|_| Refusal::NoMessage)?;
        }
        let message = self.message(id)?.clone();
        if !looks_after && Handle::of(&message.from) != by {
            return Err(Refusal::NotOwn);
        }
        let of = message.seq;
        let emptied = message.emptied(&wish.by, self.now);
        self.put_message(emptied.clone());
        let seq = self.happen(wish, Deed::Deleted { of });
        Ok(Done { seq: Some(seq), message: Some(emptied), ..Done::default() })
    }

    pub(super) fn react(&mut self, wish: &Wish, id: MessageId, kind: &str) -> Result<Done, Refusal> {
        self.theirs(wish).map_err(|_| Refusal::NoMessage)?;
        let mut message = self.message(id)?.clone();
        if self.conversation()?.is_archived() {
            return Err(Refusal::Archived);
        }
        self.blocked()?;
        let reaction = Reaction { kind: kind.to_owned(), by: Handle::of(&wish.by) };
        let before = message.reactions.len();
        message.reactions.retain(|known| *known != reaction);
        let added = message.reactions.len() == before;
        if added {
            if before >= MOST_REACTIONS {
                let why = format!("react: the message has {MOST_REACTIONS} reactions, as many as it may");
                return Err(Refusal::Full(why));
            }
            message.reactions.push(reaction);
        }
        let of = message.seq;
        self.put_message(message.clone());
        let seq = self.happen(wish, Deed::Reacted { of, kind: kind.to_owned(), added });
        Ok(Done { seq: Some(seq), message: Some(message), added: Some(added), ..Done::default() })
    }

    pub(super) fn read(&mut self, wish: &Wish, ids: Option<&[MessageId]>) -> Result<Done, Refusal> {
        if self.conversation.is_none() && self.id.as_group().is_none() {
            return Ok(Done::default());
        }
        let (conversation, _) = self.theirs(wish)?;
        let head = &conversation.head;
        let latest = match ids {
            None => (head.last_message, head.messages),
            Some(ids) => {
                let messages = ids.iter().map(|id| {
                    let seq = self.found.places.get(id).ok_or(Refusal::NoMessage)?;
                    self.found.messages.get(seq).map(|message| (seq, message)).ok_or(Refusal::NoMessage)
                });
                let messages = messages.collect::<Result<Vec<_>, _>>()?;
                let latest = messages.into_iter().max_by_key(|(seq, _)| **seq);
                latest.map_or((0, 0), |(seq, message)| (*seq, message.count))
            }
        };
        if latest.0 > 0 {
            self.mark(&wish.by, latest, Some(ids.unwrap_or_default()));
        }
        let mark = self.found.marks.get(&Handle::of(&wish.by)).cloned();
        Ok(Done { mark, ..Done::default() })
    }
}
