//! From a change to a batch: which events follow from its writes, which runs and jobs follow from its
//! events, and every key of all of them. Pure: the same change and stamp give the same batch, but for
//! the ids of runs and jobs.

use serde_json::{Map, Value, json};

use super::change::{Change, ChangeError, Receipt, Remembered, Write};
use crate::clock::Stamp;
use crate::event::{Cause, Event, EventDraft, EventKind};
use crate::flow::run::{Run, RunDraft};
use crate::ids::{EventId, JobId, OrgId, QueueName, RecordId, RunId};
use crate::keys::{self, Node, TimeOrder};
use crate::queue::job::{JobDraft, Task, names};
use crate::record::model::{EMAIL_FIELD, Record, email_is_unique};
use crate::record::place::Flags;
use crate::store::Key;
use crate::store::{Batch, Expect, StoreError, encode};

/// A trigger that an event fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// The flow.
    pub flow: RecordId,
    /// Its version.
    pub version: u64,
    /// The trigger within it.
    pub trigger: String,
    /// Whether the queue decides later if it really fires (changes of data).
    pub deferred: bool,
    /// The longest chain of runs that the flow takes part in.
    pub max_depth: u32,
}

/// Who knows which triggers an event fires.
pub trait Triggers {
    /// All of them.
    fn firing(&self, event: &Event) -> Vec<Firing>;
}

/// What is the same for every change.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Bytes of the largest record or event.
    pub value: usize,
    /// Attempts of a job that does not say, by queue.
    pub attempts: &'a dyn Fn(&QueueName) -> u32,
}

/// What a condition of the batch guards, in the order of the batch's conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// The idempotency key is new.
    Key,
    /// The event is new.
    Event(EventId),
    /// The record is new.
    New(RecordId),
    /// The record is as it was read.
    Unchanged(RecordId),
    /// Nobody else has the value.
    Unique(&'static str),
    /// No identical create came before.
    CreateHash,
    /// A condition of the caller's.
    Caller,
}

/// A batch and what it stands for.
#[derive(Debug)]
pub struct Built {
    /// To be committed.
    pub batch: Batch,
    /// What each of its conditions guards.
    pub guards: Vec<Guard>,
    /// To be returned once it is.
    pub receipt: Receipt,
}

impl Guard {
    /// What it means that the condition at `index` failed.
    #[must_use]
    pub fn error(guards: &[Self], index: usize) -> ChangeError {
        match guards.get(index) {
            Some(Self::Key) => ChangeError::KeyReused,
            Some(Self::Event(id)) => ChangeError::Published(*id),
            Some(Self::New(id)) => ChangeError::Exists(id.clone()),
            Some(Self::Unchanged(id)) => ChangeError::Changed(id.clone()),
            Some(Self::Unique(field)) => ChangeError::Taken { field },
            Some(Self::CreateHash) => ChangeError::SameCreate,
            Some(Self::Caller) | None => ChangeError::Condition,
        }
    }
}

struct Builder<'a> {
    org: &'a OrgId,
    stamp: Stamp,
    change: &'a Change,
    limits: Limits<'a>,
    batch: Batch,
    guards: Vec<Guard>,
    receipt: Receipt,
}

/// The batch of `change` at `stamp`.
///
/// # Errors
/// When a record or event is too large, or cannot be written.
pub fn build(
    org: &OrgId,
    change: &Change,
    stamp: Stamp,
    triggers: &dyn Triggers,
    limits: Limits<'_>,
) -> Result<Built, ChangeError> {
    let receipt = Receipt { stamp, ..Receipt::default() };
    let (batch, guards) = (Batch::default(), Vec::new());
    let mut builder = Builder { org, stamp, change, limits, batch, guards, receipt };
    builder.batch.put(keys::latest_stamp(), encode(&stamp)?);
    builder.remember()?;
    let mut drafts = Vec::new();
    for write in &change.writes {
        drafts.extend(builder.write(write)?);
    }
    drafts.extend(change.events.iter().cloned());
    for draft in drafts {
        builder.event(draft)?;
    }
    let mut runs = change.runs.clone();
    let mut jobs = change.jobs.clone();
    for event in &builder.receipt.events {
        for firing in triggers.firing(event) {
            follow(event, firing, stamp, &mut runs, &mut jobs);
        }
    }
    for draft in runs {
        jobs.extend(builder.run(draft)?);
    }
    for draft in jobs {
        builder.job(draft)?;
    }
    for draft in &change.deliveries {
        builder.delivery(draft.clone())?;
    }
    builder.guards.extend(change.extra.expects.iter().map(|_| Guard::Caller));
    builder.batch.append(change.extra.clone());
    Ok(Built { batch: builder.batch, guards: builder.guards, receipt: builder.receipt })
}

/// What becomes of a trigger that an event fires: a run, or a job that decides on one.
fn follow(event: &Event, firing: Firing, stamp: Stamp, runs: &mut Vec<RunDraft>, jobs: &mut Vec<JobDraft>) {
    let too_deep = event.depth >= firing.max_depth;
    if firing.deferred && !too_deep {
        let task = Task::FireTrigger { flow: firing.flow, trigger: firing.trigger, event: event.id };
        jobs.extend(job(names::AUTOMATION_TRIGGER, task, stamp));
        return;
    }
    runs.push(RunDraft {
        id: RunId::new(stamp.time()),
        flow: firing.flow,
        flow_version: firing.version,
        trigger: Some(firing.trigger),
        event: Some(event.id),
        executed_by: None,
        variables: Map::new(),
        start_step: None,
        stopped: too_deep.then(|| {
            format!(
                "the chain of runs that led to {} is {} long, the flow's limit (settings.circularPrevention.maxDepth)",
                event.kind, firing.max_depth
            )
        }),
    });
}

fn job(queue: &str, task: Task, stamp: Stamp) -> Option<JobDraft> {
    let queue = QueueName::new(queue).ok()?;
    Some(JobDraft { id: JobId::new(stamp.time()), queue, task, due: None, max_attempts: None })
}

impl Builder<'_> {
    fn guard(&mut self, key: Key, expect: Expect, guard: Guard) {
        self.batch.expect(key, expect);
        self.guards.push(guard);
    }

    fn put_bounded<T: serde::Serialize>(
        &mut self,
        key: Key,
        value: &T,
        what: &'static str,
    ) -> Result<(), ChangeError> {
        let bytes = encode(value)?;
        if bytes.len() > self.limits.value {
            let (bytes, limit) = (bytes.len(), self.limits.value);
            return Err(ChangeError::TooLarge { what, bytes, limit });
        }
        self.batch.put(key, bytes);
        Ok(())
    }

    fn put<T: serde::Serialize>(&mut self, key: Key, value: &T) -> Result<(), StoreError> {
        self.batch.put(key, encode(value)?);
        Ok(())
    }

    fn remember(&mut self) -> Result<(), ChangeError> {
        let Some(idempotency) = &self.change.idempotency else { return Ok(()) };
        let events = self.change.events.iter().map(|draft| draft.id).collect();
        let remembered = Remembered { digest: idempotency.digest.clone(), events, at: self.stamp };
        let key = keys::idempotency(self.org, &idempotency.key);
        self.guard(key.clone(), Expect::Absent, Guard::Key);
        Ok(self.put(key, &remembered)?)
    }

    /// Writes a record with its indices and says which events follow.
    fn write(&mut self, write: &Write) -> Result<Vec<EventDraft>, ChangeError> {
        match write {
            Write::Create(record) => self.create(record),
            Write::Replace { before, read_version, after } => self.replace(before, *read_version, after),
            Write::Remove { before, read_version } => self.remove(before, *read_version),
        }
    }

    fn create(&mut self, record: &Record) -> Result<Vec<EventDraft>, ChangeError> {
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
        let after = Record {
            version: before.version + 1,
            created: before.created,
            modified: self.stamp,
            create_hash: before.create_hash.clone(),
            ..after.clone()
        };
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
        if let Some(hash) = &before.create_hash {
            self.batch.delete(keys::create_hash(self.org, &before.datatype, hash));
        }
        for email in before.emails() {
            self.batch.delete(self.email_key(before, &email));
        }
        self.keep_unique(before, before.email().as_deref(), None)?;
        self.receipt.records.push(before.clone());
        Ok(self.events_of("delete", "deleted", before, Map::new()))
    }

    fn time_key(&self, record: &Record, order: TimeOrder) -> Key {
        let stamp = if order == TimeOrder::Modified { record.modified } else { record.created };
        keys::record_by_time(self.org, &record.datatype, order, stamp, &record.sk)
    }

    fn email_key(&self, record: &Record, email: &str) -> Key {
        keys::record_with(self.org, &record.datatype, EMAIL_FIELD, email, &record.sk)
    }

    fn index(&mut self, record: &Record, before: Option<&Record>) -> Result<(), ChangeError> {
        for order in [TimeOrder::Modified, TimeOrder::Created] {
            self.batch.put(self.time_key(record, order), Flags::of(record).to_bytes());
        }
        let (old, new) = (before.map(Record::emails).unwrap_or_default(), record.emails());
        for email in old.difference(&new) {
            self.batch.delete(self.email_key(record, email));
        }
        for email in new.difference(&old) {
            self.batch.put(self.email_key(record, email), Vec::new());
        }
        let (old, new) = (before.and_then(Record::email), record.email());
        self.keep_unique(record, old.as_deref(), new.as_deref())
    }

    /// Lets no two people of a datatype sign in with the same address.
    fn keep_unique(
        &mut self,
        record: &Record,
        old: Option<&str>,
        new: Option<&str>,
    ) -> Result<(), ChangeError> {
        if old == new || !email_is_unique(&record.datatype) {
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

    fn event(&mut self, draft: EventDraft) -> Result<(), ChangeError> {
        let n = u16::try_from(self.receipt.events.len()).unwrap_or(u16::MAX);
        let event = Event {
            id: draft.id,
            kind: draft.kind,
            org_id: self.org.clone(),
            timestamp: self.stamp.time(),
            occurred_at: draft.occurred_at,
            data: draft.data,
            cause: self.change.cause.clone(),
            depth: self.change.depth,
            by: self.change.by.clone(),
        };
        let key = keys::event(self.org, event.id);
        self.guard(key.clone(), Expect::Absent, Guard::Event(event.id));
        self.put_bounded(key, &event, "an event")?;
        let by_kind = keys::event_log_of(self.org, event.kind.as_str());
        for log in [keys::event_log(self.org), by_kind] {
            self.batch.put(keys::event_place(log, self.stamp, n), event.id.to_bytes().to_vec());
        }
        self.link(Node::Event(event.id));
        self.receipt.events.push(event);
        Ok(())
    }

    /// Enters an effect under the cause of the whole change.
    fn link(&mut self, effect: Node) {
        if let Some(cause) = self.change.cause.as_ref().map(node_of) {
            self.batch.put(keys::effect(self.org, cause, effect), Vec::new());
        }
    }

    fn run(&mut self, draft: RunDraft) -> Result<Option<JobDraft>, ChangeError> {
        let event = draft.event.map(|id| Cause::Event { id });
        let cause = event.or_else(|| self.change.cause.clone());
        let run: Run = draft.into_run(self.org.clone(), cause, self.change.depth + 1, self.stamp.time());
        let key = keys::run(self.org, run.id);
        self.guard(key.clone(), Expect::Absent, Guard::Caller);
        self.put(key, &run)?;
        self.batch.put(keys::run_of(self.org, &run.automation_id, run.id), Vec::new());
        if let Some(cause) = run.cause.as_ref().map(node_of) {
            self.batch.put(keys::effect(self.org, cause, Node::Run(run.id)), Vec::new());
        }
        let task = Task::RunFlow { flow: run.automation_id.clone(), run: run.id };
        let job = (!run.status.is_final()).then(|| job(names::AUTOMATION, task, self.stamp)).flatten();
        self.receipt.runs.push(run);
        Ok(job)
    }

    fn job(&mut self, draft: JobDraft) -> Result<(), ChangeError> {
        let attempts = (self.limits.attempts)(&draft.queue);
        let job = draft.into_job(self.org.clone(), self.stamp.time(), attempts);
        self.put(keys::job(job.id), &job)?;
        self.batch.put(keys::job_in(&job.queue, job.state.letter(), job.place, job.id), Vec::new());
        let cause = match &job.task {
            Task::RunFlow { run, .. } => Node::Run(*run),
            Task::FireTrigger { event, .. } => Node::Event(*event),
        };
        self.batch.put(keys::effect(self.org, cause, Node::Job(job.id)), Vec::new());
        self.receipt.jobs.push(job);
        Ok(())
    }

    fn delivery(&mut self, draft: crate::webhook::delivery::DeliveryDraft) -> Result<(), ChangeError> {
        let delivery = draft.into_delivery(self.org.clone(), self.stamp.time());
        let (id, name) = (delivery.id, delivery.destination.as_str());
        self.put_bounded(keys::delivery(self.org, id), &delivery, "a webhook")?;
        self.put(keys::delivery_at(name, self.stamp.time(), id), self.org)?;
        self.batch.put(keys::destination(name), Vec::new());
        self.link(Node::Delivery(id));
        self.receipt.deliveries.push(delivery);
        Ok(())
    }
}

fn is_contact(record: &Record) -> bool {
    matches!(record.datatype.as_str(), "contact" | "customer")
}

fn node_of(cause: &Cause) -> Node {
    match cause {
        Cause::Event { id } => Node::Event(*id),
        Cause::Run { id, .. } => Node::Run(*id),
        Cause::Job { id } => Node::Job(*id),
    }
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
