//! What comes of wishes, one after the other, without a clock or a store: each is looked at with all that those before
//! it have changed, so that two who want the last place in a group do not both get it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::conversation::{Conversation, Trim};
use super::entry::{Deed, Entry, Happened};
use super::group::Member;
use super::id::ConversationId;
use super::message::Message;
use super::notice::Standing;
use super::who::Handle;
use super::wish::{Act, Done, Mark, Refusal, Wish};
use crate::clock::Timestamp;
use crate::ids::{MessageId, OrgId};
use crate::session::person::Person;

/// What was read for the wishes before they are looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// What came of a wish that was written before.
    pub repeats: HashMap<MessageId, Entry>,
    /// Where messages of this conversation are.
    pub places: HashMap<MessageId, u64>,
    /// Messages, by their numbers.
    pub messages: HashMap<u64, Message>,
    /// Messages that are what their senders ask for again.
    pub called: HashMap<(Handle, String), u64>,
    /// How far those who ask have read, and both of two people.
    pub marks: HashMap<Handle, Mark>,
    /// What tells two people of what the other one says.
    pub notices: HashMap<Handle, Standing>,
    /// What of theirs is no longer kept.
    pub trim: Trim,
    /// Whether one of two people blocks the other.
    pub blocked: bool,
    /// In how many groups somebody is, or with how many people they speak.
    pub counts: HashMap<Handle, usize>,
}

/// That somebody has read.
pub(super) struct Reading {
    pub mark: Mark,
    /// The messages that they said so of.
    pub ids: Vec<MessageId>,
    pub by: Person,
    /// Whether others are told: of what follows from a message they are by that.
    pub is_told: bool,
}

/// Wishes that are looked at.
pub(super) struct Plan {
    pub id: ConversationId,
    pub org: OrgId,
    pub now: Timestamp,
    /// The conversation as it is by now.
    pub conversation: Option<Conversation>,
    pub found: Found,
    /// What happened.
    pub happened: Vec<Happened>,
    /// The numbers of messages that are new, or others.
    pub messages: BTreeSet<u64>,
    /// Those who came, are something else, or went.
    pub members: BTreeMap<Handle, Option<Member>>,
    /// How far people have read now.
    pub marks: BTreeMap<Handle, Reading>,
    /// Whom which message names.
    pub mentions: Vec<(u64, Person)>,
    /// The wish that something happened by last.
    begun: Option<MessageId>,
}

impl Plan {
    /// A plan with nothing in it yet.
    pub fn new(
        id: ConversationId,
        org: OrgId,
        now: Timestamp,
        conversation: Option<Conversation>,
        found: Found,
    ) -> Self {
        Self {
            id,
            org,
            now,
            conversation,
            found,
            happened: Vec::new(),
            messages: BTreeSet::new(),
            members: BTreeMap::new(),
            marks: BTreeMap::new(),
            mentions: Vec::new(),
            begun: None,
        }
    }

    /// Whether there is anything to be written.
    pub fn is_empty(&self) -> bool {
        self.happened.is_empty() && self.marks.is_empty()
    }

    /// Looks at the next wish. One that is refused changes nothing.
    pub fn take(&mut self, wish: &Wish) -> Result<Done, Refusal> {
        if let Some(entry) = self.found.repeats.get(&wish.id) {
            return Ok(self.done_before(entry));
        }
        match &wish.act {
            Act::Found(settings, people) => self.found(wish, settings, people),
            Act::Say(word, to) => self.say(wish, word, to.as_ref()),
            Act::Edit(id, content) => self.edit(wish, *id, content),
            Act::Delete(id) => self.delete(wish, *id),
            Act::React(id, kind) => self.react(wish, *id, kind),
            Act::Read(ids) => self.read(wish, ids.as_deref()),
            Act::Join => self.join(wish),
            Act::Leave => self.leave(wish),
            Act::Add(people) => self.add(wish, people),
            Act::Remove(who) => self.remove(wish, who),
            Act::Promote(who, role) => self.promote(wish, who, *role),
            Act::Mute(who, muted) => self.mute(wish, who, *muted),
            Act::Update(settings) => self.update(wish, settings),
        }
    }

    /// What came of something that was done before.
    fn done_before(&self, entry: &Entry) -> Done {
        let message = entry.message().and_then(|seq| self.found.messages.get(&seq)).cloned();
        let members = match &entry.deed {
            Deed::Joined { member } => vec![member.clone()],
            _ => Vec::new(),
        };
        let added = match &entry.deed {
            Deed::Reacted { added, .. } => Some(*added),
            _ => None,
        };
        Done { seq: Some(entry.seq), message, group: self.group_told(), members, added, mark: None }
    }

    pub(super) fn group_told(&self) -> Option<serde_json::Value> {
        self.conversation.as_ref().and_then(Conversation::group_told)
    }

    /// The conversation, to be changed.
    pub(super) fn conversation(&self) -> Result<&Conversation, Refusal> {
        self.conversation.as_ref().ok_or(Refusal::NoGroup)
    }

    /// The conversation of somebody who takes part in it. Others are not told more than they may know.
    pub(super) fn theirs(&self, wish: &Wish) -> Result<(&Conversation, &Member), Refusal> {
        let conversation = self.conversation()?;
        Ok((conversation, conversation.member(&Handle::of(&wish.by))?))
    }

    /// The number that comes next.
    pub(super) fn next(&self) -> u64 {
        self.conversation.as_ref().map_or(0, |conversation| conversation.head.last) + 1
    }

    /// Something happens. The first of a wish has its id, further ones their own.
    pub(super) fn happen(&mut self, wish: &Wish, deed: Deed) -> u64 {
        let seq = self.next();
        let is_first = self.begun.replace(wish.id) != Some(wish.id);
        let id = if is_first { wish.id } else { MessageId::new(self.now) };
        let entry = Entry { id, seq, at: self.now, by: wish.by.clone(), deed };
        let message = entry.message().and_then(|of| self.found.messages.get(&of)).cloned();
        if let Some(conversation) = &mut self.conversation {
            conversation.head.last = seq;
        }
        let about_group = matches!(entry.deed, Deed::Founded | Deed::Updated { .. });
        let conversation = self.conversation.as_ref().filter(|_| about_group);
        let group = conversation.and_then(|of| of.head.group.clone().map(|group| (group, of.members.len())));
        self.happened.push(Happened { entry, message, group });
        seq
    }

    /// A message is new, or another one.
    pub(super) fn put_message(&mut self, message: Message) {
        for before in &mut self.happened {
            // What is told of it is told as it is in the end: nothing is left of one that went in the same moment.
            if before.message.as_ref().is_some_and(|known| known.seq == message.seq) {
                before.message = Some(message.clone());
            }
        }
        self.messages.insert(message.seq);
        self.found.messages.insert(message.seq, message);
    }

    /// Somebody comes, is something else, or goes.
    pub(super) fn put_member(&mut self, who: Handle, member: Option<Member>) {
        if let Some(conversation) = &mut self.conversation {
            let members = Arc::make_mut(&mut conversation.members);
            match &member {
                Some(member) => drop(members.insert(who.clone(), member.clone())),
                None => drop(members.remove(&who)),
            }
            conversation.head.members = u32::try_from(members.len()).unwrap_or(u32::MAX);
        }
        self.members.insert(who, member);
    }

    /// A message of this conversation that is still there.
    pub(super) fn message(&self, id: MessageId) -> Result<&Message, Refusal> {
        let found = self.found.places.get(&id).and_then(|seq| self.found.messages.get(seq));
        found.filter(|message| message.deleted.is_none()).ok_or(Refusal::NoMessage)
    }

    /// Somebody has read up to a message: these, where they say so themselves.
    pub(super) fn mark(&mut self, by: &Person, (seq, count): (u64, u64), ids: Option<&[MessageId]>) {
        let who = Handle::of(by);
        if self.found.marks.get(&who).is_some_and(|mark| mark.seq >= seq) {
            return;
        }
        let mark = Mark { by: who.clone(), seq, count, at: self.now };
        self.found.marks.insert(who.clone(), mark.clone());
        let is_told = ids.is_some() || self.marks.get(&who).is_some_and(|before| before.is_told);
        let ids = ids.unwrap_or_default().to_vec();
        self.marks.insert(who, Reading { mark, ids, by: by.clone(), is_told });
    }

    pub(super) fn blocked(&self) -> Result<(), Refusal> {
        if self.found.blocked { Err(Refusal::Blocked) } else { Ok(()) }
    }

    /// The people whom a message names, out of those who take part.
    pub(super) fn named(&self, emails: &HashSet<String>, by: &Handle) -> Vec<Person> {
        let members = self.conversation.iter().flat_map(|conversation| conversation.members.iter());
        let named = members.filter(|(who, _)| *who != by && emails.contains(who.email()));
        named.map(|(_, member)| member.person.clone()).collect()
    }
}

mod members;
mod messages;
#[cfg(test)]
mod tests;
