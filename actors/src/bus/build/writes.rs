//! The part of a batch that writes records: the record, its places in every index, and the events that
//! follow from the write.

use serde_json::{Map, Value, json};

use super::{Builder, Guard};
use crate::bus::change::{ChangeError, Write};
use crate::event::{EventDraft, EventKind};
use crate::ids::EventId;
use crate::keys::{self, TimeOrder};
use crate::record::model::{EMAIL_FIELD, Record};
use crate::record::place::Flags;
use crate::session::desk::rules::QueueRules;
use crate::session::stream::assistant;
use crate::store::{Expect, Key};

/// How queues of chats work.
const CHAT_QUEUE: &str = "chat_queue";

/// Whether the server can act on a record that it is to act on.
fn fits(record: &Record) -> Result<(), ChangeError> {
    let (datatype, wrong) = match record.datatype.as_str() {
        _ if record.is_deleted() => return Ok(()),
        CHAT_QUEUE => (CHAT_QUEUE, QueueRules::read(&record.data).err().unwrap_or_default()),
        assistant::DATATYPE => (assistant::DATATYPE, assistant::unfit(&record.data)),
        _ => return Ok(()),
    };
    if wrong.is_empty() { Ok(()) } else { Err(ChangeError::Unfit { datatype, wrong }) }
}

impl Builder<'_> {
    /// Writes a record with its indices and says which events follow.
    pub(super) fn write(&mut self, write: &Write) -> Result<Vec<EventDraft>, ChangeError> {
        match write {
            Write::Create(record) => self.create(record),
            Write::Replace { before, read_version, after } => self.replace(before, *read_version, after),
            Write::Remove { before, read_version } => self.remove(before, *read_version),
        }
    }

    fn create(&mut self, record: &Record) -> Result<Vec<EventDraft>, ChangeError> {
        fits(record)?;
        let record = Record { version: 0, created: self.stamp, modified: self.stamp, ..record.clone() };
        let key = keys::record(self.org, &record.datatype, &record.sk);
        if let Some(hash) = &record.create_hash {
            let key = keys::create_hash(self.org, &record.datatype, hash);
            self.guard(key.clone(), Expect::Absent, Guard::CreateHash);
            self.put(key, &record.sk)?;
        }
        self.guard(key.clone(), Expect::Absent, Guard::New(record.sk.clone()));
        self.put_bounded(key, &record, "a record")?;
        self.index(&record, None)?;
        let events = self.events_of("create", "created", &record, Map::new());
        self.receipt.records.push(record);
        Ok(events)
    }

    fn replace(
        &mut self,
        before: &Record,
        read_version: u64,
        after: &Record,
    ) -> Result<Vec<EventDraft>, ChangeError> {
        fits(after)?;
        let mut after = Record {
            version: before.version + 1,
            created: before.created,
            modified: self.stamp,
            create_hash: before.create_hash.clone(),
            ..after.clone()
        };
        // What the create asked for stands no longer: the same create is a new wish now, not a repeat.
        if !says_the_same(before, &after) {
            self.forget_create(before);
            after.create_hash = None;
        }
        let key = keys::record(self.org, &after.datatype, &after.sk);
        self.guard(key.clone(), Expect::Version(read_version), Guard::Unchanged(after.sk.clone()));
        self.put_bounded(key, &after, "a record")?;
        self.batch.delete(self.time_key(before, TimeOrder::Modified));
        self.index(&after, Some(before))?;
        let mut extra = Map::new();
        extra.insert("changedFields".into(), Value::from(changed_fields(before, &after)));
        let deleted = after.is_deleted() && !before.is_deleted();
        let (verb, past) = if deleted { ("delete", "deleted") } else { ("update", "updated") };
        let mut events = self.events_of(verb, past, &after, extra);
        if is_contact(&after) && !deleted {
            events.extend(self.tags_added(before, &after));
        }
        self.receipt.records.push(after);
        Ok(events)
    }

    fn remove(&mut self, before: &Record, read_version: u64) -> Result<Vec<EventDraft>, ChangeError> {
        let key = keys::record(self.org, &before.datatype, &before.sk);
        self.guard(key.clone(), Expect::Version(read_version), Guard::Unchanged(before.sk.clone()));
        self.batch.delete(key);
        self.batch.delete(self.time_key(before, TimeOrder::Modified));
        self.batch.delete(self.time_key(before, TimeOrder::Created));
        self.forget_create(before);
        for (field, value) in before.found_by() {
            self.batch.delete(self.field_key(before, field, &value));
        }
        self.keep_unique(before, before.unique_email().as_deref(), None)?;
        self.receipt.records.push(before.clone());
        Ok(self.events_of("delete", "deleted", before, Map::new()))
    }

    fn forget_create(&mut self, before: &Record) {
        if let Some(hash) = &before.create_hash {
            self.batch.delete(keys::create_hash(self.org, &before.datatype, hash));
        }
    }

    fn time_key(&self, record: &Record, order: TimeOrder) -> Key {
        let stamp = if order == TimeOrder::Modified { record.modified } else { record.created };
        keys::record_by_time(self.org, &record.datatype, order, stamp, &record.sk)
    }

    fn field_key(&self, record: &Record, field: &str, value: &str) -> Key {
        keys::record_with(self.org, &record.datatype, field, value, &record.sk)
    }

    fn index(&mut self, record: &Record, before: Option<&Record>) -> Result<(), ChangeError> {
        for order in [TimeOrder::Modified, TimeOrder::Created] {
            self.batch.put(self.time_key(record, order), Flags::of(record).to_bytes());
        }
        let (old, new) = (before.map(Record::found_by).unwrap_or_default(), record.found_by());
        for (field, value) in old.difference(&new) {
            self.batch.delete(self.field_key(record, field, value));
        }
        for (field, value) in new.difference(&old) {
            self.batch.put(self.field_key(record, field, value), Vec::new());
        }
        let (old, new) = (before.and_then(Record::unique_email), record.unique_email());
        self.keep_unique(record, old.as_deref(), new.as_deref())
    }

    /// Lets no two people of a datatype sign in with the same address.
    fn keep_unique(
        &mut self,
        record: &Record,
        old: Option<&str>,
        new: Option<&str>,
    ) -> Result<(), ChangeError> {
        if old == new {
            return Ok(());
        }
        let key = |email: &str| keys::unique(self.org, &record.datatype, EMAIL_FIELD, email);
        let (freed, taken) = (old.map(key), new.map(key));
        if let Some(key) = freed {
            self.batch.delete(key);
        }
        if let Some(key) = taken {
            self.guard(key.clone(), Expect::Absent, Guard::Unique("e-mail"));
            self.put(key, &record.sk)?;
        }
        Ok(())
    }

    /// The system event of a write (contract §4.11) and the domain event.
    fn events_of(
        &self,
        verb: &str,
        past: &str,
        record: &Record,
        extra: Map<String, Value>,
    ) -> Vec<EventDraft> {
        let body = record.to_json();
        let mut system = Map::new();
        system.insert("orgid".into(), json!(self.org));
        system.insert("data".into(), body.clone());
        system.extend(extra);
        let domain = if is_contact(record) { "contact" } else { record.datatype.as_str() };
        [(format!("collection-{verb}"), Value::Object(system)), (format!("{domain}.{past}"), body)]
            .into_iter()
            .filter_map(|(kind, data)| self.draft(&kind, data))
            .collect()
    }

    fn tags_added(&self, before: &Record, after: &Record) -> Vec<EventDraft> {
        let tags = |record: &Record| record.data.get("tags").and_then(Value::as_array).cloned();
        let (old, new) = (tags(before).unwrap_or_default(), tags(after).unwrap_or_default());
        let added = new.into_iter().filter(|tag| !old.contains(tag));
        let told = added.map(|tag| json!({"contactId": after.sk, "tag": tag, "contact": after.to_json()}));
        told.filter_map(|data| self.draft("tag.added", data)).collect()
    }

    fn draft(&self, kind: &str, data: Value) -> Option<EventDraft> {
        let kind = EventKind::new(kind).ok()?;
        Some(EventDraft { id: EventId::new(self.stamp.time()), kind, data, occurred_at: None })
    }
}

fn is_contact(record: &Record) -> bool {
    matches!(record.datatype.as_str(), "contact" | "customer")
}

/// Whether two versions of a record say the same, as far as a create could have said it.
fn says_the_same(before: &Record, after: &Record) -> bool {
    before.data == after.data && before.meta == after.meta && before.state == after.state
}

/// The application fields that differ, as paths: `data.email`.
fn changed_fields(before: &Record, after: &Record) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = before.data.keys().chain(after.data.keys()).collect();
    let differ = names.into_iter().filter(|name| before.data.get(*name) != after.data.get(*name));
    let mut changed: Vec<String> = differ.map(|name| format!("data.{name}")).collect();
    if before.state != after.state {
        changed.push("state".into());
    }
    changed
}
