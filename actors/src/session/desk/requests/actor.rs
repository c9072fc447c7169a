//! Carries out what people ask of a desk: the conversation does it, or says that something else came first.

use actix::{ActorFutureExt, Handler, WrapFuture, fut};
use tokio::sync::oneshot;

use crate::clock::Timestamp;
use crate::ids::EventId;
use crate::session::chat::decision::{Outrun, Route, Standing, Step};
use crate::session::chat::handling::Handling;
use crate::session::chat::messages::{ChatError, Take};
use crate::session::chat::place::Place;
use crate::session::chat::{Between, Chat, ChatId, actor_name};
use crate::session::desk::DeskActor;
use crate::session::desk::agent::Agent;
use crate::session::desk::messages::{
    DeskError, Enqueue, Figures, GetAgent, GetAgents, GetFigures, GetStanding, GetWaiting, PickNext,
    SetStatus, Takeover, Target, Transfer,
};
use crate::session::desk::state::{Order, Position};
use crate::store::StoreError;
use crate::supervision::Answer;

type Done<T> = Result<T, DeskError>;

impl DeskActor {
    /// Has a conversation do it, and answers with what it is then.
    fn order(
        &self,
        Order { chat, route }: Order,
    ) -> impl actix::ActorFuture<Self, Output = Done<Chat>> + 'static {
        let (chats, name) = (self.chats.clone(), actor_name(&self.book.org, &chat));
        let taken = async move { chats.ask(&name, Take(route)).await }.into_actor(self);
        taken.map(move |taken, act, _| {
            let taken = taken.map_err(DeskError::from).and_then(|done| done.map_err(DeskError::from));
            match &taken {
                Ok(done) => act.done(done),
                Err(_) => act.state.free(&chat),
            }
            taken
        })
    }

    /// Takes the next one that nobody else takes.
    fn pick(&mut self, pick: PickNext, tell: oneshot::Sender<Done<Option<Chat>>>) {
        let now = self.now();
        let Some(order) = self.state.pick(&pick.by, pick.queue.as_deref(), pick.skill.as_deref(), now) else {
            // Whoever asked may be gone.
            let _ = tell.send(Ok(None));
            return;
        };
        let picked = self.order(order);
        self.errands.send(picked.map(|picked, act, _| match picked {
            // Its customer has ended it, or it was taken over: the board says so in a moment.
            Err(DeskError::Chat(ChatError::Outrun(Outrun))) => {
                act.read_board();
                act.pick(pick, tell);
            }
            other => _ = tell.send(other.map(Some)),
        }));
    }

    fn once_told<T: 'static>(&self, told: oneshot::Receiver<Done<T>>) -> Answer<Self, Done<T>> {
        let gone = || StoreError::Unavailable("the desk stopped".to_owned()).into();
        self.errands.answer(async move { told.await.unwrap_or_else(|_| Err(gone())) }.into_actor(self))
    }

    fn refuse<T: 'static>(&self, why: DeskError) -> Answer<Self, Done<T>> {
        self.errands.answer(fut::ready(Err(why)))
    }

    /// Where a conversation waits or waited, and since when.
    fn place_of(&self, chat: &ChatId) -> (Place, Option<Timestamp>) {
        match self.state.standing(chat).map(|standing| &standing.handling) {
            Some(Handling::Waiting { place, since, .. }) => (place.clone(), Some(*since)),
            Some(Handling::With { place, waited, .. }) => (place.clone(), Some(*waited)),
            Some(Handling::Assisted { place, .. }) => (place.clone(), None),
            Some(Handling::Nobody) | None => (Place::default(), None),
        }
    }

    /// A step of the server, to be filled in.
    fn route(why: String, now: Timestamp) -> Route {
        let step = Step::Wait { place: Place::default(), since: None, customer: None, context: None };
        Route { id: EventId::new(now), turn: None, step, by: None, why, note: None }
    }

    /// An order to wait, as things stand.
    fn wait(&self, chat: ChatId, route: Route) -> Order {
        let turn = self.state.standing(&chat).map(|standing| standing.turn);
        Order { chat, route: Route { turn, ..route } }
    }
}

impl Handler<PickNext> for DeskActor {
    type Result = Answer<Self, Done<Option<Chat>>>;

    fn handle(&mut self, pick: PickNext, _: &mut Self::Context) -> Self::Result {
        let (tell, told) = oneshot::channel();
        self.pick(pick, tell);
        self.once_told(told)
    }
}

impl Handler<Takeover> for DeskActor {
    type Result = Answer<Self, Done<Chat>>;

    fn handle(&mut self, Takeover { by, chat }: Takeover, _: &mut Self::Context) -> Self::Result {
        if !matches!(chat.between(), Between::Customer { .. }) {
            return self.refuse(DeskError::NoCustomer(chat));
        }
        let why = format!("{} took it over", by.email);
        let order = self.state.give(&chat, by.clone(), Some(by), why, None, self.now());
        self.errands.answer(self.order(order))
    }
}

impl Handler<Transfer> for DeskActor {
    type Result = Answer<Self, Done<Chat>>;

    fn handle(&mut self, transfer: Transfer, _: &mut Self::Context) -> Self::Result {
        let Transfer { by, chat, to, note } = transfer;
        if matches!(chat.between(), Between::Pair(..)) {
            return self.refuse(DeskError::NoCustomer(chat));
        }
        let now = self.now();
        let order = match to {
            Target::Agent(email) => {
                let here = self.state.agent(&email).filter(|agent| agent.online);
                let Some(to) = here.map(|agent| agent.person.clone()) else {
                    return self.refuse(DeskError::NotHere(email));
                };
                let why = format!("{} transferred it to {email}", by.email);
                self.state.give(&chat, to, Some(by), why, note, now)
            }
            Target::Queue { queue, skill } => {
                let (place, since) = self.place_of(&chat);
                let place = Place { queue: queue.unwrap_or(place.queue), skill, priority: place.priority };
                let needs = place.skill.as_ref().map(|skill| format!(", for {skill}")).unwrap_or_default();
                let why = format!("{} transferred it to the queue {}{needs}", by.email, place.queue);
                self.state.decline(&chat, &by.email);
                let step = Step::Wait { place, since, customer: None, context: None };
                self.wait(chat, Route { step, note, by: Some(by), ..Self::route(why, now) })
            }
        };
        self.errands.answer(self.order(order))
    }
}

impl Handler<Enqueue> for DeskActor {
    type Result = Answer<Self, Done<(Chat, Option<Position>)>>;

    fn handle(&mut self, asked: Enqueue, _: &mut Self::Context) -> Self::Result {
        let Enqueue { by, chat, place, customer, context } = asked;
        // One entry for each customer (contract §5.6).
        let waits = self.state.waiting_of(&customer.email).map(|standing| standing.chat_id.clone());
        let chat = waits.unwrap_or(chat);
        if let Some(agent) = self.state.standing(&chat).and_then(|standing| standing.handling.agent()) {
            let why = format!("{} answers in it already; transfer it instead", agent.email);
            return self.refuse(DeskError::Unfit(why));
        }
        let (_, since) = self.place_of(&chat);
        let who = by.as_ref().map_or("the server", |by| by.email.as_str());
        let route = Self::route(format!("{who} put it in the queue {}", place.queue), self.now());
        let step = Step::Wait { place, since, customer: Some(customer), context };
        let order = self.wait(chat, Route { step, by, ..route });
        let queued = self.order(order);
        self.errands.answer(queued.map(|queued, act, _| {
            let chat = queued?;
            let at = act.state.position(&chat.id);
            Ok((chat, at))
        }))
    }
}

impl Handler<SetStatus> for DeskActor {
    type Result = Answer<Self, Done<Agent>>;

    fn handle(&mut self, SetStatus { who, status }: SetStatus, _: &mut Self::Context) -> Self::Result {
        let (book, known) = (self.book.clone(), self.state.agent(&who.email).cloned());
        let set = async move {
            let mut agent = match known {
                Some(agent) => agent,
                None => book.agent(who).await?,
            };
            agent.kept.status = status;
            book.keep(&agent.person.email, &agent.kept, false).await?;
            Ok(agent)
        };
        self.errands.answer(set.into_actor(self).map(move |set: Done<Agent>, act, _| {
            let agent = set?;
            let email = agent.person.email.clone();
            match act.state.agent_mut(&email) {
                // They may have come or gone meanwhile.
                Some(known) => known.kept.status = status,
                None => act.state.put_agent(agent.clone()),
            }
            act.announce(&email);
            act.work();
            Ok(act.state.agent(&email).cloned().unwrap_or(agent))
        }))
    }
}

impl Handler<GetWaiting> for DeskActor {
    type Result = Answer<Self, Vec<(Standing, Position)>>;

    fn handle(&mut self, GetWaiting(queue): GetWaiting, _: &mut Self::Context) -> Self::Result {
        let waiting = self.state.waiting(queue.as_deref());
        let waiting: Vec<_> = waiting.map(|(standing, at)| (standing.clone(), at)).collect();
        self.errands.answer(fut::ready(waiting))
    }
}

impl Handler<GetStanding> for DeskActor {
    type Result = Answer<Self, Option<(Standing, Option<Position>)>>;

    fn handle(&mut self, GetStanding(chat): GetStanding, _: &mut Self::Context) -> Self::Result {
        let standing = self.state.standing(&chat).cloned();
        let standing = standing.map(|standing| (standing, self.state.position(&chat)));
        self.errands.answer(fut::ready(standing))
    }
}

impl Handler<GetAgents> for DeskActor {
    type Result = Answer<Self, Vec<Agent>>;

    fn handle(&mut self, _: GetAgents, _: &mut Self::Context) -> Self::Result {
        let agents: Vec<Agent> = self.state.agents().cloned().collect();
        self.errands.answer(fut::ready(agents))
    }
}

impl Handler<GetAgent> for DeskActor {
    type Result = Answer<Self, Done<Agent>>;

    fn handle(&mut self, GetAgent(who): GetAgent, _: &mut Self::Context) -> Self::Result {
        let (book, known) = (self.book.clone(), self.state.agent(&who.email).cloned());
        let found = async move {
            match known {
                Some(agent) => Ok(agent),
                None => Ok(book.agent(who).await?),
            }
        };
        self.errands.answer(found.into_actor(self))
    }
}

impl Handler<GetFigures> for DeskActor {
    type Result = Answer<Self, Figures>;

    fn handle(&mut self, _: GetFigures, _: &mut Self::Context) -> Self::Result {
        let (waiting, active) = self.state.counts();
        let (available, handle_time) = (self.state.available(), self.state.handle_time());
        self.errands.answer(fut::ready(Figures { waiting, active, available, handle_time }))
    }
}
