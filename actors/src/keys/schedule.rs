//! Keys of schedules: each organisation's own, and which is due next of all there are.

use super::{Builder, system::text_of};
use crate::clock::Timestamp;
use crate::ids::{OrgId, RecordId, ScheduleId};
use crate::store::Key;

/// All schedules of an organisation, oldest first.
#[must_use]
pub fn schedules(org: &OrgId) -> Key {
    Builder::of(org, b'g').0
}

/// A schedule.
#[must_use]
pub fn schedule(org: &OrgId, id: ScheduleId) -> Key {
    Builder(schedules(org)).bytes(&id.to_bytes()).0
}

/// Which schedules belong to a flow's triggers.
#[must_use]
pub fn flow_schedules(org: &OrgId, flow: &RecordId) -> Key {
    super::private(org, "flow-schedules", flow.as_str())
}

/// All schedules that are due at some time, the first due first.
#[must_use]
pub fn schedules_due() -> Key {
    Builder::system(b'g').0
}

/// One schedule's place among them.
#[must_use]
pub fn schedule_due(due: Timestamp, org: &OrgId, id: ScheduleId) -> Key {
    Builder(schedules_due()).number(due.as_millis()).text(org.as_str()).bytes(&id.to_bytes()).0
}

/// When which schedule is due, as a key of [`schedules_due`] says.
#[must_use]
pub fn parse_schedule_due(key: &[u8]) -> Option<(Timestamp, OrgId, ScheduleId)> {
    let (due, rest) = key.strip_prefix(schedules_due().as_slice())?.split_first_chunk::<8>()?;
    let (org, id) = text_of(rest)?;
    let due = Timestamp::from_millis(u64::from_be_bytes(*due));
    Some((due, OrgId::new(&org).ok()?, ScheduleId::from_bytes(id.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_due_comes_first_and_can_be_read_back() {
        let at = Timestamp::from_millis;
        let (a, b) = (OrgId::new("a").unwrap(), OrgId::new("b").unwrap());
        let id = ScheduleId::new(at(5));
        let keys = [(at(256), &a), (at(256), &b), (at(257), &a), (at(70_000), &a)];
        let keys = keys.map(|(due, org)| schedule_due(due, org, id));
        assert!(keys.is_sorted());
        assert_eq!(parse_schedule_due(&keys[1]), Some((at(256), b, id)));
        assert_eq!(parse_schedule_due(&schedules_due()), None);
    }
}
