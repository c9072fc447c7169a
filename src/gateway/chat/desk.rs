//! Who answers in which conversation: events of the staff (contract §5.3, §14 "Sockets").

use std::future::{Ready, ready};
use std::sync::Arc;

use appengine_actors::session::Sessions;
use appengine_actors::session::chat::messages::ChatError;
use appengine_actors::session::chat::{ChatId, Word};
use appengine_actors::session::desk::messages::{self, DeskError, Target};
use appengine_actors::session::person::{Person, Side};
use appengine_actors::session::seat::Frame;
use serde_json::Value;
use socketioxide::extract::SocketRef;

use super::{Asked, Chat};
use crate::gateway::namespace::{Member, on};
use crate::gateway::protocol::desk::{
    AgentShown, ChatShown, ChatTaken, Engage, Engaged, OneChat, PickNext, Reached, SetStatus, StatusSet,
    TransferChat,
};
use crate::gateway::protocol::{Done, Failure, event};

/// Events that are the staff's.
pub(in crate::gateway) const OF_STAFF: [&str; 7] =
    ["set-status", "pick-next", "takeover-chat", "transfer-chat", "observe-chat", "unobserve-chat", "engage"];
/// Characters of what one of the staff says to the next one.
const MOST_NOTE: usize = 2_000;
/// Characters of a queue's name, a skill, and what somebody is greeted with.
const MOST_NAME: usize = 100;
const MOST_GREETING: usize = 2_000;

impl Chat {
    pub(super) fn bind_desk(&self, socket: &SocketRef, member: &Arc<Member>) {
        let [set_status, pick, takeover, transfer, observe, unobserve, engage] = OF_STAFF;
        on(socket, member, set_status, self.handler(member, Self::set_status));
        on(socket, member, pick, self.handler(member, Self::pick_next));
        on(socket, member, takeover, self.handler(member, Self::takeover_chat));
        on(socket, member, transfer, self.handler(member, Self::transfer_chat));
        on(socket, member, observe, self.handler(member, Self::observe_chat));
        on(socket, member, unobserve, self.handler(member, Self::unobserve_chat));
        on(socket, member, engage, self.handler(member, Self::engage));
    }

    /// Tells customers that these events are not for them.
    pub(super) fn bind_refused(&self, socket: &SocketRef, member: &Arc<Member>) {
        for name in OF_STAFF {
            on(socket, member, name, self.handler(member, Self::refuse));
        }
    }

    fn refuse(asked: Asked, _: Value) -> Ready<()> {
        asked.reply.send(&Failure::new("forbidden", "only the staff may do that"));
        ready(())
    }

    async fn set_status(asked: Asked, SetStatus { status }: SetStatus) {
        let Asked { chat: Self { sessions, .. }, member, reply, .. } = asked;
        let Sessions { desks, .. } = &*sessions;
        match desks.set_status(&member.org, member.person.clone(), status).await {
            Ok(_) => reply.send(&StatusSet { success: true, status }),
            Err(error) => reply.send(&failure(&error)),
        }
    }

    async fn pick_next(asked: Asked, PickNext { queue, skill }: PickNext) {
        let Asked { chat: Self { sessions, .. }, member, reply, .. } = asked;
        let Sessions { desks, .. } = &*sessions;
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let by = member.person.clone();
        let pick = messages::PickNext { by, queue: given(queue), skill: given(skill) };
        match desks.pick_next(&member.org, pick).await {
            Ok(chat) => reply.send(&ChatTaken { success: true, chat: chat.as_ref().map(ChatShown::from) }),
            Err(error) => reply.send(&failure(&error)),
        }
    }

    async fn takeover_chat(asked: Asked, OneChat { chat_id }: OneChat) {
        let chat = match asked.existing(&chat_id).await {
            Ok(chat) => chat,
            Err(failure) => return asked.reply.send(&failure),
        };
        let Asked { chat: Self { sessions, .. }, member, reply, .. } = asked;
        let Sessions { desks, .. } = &*sessions;
        match desks.takeover(&member.org, member.person.clone(), chat).await {
            Ok(chat) => reply.send(&ChatTaken { success: true, chat: Some(ChatShown::from(&chat)) }),
            Err(error) => reply.send(&failure(&error)),
        }
    }

    async fn transfer_chat(asked: Asked, sent: TransferChat) {
        let TransferChat { chat_id, to, queue, skill, note } = sent;
        let chat = match asked.existing(&chat_id).await {
            Ok(chat) => chat,
            Err(failure) => return asked.reply.send(&failure),
        };
        let given =
            |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let to = match (given(to), given(queue), given(skill)) {
            (Some(email), None, None) => Target::Agent(email.to_lowercase()),
            (None, queue, skill) if queue.is_some() || skill.is_some() => {
                let too_long = |text: &Option<String>| {
                    text.as_ref().is_some_and(|text| text.chars().count() > MOST_NAME)
                };
                if too_long(&queue) || too_long(&skill) {
                    let why = format!("a queue's name and a skill have {MOST_NAME} characters at most");
                    return asked.reply.send(&Failure::new("bad_payload", why));
                }
                Target::Queue { queue, skill }
            }
            _ => {
                let why = "say to whom: give `to`, an agent's address, or else `queue`, `skill` or both";
                return asked.reply.send(&Failure::new("bad_payload", why));
            }
        };
        let note = note.map(|note| note.chars().take(MOST_NOTE).collect());
        let Asked { chat: Self { sessions, .. }, member, reply, .. } = asked;
        let Sessions { desks, .. } = &*sessions;
        match desks.transfer(&member.org, member.person.clone(), chat, to, note).await {
            Ok(chat) => reply.send(&ChatTaken { success: true, chat: Some(ChatShown::from(&chat)) }),
            Err(error) => reply.send(&failure(&error)),
        }
    }

    async fn observe_chat(asked: Asked, OneChat { chat_id }: OneChat) {
        let chat = match asked.existing(&chat_id).await {
            Ok(chat) => chat,
            Err(failure) => return asked.reply.send(&failure),
        };
        asked.attach(chat, None).await;
    }

    async fn unobserve_chat(asked: Asked, OneChat { chat_id }: OneChat) {
        asked.detach(&chat_id).await;
    }

    /// Speaks to whoever is on a device: somebody with a conversation finds it there, others are told.
    async fn engage(asked: Asked, Engage { device_id, message }: Engage) {
        let Asked { chat: Self { sessions, .. }, member, reply, .. } = asked;
        let Sessions { chats, desks, .. } = &*sessions;
        let message = message.trim();
        if message.is_empty() || message.chars().count() > MOST_GREETING {
            let why = format!("`message` has 1 to {MOST_GREETING} characters");
            return reply.send(&Failure::new("bad_payload", why));
        }
        let found = desks.presence().on_device(&member.org, &device_id);
        if found.is_empty() {
            let why = "nobody is on that device; GET /chat/customers/online says who is";
            return reply.send(&Failure::new("not_here", why));
        }
        let agent = AgentShown { email: member.person.email.clone(), name: member.person.name.clone() };
        let Ok(frame) = Frame::of(event::ENGAGE, &Engaged { message, agent }) else { return };
        let mut customers: Vec<&Person> = found
            .iter()
            .filter_map(|here| here.person.as_ref())
            .filter(|person| person.side == Side::Customer)
            .collect();
        customers.sort_by_key(|person| &person.id);
        customers.dedup_by_key(|person| &person.id);
        for customer in customers {
            let chat = ChatId::of_customer(customer);
            let word =
                Word { content: Value::from(message), to: Some(customer.email.clone()), ..Word::default() };
            if let Err(error) = chats.say(&member.org, &member.person, &chat, word).await {
                return reply.send(&super::failure(&error));
            }
        }
        // Whoever does not keep up has no use for it.
        let reached = found.iter().filter(|here| here.seat.push(&frame).is_ok()).count();
        reply.send(&Reached { success: true, reached });
    }
}

impl Asked {
    /// A conversation that there is, and that an agent may hear.
    async fn existing(&self, text: &str) -> Result<ChatId, Failure> {
        let chat =
            ChatId::new(text).map_err(|error| Failure::new("invalid_chat", format!("failed to {error}")))?;
        let Sessions { chats, .. } = &*self.chat.sessions;
        if !chat.admits(&self.member.person) {
            return Err(Failure::new("forbidden", format!("the chat {chat} is between others")));
        }
        match chats.find(&self.member.org, &chat).await {
            Ok(Some(_)) => Ok(chat),
            Ok(None) => Err(Failure::new("unknown_chat", format!("there is no chat {chat}"))),
            Err(error) => Err(Failure::new("unavailable", format!("failed to {error}"))),
        }
    }

    pub(super) async fn detach(self, chat_id: &str) {
        let Self { chat: Chat { sessions, .. }, member, reply, .. } = self;
        let Sessions { chats, .. } = &*sessions;
        // Behind a join that came before it.
        let _turn = member.turn.lock().await;
        match (ChatId::new(chat_id), member.seat.get()) {
            (Ok(chat), Some(seat)) => {
                chats.hall().part(&chat.room(&member.org), *seat);
                reply.send(&Done { success: true, chat_id: chat });
            }
            (Ok(_), None) => {}
            (Err(error), _) => reply.send(&Failure::new("invalid_chat", format!("failed to {error}"))),
        }
    }
}

fn failure(error: &DeskError) -> Failure {
    let code = match error {
        DeskError::NotHere(_) => "not_here",
        DeskError::NoCustomer(_) | DeskError::Unfit(_) => "not_routed",
        DeskError::Chat(ChatError::Outrun(_)) => "outrun",
        DeskError::Chat(ChatError::Busy(_)) | DeskError::Unreachable(_) => "busy",
        DeskError::Chat(_) | DeskError::Store(_) | DeskError::Name(_) => "unavailable",
    };
    Failure::new(code, format!("failed to {error}"))
}
