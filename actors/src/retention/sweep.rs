//! One step: reads some of the oldest of an organisation, and removes what is too old of it in one commit.

use super::{Ages, community, messages};
use crate::bus::change::Remembered;
use crate::clock::{Stamp, Timestamp};
use crate::event::{Cause, Event};
use crate::flow::run::Run;
use crate::ids::{EventId, OrgId};
use crate::inbound::call::StoredCall;
use crate::keys::{self, Node};
use crate::ports::Publisher;
use crate::session::stream::head::{Exchange, Head};
use crate::session::stream::usage::{self, Usage};
use crate::store::{Batch, Key, Scan, Store, StoreError, decode};
use crate::webhook::delivery::Delivery;

/// Entries that one step looks at.
pub(super) const STEP: usize = 100;
/// Parts of one entry, such as its steps or attempts, that one step removes.
const PARTS: usize = 500;

/// What is swept, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Deliveries,
    Runs,
    Events,
    Idempotency,
    Messages,
    Community,
    Calls,
    Streams,
    Exchanges,
}

impl Table {
    pub(super) const ALL: [Self; 9] = [
        Self::Deliveries,
        Self::Runs,
        Self::Events,
        Self::Idempotency,
        Self::Messages,
        Self::Community,
        Self::Calls,
        Self::Streams,
        Self::Exchanges,
    ];
}

/// A place in a table, after which a step begins.
pub(super) type After = Option<Key>;

/// Takes a step through a table and says where the next one begins; none when nothing old is left behind it.
///
/// # Errors
/// When the store fails: then nothing was removed.
pub(super) async fn step(
    (store, publisher): (&dyn Store, &dyn Publisher),
    org: &OrgId,
    table: Table,
    (ages, now): (Ages, Timestamp),
    after: After,
) -> Result<After, StoreError> {
    let (age, prefix) = match table {
        Table::Deliveries => (ages.deliveries, keys::deliveries(org)),
        Table::Runs => (ages.runs, keys::runs(org)),
        Table::Events => (ages.events, keys::event_log(org)),
        Table::Idempotency => (ages.idempotency, keys::idempotencies(org)),
        Table::Messages => (ages.messages, keys::all_messages(org)),
        Table::Community => (ages.community_messages, keys::community_logs(org)),
        Table::Calls => (ages.vendor_calls, keys::vendor_calls(org)),
        Table::Streams => (ages.streams, keys::streams(org)),
        Table::Exchanges => (ages.messages, keys::all_exchanges(org)),
    };
    if age.is_zero() {
        return Ok(None);
    }
    let before = now.minus(age);
    match table {
        Table::Messages => return messages::step(store, org, before, after).await,
        Table::Community => return community::step((store, publisher), org, before, after).await,
        _ => {}
    }
    let mut scan = Scan::prefix(prefix, STEP);
    if let Some(after) = after {
        scan = scan.after(&after);
    }
    let page = store.scan(scan).await?;
    let mut sweep = Sweep { store, org, before, batch: Batch::default(), used: Usage::new() };
    let mut old = true;
    for (key, found) in &page {
        old = match table {
            Table::Deliveries => sweep.delivery(decode(&found.value)?).await?,
            Table::Runs => sweep.run(decode(&found.value)?).await?,
            Table::Events => sweep.event(key, &found.value).await?,
            Table::Idempotency => sweep.remembered(key, &decode(&found.value)?),
            Table::Calls => sweep.call(&decode(&found.value)?).await?,
            Table::Streams => sweep.stream(&decode(&found.value)?).await?,
            Table::Exchanges => sweep.exchange(key, &decode(&found.value)?),
            // They have a step of their own.
            Table::Messages | Table::Community => false,
        };
        if !old {
            break;
        }
    }
    usage::keep(store, org, std::mem::take(&mut sweep.used), &mut sweep.batch).await?;
    if !sweep.batch.ops.is_empty() {
        // A power cut that takes it has it done again.
        store.commit(sweep.batch.lazily()).await?;
    }
    Ok(page.last().filter(|_| old && page.len() == STEP).map(|(last, _)| last.clone()))
}

/// When something was made whose id is in the order of time.
const fn made_at([a, b, c, d, e, f, ..]: [u8; 16]) -> Timestamp {
    Timestamp::from_millis(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
}

struct Sweep<'a> {
    store: &'a dyn Store,
    org: &'a OrgId,
    before: Timestamp,
    batch: Batch,
    /// What the streams have used that go.
    used: Usage,
}

/// Each says whether the entry is old, so that it is worth looking at the next one.
impl Sweep<'_> {
    async fn delivery(&mut self, delivery: Delivery) -> Result<bool, StoreError> {
        if delivery.created_at >= self.before {
            return Ok(false);
        }
        if delivery.next_attempt_at.is_some() {
            return Ok(true);
        }
        let (org, id) = (self.org, delivery.id);
        self.batch.delete(keys::delivery(org, id));
        self.all_below(keys::attempts(org, id)).await?;
        if let Some(endpoint) = delivery.destination.endpoint() {
            self.batch.delete(keys::delivery_of(org, endpoint, id));
        }
        for cause in
            [delivery.run_id.map(Node::Run), delivery.event_id.map(Node::Event)].into_iter().flatten()
        {
            self.batch.delete(keys::effect(org, cause, Node::Delivery(id)));
        }
        Ok(true)
    }

    async fn run(&mut self, run: Run) -> Result<bool, StoreError> {
        if made_at(run.id.to_bytes()) >= self.before {
            return Ok(false);
        }
        if !run.status.is_final() {
            return Ok(true);
        }
        let (org, id) = (self.org, run.id);
        self.batch.delete(keys::run(org, id)).delete(keys::run_of(org, &run.automation_id, id));
        self.all_below(keys::steps(org, id)).await?;
        self.all_below(keys::effects(org, Node::Run(id))).await?;
        self.unlink(run.cause.as_ref(), Node::Run(id));
        Ok(true)
    }

    async fn event(&mut self, place: &Key, id: &[u8]) -> Result<bool, StoreError> {
        let Some((stamp, n)) = keys::parse_event_place(place) else { return Ok(true) };
        if stamp.time() >= self.before {
            return Ok(false);
        }
        self.batch.delete(place.clone());
        let Some(id) = id.first_chunk::<16>() else { return Ok(true) };
        let id = EventId::from_bytes(*id);
        if let Some(found) = self.store.get(keys::event(self.org, id)).await? {
            let event: Event = decode(&found.value)?;
            self.remove_event(&event, (stamp, n)).await?;
        }
        Ok(true)
    }

    async fn remove_event(&mut self, event: &Event, (stamp, n): (Stamp, u16)) -> Result<(), StoreError> {
        let org = self.org;
        let by_kind = keys::event_log_of(org, event.kind.as_str());
        self.batch.delete(keys::event(org, event.id)).delete(keys::event_place(by_kind, stamp, n));
        self.all_below(keys::effects(org, Node::Event(event.id))).await?;
        self.unlink(event.cause.as_ref(), Node::Event(event.id));
        Ok(())
    }

    async fn call(&mut self, call: &StoredCall) -> Result<bool, StoreError> {
        if call.received_at >= self.before {
            return Ok(false);
        }
        let (org, id) = (self.org, call.id);
        self.batch.delete(keys::vendor_call(org, id));
        self.batch.delete(keys::vendor_call_seen(org, call.integration_id, &call.vendor_id));
        self.all_below(keys::vendor_call_bodies(org, id)).await?;
        Ok(true)
    }

    /// A long one goes in several walks, its head last.
    async fn stream(&mut self, head: &Head) -> Result<bool, StoreError> {
        if head.started_at >= self.before {
            return Ok(false);
        }
        if !head.status.is_over() {
            return Ok(true);
        }
        let (org, id) = (self.org, head.id);
        if self.all_below(keys::stream_pages(org, id)).await? == PARTS {
            return Ok(true);
        }
        self.batch.delete(keys::stream(org, id)).delete(keys::stream_ask(org, id));
        usage::goes(head, &mut self.used);
        if let Some(chat) = &head.chat {
            self.batch.delete(keys::stream_of_chat(org, chat, id));
        }
        if let Some(key) = &head.once {
            self.batch.delete(keys::stream_once(org, &head.by.id, key));
        }
        Ok(true)
    }

    /// These are in the order of their conversations: each is looked at.
    fn exchange(&mut self, key: &Key, exchange: &Exchange) -> bool {
        if exchange.asked_at < self.before {
            self.batch.delete(key.clone());
        }
        true
    }

    /// These are in no order of time: each is looked at.
    fn remembered(&mut self, key: &Key, remembered: &Remembered) -> bool {
        if remembered.at.time() < self.before {
            self.batch.delete(key.clone());
        }
        true
    }

    fn unlink(&mut self, cause: Option<&Cause>, effect: Node) {
        if let Some(cause) = cause {
            self.batch.delete(keys::effect(self.org, cause.node(), effect));
        }
    }

    /// Removes what begins with this, as far as one step goes; how many that was.
    async fn all_below(&mut self, prefix: Key) -> Result<usize, StoreError> {
        let parts = self.store.scan(Scan::prefix(prefix, PARTS).keys_only()).await?;
        let count = parts.len();
        for (key, _) in parts {
            self.batch.delete(key);
        }
        Ok(count)
    }
}
