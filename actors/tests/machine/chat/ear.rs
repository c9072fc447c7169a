//! A client that notes what it hears.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use appengine_actors::ids::{OrgId, RecordId};
use appengine_actors::log::EventLog;
use appengine_actors::session::chat::messages::Replayed;
use appengine_actors::session::chat::{ChatId, ChatsError, Word};
use appengine_actors::session::person::{Person, Side};
use appengine_actors::session::seat::{Frame, Full, Seat, SeatId};
use appengine_actors::testkit::TestHouse;
use serde_json::Value;

pub fn person(side: Side, name: &str) -> Person {
    let id = RecordId::new(&format!("{}-{name}", side.name())).unwrap();
    Person { side, id, email: format!("{name}@x.io"), name: name.to_owned(), guest: false }
}

pub fn customer(name: &str) -> Person {
    person(Side::Customer, name)
}

pub fn agent(name: &str) -> Person {
    person(Side::Agent, name)
}

pub fn text(text: impl Into<String>) -> Word {
    Word { content: Value::String(text.into()), ..Word::default() }
}

pub struct Ear {
    id: SeatId,
    heard: Mutex<Vec<(String, Value)>>,
    /// How much more it takes.
    room: AtomicUsize,
    cuts: AtomicUsize,
}

impl Ear {
    pub fn new() -> Arc<Self> {
        Self::with_room(usize::MAX)
    }

    pub fn with_room(room: usize) -> Arc<Self> {
        let (heard, room, cuts) = (Mutex::default(), AtomicUsize::new(room), AtomicUsize::new(0));
        Arc::new(Self { id: SeatId::next(), heard, room, cuts })
    }

    pub fn make_room(&self, room: usize) {
        self.room.store(room, Ordering::SeqCst);
    }

    pub fn was_cut(&self) -> bool {
        self.cuts.load(Ordering::SeqCst) > 0
    }

    /// All that it has heard.
    pub fn all(&self) -> Vec<(String, Value)> {
        self.heard.lock().unwrap().clone()
    }

    /// What it has heard of one kind.
    pub fn of(&self, event: &str) -> Vec<Value> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|(name, _)| name == event).map(|(_, payload)| payload.clone()).collect()
    }

    /// The numbers of the messages that it has heard.
    pub fn numbers(&self) -> Vec<u64> {
        self.of("message").iter().filter_map(|message| message["seq"].as_u64()).collect()
    }

    /// What they say.
    pub fn words(&self) -> Vec<String> {
        let messages = self.of("message");
        messages.iter().filter_map(|message| Some(message["content"].as_str()?.to_owned())).collect()
    }
}

impl Seat for Ear {
    fn id(&self) -> SeatId {
        self.id
    }

    fn push(&self, frame: &Frame) -> Result<(), Full> {
        let take = |room: usize| room.checked_sub(1);
        self.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).map_err(|_| Full)?;
        let payload = serde_json::from_str(frame.payload().get()).unwrap();
        self.heard.lock().unwrap().push((frame.event().to_owned(), payload));
        Ok(())
    }

    fn hint(&self, frame: &Frame) {
        let _ = self.push(frame);
    }

    fn cut(&self) {
        self.cuts.fetch_add(1, Ordering::SeqCst);
    }
}

/// Somebody at a client.
pub struct Client {
    pub person: Person,
    pub ear: Arc<Ear>,
    org: OrgId,
}

impl Client {
    /// Somebody comes with a client, and hears their own conversations from now on.
    pub async fn come(house: &TestHouse, person: &Person) -> Self {
        Self::come_with(house, person, Ear::new()).await
    }

    pub async fn come_with(house: &TestHouse, person: &Person, ear: Arc<Ear>) -> Self {
        let org = house.org.clone();
        let (hall, chats) = (&house.house().hall, &house.machine.sessions.chats);
        hall.enter(person.address(&org), ear.clone());
        for chat in chats.of(&org, person).await.unwrap() {
            chats.attach(&org, person, &chat, ear.clone(), None).await.unwrap();
        }
        hall.settled(ear.id(), house.house().clock.now());
        Self { person: person.clone(), ear, org }
    }

    pub async fn say(&self, house: &TestHouse, chat: &ChatId, word: Word) -> Result<u64, ChatsError> {
        let said = house.machine.sessions.chats.say(&self.org, &self.person, chat, word).await?;
        Ok(said.message.seq)
    }

    pub async fn attach(
        &self,
        house: &TestHouse,
        chat: &ChatId,
        since: Option<u64>,
    ) -> Result<Replayed, ChatsError> {
        house.machine.sessions.chats.attach(&self.org, &self.person, chat, self.ear.clone(), since).await
    }

    pub fn go(&self, house: &TestHouse) {
        house.house().hall.leave(self.ear.id());
    }
}

/// The kinds of all events, in their order.
pub async fn kinds(house: &TestHouse) -> Vec<String> {
    let log = EventLog::new(house.house().store.clone());
    let page = log.page(&house.org, None, None, false, 1_000).await.unwrap();
    page.events.iter().map(|event| event.kind.to_string()).collect()
}
