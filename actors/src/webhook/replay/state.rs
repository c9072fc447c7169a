//! The replayer's mind: whose turn it is. Each replay takes a step when its pace allows it, one at a time. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Timestamp;
use crate::ids::{OrgId, ReplayId};

/// The replays that go on.
#[derive(Debug, Default)]
pub struct Turns {
    due: BTreeSet<(Timestamp, ReplayId)>,
    whose: BTreeMap<ReplayId, (OrgId, Timestamp)>,
    stepping: Option<ReplayId>,
}

impl Turns {
    /// A replay goes on. One that is known already changes nothing.
    pub fn add(&mut self, org: OrgId, id: ReplayId, now: Timestamp) {
        if self.stepping != Some(id) && !self.whose.contains_key(&id) {
            self.due.insert((now, id));
            self.whose.insert(id, (org, now));
        }
    }

    /// Takes the replay whose turn it is, if none is taking a step.
    pub fn begin(&mut self, now: Timestamp) -> Option<(OrgId, ReplayId)> {
        let (due, id) = *self.due.first()?;
        if self.stepping.is_some() || due > now {
            return None;
        }
        self.due.remove(&(due, id));
        let (org, _) = self.whose.remove(&id)?;
        self.stepping = Some(id);
        Some((org, id))
    }

    /// The step is over; the replay's next one is due then, if there is one.
    pub fn stepped(&mut self, org: OrgId, id: ReplayId, next: Option<Timestamp>) {
        self.stepping = None;
        if let Some(due) = next {
            self.due.insert((due, id));
            self.whose.insert(id, (org, due));
        }
    }

    /// When the next step is due, if none is being taken.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        if self.stepping.is_some() { None } else { self.due.first().map(|(due, _)| *due) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replays_take_turns_by_when_they_are_due() {
        let at = Timestamp::from_millis;
        let org = || OrgId::new("o").unwrap();
        let (one, two) = (ReplayId::from_bytes([1; 16]), ReplayId::from_bytes([2; 16]));
        let mut turns = Turns::default();
        turns.add(org(), one, at(5));
        turns.add(org(), one, at(9));
        turns.add(org(), two, at(6));
        assert_eq!(turns.begin(at(4)), None);
        assert_eq!(turns.begin(at(6)), Some((org(), one)));
        assert_eq!((turns.begin(at(6)), turns.next()), (None, None));
        turns.add(org(), one, at(6));
        turns.stepped(org(), one, Some(at(8)));
        assert_eq!(turns.next(), Some(at(6)));
        assert_eq!(turns.begin(at(9)), Some((org(), two)));
        turns.stepped(org(), two, None);
        assert_eq!(turns.begin(at(9)), Some((org(), one)));
        turns.stepped(org(), one, None);
        assert_eq!(turns.next(), None);
    }
}
