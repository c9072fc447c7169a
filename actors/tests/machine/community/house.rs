//! People at clients, and groups that they are in.

use std::sync::Arc;

use appengine_actors::ids::{GroupId, MessageId};
use appengine_actors::session::community::group::{Openness, Role, Settings};
use appengine_actors::session::community::message::Message;
use appengine_actors::session::community::messages::{Replayed, TalkError};
use appengine_actors::session::community::wish::{Act, Done, Refusal, Word};
use appengine_actors::session::community::{Asker, ConversationId, History, Part, Talks, TalksError};
use appengine_actors::session::person::Person;
use appengine_actors::testkit::TestHouse;

use crate::chat::ear::Ear;

pub use crate::chat::ear::{agent, customer, kinds};

pub fn word(content: impl Into<String>) -> Word {
    Word { content: content.into(), ..Word::default() }
}

pub fn say(content: impl Into<String>) -> Act {
    Act::Say(word(content), None)
}

pub fn refusal(error: TalksError) -> Refusal {
    match error {
        TalksError::Talk(TalkError::Refused(refusal)) => refusal,
        other => panic!("it was not refused: {other:?}"),
    }
}

/// Somebody at a client, who hears what is new.
pub struct Client {
    pub asker: Asker,
    pub ear: Arc<Ear>,
    talks: Talks,
}

impl Client {
    pub async fn come(house: &TestHouse, person: &Person) -> Self {
        Self::come_with(house, person, Ear::new()).await
    }

    pub async fn come_with(house: &TestHouse, person: &Person, ear: Arc<Ear>) -> Self {
        let client = Self::arrive(house, person, ear).await;
        client.settle(house);
        client
    }

    /// Comes, and hears nothing unasked yet.
    pub async fn arrive(house: &TestHouse, person: &Person, ear: Arc<Ear>) -> Self {
        let asker = Asker { org: house.org.clone(), person: person.clone(), moderates: false };
        let talks = house.machine.sessions.talks.clone();
        talks.enter(&asker, ear.clone()).await.unwrap();
        Self { asker, ear, talks }
    }

    pub fn settle(&self, house: &TestHouse) {
        self.talks.hall().settled(self.ear.id(), house.house().clock.now());
    }

    pub async fn want(&self, id: &ConversationId, act: Act) -> Result<Done, Refusal> {
        self.talks.want(&self.asker, id, act).await.map_err(refusal)
    }

    pub async fn about(&self, id: MessageId, act: Act) -> Result<Done, Refusal> {
        self.talks.about(&self.asker, id, act).await.map_err(refusal)
    }

    pub async fn say(&self, id: &ConversationId, content: &str) -> Result<Message, Refusal> {
        Ok(self.want(id, say(content)).await?.message.unwrap())
    }

    pub async fn say_to(&self, to: &Person, content: &str) -> Result<Message, Refusal> {
        let said = self.talks.say_to(&self.asker, to, word(content)).await.map_err(refusal)?;
        Ok(said.message.unwrap())
    }

    pub async fn attach(&self, id: &ConversationId, since: u64) -> Result<Replayed, Refusal> {
        let seat = self.talks.hall().seat(self.ear.id()).unwrap();
        self.talks.attach(&self.asker, id, seat, Some(since)).await.map_err(refusal)
    }

    pub async fn history(&self, id: &ConversationId, part: Part) -> Result<History, Refusal> {
        let limit = part.limit.max(1);
        self.talks.history(&self.asker, id, &Part { limit, ..part }).await.map_err(refusal)
    }

    pub fn go(&self) {
        self.talks.leave(&self.asker, self.ear.id());
    }

    /// The numbers of all that it has heard, in the order in which it heard it.
    pub fn numbers(&self) -> Vec<u64> {
        self.ear.all().iter().filter_map(|(_, payload)| payload["seq"].as_u64()).collect()
    }

    /// What it has heard, by name.
    pub fn heard(&self) -> Vec<String> {
        self.ear.all().into_iter().map(|(event, _)| event).collect()
    }

    /// The words of one kind of event.
    pub fn words(&self, event: &str) -> Vec<String> {
        let heard = self.ear.of(event);
        heard.iter().filter_map(|heard| Some(heard["content"].as_str()?.to_owned())).collect()
    }
}

use appengine_actors::session::seat::Seat;

/// A group that everybody may join, made by somebody, with these people in it.
pub async fn group(client: &Client, people: &[Person], settings: Settings) -> ConversationId {
    let settings = Settings {
        name: Some("Dogs".into()),
        openness: settings.openness.or(Some(Openness::Public)),
        ..settings
    };
    let people = people.iter().map(|person| (person.clone(), Role::Member)).collect();
    let done = client.talks.found(&client.asker, settings, people).await.unwrap();
    let id: GroupId = done.group.unwrap()["id"].as_str().unwrap().parse().unwrap();
    ConversationId::group(id)
}
