//! From a change to a batch: which events follow from its writes, which runs and jobs follow from its
//! events, and every key of all of them. Pure: the same change and stamp give the same batch, but for
//! the ids of runs and jobs.

use serde_json::Map;

use super::change::{Change, ChangeError, EventKey, Idempotency, Receipt, Remembered};
use crate::clock::Stamp;
use crate::event::{Cause, Event, EventDraft};
use crate::flow::run::{Lineage, Run, RunDraft};
use crate::ids::{EventId, JobId, OrgId, QueueName, RecordId, RunId};
use crate::keys::{self, Node};
use crate::queue::job::{JobDraft, Task, names};
use crate::store::Key;
use crate::store::{Batch, Expect, StoreError, encode};
use crate::webhook::endpoint::index::Subscribed;

use self::webhooks::OwedFor;

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
    /// Whether it fires as things stand: what else is started at once is counted by it.
    pub fires: bool,
    /// Why its run stops before its first step, where the chain of runs is too long.
    pub stopped: Option<String>,
}

/// Who knows which triggers an event fires.
pub trait Triggers {
    /// All of them.
    fn firing(&self, event: &Event) -> Vec<Firing>;

    /// The endpoints that an event goes to.
    fn subscribed(&self, event: &Event) -> Vec<Subscribed>;
}

/// What is the same for every change.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Bytes of the largest record or event.
    pub value: usize,
    /// Runs side by side that one event from outside may lead to.
    pub breadth: u32,
    /// Attempts of a job that does not say, by queue.
    pub attempts: &'a dyn Fn(&QueueName) -> u32,
}

/// What a condition of the batch guards, in the order of the batch's conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// The idempotency key is new.
    Key,
    /// The key of one of the events is new.
    EventKey,
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
            Some(Self::EventKey) => ChangeError::EventKeyUsed,
            Some(Self::Event(id)) => ChangeError::Published(*id),
            Some(Self::New(id)) => ChangeError::Exists(id.clone()),
            Some(Self::Unchanged(id)) => ChangeError::Changed(id.clone()),
            Some(Self::Unique(field)) => ChangeError::Taken { field },
            Some(Self::CreateHash) => ChangeError::SameCreate,
            Some(Self::Caller) | None => ChangeError::Condition,
        }
    }
}

mod webhooks;
mod writes;

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
    let receipt = Receipt { stamp, reschedules: change.reschedules, ..Receipt::default() };
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
    let events = builder.receipt.events.iter();
    let firings: Vec<_> = events
        .flat_map(|event| triggers.firing(event).into_iter().map(move |firing| (event, firing)))
        .collect();
    let at_once = runs.len() + firings.iter().filter(|(_, firing)| firing.fires).count();
    let at_once = u32::try_from(at_once).unwrap_or(u32::MAX).max(1);
    let breadth = change.breadth.max(1).saturating_mul(at_once);
    for (event, firing) in firings {
        follow(event, firing, (stamp, breadth), &mut runs, &mut jobs);
    }
    for draft in runs {
        jobs.extend(builder.run(draft, breadth)?);
    }
    for draft in jobs {
        builder.job(draft)?;
    }
    for write in &change.endpoints {
        builder.endpoint(write)?;
    }
    let owed: Vec<_> = builder.receipt.events.iter().flat_map(|event| owed(event, triggers)).collect();
    for (event, subscribed) in owed {
        builder.subscribed(event, subscribed)?;
    }
    for draft in &change.deliveries {
        builder.delivery(draft.clone())?;
    }
    builder.guards.extend(change.extra.expects.iter().map(|_| Guard::Caller));
    builder.batch.append(change.extra.clone());
    Ok(Built { batch: builder.batch, guards: builder.guards, receipt: builder.receipt })
}

/// What becomes of a trigger that an event fires: a run, or a job that decides on one.
fn follow(
    event: &Event,
    firing: Firing,
    (stamp, breadth): (Stamp, u32),
    runs: &mut Vec<RunDraft>,
    jobs: &mut Vec<JobDraft>,
) {
    if firing.deferred {
        let task = Task::FireTrigger { flow: firing.flow, trigger: firing.trigger, event: event.id, breadth };
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
        stopped: firing.stopped,
    });
}

fn job(queue: &str, task: Task, stamp: Stamp) -> Option<JobDraft> {
    let queue = QueueName::new(queue).ok()?;
    Some(JobDraft::new(JobId::new(stamp.time()), queue, task))
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
        if let Some(idempotency) = &self.change.idempotency {
            let events = self.change.events.iter().map(|draft| draft.id).collect();
            self.remember_key(idempotency, events, Guard::Key)?;
        }
        for EventKey { event, idempotency } in &self.change.event_keys {
            self.remember_key(idempotency, vec![*event], Guard::EventKey)?;
        }
        Ok(())
    }

    fn remember_key(
        &mut self,
        idempotency: &Idempotency,
        events: Vec<EventId>,
        guard: Guard,
    ) -> Result<(), ChangeError> {
        let remembered = Remembered { digest: idempotency.digest.clone(), events, at: self.stamp };
        let key = keys::idempotency(self.org, &idempotency.key);
        self.guard(key.clone(), Expect::Absent, guard);
        Ok(self.put(key, &remembered)?)
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
            self.batch.insert(keys::event_place(log, self.stamp, n), event.id.to_bytes().to_vec());
        }
        self.link(Node::Event(event.id));
        self.receipt.events.push(event);
        Ok(())
    }

    /// Enters an effect under the cause of the whole change.
    fn link(&mut self, effect: Node) {
        if let Some(cause) = self.change.cause.as_ref().map(Cause::node) {
            self.batch.insert(keys::effect(self.org, cause, effect), Vec::new());
        }
    }

    fn run(&mut self, mut draft: RunDraft, breadth: u32) -> Result<Option<JobDraft>, ChangeError> {
        let most = self.limits.breadth;
        if breadth > most && draft.stopped.is_none() {
            draft.stopped = Some(format!(
                "what led to it has started some {breadth} runs side by side, and {most} are allowed (flows.max_breadth)"
            ));
        }
        let lineage = Lineage { depth: self.change.depth + 1, breadth };
        let event = draft.event.map(|id| Cause::Event { id });
        let cause = event.or_else(|| self.change.cause.clone());
        let run: Run = draft.into_run(self.org.clone(), cause, lineage, self.stamp.time());
        let key = keys::run(self.org, run.id);
        self.guard(key.clone(), Expect::Absent, Guard::Caller);
        self.put(key, &run)?;
        self.batch.insert(keys::run_of(self.org, &run.automation_id, run.id), Vec::new());
        if let Some(cause) = run.cause.as_ref().map(Cause::node) {
            self.batch.insert(keys::effect(self.org, cause, Node::Run(run.id)), Vec::new());
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
        self.batch.insert(job.at(), job.whose());
        if let Some(cause) = job.cause() {
            self.batch.insert(keys::effect(self.org, cause, Node::Job(job.id)), Vec::new());
        }
        self.receipt.jobs.push(job);
        Ok(())
    }
}

/// What becomes owed to endpoints by an event.
fn owed(event: &Event, triggers: &dyn Triggers) -> Vec<(OwedFor, Subscribed)> {
    let of = OwedFor { id: event.id, kind: event.kind.clone() };
    triggers.subscribed(event).into_iter().map(|subscribed| (of.clone(), subscribed)).collect()
}
