//! All conversations of communities, for those who bring clients to them. It finds out who is meant and which
//! conversation that is; whether somebody may is decided by the conversation itself.

use std::sync::Arc;

use serde_json::Value;

use super::actor::TalkActor;
use super::blocks::{Blocks, Sieve};
use super::group::{Muted, Role, Settings};
use super::id::ConversationId;
use super::messages::{Attach, Replayed, TalkError, Typing, Want};
use super::rules::{self, MOST_BLOCKS, MOST_READ};
use super::who::Handle;
use super::wish::{Act, Done, Refusal, Wish, Word};
use super::words;
use crate::house::House;
use crate::ids::{GroupId, MessageId, OrgId};
use crate::keys;
use crate::session::hall::Hall;
use crate::session::people::People;
use crate::session::person::Person;
use crate::session::seat::{Seat, SeatId};
use crate::store::{Batch, Scan, StoreError, decode, encode};
use crate::supervision::{AskError, Members};

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TalksError {
    /// The conversation did not.
    #[error(transparent)]
    Talk(#[from] TalkError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The conversation did not answer.
    #[error(transparent)]
    Unreachable(#[from] AskError),
}

impl From<Refusal> for TalksError {
    fn from(refusal: Refusal) -> Self {
        Self::Talk(refusal.into())
    }
}

/// Somebody who asks.
#[derive(Debug, Clone)]
pub struct Asker {
    /// Their organisation.
    pub org: OrgId,
    /// Who they are.
    pub person: Person,
    /// Whether they look after all groups.
    pub moderates: bool,
}

/// All conversations.
#[derive(Clone)]
pub struct Talks {
    pub(super) house: Arc<House>,
    pub(super) people: People,
    actors: Members<TalkActor>,
    blocks: Blocks,
}

impl Talks {
    /// The conversations of a machine.
    #[must_use]
    pub fn new(house: Arc<House>, people: People, actors: Members<TalkActor>) -> Self {
        Self { house, people, actors, blocks: Blocks::default() }
    }

    /// Who is here.
    #[must_use]
    pub fn hall(&self) -> &Hall {
        &self.house.hall
    }

    /// Somebody comes with a client. It hears nothing unasked before it has [settled](Hall::settled).
    ///
    /// # Errors
    /// When they have no account, or the store cannot be read.
    pub async fn enter(&self, asker: &Asker, seat: Arc<dyn Seat>) -> Result<(), TalksError> {
        let Asker { org, person, .. } = asker;
        let who = member(person)?;
        let blocked = self.blocks.of(&who.address(org));
        for whom in self.blocked_by(org, &who).await? {
            blocked.set(whom.address(org), true);
        }
        let was_here = self.hall().is_here(&who.address(org));
        self.hall().enter(who.address(org), Arc::new(Sieve { seat, blocked }));
        if !was_here {
            self.tell_presence(org, &who);
        }
        Ok(())
    }

    /// A client is gone.
    pub fn leave(&self, asker: &Asker, seat: SeatId) {
        let (org, who) = (&asker.org, Handle::of(&asker.person));
        self.hall().leave(seat);
        if !self.hall().is_here(&who.address(org)) {
            self.blocks.forget(&who.address(org));
            self.tell_presence(org, &who);
        }
    }

    /// Has a conversation awake. What is asked of one that is reaches it in the order in which it is asked.
    ///
    /// # Errors
    /// When there is none, or it cannot be woken in time.
    pub async fn wake(&self, org: &OrgId, id: &ConversationId) -> Result<(), TalksError> {
        let name = id.actor_name(org);
        if !self.actors.is_awake(&name) {
            self.exists(org, id).await?;
            self.actors.wake(&name).await?;
        }
        Ok(())
    }

    /// Whether there is a conversation to be woken. That of a group that nobody has made is not: whoever makes ids up
    /// has no actors made of them.
    async fn exists(&self, org: &OrgId, id: &ConversationId) -> Result<(), TalksError> {
        if id.as_group().is_some() && self.head(org, id).await?.is_none() {
            return Err(Refusal::NoGroup.into());
        }
        Ok(())
    }

    /// The name of a conversation's actor, once it is clear that there is one and that it may be this person's.
    async fn reach(&self, asker: &Asker, id: &ConversationId) -> Result<String, TalksError> {
        if id.as_group().is_none() && id.peer_of(&Handle::of(&asker.person)).is_none() {
            return Err(Refusal::NotMember.into());
        }
        let name = id.actor_name(&asker.org);
        if !self.actors.is_awake(&name) {
            self.exists(&asker.org, id).await?;
        }
        Ok(name)
    }

    /// Has something done in a conversation. It is on the disk and told to everybody when this is answered.
    ///
    /// # Errors
    /// When it may not be done, or could not be written.
    pub async fn want(&self, asker: &Asker, id: &ConversationId, act: Act) -> Result<Done, TalksError> {
        member(&asker.person)?;
        check(&act)?;
        let Asker { org, person, moderates } = asker;
        let (by, moderates) = (person.clone(), *moderates);
        let name = match &act {
            Act::Found(..) => id.actor_name(org),
            _ => self.reach(asker, id).await?,
        };
        let wish = Wish { id: MessageId::new(self.house.clock.now()), by, moderates, act };
        Ok(self.actors.ask(&name, Want(wish)).await??)
    }

    /// Says something to somebody.
    ///
    /// # Errors
    /// As [`want`](Self::want).
    pub async fn say_to(&self, asker: &Asker, to: &Person, word: Word) -> Result<Done, TalksError> {
        let id = pair(&asker.person, to)?;
        self.want(asker, &id, Act::Say(word, Some(to.clone()))).await
    }

    /// Makes a group; whoever makes it looks after it.
    ///
    /// # Errors
    /// As [`want`](Self::want).
    pub async fn found(
        &self,
        asker: &Asker,
        settings: Settings,
        people: Vec<(Person, Role)>,
    ) -> Result<Done, TalksError> {
        let id = ConversationId::group(GroupId::new(self.house.clock.now()));
        self.want(asker, &id, Act::Found(settings, people)).await
    }

    /// Mutes somebody in a group, or takes that back.
    ///
    /// # Errors
    /// As [`want`](Self::want).
    pub async fn mute(
        &self,
        asker: &Asker,
        group: GroupId,
        who: Handle,
        muted: Option<Muted>,
    ) -> Result<Done, TalksError> {
        self.want(asker, &ConversationId::group(group), Act::Mute(who, muted)).await
    }

    /// Has something done about a message, wherever that is.
    ///
    /// # Errors
    /// As [`want`](Self::want); of a message that they may not hear they are told that there is none.
    pub async fn about(&self, asker: &Asker, message: MessageId, act: Act) -> Result<Done, TalksError> {
        let id = self.place(&asker.org, message).await?.ok_or(Refusal::NoMessage)?;
        match self.want(asker, &id, act).await {
            Err(TalksError::Talk(TalkError::Refused(Refusal::NotMember))) => Err(Refusal::NoMessage.into()),
            done => done,
        }
    }

    /// The conversation that a message is in.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn place(&self, org: &OrgId, id: MessageId) -> Result<Option<ConversationId>, StoreError> {
        let found = self.house.store.get(keys::community_place(org, id)).await?;
        let place: Option<(ConversationId, u64)> = found.map(|found| decode(&found.value)).transpose()?;
        Ok(place.map(|(id, _)| id))
    }

    /// Has a client hear a conversation from now on, and what it has missed since a number.
    ///
    /// # Errors
    /// When they do not take part in it, or the store fails.
    pub async fn attach(
        &self,
        asker: &Asker,
        id: &ConversationId,
        seat: Arc<dyn Seat>,
        since: Option<u64>,
    ) -> Result<Replayed, TalksError> {
        let attach = Attach { by: asker.person.clone(), seat, since, unless_there: false };
        Ok(self.actors.ask(&self.reach(asker, id).await?, attach).await??)
    }

    /// Has a client hear a conversation that began while it came, from its beginning.
    ///
    /// # Errors
    /// As [`attach`](Self::attach).
    pub async fn attach_new(
        &self,
        asker: &Asker,
        id: &ConversationId,
        seat: Arc<dyn Seat>,
    ) -> Result<Replayed, TalksError> {
        let attach = Attach { by: asker.person.clone(), seat, since: Some(0), unless_there: true };
        Ok(self.actors.ask(&self.reach(asker, id).await?, attach).await??)
    }

    /// Tells the others in a conversation that somebody writes, or has stopped.
    ///
    /// # Errors
    /// When they do not take part in it.
    pub async fn typing(
        &self,
        asker: &Asker,
        id: &ConversationId,
        is_typing: bool,
        seat: SeatId,
    ) -> Result<(), TalksError> {
        let typing = Typing { by: asker.person.clone(), is_typing, seat };
        Ok(self.actors.ask(&self.reach(asker, id).await?, typing).await??)
    }

    /// Somebody by what others call them.
    ///
    /// # Errors
    /// When there is nobody, or the store cannot be read.
    pub async fn person(&self, org: &OrgId, text: &str) -> Result<Person, TalksError> {
        let found = self.people.find(org, text).await?;
        Ok(found.ok_or_else(|| Refusal::NoPerson(text.chars().take(64).collect()))?)
    }

    /// What somebody has with somebody else, whom they name.
    ///
    /// # Errors
    /// As [`person`](Self::person).
    pub async fn with(&self, asker: &Asker, text: &str) -> Result<(ConversationId, Person), TalksError> {
        let to = self.person(&asker.org, text).await?;
        Ok((pair(&asker.person, &to)?, to))
    }

    /// Who of these is here, and has a client hear when that changes. Those who block whoever asks are not here.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn presence(
        &self,
        asker: &Asker,
        emails: &[String],
        seat: Option<SeatId>,
    ) -> Result<Vec<Value>, TalksError> {
        let (org, by) = (&asker.org, member(&asker.person)?);
        let seat = seat.and_then(|id| self.hall().seat(id));
        let mut told = Vec::new();
        for text in emails {
            let Some(person) = self.people.find(org, text).await? else {
                told.push(serde_json::json!({"email": text, "role": null, "status": "offline"}));
                continue;
            };
            let who = Handle::of(&person);
            let is_blocked =
                self.house.store.get(keys::block(org, who.as_str(), by.as_str())).await?.is_some();
            let is_here = !is_blocked && self.hall().is_here(&who.address(org));
            told.push(words::presence_of(&who, is_here));
            if let Some(seat) = seat.as_ref().filter(|_| !is_blocked) {
                let room = presence_room(org, &who);
                self.hall().catch_up(&room, seat, 0);
                self.hall().caught_up(&room, seat.id());
            }
        }
        Ok(told)
    }

    fn tell_presence(&self, org: &OrgId, who: &Handle) {
        let is_here = self.hall().is_here(&who.address(org));
        if let Ok(frame) = words::presence(org, who, is_here) {
            self.hall().announce(&presence_room(org, who), &frame);
        }
    }

    /// Has somebody hear nothing of somebody else any more, or again.
    ///
    /// # Errors
    /// When they block as many as they may, or it cannot be written.
    pub async fn block(&self, asker: &Asker, whom: &Person, is_blocked: bool) -> Result<(), TalksError> {
        let (org, who, whom) = (&asker.org, member(&asker.person)?, Handle::of(whom));
        if who == whom {
            return Err(Refusal::Unfit("block somebody: that is yourself".to_owned()).into());
        }
        let key = keys::block(org, who.as_str(), whom.as_str());
        let mut batch = Batch::default();
        if is_blocked {
            let blocked = self.blocked_by(org, &who).await?;
            if !blocked.contains(&whom) && blocked.len() >= MOST_BLOCKS {
                let why = format!("block somebody: you block {MOST_BLOCKS} people, as many as may be");
                return Err(Refusal::Full(why).into());
            }
            batch.put(key, encode(&self.house.clock.now())?);
        } else {
            batch.delete(key);
        }
        self.house.store.commit(batch).await?;
        self.blocks.changed(&who.address(org), whom.address(org), is_blocked);
        if is_blocked {
            // Whoever is blocked no longer hears whether they are here.
            let room = presence_room(org, &who);
            let _ = self.hall().part_all(&room, &whom.address(org));
        }
        Ok(())
    }

    /// Those whom somebody blocks.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn blocked_by(&self, org: &OrgId, who: &Handle) -> Result<Vec<Handle>, StoreError> {
        let prefix = keys::blocks(org, who.as_str());
        let found = self.house.store.scan(Scan::prefix(prefix.clone(), MOST_BLOCKS).keys_only()).await?;
        let whom = found.iter().filter_map(|(key, _)| keys::parse_community_of(&prefix, key));
        Ok(whom.filter_map(|text| Handle::parse(&text)).collect())
    }
}

fn presence_room(org: &OrgId, who: &Handle) -> String {
    // No conversation's room is called that.
    format!("presence:{org}:{who}")
}

/// Who somebody is in the community.
pub(super) fn member(person: &Person) -> Result<Handle, Refusal> {
    if person.guest || person.email.is_empty() { Err(Refusal::Guest) } else { Ok(Handle::of(person)) }
}

fn pair(one: &Person, other: &Person) -> Result<ConversationId, Refusal> {
    let (one, other) = (member(one)?, Handle::of(other));
    if one == other {
        return Err(Refusal::Unfit("say something: to yourself nothing is sent".to_owned()));
    }
    Ok(ConversationId::pair(&one, &other))
}

/// Whether what is wanted keeps the bounds.
fn check(act: &Act) -> Result<(), Refusal> {
    match act {
        Act::Found(settings, people) => rules::settings(settings, true).and_then(|()| rules::added(people)),
        Act::Add(people) => rules::added(people),
        Act::Update(settings) => rules::settings(settings, false),
        Act::Say(word, _) => rules::word(word),
        Act::Edit(_, content) => rules::edited(content),
        Act::React(_, kind) => rules::reaction(kind),
        Act::Read(Some(ids)) if ids.len() > MOST_READ => {
            Err(Refusal::Unfit(format!("mark messages: at most {MOST_READ} at once")))
        }
        _ => Ok(()),
    }
}
