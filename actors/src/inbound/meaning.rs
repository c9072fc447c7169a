//! From what a call or a listing tells to a change: events that were not told before, the contacts they are about, and what became
//! of what we sent.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::call::StoredCall;
use super::integration::Integration;
use super::told::{Contact, Delivery, Told};
use crate::bus::change::{Change, EventKey, Idempotency, Write};
use crate::clock::Timestamp;
use crate::event::{EventDraft, EventKind};
use crate::house::House;
use crate::ids::{CallId, Datatype, EventId, IdError, IntegrationId, OrgId, RecordId};
use crate::keys;
use crate::record::model::{EMAIL_FIELD, MESSAGE_FIELD, PHONE_FIELD, Record, indexed_email, indexed_phone};
use crate::record::service::{NewRecord, Read, Records};
use crate::store::{Expect, StoreError, encode};

/// Entries of a delivery's own list of events.
const MOST_EVENTS: usize = 500;
/// Where people are kept whom somebody writes to, the likeliest first.
const PEOPLE: [&str; 2] = ["customer", "contact"];

/// Why a call is not understood just now, or never.
#[derive(Debug, thiserror::Error)]
pub enum MeaningError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A name broke its rule.
    #[error(transparent)]
    Name(#[from] IdError),
    /// A kind of event broke its rule.
    #[error(transparent)]
    Kind(#[from] crate::event::EventKindError),
}

/// From where it is known what is told.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    org: &'a OrgId,
    vendor: &'a str,
    integration: IntegrationId,
    /// The call that told it; none where we have read it ourselves.
    call: Option<CallId>,
    /// How often somebody has had it read again.
    replays: u32,
}

impl<'a> Source<'a> {
    /// A call.
    #[must_use]
    pub fn of_call(call: &'a StoredCall) -> Self {
        let (org, vendor) = (&call.org_id, call.vendor.as_str());
        Self { org, vendor, integration: call.integration_id, call: Some(call.id), replays: call.replays }
    }

    /// A listing. Its things have the keys that they would have if a call had told them.
    #[must_use]
    pub fn of_sync(of: &'a Integration) -> Self {
        Self { org: &of.org_id, vendor: &of.vendor, integration: of.id, call: None, replays: 0 }
    }
}

/// Works out what was told means.
pub struct Meaning<'a> {
    house: &'a House,
    records: &'a Records,
    source: Source<'a>,
    now: Timestamp,
    change: Change,
    /// Contacts that were found or made, by how the payload names them.
    people: BTreeMap<String, RecordId>,
    /// Deliveries as they were read, and as they shall be.
    deliveries: BTreeMap<RecordId, (Read, Record)>,
}

impl<'a> Meaning<'a> {
    /// What `told` comes to. The ids of its events are in the change.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of(
        house: &'a House,
        records: &'a Records,
        source: Source<'a>,
        told: Vec<Told>,
    ) -> Result<Change, MeaningError> {
        let now = house.clock.now();
        let change = Change { by: Some(format!("vendor:{}", source.vendor)), ..Change::default() };
        let (people, deliveries) = (BTreeMap::new(), BTreeMap::new());
        let mut meaning = Self { house, records, source, now, change, people, deliveries };
        for told in meaning.news(told).await? {
            meaning.add(told).await?;
        }
        for (read, after) in std::mem::take(&mut meaning.deliveries).into_values() {
            let (before, read_version) = (Box::new(read.record), read.version);
            meaning.change.writes.push(Write::Replace { before, read_version, after: Box::new(after) });
        }
        Ok(meaning.change)
    }

    /// What was not told before. Somebody who has a call read again wants all of it once more.
    async fn news(&self, told: Vec<Told>) -> Result<Vec<(Told, Idempotency)>, StoreError> {
        let source = self.source;
        let key = |told: &Told| {
            let Source { vendor, integration, replays, .. } = source;
            let key = keys::vendor_told(vendor, integration, told.kind, &told.id, replays);
            Idempotency { key, digest: told.kind.to_owned() }
        };
        // One call may tell the same thing twice.
        let mut by_key: BTreeMap<String, usize> = BTreeMap::new();
        let mut news: Vec<(Told, Idempotency)> = Vec::new();
        for told in told {
            let idempotency = key(&told);
            if by_key.insert(idempotency.key.clone(), news.len()).is_none() {
                news.push((told, idempotency));
            }
        }
        let wanted = news.iter().map(|(_, idempotency)| keys::idempotency(source.org, &idempotency.key));
        let found = self.house.store.get_many(wanted.collect()).await?;
        let is_new = news.into_iter().zip(found).filter(|(_, found)| found.is_none());
        Ok(is_new.map(|(told, _)| told).collect())
    }

    async fn add(&mut self, (told, idempotency): (Told, Idempotency)) -> Result<(), MeaningError> {
        let Told { kind, id, at, mut data, payload, contact, delivery } = told;
        if let Some(contact) = contact
            && let Some(found) = self.contact(contact).await?
        {
            data.insert("contactId".to_owned(), json!(found));
        }
        if let Some(delivery) = delivery {
            self.deliver(&delivery, at.unwrap_or(self.now)).await?;
        }
        data.insert("vendor".to_owned(), json!(self.source.vendor));
        data.insert("vendorEventId".to_owned(), json!(id));
        data.insert("integrationId".to_owned(), json!(self.source.integration));
        if let Some(call) = self.source.call {
            data.insert("callId".to_owned(), json!(call));
        }
        // What is larger than an event may be is read from the call itself, or from the vendor.
        let fits = encode(&payload)?.len() <= self.house.settings.value_limit / 2;
        let (name, payload) = if fits { ("payload", payload) } else { ("payloadOmitted", Value::Bool(true)) };
        data.insert(name.to_owned(), payload);
        let event = EventId::new(self.now);
        let kind = EventKind::new(kind)?;
        self.change.event_keys.push(EventKey { event, idempotency });
        self.change.events.push(EventDraft { id: event, kind, data: Value::Object(data), occurred_at: at });
        Ok(())
    }

    /// The record of somebody whom a payload names: the one that there is, or a new one.
    async fn contact(&mut self, contact: Contact) -> Result<Option<RecordId>, MeaningError> {
        let email = contact.email.as_deref().and_then(indexed_email).map(|email| (EMAIL_FIELD, email));
        let phone = contact.phone.as_deref().and_then(indexed_phone).map(|phone| (PHONE_FIELD, phone));
        let mut named: Vec<(&str, String)> = email.into_iter().chain(phone).collect();
        if let Some(known) = named.iter().find_map(|(_, value)| self.people.get(value)) {
            return Ok(Some(known.clone()));
        }
        let org = self.source.org;
        for datatype in PEOPLE {
            let datatype = Datatype::new(datatype)?;
            for (field, value) in &named {
                if let Some(found) = self.first_with(org, &datatype, field, value).await? {
                    let sk = found.record.sk;
                    named.drain(..).for_each(|(_, value)| _ = self.people.insert(value, sk.clone()));
                    return Ok(Some(sk));
                }
            }
        }
        let Some((_, first)) = named.first().cloned() else { return Ok(None) };
        let datatype = Datatype::new("contact")?;
        let sk = RecordId::generate(&datatype, self.now);
        let mut data = Map::new();
        let fields = [("email", contact.email), ("phone", contact.phone), ("name", contact.name)];
        for (field, value) in fields {
            if let Some(value) = value {
                data.insert(field.to_owned(), value.into());
            }
        }
        data.insert("source".to_owned(), self.source.vendor.into());
        // Two calls at once make one contact: the second is worked out anew, and finds it.
        let claim = keys::vendor_contact(org, &first);
        let claimed = self.house.store.get(claim.clone()).await?;
        let expected = claimed.map_or(Expect::Absent, |found| Expect::Version(found.version));
        self.change.extra.expect(claim.clone(), expected).put(claim, encode(&sk)?);
        let new = NewRecord { datatype, sk: Some(sk.clone()), data, meta: Map::new(), once: false };
        let by = self.change.by.clone();
        self.change.writes.push(self.records.plan_create(org, new, by.as_deref()));
        named.drain(..).for_each(|(_, value)| _ = self.people.insert(value, sk.clone()));
        Ok(Some(sk))
    }

    /// The record that was written last of those with a value in an indexed field.
    async fn first_with(
        &self,
        org: &OrgId,
        datatype: &Datatype,
        field: &str,
        value: &str,
    ) -> Result<Option<Read>, StoreError> {
        const MOST: usize = 20;
        Ok(self.records.with(org, datatype, (field, value), MOST).await?.into_iter().next())
    }

    /// Writes down what became of something that we sent, where that is one of our deliveries.
    async fn deliver(&mut self, told: &Delivery, at: Timestamp) -> Result<(), MeaningError> {
        let datatype = Datatype::new("broadcast_delivery")?;
        let found = self.first_with(self.source.org, &datatype, MESSAGE_FIELD, &told.message).await?;
        let Some(read) = found else { return Ok(()) };
        let sk = read.record.sk.clone();
        let by = self.change.by.clone();
        let (_, after) = self.deliveries.entry(sk).or_insert_with(|| {
            let after = read.record.clone();
            (read, after)
        });
        note(&mut after.data, told, at);
        after.modified_by = by;
        Ok(())
    }
}

/// Adds what was told to a delivery (contract §9.1).
fn note(data: &mut Map<String, Value>, told: &Delivery, at: Timestamp) {
    let status = data.get("status").and_then(Value::as_str).unwrap_or_default();
    if let Some(next) = told.status.filter(|next| rank(next) >= rank(status)) {
        data.insert("status".to_owned(), next.into());
    }
    let mut entry = Map::new();
    entry.insert("type".to_owned(), told.status.unwrap_or(&told.provider_event).into());
    entry.insert("at".to_owned(), at.to_string().into());
    entry.insert("providerEvent".to_owned(), told.provider_event.as_str().into());
    for (name, value) in [("ip", &told.ip), ("userAgent", &told.user_agent), ("url", &told.url)] {
        if let Some(value) = value {
            entry.insert(name.to_owned(), value.as_str().into());
        }
    }
    let events = data.entry("events").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(events) = events
        && events.len() < MOST_EVENTS
    {
        events.push(Value::Object(entry));
    }
}

/// How far a status is: vendors tell of things in any order, and none takes back what came after it.
fn rank(status: &str) -> u8 {
    match status {
        "sent" => 1,
        "delivered" => 2,
        "opened" => 3,
        "clicked" => 4,
        "bounced" | "failed" | "rejected" => 5,
        "unsubscribed" => 6,
        "complained" => 7,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: Option<&'static str>, word: &str) -> Delivery {
        Delivery {
            message: "m1".to_owned(),
            status,
            recipient: None,
            provider_event: word.to_owned(),
            ip: Some("203.0.113.7".to_owned()),
            user_agent: None,
            url: None,
        }
    }

    #[test]
    fn a_delivery_goes_on_and_never_back() {
        let mut data = json!({"status": "queued"}).as_object().cloned().unwrap();
        let at = Timestamp::from_millis(1_790_000_000_000);
        for (next, word, then) in [
            (Some("sent"), "processed", "sent"),
            (Some("opened"), "open", "opened"),
            (Some("delivered"), "delivered", "opened"),
            (None, "deferred", "opened"),
            (Some("complained"), "spamreport", "complained"),
            (Some("clicked"), "click", "complained"),
        ] {
            note(&mut data, &told(next, word), at);
            assert_eq!(data["status"], then, "{word}");
        }
        assert_eq!(data["events"].as_array().unwrap().len(), 6);
        let expected = json!({
            "type": "deferred", "at": "2026-09-21T14:13:20.000Z", "providerEvent": "deferred", "ip": "203.0.113.7",
        });
        assert_eq!(data["events"][3], expected);
    }
}
