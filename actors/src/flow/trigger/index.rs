//! Which triggers an event may fire, by its kind. An event looks under its own name, under each word that its name
//! begins with and under everything; how many flows listen to other events does not matter.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::contact::record_of;
use super::rule::Compiled;
use super::{Filter, Shape, built_in, variables};
use crate::event::Event;
use crate::event::pattern::keys;
use crate::flow::Map;
use crate::flow::definition::Flow;
use crate::form::problem::{Problem, Problems};
use crate::ids::{OrgId, RecordId};

/// The armed triggers of all organisations.
pub struct TriggerIndex<F> {
    orgs: HashMap<OrgId, Org<F>>,
}

/// A trigger of an active flow.
pub struct Armed<F> {
    /// The flow's record.
    pub flow: RecordId,
    /// The version of that record which was armed.
    pub version: u64,
    /// The trigger's id within the flow.
    pub trigger_id: String,
    /// The trigger's canonical type.
    pub trigger_type: String,
    /// The longest chain of runs that cause each other, the run to be included; none when nobody looks.
    pub max_depth: Option<u32>,
    /// Whether it is asked later, in the queue `automation-trigger`, and not where the event is published:
    /// that holds for `database_change`, which every write of the datatype would ask.
    pub deferred: bool,
    compiled: Compiled<F>,
}

struct Org<F> {
    by_key: HashMap<String, Vec<Arc<Armed<F>>>>,
    /// Under which keys a flow's triggers stand.
    keys: HashMap<RecordId, Vec<String>>,
}

impl<F: Filter> TriggerIndex<F> {
    /// Arms the triggers of a flow in place of those that an earlier version had. A flow that does not fire, and a
    /// trigger that is switched off, arm nothing.
    ///
    /// # Errors
    /// A trigger that is not what [`crate::flow::parse`] accepts; then nothing of the flow is armed.
    pub fn insert(
        &mut self,
        org: &OrgId,
        flow_id: &RecordId,
        version: u64,
        flow: &Flow,
    ) -> Result<(), Vec<Problem>> {
        self.remove(org, flow_id);
        if !flow.fires() {
            return Ok(());
        }
        let mut problems = Problems::default();
        let mut armed = Vec::new();
        for (at, trigger) in flow.triggers.iter().enumerate().filter(|(_, trigger)| trigger.enabled) {
            let known = problems.count();
            let compiled = problems.within(&format!("triggers[{at}]"), |problems| {
                let compiled = Compiled::read(trigger, problems);
                if compiled.is_none() && problems.count() == known {
                    problems.add("type", format_args!("is `{}`, which is no trigger", trigger.kind));
                }
                compiled
            });
            armed.extend(compiled.map(|compiled| Armed {
                flow: flow_id.clone(),
                version,
                trigger_id: trigger.id.clone(),
                trigger_type: trigger.kind.clone(),
                max_depth: flow.max_depth(),
                deferred: built_in(&trigger.kind).is_some_and(|found| found.shape == Shape::Change),
                compiled,
            }));
        }
        let armed = problems.or(armed)?;
        if !armed.is_empty() {
            self.orgs.entry(org.clone()).or_default().arm(flow_id, armed);
        }
        Ok(())
    }

    /// Disarms the triggers of a flow.
    pub fn remove(&mut self, org: &OrgId, flow_id: &RecordId) {
        let Some(found) = self.orgs.get_mut(org) else { return };
        found.disarm(flow_id);
        if found.keys.is_empty() {
            self.orgs.remove(org);
        }
    }

    /// The triggers that `event` may fire, those that were armed first first. One flow may have several.
    pub fn candidates<'i>(&'i self, event: &Event) -> impl Iterator<Item = &'i Arc<Armed<F>>> {
        let org = self.orgs.get(&event.org_id);
        let under = move |key| org.and_then(|org| org.by_key.get(key)).into_iter().flatten();
        keys(&event.kind).flat_map(under).filter(|armed| armed.compiled.rule.concerns(event))
    }
}

impl<F> Default for TriggerIndex<F> {
    fn default() -> Self {
        Self { orgs: HashMap::new() }
    }
}

impl<F: Filter> Armed<F> {
    /// Whether `event`, one that this trigger listens to, starts the flow.
    pub fn fires(&self, event: &Event) -> bool {
        let compiled = &self.compiled;
        let record = || record_of(&event.data).unwrap_or(&event.data);
        compiled.rule.admits(event)
            && compiled.record_filter.as_ref().is_none_or(|filter| filter.matches(record()))
            && compiled
                .filter
                .as_ref()
                .is_none_or(|filter| filter.matches(&Value::Object(self.variables(event))))
    }

    /// Why the run that `event` would start may not begin: the chain of runs that led to it is longer than
    /// the flow allows, or than `deepest`, which also holds for flows that switched their own guard off.
    #[must_use]
    pub fn cut(&self, event: &Event, deepest: u32) -> Option<String> {
        let most = self.max_depth.unwrap_or(deepest).min(deepest);
        (event.depth >= most).then(|| {
            format!(
                "the chain of runs that led to {} is {most} long, the flow's limit (settings.circularPrevention.maxDepth)",
                event.kind
            )
        })
    }

    /// The variables of the run that `event` starts.
    pub fn variables(&self, event: &Event) -> Map {
        variables(&self.trigger_type, event)
    }
}

impl<F> Default for Org<F> {
    fn default() -> Self {
        Self { by_key: HashMap::new(), keys: HashMap::new() }
    }
}

impl<F> Org<F> {
    fn arm(&mut self, flow: &RecordId, armed: Vec<Armed<F>>) {
        let mut all = Vec::new();
        for one in armed {
            let one = Arc::new(one);
            for key in &one.compiled.keys {
                self.by_key.entry(key.clone()).or_default().push(Arc::clone(&one));
                all.push(key.clone());
            }
        }
        self.keys.insert(flow.clone(), all);
    }

    fn disarm(&mut self, flow: &RecordId) {
        for key in self.keys.remove(flow).into_iter().flatten() {
            let Some(armed) = self.by_key.get_mut(&key) else { continue };
            armed.retain(|one| one.flow != *flow);
            if armed.is_empty() {
                self.by_key.remove(&key);
            }
        }
    }
}
