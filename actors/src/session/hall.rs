//! Who is here: every seat, by its person and by the rooms that it is in. In memory only, and no part of any
//! session's state, so that a session may sleep or be rebuilt while those who hear it stay.
//!
//! A room remembers what each seat in it has heard last, so that a session that is rebuilt tells nobody twice and
//! leaves nobody out. Only the room's own session moves that on.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::person::Address;
use super::seat::{Frame, Seat, SeatId};
use crate::clock::Timestamp;

/// The name of a room: a session's, within its organisation.
pub type RoomName = String;

/// Everybody who is here. Clones are the same hall.
#[derive(Clone, Default)]
pub struct Hall(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    people: HashMap<Address, Vec<Arc<dyn Seat>>>,
    rooms: HashMap<RoomName, Arc<Room>>,
    seats: HashMap<SeatId, Taken>,
}

/// What there is to be given up when a seat is left.
struct Taken {
    seat: Arc<dyn Seat>,
    address: Address,
    rooms: Vec<RoomName>,
    /// Since when it hears what it did not ask for.
    settled: Option<Timestamp>,
}

/// A room.
#[derive(Default)]
struct Room(Mutex<Vec<Place>>);

/// A seat in a room.
struct Place {
    seat: Arc<dyn Seat>,
    /// The number of what it has heard last.
    heard: u64,
    /// It is being brought up to what the others hear, and hears nothing else meanwhile.
    catching_up: bool,
}

/// What came of a seat that is to catch up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUp {
    /// It is to be brought on from the number that was given.
    Begun,
    /// It is being brought on already, and has heard this last.
    UnderWay(u64),
    /// Its client is gone.
    Gone,
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change below is whole before anything else is called.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hall {
    /// Somebody comes with a client. Until it has [`settled`](Self::settled) it hears what it asks for only.
    pub fn enter(&self, address: Address, seat: Arc<dyn Seat>) {
        let mut inner = locked(&self.0);
        let (of, rooms) = (Arc::clone(&seat), Vec::new());
        let taken = Taken { seat: of, address: address.clone(), rooms, settled: None };
        inner.seats.insert(seat.id(), taken);
        inner.people.entry(address).or_default().push(seat);
    }

    /// Whether somebody is here with a client.
    #[must_use]
    pub fn is_here(&self, address: &Address) -> bool {
        locked(&self.0).people.contains_key(address)
    }

    /// The client has caught up with every session it knows of: from now on it hears new ones too.
    pub fn settled(&self, seat: SeatId, now: Timestamp) {
        if let Some(taken) = locked(&self.0).seats.get_mut(&seat) {
            taken.settled.get_or_insert(now);
        }
    }

    /// The client is gone.
    pub fn leave(&self, seat: SeatId) {
        let mut inner = locked(&self.0);
        let Some(taken) = inner.seats.remove(&seat) else { return };
        if let Some(seats) = inner.people.get_mut(&taken.address) {
            seats.retain(|there| there.id() != seat);
            if seats.is_empty() {
                inner.people.remove(&taken.address);
            }
        }
        for name in taken.rooms {
            inner.vacate(&name, seat);
        }
    }

    /// A seat that somebody is in.
    #[must_use]
    pub fn seat(&self, id: SeatId) -> Option<Arc<dyn Seat>> {
        locked(&self.0).seats.get(&id).map(|taken| Arc::clone(&taken.seat))
    }

    /// Has a seat in a room, which hears nothing there until it has [caught up](Self::caught_up) from a number on, for
    /// which its session sees.
    pub fn catch_up(&self, name: &str, seat: &Arc<dyn Seat>, since: u64) -> CatchUp {
        let Some(room) = locked(&self.0).admit(name, seat) else { return CatchUp::Gone };
        let mut places = locked(&room.0);
        let Some(place) = places.iter_mut().find(|place| place.seat.id() == seat.id()) else {
            return CatchUp::Gone;
        };
        if place.catching_up {
            return CatchUp::UnderWay(place.heard);
        }
        (place.heard, place.catching_up) = (since, true);
        CatchUp::Begun
    }

    /// The seats that catch up, and what each has heard last: of a session that is rebuilt, those that nobody brings
    /// on any more.
    #[must_use]
    pub fn catching_up(&self, name: &str) -> Vec<(Arc<dyn Seat>, u64)> {
        self.places(name, |place| place.catching_up)
    }

    /// The rooms that a seat is in.
    #[must_use]
    pub fn rooms_of(&self, seat: SeatId) -> usize {
        locked(&self.0).seats.get(&seat).map_or(0, |taken| taken.rooms.len())
    }

    /// A seat that catches up has heard this.
    pub fn heard(&self, name: &str, seat: SeatId, number: u64) {
        self.at(name, seat, |place| place.heard = number);
    }

    /// A seat that catches up has heard all that the others have.
    pub fn caught_up(&self, name: &str, seat: SeatId) {
        self.at(name, seat, |place| place.catching_up = false);
    }

    fn at(&self, name: &str, seat: SeatId, change: impl FnOnce(&mut Place)) {
        let Some(room) = self.room(name) else { return };
        if let Some(place) = locked(&room.0).iter_mut().find(|place| place.seat.id() == seat) {
            change(place);
        }
    }

    /// Takes a seat out of a room.
    pub fn part(&self, name: &str, seat: SeatId) {
        let mut inner = locked(&self.0);
        if let Some(taken) = inner.seats.get_mut(&seat) {
            taken.rooms.retain(|room| room != name);
        }
        inner.vacate(name, seat);
    }

    /// Takes all clients of somebody out of a room. Returns those that were being brought on there: they have not
    /// heard why.
    #[must_use]
    pub fn part_all(&self, name: &str, address: &Address) -> Vec<Arc<dyn Seat>> {
        let seats = locked(&self.0).people.get(address).cloned().unwrap_or_default();
        let behind = self.places(name, |place| place.catching_up);
        seats.iter().for_each(|seat| self.part(name, seat.id()));
        seats.into_iter().filter(|seat| behind.iter().any(|(there, _)| there.id() == seat.id())).collect()
    }

    /// Whether a seat is in a room.
    #[must_use]
    pub fn is_in(&self, name: &str, seat: SeatId) -> bool {
        let inner = locked(&self.0);
        inner.seats.get(&seat).is_some_and(|taken| taken.rooms.iter().any(|room| room == name))
    }

    /// Has the settled clients of some people in a room: those who are not, having heard all up to a number, which
    /// may depend on when they came.
    pub fn gather(&self, name: &str, people: &[Address], heard: impl Fn(Timestamp) -> u64) {
        let missing: Vec<(Arc<dyn Seat>, Timestamp)> = {
            let inner = locked(&self.0);
            let room = inner.rooms.get(name);
            let there: HashSet<SeatId> = room
                .map(|room| locked(&room.0).iter().map(|place| place.seat.id()).collect())
                .unwrap_or_default();
            let seats = people.iter().filter_map(|address| inner.people.get(address)).flatten();
            let absent = |seat: &Arc<dyn Seat>| {
                let taken = inner.seats.get(&seat.id()).filter(|_| !there.contains(&seat.id()))?;
                Some((Arc::clone(seat), taken.settled?))
            };
            seats.filter_map(absent).collect()
        };
        for (seat, came) in missing {
            self.catch_up(name, &seat, heard(came));
            self.caught_up(name, seat.id());
        }
    }

    /// Sends what has a number to everybody in a room who has not heard it yet. Returns those who have too much
    /// waiting: they hear nothing more until they have caught up, each from what it has heard last.
    #[must_use]
    pub fn tell(&self, name: &str, number: u64, frame: &Frame) -> Vec<(Arc<dyn Seat>, u64)> {
        let Some(room) = self.room(name) else { return Vec::new() };
        let mut behind = Vec::new();
        for place in locked(&room.0).iter_mut().filter(|place| !place.catching_up && place.heard < number) {
            if place.seat.push(frame).is_ok() {
                place.heard = number;
            } else {
                place.catching_up = true;
                behind.push((Arc::clone(&place.seat), place.heard));
            }
        }
        behind
    }

    /// Sends what has no number to everybody in a room who keeps up.
    pub fn announce(&self, name: &str, frame: &Frame) {
        let Some(room) = self.room(name) else { return };
        for place in locked(&room.0).iter().filter(|place| !place.catching_up) {
            // Whoever does not keep up any more finds it where they catch up, or in the history.
            let _ = place.seat.push(frame);
        }
    }

    /// Sends what is worth nothing later to everybody in a room but one.
    pub fn hint(&self, name: &str, frame: &Frame, but: SeatId) {
        let Some(room) = self.room(name) else { return };
        locked(&room.0)
            .iter()
            .filter(|place| place.seat.id() != but)
            .for_each(|place| place.seat.hint(frame));
    }

    /// The seats in a room that have not heard what has this number, and what each has heard last.
    #[must_use]
    pub fn behind(&self, name: &str, number: u64) -> Vec<(Arc<dyn Seat>, u64)> {
        self.places(name, |place| !place.catching_up && place.heard < number)
    }

    fn places(&self, name: &str, which: impl Fn(&Place) -> bool) -> Vec<(Arc<dyn Seat>, u64)> {
        let Some(room) = self.room(name) else { return Vec::new() };
        let places = locked(&room.0);
        places
            .iter()
            .filter(|place| which(place))
            .map(|place| (Arc::clone(&place.seat), place.heard))
            .collect()
    }

    fn room(&self, name: &str) -> Option<Arc<Room>> {
        locked(&self.0).rooms.get(name).cloned()
    }
}

impl Inner {
    /// The room, with a place for a seat in it; none when its client is gone.
    fn admit(&mut self, name: &str, seat: &Arc<dyn Seat>) -> Option<Arc<Room>> {
        let taken = self.seats.get_mut(&seat.id())?;
        let room = self.rooms.entry(name.to_owned()).or_default();
        if !taken.rooms.iter().any(|room| room == name) {
            taken.rooms.push(name.to_owned());
            let seat = Arc::clone(seat);
            locked(&room.0).push(Place { seat, heard: 0, catching_up: false });
        }
        Some(Arc::clone(room))
    }

    fn vacate(&mut self, name: &str, seat: SeatId) {
        let Some(room) = self.rooms.get(name) else { return };
        let mut places = locked(&room.0);
        places.retain(|place| place.seat.id() != seat);
        let is_empty = places.is_empty();
        drop(places);
        if is_empty {
            self.rooms.remove(name);
        }
    }
}
