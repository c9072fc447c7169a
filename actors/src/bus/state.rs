//! What the bus keeps in mind: which triggers of which flows an event may fire. Learned from the store
//! when it starts and from every write of a flow after that.

use serde_json::Value;

use super::build::{Firing, Triggers};
use super::change::EndpointWrite;
use crate::event::Event;
use crate::flow::book::DATATYPE;
use crate::flow::definition::Flow;
use crate::flow::trigger::TriggerIndex;
use crate::record::Query;
use crate::record::model::Record;
use crate::webhook::endpoint::index::{EndpointIndex, Subscribed};

/// The bus's memory.
pub struct BusState {
    triggers: TriggerIndex<Query>,
    endpoints: EndpointIndex,
    /// Chains are cut here also for flows that switched their own guard off.
    deepest: u32,
}

impl BusState {
    /// A bus that knows no flow yet and cuts every chain at `deepest` runs.
    #[must_use]
    pub fn new(deepest: u32) -> Self {
        Self { triggers: TriggerIndex::default(), endpoints: EndpointIndex::default(), deepest }
    }

    /// Takes note of an endpoint that was written.
    ///
    /// # Errors
    /// Why a stored endpoint cannot listen: a fault of this program, for the log.
    pub fn endpoint_written(&mut self, write: &EndpointWrite) -> Result<(), String> {
        if write.removed {
            self.endpoints.remove(&write.endpoint.org_id, write.endpoint.id);
            return Ok(());
        }
        self.endpoints.insert(&write.endpoint)
    }

    /// Takes note of a record that was written; only flows matter here.
    ///
    /// # Errors
    /// Why a stored flow cannot listen: a fault of this program, for the log.
    pub fn record_written(&mut self, record: &Record) -> Result<(), String> {
        if record.datatype.as_str() != DATATYPE {
            return Ok(());
        }
        self.triggers.remove(&record.org, &record.sk);
        if record.is_deleted() {
            return Ok(());
        }
        let flow: Flow = serde_json::from_value(Value::Object(record.data.clone()))
            .map_err(|error| format!("{} cannot be read: {error}", record.sk))?;
        let armed = self.triggers.insert(&record.org, &record.sk, record.version, &flow);
        armed.map_err(|problems| {
            let first = problems.first().map(ToString::to_string).unwrap_or_default();
            format!("{} cannot be armed: {first}", record.sk)
        })
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
            fires: !armed.deferred || armed.fires(event),
            stopped: armed.cut(event, self.deepest),
        });
        firing.collect()
    }

    fn subscribed(&self, event: &Event) -> Vec<Subscribed> {
        self.endpoints.subscribed(event)
    }
}
