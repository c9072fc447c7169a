//! What the bus keeps in mind: which triggers of which flows an event may fire. Learned from the store
//! when it starts and from every write of a flow after that.

use serde_json::Value;

use super::build::{Firing, Triggers};
use crate::event::Event;
use crate::flow::book::DATATYPE;
use crate::flow::definition::Flow;
use crate::flow::trigger::TriggerIndex;
use crate::ids::{Datatype, OrgId};
use crate::keys;
use crate::record::Query;
use crate::record::model::Record;
use crate::store::{Scan, Store, StoreError, decode};

/// Entries that are read at once when the bus starts.
const PAGE: usize = 500;

/// The bus's memory.
pub struct BusState {
    triggers: TriggerIndex<Query>,
    /// Chains are cut here also for flows that switched their own guard off.
    deepest: u32,
}

impl BusState {
    /// A bus that knows no flow yet and cuts every chain at `deepest` runs.
    #[must_use]
    pub fn new(deepest: u32) -> Self {
        Self { triggers: TriggerIndex::default(), deepest }
    }

    /// Takes note of a record that was written; only flows matter here.
    pub fn record_written(&mut self, record: &Record) {
        if record.datatype.as_str() != DATATYPE {
            return;
        }
        self.triggers.remove(&record.org, &record.sk);
        let flow = serde_json::from_value::<Flow>(Value::Object(record.data.clone()));
        match flow {
            Ok(_) if record.is_deleted() => {}
            Ok(flow) => {
                let armed = self.triggers.insert(&record.org, &record.sk, record.version, &flow);
                if let Err(problems) = armed {
                    tracing::error!(org = %record.org, flow = %record.sk, ?problems, "a stored flow cannot be armed");
                }
            }
            Err(error) => {
                tracing::error!(org = %record.org, flow = %record.sk, %error, "a stored flow cannot be read");
            }
        }
    }
}

impl Triggers for BusState {
    fn firing(&self, event: &Event) -> Vec<Firing> {
        let armed = self.triggers.candidates(event).filter(|armed| armed.deferred || armed.fires(event));
        // Two triggers of one flow that listen to the same event are one reason to run, not two.
        let mut flows = std::collections::HashSet::new();
        let armed = armed.filter(|armed| flows.insert(armed.flow.clone()));
        let firing = armed.map(|armed| Firing {
            flow: armed.flow.clone(),
            version: armed.version,
            trigger: armed.trigger_id.clone(),
            deferred: armed.deferred,
            max_depth: armed.max_depth.unwrap_or(self.deepest).min(self.deepest),
        });
        firing.collect()
    }
}

/// Every flow of every organisation.
///
/// # Errors
/// When the store cannot be read.
pub async fn load(store: &dyn Store) -> Result<Vec<Record>, StoreError> {
    let Ok(datatype) = Datatype::new(DATATYPE) else { return Ok(Vec::new()) };
    let mut flows = Vec::new();
    let mut orgs = Scan::prefix(keys::orgs(), PAGE).keys_only();
    loop {
        let page = store.scan(orgs.clone()).await?;
        for org in page.iter().filter_map(|(key, _)| keys::parse_org(key)) {
            flows.extend(flows_of(store, &org, &datatype).await?);
        }
        match page.last() {
            Some((last, _)) if page.len() == PAGE => orgs = orgs.after(last),
            _ => return Ok(flows),
        }
    }
}

async fn flows_of(store: &dyn Store, org: &OrgId, datatype: &Datatype) -> Result<Vec<Record>, StoreError> {
    let mut flows = Vec::new();
    let mut scan = Scan::prefix(keys::records(org, datatype), PAGE);
    loop {
        let page = store.scan(scan.clone()).await?;
        for (_, found) in &page {
            flows.push(decode(&found.value)?);
        }
        match page.last() {
            Some((last, _)) if page.len() == PAGE => scan = scan.after(last),
            _ => return Ok(flows),
        }
    }
}
