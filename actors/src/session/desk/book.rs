//! What a desk reads from the store, and the little that it keeps there.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::agent::{Agent, Kept};
use super::rules::{Abilities, MOST_QUEUES, Missed, Rules};
use crate::house::House;
use crate::ids::{Datatype, IdError, OrgId};
use crate::keys;
use crate::record::model::Record;
use crate::record::service::Records;
use crate::session::chat::decision::Standing;
use crate::session::person::Person;
use crate::store::{Batch, Pages, Scan, StoreError, decode, encode};

/// Conversations that are read at once.
const PAGE: usize = 1_000;

/// The desk of one organisation in the store.
#[derive(Clone)]
pub struct DeskBook {
    pub(super) house: Arc<House>,
    records: Records,
    pub(super) org: OrgId,
    queues: Datatype,
    widgets: Datatype,
    staff: Datatype,
}

impl DeskBook {
    /// The desk of an organisation.
    ///
    /// # Errors
    /// Never in practice: only if a built-in name broke the rule for names.
    pub fn new(house: Arc<House>, records: Records, org: OrgId) -> Result<Self, IdError> {
        let (queues, widgets) = (Datatype::new("chat_queue")?, Datatype::new("chat_config")?);
        Ok(Self { house, records, org, queues, widgets, staff: Datatype::new("user")? })
    }

    /// Every conversation that waits or is answered.
    pub(super) async fn standings(&self) -> Result<Vec<Standing>, StoreError> {
        let mut found = Vec::new();
        let mut pages = Pages::of(&*self.house.store, Scan::prefix(keys::standings(&self.org), PAGE));
        while let Some(page) = pages.next().await? {
            for (_, standing) in &page {
                found.push(decode(&standing.value)?);
            }
        }
        Ok(found)
    }

    /// How the queues work, as their records say.
    pub(super) async fn rules(&self) -> Result<Rules, StoreError> {
        let (queues, widgets) = (self.live(&self.queues).await?, self.live(&self.widgets).await?);
        let rules = Rules::of_records(queues.iter().map(|record| &record.data));
        let missed =
            widgets.iter().filter_map(|record| Some((record.sk.to_string(), Missed::read(&record.data)?)));
        Ok(rules.with_widgets(missed.collect()))
    }

    /// The records of a datatype that are not deleted.
    async fn live(&self, datatype: &Datatype) -> Result<Vec<Record>, StoreError> {
        let scan = Scan::prefix(keys::records(&self.org, datatype), MOST_QUEUES);
        let found = self.house.store.scan(scan).await?;
        let records = found.iter().map(|(_, found)| decode::<Record>(&found.value));
        let records: Vec<Record> = records.collect::<Result<_, _>>()?;
        Ok(records.into_iter().filter(|record| !record.is_deleted()).collect())
    }

    /// Somebody of the staff, with what is known of them.
    pub(super) async fn agent(&self, person: Person) -> Result<Agent, StoreError> {
        let kept = self.house.store.get(keys::desk_agent(&self.org, &person.email)).await?;
        let kept: Kept = kept.map(|found| decode(&found.value)).transpose()?.unwrap_or_default();
        let record = self.records.by_email(&self.org, &self.staff, &person.email).await?;
        let data: Option<&Map<String, Value>> = record.as_ref().map(|read| &read.record.data);
        let abilities = Abilities::of_record(data, self.house.settings.desk.agent_capacity);
        let online = self.house.presence.is_here(&self.org, &person.address(&self.org));
        let gone = (!online).then(|| self.house.clock.now());
        Ok(Agent { person, kept, online, gone, abilities, load: 0 })
    }

    /// Keeps what somebody said of themselves, and what they were given.
    pub(super) async fn keep(&self, email: &str, kept: &Kept, lazily: bool) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.put(keys::desk_agent(&self.org, email), encode(kept)?);
        self.house.store.commit(if lazily { batch.lazily() } else { batch }).await
    }
}
