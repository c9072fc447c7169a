//! All desks, for those who bring clients to them.

use std::sync::Arc;

use super::DeskActor;
use super::agent::{Agent, Status};
use super::messages::{
    DeskError, Enqueue, Figures, GetAgent, GetAgents, GetFigures, GetStanding, GetWaiting, PickNext,
    SetStatus, Takeover, Target, Transfer,
};
use super::state::Position;
use super::words;
use crate::house::House;
use crate::ids::OrgId;
use crate::keys;
use crate::session::chat::decision::Standing;
use crate::session::chat::handling::Handling;
use crate::session::chat::{Chat, ChatId, words as chat_words};
use crate::session::person::Person;
use crate::session::presence::{Here, Page, Presence};
use crate::session::seat::{Seat, SeatId};
use crate::store::decode;
use crate::supervision::{AskError, Members};

/// All desks.
#[derive(Clone)]
pub struct Desks {
    house: Arc<House>,
    actors: Members<DeskActor>,
}

impl Desks {
    /// The desks of a machine.
    #[must_use]
    pub const fn new(house: Arc<House>, actors: Members<DeskActor>) -> Self {
        Self { house, actors }
    }

    /// Who is where.
    #[must_use]
    pub fn presence(&self) -> &Presence {
        &self.house.presence
    }

    /// A client comes.
    pub fn arrive(&self, org: &OrgId, here: Here) {
        let person = here.person.clone();
        let is_first = self.house.presence.arrive(org, here);
        if let Some(person) = person.filter(|_| is_first) {
            self.house.board.met(org, &person);
        }
    }

    /// A client goes.
    pub fn depart(&self, org: &OrgId, seat: SeatId) {
        if let Some(person) = self.house.presence.leave(org, seat) {
            self.house.board.met(org, &person);
        }
    }

    /// A client shows another page.
    pub fn shows(&self, org: &OrgId, seat: SeatId, page: Page) {
        self.house.presence.shows(org, seat, page);
    }

    /// Takes the next conversation that waits. None where none does.
    ///
    /// # Errors
    /// When it could not be given to them.
    pub async fn pick_next(&self, org: &OrgId, pick: PickNext) -> Result<Option<Chat>, DeskError> {
        self.actors.ask(org.as_str(), pick).await?
    }

    /// Answers in a conversation from now on.
    ///
    /// # Errors
    /// When it is no customer's, or could not be taken over.
    pub async fn takeover(&self, org: &OrgId, by: Person, chat: ChatId) -> Result<Chat, DeskError> {
        self.actors.ask(org.as_str(), Takeover { by, chat }).await?
    }

    /// Hands a conversation on.
    ///
    /// # Errors
    /// When whoever is meant is not here, or it could not be handed on.
    pub async fn transfer(
        &self,
        org: &OrgId,
        by: Person,
        chat: ChatId,
        to: Target,
        note: Option<String>,
    ) -> Result<Chat, DeskError> {
        self.actors.ask(org.as_str(), Transfer { by, chat, to, note }).await?
    }

    /// Has a conversation wait. Answers where.
    ///
    /// # Errors
    /// When somebody answers in it already.
    pub async fn enqueue(&self, org: &OrgId, asked: Enqueue) -> Result<(Chat, Option<Position>), DeskError> {
        self.actors.ask(org.as_str(), asked).await?
    }

    /// Says what somebody of the staff is.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub async fn set_status(&self, org: &OrgId, who: Person, status: Status) -> Result<Agent, DeskError> {
        self.actors.ask(org.as_str(), SetStatus { who, status }).await?
    }

    /// Tells a customer who has just come where their conversation stands: who answers, or where they wait.
    ///
    /// # Errors
    /// When that cannot be read.
    pub async fn tell(&self, org: &OrgId, chat: &ChatId, seat: &dyn Seat) -> Result<(), DeskError> {
        let found = self.house.store.get(keys::chat(org, chat.as_str())).await?;
        let Some(found) = found else { return Ok(()) };
        let found: Chat = decode(&found.value)?;
        let frame = match &found.handling {
            Handling::Nobody | Handling::Assisted { .. } => return Ok(()),
            Handling::With { agent, .. } => chat_words::assigned(&found, agent)?,
            Handling::Waiting { .. } => match self.standing(org, chat.clone()).await? {
                Some((standing, Some(at))) => words::position("queued", &standing, &at, None)?,
                // It was taken on meanwhile, and told.
                _ => return Ok(()),
            },
        };
        // Whoever does not keep up hears it with the next update.
        let _ = seat.push(&frame);
        Ok(())
    }

    /// Those that wait, in one queue or in all.
    ///
    /// # Errors
    /// When the desk does not answer.
    pub async fn waiting(
        &self,
        org: &OrgId,
        queue: Option<String>,
    ) -> Result<Vec<(Standing, Position)>, AskError> {
        self.actors.ask(org.as_str(), GetWaiting(queue)).await
    }

    /// Where a conversation stands; none where nobody need do anything.
    ///
    /// # Errors
    /// When the desk does not answer.
    pub async fn standing(
        &self,
        org: &OrgId,
        chat: ChatId,
    ) -> Result<Option<(Standing, Option<Position>)>, AskError> {
        self.actors.ask(org.as_str(), GetStanding(chat)).await
    }

    /// Those of the staff that the desk knows.
    ///
    /// # Errors
    /// When the desk does not answer.
    pub async fn agents(&self, org: &OrgId) -> Result<Vec<Agent>, AskError> {
        self.actors.ask(org.as_str(), GetAgents).await
    }

    /// How somebody of the staff is, also one that the desk has not met.
    ///
    /// # Errors
    /// When the desk does not answer, or the store cannot be read.
    pub async fn agent(&self, org: &OrgId, who: Person) -> Result<Agent, DeskError> {
        self.actors.ask(org.as_str(), GetAgent(who)).await?
    }

    /// How many wait, and how long it takes.
    ///
    /// # Errors
    /// When the desk does not answer.
    pub async fn figures(&self, org: &OrgId) -> Result<Figures, AskError> {
        self.actors.ask(org.as_str(), GetFigures).await
    }
}
