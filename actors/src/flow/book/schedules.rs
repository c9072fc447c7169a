//! The schedules of a flow's triggers by time: written with the flow, gone when it no longer fires.

use std::collections::BTreeMap;

use serde_json::Map;

use super::Flows;
use crate::bus::change::Change;
use crate::flow::definition::Flow;
use crate::flow::trigger::scheduled;
use crate::ids::{OrgId, RecordId, ScheduleId};
use crate::keys;
use crate::schedule::model::{Action, Owner, Schedule};
use crate::store::{StoreError, decode, encode};

/// The schedule of each trigger that has one.
type Known = BTreeMap<String, ScheduleId>;

impl Flows {
    /// Adds to the change that writes a flow what becomes of its schedules: one for each trigger by time while the
    /// flow fires. One whose timing stays goes on where it stands.
    pub(super) async fn schedule(
        &self,
        org: &OrgId,
        id: &RecordId,
        flow: &Flow,
        by: &str,
        change: &mut Change,
    ) -> Result<(), StoreError> {
        let (store, now) = (&self.house.store, self.house.clock.now());
        let place = keys::flow_schedules(org, id);
        let known: Known = match store.get(place.clone()).await? {
            Some(found) => decode(&found.value)?,
            None => Known::new(),
        };
        let wanted: Vec<_> = known.values().map(|schedule| keys::schedule(org, *schedule)).collect();
        let mut present: BTreeMap<String, (Schedule, u64)> = BTreeMap::new();
        for (trigger, found) in known.keys().zip(store.get_many(wanted).await?) {
            if let Some(found) = found {
                present.insert(trigger.clone(), (decode(&found.value)?, found.version));
            }
        }
        let kept = |trigger: &str| present.get(trigger).map(|(schedule, _)| schedule.timing.clone());
        let mut named = Known::new();
        let (mut writes, mut before) = (crate::store::Batch::default(), present.clone());
        for (trigger, scheduled, timing) in scheduled::of(flow, now, kept) {
            let owner = Owner { flow: id.clone(), trigger: trigger.id.clone() };
            let present = before.remove(&trigger.id);
            let name = format!("{}: {}", flow.name, trigger.name);
            let action = Action::Flow { flow_id: id.clone(), variables: Map::new() };
            let draft =
                Schedule::new(ScheduleId::new(now), org.clone(), name.clone(), timing.clone(), action, now);
            let mut after = present.as_ref().map_or(draft, |(schedule, _)| schedule.clone());
            (after.name, after.owner) = (name, Some(owner));
            after.set_missed(scheduled.missed, scheduled.missed_limit);
            after.set_timing(timing, now);
            named.insert(trigger.id.clone(), after.id);
            if present.as_ref().is_some_and(|(schedule, _)| *schedule == after) {
                continue;
            }
            (after.updated_at, after.updated_by) = (now, Some(by.to_owned()));
            let read = present.as_ref().map(|(schedule, version)| (schedule, *version));
            after.write(read, &mut writes)?;
        }
        for (schedule, version) in before.values() {
            schedule.remove(*version, &mut writes);
        }
        if named.is_empty() && !known.is_empty() {
            writes.delete(place);
        } else if named != known {
            writes.put(place, encode(&named)?);
        }
        change.reschedules |= !writes.ops.is_empty();
        change.extra.append(writes);
        Ok(())
    }
}
