//! One conversation of a community in the store: read as it wakes, written with the events that tell of it, in one
//! commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::conversation::{Conversation, Head};
use super::entry::{Entry, Happened};
use super::group::{MOST_MEMBERS, Member};
use super::id::{Between, ConversationId};
use super::message::Message;
use super::notice::{self, Notice, Standing};
use super::plan::{Found, Plan, Reading};
use super::rules::{MOST_GROUPS, MOST_THREADS};
use super::who::Handle;
use super::wish::{Act, Done, Mark, Refusal, Wish, Word};
use super::{words, write};
use crate::bus::change::ChangeError;
use crate::house::House;
use crate::ids::{MessageId, OrgId};
use crate::keys;
use crate::ports::Publisher;
use crate::session::hall::RoomName;
use crate::session::line::RECENT;
use crate::session::replay::Past;
use crate::session::seat::Frame;
use crate::store::{Batch, Key, Scan, StoreError, decode};

/// One conversation in the store.
#[derive(Clone)]
pub struct Book {
    pub(super) house: Arc<House>,
    publisher: Arc<dyn Publisher>,
    pub(super) org: OrgId,
    pub(super) id: ConversationId,
}

/// What was written.
pub(super) struct Written {
    /// The conversation as it is now.
    pub(super) conversation: Option<Conversation>,
    /// What happened.
    pub(super) happened: Vec<Happened>,
    /// How far people have read.
    pub(super) marks: Vec<Reading>,
    /// What came of each wish, in their order.
    pub(super) answers: Vec<Result<Done, Refusal>>,
}

impl Book {
    /// The conversation whose actor has this name.
    #[must_use]
    pub fn of_actor(name: &str, house: Arc<House>, publisher: Arc<dyn Publisher>) -> Option<Self> {
        let (org, id) = ConversationId::parse_actor_name(name)?;
        Some(Self { house, publisher, org, id })
    }

    /// The conversation, if there is one, and what happened last.
    pub(super) async fn load(&self) -> Result<(Option<Conversation>, Vec<Happened>), StoreError> {
        // What an earlier incarnation has queued is in the store before this one reads it.
        self.house.store.commit(Batch::default()).await?;
        let head = self.house.store.get(keys::community(&self.org, self.id.as_str())).await?;
        let Some(head) = head else { return Ok((None, Vec::new())) };
        let head: Head = decode(&head.value)?;
        let most = usize::try_from(MOST_MEMBERS).unwrap_or(usize::MAX);
        let members = keys::community_members(&self.org, self.id.as_str());
        let members = self.house.store.scan(Scan::prefix(members, most)).await?;
        let members = members.iter().map(|(_, found)| decode::<Member>(&found.value));
        let members = members
            .map(|member| member.map(|member| (Handle::of(&member.person), member)))
            .collect::<Result<BTreeMap<_, _>, _>>()?;
        let log = Scan::prefix(keys::community_log(&self.org, self.id.as_str()), RECENT).descending();
        let mut latest = self.told(log).await?;
        latest.reverse();
        Ok((Some(Conversation { head, members: Arc::new(members) }), latest))
    }

    /// What happened, with what it takes to tell of it.
    async fn told(&self, scan: Scan) -> Result<Vec<Happened>, StoreError> {
        let found = self.house.store.scan(scan).await?;
        let entries: Vec<Entry> =
            found.iter().map(|(_, found)| decode(&found.value)).collect::<Result<_, _>>()?;
        let messages = self.messages(entries.iter().filter_map(Entry::message).collect()).await?;
        let head = self.house.store.get(keys::community(&self.org, self.id.as_str())).await?;
        let head: Option<Head> = head.map(|head| decode(&head.value)).transpose()?;
        let group = head.and_then(|head| {
            let members = usize::try_from(head.members).unwrap_or(usize::MAX);
            head.group.map(|group| (group, members))
        });
        let told = entries.into_iter().map(|entry| {
            let message = entry.message().and_then(|seq| messages.get(&seq).cloned());
            Happened { entry, message, group: group.clone() }
        });
        Ok(told.collect())
    }

    /// Messages by their numbers.
    async fn messages(&self, numbers: BTreeSet<u64>) -> Result<HashMap<u64, Message>, StoreError> {
        let key = |seq: &u64| keys::community_message(&self.org, self.id.as_str(), *seq);
        let found = self.house.store.get_many(numbers.iter().map(key).collect()).await?;
        let found = found.into_iter().flatten().map(|found| decode::<Message>(&found.value));
        found.map(|message| message.map(|message| (message.seq, message))).collect()
    }

    /// Looks at what is wanted, and writes what comes of it, with the events of that.
    pub(super) async fn write(
        &self,
        conversation: Option<Conversation>,
        wishes: Vec<Wish>,
    ) -> Result<Written, ChangeError> {
        let found = self.find(conversation.as_ref(), &wishes).await?;
        let now = self.house.clock.now();
        let mut plan = Plan::new(self.id.clone(), self.org.clone(), now, conversation, found);
        let answers = wishes.iter().map(|wish| plan.take(wish)).collect();
        if !plan.is_empty() {
            self.publisher.commit(self.org.clone(), write::change(&plan)?).await?;
        }
        let Plan { conversation, happened, marks, .. } = plan;
        Ok(Written { conversation, happened, marks: marks.into_values().collect(), answers })
    }

    /// Reads what it takes to look at wishes.
    async fn find(&self, conversation: Option<&Conversation>, wishes: &[Wish]) -> Result<Found, StoreError> {
        let mut found = Found::default();
        let mut ids: Vec<MessageId> = wishes.iter().map(|wish| wish.id).collect();
        ids.extend(wishes.iter().flat_map(|wish| meant(&wish.act)));
        ids.sort_unstable();
        ids.dedup();
        for (id, seq) in ids.iter().zip(self.places(&ids).await?) {
            found.places.extend(seq.map(|seq| (*id, seq)));
        }
        let called: Vec<(Handle, String)> = wishes.iter().filter_map(called).collect();
        let key = |(by, id): &(Handle, String)| {
            keys::community_called(&self.org, self.id.as_str(), by.as_str(), id)
        };
        let numbers: Vec<Option<u64>> = self.many(called.iter().map(key).collect()).await?;
        found.called = called.into_iter().zip(numbers).filter_map(|(name, seq)| Some((name, seq?))).collect();
        let repeats = wishes.iter().filter_map(|wish| Some((wish.id, *found.places.get(&wish.id)?)));
        let repeats: Vec<(MessageId, u64)> = repeats.collect();
        let key = |seq: u64| keys::community_entry(&self.org, self.id.as_str(), seq);
        let entries: Vec<Option<Entry>> =
            self.many(repeats.iter().map(|(_, seq)| key(*seq)).collect()).await?;
        found.repeats =
            repeats.iter().zip(entries).filter_map(|((id, _), entry)| Some((*id, entry?))).collect();
        let pair = match self.id.between() {
            Between::Pair(one, other) => vec![one.clone(), other.clone()],
            Between::Group(_) => Vec::new(),
        };
        found.notices = self.notices(&pair).await?;
        if !pair.is_empty() {
            let trim = self.house.store.get(keys::community_trim(&self.org, self.id.as_str())).await?;
            found.trim = trim.map(|trim| decode(&trim.value)).transpose()?.unwrap_or_default();
        }
        let numbers = found.places.values().chain(found.called.values()).copied();
        let numbers = numbers.chain(found.repeats.values().filter_map(Entry::message));
        let numbers = numbers.chain(found.notices.values().map(|standing| standing.notice.seq)).collect();
        found.messages = self.messages(numbers).await?;
        let mut readers: Vec<Handle> = wishes.iter().map(|wish| Handle::of(&wish.by)).chain(pair).collect();
        readers.sort();
        readers.dedup();
        let key = |who: &Handle| keys::community_mark(&self.org, self.id.as_str(), who.as_str());
        let marks: Vec<Option<Mark>> = self.many(readers.iter().map(key).collect()).await?;
        found.marks = readers.into_iter().zip(marks).filter_map(|(who, mark)| Some((who, mark?))).collect();
        if let Between::Pair(one, other) = self.id.between() {
            let key = |a: &Handle, b: &Handle| keys::block(&self.org, a.as_str(), b.as_str());
            let blocks = self.house.store.get_many(vec![key(one, other), key(other, one)]).await?;
            found.blocked = blocks.iter().any(Option::is_some);
        }
        found.counts = self.counts(conversation, wishes).await?;
        Ok(found)
    }

    /// What tells these of what is said to them.
    async fn notices(&self, pair: &[Handle]) -> Result<HashMap<Handle, Standing>, StoreError> {
        let key = |who: &Handle| keys::community_notice(&self.org, self.id.as_str(), who.as_str());
        let notices: Vec<Option<Notice>> = self.many(pair.iter().map(key).collect()).await?;
        let mut standings = HashMap::new();
        for (who, notice) in pair.iter().zip(notices) {
            let Some(notice) = notice else { continue };
            let key = keys::record(&self.org, &notice::datatype()?, &notice.record);
            let found = self.house.store.get(key).await?;
            let found = found.map(|found| Ok::<_, StoreError>((decode(&found.value)?, found.version)));
            standings.insert(who.clone(), Standing { notice, found: found.transpose()? });
        }
        Ok(standings)
    }

    /// Where entries and messages of this conversation are, by their ids.
    async fn places(&self, ids: &[MessageId]) -> Result<Vec<Option<u64>>, StoreError> {
        let keys = ids.iter().map(|id| keys::community_place(&self.org, *id)).collect();
        let places: Vec<Option<(ConversationId, u64)>> = self.many(keys).await?;
        Ok(places
            .into_iter()
            .map(|place| place.filter(|(id, _)| *id == self.id).map(|(_, seq)| seq))
            .collect())
    }

    async fn many<T: serde::de::DeserializeOwned>(
        &self,
        keys: Vec<Key>,
    ) -> Result<Vec<Option<T>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.house.store.get_many(keys).await?;
        found.into_iter().map(|found| found.map(|found| decode(&found.value)).transpose()).collect()
    }

    /// In how many conversations of this sort those are who may come into this one.
    async fn counts(
        &self,
        conversation: Option<&Conversation>,
        wishes: &[Wish],
    ) -> Result<HashMap<Handle, usize>, StoreError> {
        let is_new = |who: &Handle| conversation.is_none_or(|there| !there.members.contains_key(who));
        let coming = wishes.iter().flat_map(|wish| match &wish.act {
            Act::Found(_, people) | Act::Add(people) => {
                let people = people.iter().map(|(person, _)| Handle::of(person));
                people.chain(std::iter::once(Handle::of(&wish.by))).collect()
            }
            Act::Join => vec![Handle::of(&wish.by)],
            Act::Say(_, Some(to)) => vec![Handle::of(&wish.by), Handle::of(to)],
            _ => Vec::new(),
        });
        let coming: BTreeSet<Handle> = coming.filter(is_new).collect();
        let (sort, most) = (self.id.sort(), MOST_GROUPS.max(MOST_THREADS));
        let mut counts = HashMap::new();
        for who in coming {
            let scan = Scan::prefix(keys::communities_of(&self.org, who.as_str(), sort), most).keys_only();
            counts.insert(who, self.house.store.scan(scan).await?.len());
        }
        Ok(counts)
    }
}

impl Past for Book {
    type Entry = Happened;

    fn house(&self) -> &House {
        &self.house
    }

    fn room(&self) -> RoomName {
        self.id.room(&self.org)
    }

    fn page(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Happened>, StoreError>> {
        let scan = Scan::prefix(keys::community_log(&self.org, self.id.as_str()), limit);
        let scan = scan.after(&keys::community_entry(&self.org, self.id.as_str(), after));
        Box::pin(self.told(scan))
    }

    fn last(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            let head = self.house.store.get(keys::community(&self.org, self.id.as_str())).await?;
            let head: Option<Head> = head.map(|head| decode(&head.value)).transpose()?;
            Ok(head.map_or(0, |head| head.last))
        })
    }

    fn frames(&self, entry: &Happened) -> Result<Vec<Frame>, StoreError> {
        Ok(words::happened(&self.org, &self.id, entry)?.into_iter().collect())
    }
}

/// The messages that a wish is about.
fn meant(act: &Act) -> Vec<MessageId> {
    match act {
        Act::Edit(id, _) | Act::Delete(id) | Act::React(id, _) => vec![*id],
        Act::Say(Word { reply_to: Some(id), .. }, _) => vec![*id],
        Act::Read(Some(ids)) => ids.clone(),
        _ => Vec::new(),
    }
}

/// What its sender calls a message.
fn called(wish: &Wish) -> Option<(Handle, String)> {
    match &wish.act {
        Act::Say(word, _) => Some((Handle::of(&wish.by), word.client_id.clone()?)),
        _ => None,
    }
}
