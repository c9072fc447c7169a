//! One step through what happened in groups and direct conversations. It stands conversation by conversation, so what
//! is left of one is passed over at its first entry that is not old. The latest entry of each stays, however old: the
//! next one is numbered behind it; so does its latest message, which lists of conversations show.
//!
//! A message goes with the entry that says it, in the same commit, and with it whatever points there, and the
//! notification that tells of it. Entries about it that are younger stay, and tell those who come back of a gap.

use std::collections::{BTreeMap, BTreeSet};

use super::sweep::{After, STEP};
use crate::bus::change::{Change, ChangeError, Write};
use crate::clock::Timestamp;
use crate::ids::OrgId;
use crate::keys;
use crate::ports::Publisher;
use crate::record::model::Record;
use crate::session::community::conversation::{Head, Trim};
use crate::session::community::entry::{Deed, Entry};
use crate::session::community::message::Message;
use crate::session::community::notice::{self, Notice};
use crate::session::community::who::Handle;
use crate::session::community::{Between, ConversationId};
use crate::store::{Expect, Key, Scan, Store, StoreError, decode, encode};

/// What of a conversation is old.
type Old = BTreeMap<String, Vec<Entry>>;

/// Takes a step, and says where the next one begins.
///
/// # Errors
/// When the store fails: then nothing was removed.
pub(super) async fn step(
    (store, publisher): (&dyn Store, &dyn Publisher),
    org: &OrgId,
    before: Timestamp,
    after: After,
) -> Result<After, StoreError> {
    let mut scan = Scan::prefix(keys::community_logs(org), STEP);
    if let Some(after) = &after {
        scan = scan.after(after);
    }
    let page = store.scan(scan).await?;
    let (mut old, mut passed) = (Old::new(), None);
    for (key, found) in &page {
        let Some(conversation) = keys::parse_community_entry(org, key) else { continue };
        if passed.as_ref() == Some(&conversation) {
            continue;
        }
        let entry: Entry = decode(&found.value)?;
        if entry.at < before {
            old.entry(conversation).or_default().push(entry);
        } else {
            passed = Some(conversation);
        }
    }
    let mut sweep = Sweep { store, org, change: Change::default() };
    for (conversation, entries) in sweep.but_the_latest(old).await? {
        sweep.remove(&conversation, entries).await?;
    }
    let Change { writes, extra, .. } = &sweep.change;
    if !writes.is_empty() {
        done(publisher.commit(org.clone(), sweep.change).await.map(drop))?;
    } else if !extra.ops.is_empty() {
        // A power cut that takes it has it done again.
        done(store.commit(extra.clone().lazily()).await.map_err(ChangeError::from))?;
    }
    let Some((last, _)) = page.last().filter(|_| page.len() == STEP) else { return Ok(None) };
    let is_passed = passed.filter(|passed| keys::parse_community_entry(org, last).as_ref() == Some(passed));
    Ok(Some(is_passed.map_or_else(|| last.clone(), |passed| keys::community_entry(org, &passed, u64::MAX))))
}

/// What somebody changed meanwhile goes with the next walk.
fn done(committed: Result<(), ChangeError>) -> Result<(), StoreError> {
    match committed {
        Ok(()) | Err(ChangeError::Changed(_) | ChangeError::Condition) => Ok(()),
        Err(ChangeError::Store(StoreError::Conflict { .. })) => Ok(()),
        Err(ChangeError::Store(error)) => Err(error),
        Err(error) => Err(StoreError::Unavailable(error.to_string())),
    }
}

struct Sweep<'a> {
    store: &'a dyn Store,
    org: &'a OrgId,
    change: Change,
}

impl Sweep<'_> {
    /// What of it goes. What is read here only moves on: none of it is the latest again.
    async fn but_the_latest(&self, mut old: Old) -> Result<Old, StoreError> {
        let heads = old.keys().map(|conversation| keys::community(self.org, conversation)).collect();
        let heads: Vec<Option<Head>> = self.many(heads).await?;
        for (entries, head) in old.values_mut().zip(heads) {
            let Some(head) = head else { continue };
            entries.retain(|entry| entry.seq != head.last && entry.seq != head.last_message);
        }
        old.retain(|_, entries| !entries.is_empty());
        Ok(old)
    }

    async fn remove(&mut self, conversation: &str, entries: Vec<Entry>) -> Result<(), StoreError> {
        let org = self.org;
        let said = entries.iter().filter(|entry| entry.deed == Deed::Said);
        let places: Vec<Key> =
            said.map(|entry| keys::community_message(org, conversation, entry.seq)).collect();
        let messages: Vec<Message> = self.many(places).await?.into_iter().flatten().collect();
        let batch = &mut self.change.extra;
        for entry in &entries {
            batch.delete(keys::community_entry(org, conversation, entry.seq));
            batch.delete(keys::community_place(org, entry.id));
        }
        for message in &messages {
            batch.delete(keys::community_message(org, conversation, message.seq));
            if let Some(reply) = &message.reply_to {
                batch.delete(keys::community_reply(org, conversation, reply.seq, message.seq));
            }
            if let Some(client_id) = &message.client_id {
                let from = Handle::of(&message.from);
                batch.delete(keys::community_called(org, conversation, from.as_str(), client_id));
            }
        }
        let Some(last) = messages.last() else { return Ok(()) };
        let trim = Trim { seq: last.seq, messages: last.count };
        batch.put(keys::community_trim(org, conversation), encode(&trim)?);
        self.notices(conversation, &messages.iter().map(|message| message.seq).collect()).await
    }

    /// What tells one of two people of a message that goes.
    async fn notices(&mut self, conversation: &str, gone: &BTreeSet<u64>) -> Result<(), StoreError> {
        let id = ConversationId::parse(conversation);
        let Some(Between::Pair(one, other)) = id.as_ref().map(ConversationId::between) else { return Ok(()) };
        for who in [one, other] {
            let key = keys::community_notice(self.org, conversation, who.as_str());
            let Some(found) = self.store.get(key.clone()).await? else { continue };
            let notice: Notice = decode(&found.value)?;
            if !gone.contains(&notice.seq) {
                continue;
            }
            // One that tells of something else by now is left alone, and looked at again.
            self.change.extra.expect(key.clone(), Expect::Version(found.version)).delete(key);
            let record = keys::record(self.org, &notice::datatype()?, &notice.record);
            if let Some(found) = self.store.get(record).await? {
                let before: Box<Record> = Box::new(decode(&found.value)?);
                self.change.writes.push(Write::Remove { before, read_version: found.version });
            }
        }
        Ok(())
    }

    async fn many<T: serde::de::DeserializeOwned>(
        &self,
        keys: Vec<Key>,
    ) -> Result<Vec<Option<T>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.store.get_many(keys).await?;
        found.into_iter().map(|found| found.map(|found| decode(&found.value)).transpose()).collect()
    }
}
