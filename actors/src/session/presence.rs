//! Who is where: every client of the `/chat` namespace with its person, its device and the page that it shows. In memory
//! only. Beside [`super::hall`], which is about who hears what is said.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::person::{Address, Person, Side};
use super::seat::{Frame, Seat, SeatId};
use crate::clock::Timestamp;
use crate::ids::OrgId;

/// The page that a visitor is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page {
    /// Its address.
    pub url: String,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where they came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// When they came to it.
    pub at: Timestamp,
}

/// One client that is here.
#[derive(Clone)]
pub struct Here {
    /// How it is reached.
    pub seat: Arc<dyn Seat>,
    /// Who it is; nobody for one that only watches.
    pub person: Option<Person>,
    /// The device, as the client calls it.
    pub device_id: Option<String>,
    /// The configuration of its widget.
    pub config_id: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// The page that it shows.
    pub page: Option<Page>,
}

/// A person who is here, with all their clients.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Online {
    /// Who.
    pub person: Person,
    /// How many clients they have.
    pub devices: usize,
    /// Since when the first of these is here.
    pub since: Timestamp,
    /// The page that was visited last.
    pub location: Option<Page>,
    /// What their clients call their devices.
    pub device_ids: Vec<String>,
}

/// Everybody who is here. Clones are the same.
#[derive(Clone, Default)]
pub struct Presence(Arc<Mutex<HashMap<OrgId, Org>>>);

#[derive(Default)]
struct Org {
    seats: HashMap<SeatId, Here>,
    people: HashMap<Address, Vec<SeatId>>,
}

impl Presence {
    /// A client comes. Says whether it is the first of its person.
    #[must_use]
    pub fn arrive(&self, org: &OrgId, here: Here) -> bool {
        let mut orgs = self.orgs();
        let all = orgs.entry(org.clone()).or_default();
        let id = here.seat.id();
        let address = here.person.as_ref().map(|person| person.address(org));
        all.seats.insert(id, here);
        let Some(address) = address else { return false };
        let theirs = all.people.entry(address).or_default();
        theirs.push(id);
        theirs.len() == 1
    }

    /// A client goes. The person whose last it was.
    #[must_use]
    pub fn leave(&self, org: &OrgId, seat: SeatId) -> Option<Person> {
        let mut orgs = self.orgs();
        let all = orgs.get_mut(org)?;
        let gone = all.seats.remove(&seat)?.person;
        let is_last = gone.as_ref().is_some_and(|person| {
            let address = person.address(org);
            let theirs = all.people.entry(address.clone()).or_default();
            theirs.retain(|there| *there != seat);
            let is_last = theirs.is_empty();
            if is_last {
                all.people.remove(&address);
            }
            is_last
        });
        if all.seats.is_empty() {
            orgs.remove(org);
        }
        gone.filter(|_| is_last)
    }

    /// A client shows another page.
    pub fn shows(&self, org: &OrgId, seat: SeatId, page: Page) {
        if let Some(here) = self.orgs().get_mut(org).and_then(|all| all.seats.get_mut(&seat)) {
            here.page = Some(page);
        }
    }

    /// Whether somebody is here.
    #[must_use]
    pub fn is_here(&self, org: &OrgId, address: &Address) -> bool {
        self.orgs().get(org).is_some_and(|all| all.people.contains_key(address))
    }

    /// Somebody who is here.
    #[must_use]
    pub fn find(&self, org: &OrgId, address: &Address) -> Option<Online> {
        let orgs = self.orgs();
        let all = orgs.get(org)?;
        all.online(all.people.get(address)?)
    }

    /// Those on a side who are here, in the order of their addresses.
    #[must_use]
    pub fn online(&self, org: &OrgId, side: Side) -> Vec<Online> {
        let orgs = self.orgs();
        let Some(all) = orgs.get(org) else { return Vec::new() };
        let online = all.people.values().filter_map(|seats| all.online(seats));
        let mut online: Vec<Online> = online.filter(|online| online.person.side == side).collect();
        online.sort_by(|one, other| one.person.email.cmp(&other.person.email));
        online
    }

    /// Clients that only watch.
    #[must_use]
    pub fn viewers(&self, org: &OrgId) -> usize {
        let orgs = self.orgs();
        orgs.get(org).map_or(0, |all| all.seats.values().filter(|here| here.person.is_none()).count())
    }

    /// The clients of a person.
    #[must_use]
    pub fn of(&self, org: &OrgId, address: &Address) -> Vec<Here> {
        let orgs = self.orgs();
        let Some(all) = orgs.get(org) else { return Vec::new() };
        let theirs = all.people.get(address).into_iter().flatten();
        theirs.filter_map(|seat| all.seats.get(seat).cloned()).collect()
    }

    /// The clients on a device.
    #[must_use]
    pub fn on_device(&self, org: &OrgId, device: &str) -> Vec<Here> {
        let orgs = self.orgs();
        let Some(all) = orgs.get(org) else { return Vec::new() };
        let is_on = |here: &&Here| here.device_id.as_deref() == Some(device);
        all.seats.values().filter(is_on).cloned().collect()
    }

    /// Sends what is worth nothing later to everybody on the given sides; those who only watch are on none.
    pub fn hint(&self, org: &OrgId, frame: &Frame, sides: &[Side]) {
        let seats: Vec<Arc<dyn Seat>> = {
            let orgs = self.orgs();
            let Some(all) = orgs.get(org) else { return };
            let meant =
                |here: &&Here| here.person.as_ref().is_some_and(|person| sides.contains(&person.side));
            all.seats.values().filter(meant).map(|here| Arc::clone(&here.seat)).collect()
        };
        seats.iter().for_each(|seat| seat.hint(frame));
    }

    fn orgs(&self) -> MutexGuard<'_, HashMap<OrgId, Org>> {
        // Every change is whole before the lock is let go.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Org {
    fn online(&self, seats: &[SeatId]) -> Option<Online> {
        let theirs: Vec<&Here> = seats.iter().filter_map(|seat| self.seats.get(seat)).collect();
        let pages = theirs.iter().filter_map(|here| here.page.as_ref());
        Some(Online {
            person: theirs.first()?.person.clone()?,
            devices: theirs.len(),
            since: theirs.iter().map(|here| here.since).min()?,
            location: pages.max_by_key(|page| page.at).cloned(),
            device_ids: theirs.iter().filter_map(|here| here.device_id.clone()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::seat::Full;
    use super::*;
    use crate::ids::RecordId;

    struct Deaf(SeatId);

    impl Seat for Deaf {
        fn id(&self) -> SeatId {
            self.0
        }

        fn push(&self, _: &Frame) -> Result<(), Full> {
            Ok(())
        }

        fn hint(&self, _: &Frame) {}

        fn cut(&self) {}
    }

    fn here(person: Option<Person>, device: &str) -> Here {
        let (device_id, since) = (Some(device.to_owned()), Timestamp::from_millis(1));
        Here { seat: Arc::new(Deaf(SeatId::next())), person, device_id, config_id: None, since, page: None }
    }

    #[test]
    fn somebody_is_here_from_their_first_client_to_their_last() {
        let (presence, org) = (Presence::default(), OrgId::new("o").unwrap());
        let ann = Person {
            side: Side::Customer,
            id: RecordId::new("customer-1").unwrap(),
            email: "ann@x.io".into(),
            name: "Ann".into(),
            guest: false,
        };
        let (phone, laptop) = (here(Some(ann.clone()), "phone"), here(Some(ann.clone()), "laptop"));
        assert!(presence.arrive(&org, phone.clone()));
        assert!(!presence.arrive(&org, laptop.clone()));
        assert!(!presence.arrive(&org, here(None, "kiosk")));
        let page =
            Page { url: "https://x.io/".into(), title: None, referrer: None, at: Timestamp::from_millis(5) };
        presence.shows(&org, laptop.seat.id(), page);
        let online = presence.online(&org, Side::Customer);
        assert_eq!((online.len(), online[0].devices, presence.viewers(&org)), (1, 2, 1));
        assert_eq!(online[0].location.as_ref().unwrap().url, "https://x.io/");
        assert_eq!(presence.on_device(&org, "phone").len(), 1);
        assert_eq!(presence.leave(&org, phone.seat.id()), None);
        assert_eq!(presence.leave(&org, laptop.seat.id()), Some(ann.clone()));
        assert_eq!(presence.leave(&org, laptop.seat.id()), None);
        assert!(!presence.is_here(&org, &ann.address(&org)));
    }
}
