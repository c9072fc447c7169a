//! The `/chat` namespace (contract §5). It takes events apart, asks the conversations, and answers; it keeps nothing
//! and decides nothing about a conversation. What is about who answers is in `desk`, who is where in `visit`.

mod asked;
mod described;
mod desk;
mod visit;

use std::future::{Ready, ready};
use std::sync::Arc;

use appengine_actors::clock::Clock;
use appengine_actors::session::Sessions;
use appengine_actors::session::chat::message::Message;
use appengine_actors::session::chat::messages::{ChatError, Replayed};
use appengine_actors::session::chat::{ChatId, ChatsError, MOST_HISTORY, Recipient, Word};
use appengine_actors::session::person::Side;
use appengine_actors::session::seat::Seat;
use futures_util::future::BoxFuture;
use socketioxide::extract::SocketRef;

use super::namespace::{Member, Namespace, on};
use super::protocol::{
    ChatHistory, ChatMessage, CloseChat, Done, Failure, History, JoinChat, LeaveChat, ReplayedEvent,
    SendMessage, ShareStatus, UpdateMessageStatus, event,
};
use super::seat::SocketSeat;
use super::send::{Reply, push};

pub(super) use described::described;
#[cfg(test)]
pub(super) use desk::OF_STAFF;

/// Where customers and agents talk.
#[derive(Clone)]
pub(super) struct Chat {
    /// Shared by all handlers of all sockets.
    pub sessions: Arc<Sessions>,
    pub clock: Arc<dyn Clock>,
}

/// Conversations that one client hears at once.
const MOST_CHATS: usize = 1_000;
/// Messages of a history, where the client does not say how many.
const HISTORY: usize = 100;

impl Namespace for Chat {
    const PATH: &'static str = "/chat";
    const WATCHED: bool = true;

    fn bind(&self, socket: &SocketRef, member: &Arc<Member>) {
        self.bind_visit(socket, member);
        if member.identity.viewer {
            return;
        }
        if member.person.side == Side::Agent {
            self.bind_desk(socket, member);
        } else {
            self.bind_refused(socket, member);
        }
        on(socket, member, "chat-message", self.handler(member, Self::chat_message));
        on(socket, member, "sendMessage", self.handler(member, Self::send_message));
        on(socket, member, "join-chat", self.handler(member, Self::join_chat));
        on(socket, member, "leave-chat", self.handler(member, Self::leave_chat));
        on(socket, member, "chat-history", self.handler(member, Self::chat_history));
        on(socket, member, "shareStatus", self.handler(member, Self::share_status));
        on(socket, member, "updateMessageStatus", self.handler(member, Self::update_message_status));
        on(socket, member, "close-chat", self.handler(member, Self::close_chat));
    }

    fn arrive(&self, socket: SocketRef, member: Arc<Member>) -> BoxFuture<'static, ()> {
        let seat: Arc<dyn Seat> = Arc::new(SocketSeat::new(socket.clone()));
        // Fails only for a client that arrives twice.
        let _ = member.seat.set(seat.id());
        if !member.identity.viewer {
            self.sessions.chats.hall().enter(member.person.address(&member.org), Arc::clone(&seat));
        }
        self.here(&member, &seat);
        let this = self.clone();
        Box::pin(async move {
            if member.identity.viewer && socket.connected() {
                return;
            }
            if socket.connected() {
                this.catch_up(&socket, &member, &seat).await;
            } else {
                // It went while it came in: whoever is told of that was told before there was a seat to leave.
                this.depart(&member);
            }
        })
    }

    fn depart(&self, member: &Member) {
        if let Some(seat) = member.seat.get() {
            self.sessions.chats.hall().leave(*seat);
            self.sessions.desks.depart(&member.org, *seat);
        }
    }
}

/// The namespace of clients that name none: it says who they are, and has no events of its own.
#[derive(Clone)]
pub(super) struct Lobby;

impl Namespace for Lobby {
    const PATH: &'static str = "/";

    fn bind(&self, _: &SocketRef, _: &Arc<Member>) {}

    fn arrive(&self, _: SocketRef, _: Arc<Member>) -> BoxFuture<'static, ()> {
        Box::pin(ready(()))
    }

    fn depart(&self, _: &Member) {}
}

/// An event of a client, with what it takes to answer.
struct Asked {
    chat: Chat,
    member: Arc<Member>,
    socket: SocketRef,
    reply: Reply,
}

impl Chat {
    /// A handler that has its method called with everything at hand.
    fn handler<T, F, Fut>(
        &self,
        member: &Arc<Member>,
        method: F,
    ) -> impl Fn(SocketRef, T, Reply) -> Fut + Clone + Send + Sync + 'static
    where
        F: Fn(Asked, T) -> Fut + Clone + Send + Sync + 'static,
    {
        let (chat, member) = (self.clone(), Arc::clone(member));
        move |socket, payload, reply| {
            let asked = Asked { chat: chat.clone(), member: Arc::clone(&member), socket, reply };
            method(asked, payload)
        }
    }

    /// Brings a client that has just come to what it has missed, and to what it takes part in.
    async fn catch_up(&self, socket: &SocketRef, member: &Member, seat: &Arc<dyn Seat>) {
        let _turn = member.turn.lock().await;
        // A second look finds what began during the first, before this client was one of those who hear it.
        let mut known: Vec<ChatId> = Vec::new();
        for look in 0..2 {
            let mut chats = match self.sessions.chats.of(&member.org, &member.person).await {
                Ok(chats) => chats,
                Err(error) => return give_up(socket, seat, &error.to_string()),
            };
            chats.extend(own(member));
            chats.extend(member.cursors.keys().filter_map(|text| ChatId::new(text).ok()));
            chats.retain(|chat| chat.admits(&member.person));
            chats.sort();
            chats.dedup();
            for chat in chats.into_iter().filter(|chat| !known.contains(chat)).collect::<Vec<_>>() {
                // What began meanwhile is all new to it.
                let since = since(member, &chat).or((look > 0).then_some(0));
                let attached =
                    self.sessions.chats.attach(&member.org, &member.person, &chat, Arc::clone(seat), since);
                match attached.await {
                    Ok(replayed) if since.is_some() => told(socket, &chat, replayed),
                    Ok(_) => {}
                    Err(error) => return give_up(socket, seat, &error.to_string()),
                }
                known.push(chat);
            }
            self.sessions.chats.hall().settled(seat.id(), self.clock.now());
        }
        let Some(own) = own(member) else { return };
        if let Err(error) = self.sessions.desks.tell(&member.org, &own, &**seat).await {
            // It hears it with the next change.
            tracing::warn!(%error, "a customer could not be told where their chat stands");
        }
        self.greet(member, &own).await;
    }

    /// Has an assistant greet whoever comes for the first time: a client that goes on with a session has been greeted.
    async fn greet(&self, member: &Member, own: &ChatId) {
        let Some(config_id) = member.about.config_id.as_deref().filter(|_| !member.about.goes_on) else {
            return;
        };
        if let Err(error) = self.sessions.chats.greet(&member.org, &member.person, own, config_id).await {
            tracing::warn!(%error, "a customer could not be greeted");
        }
    }

    async fn chat_message(asked: Asked, sent: ChatMessage) {
        let ChatMessage { message, content, chat_id, files, client_id, assistant_id } = sent;
        let chat = match asked.chat_of(chat_id.as_deref(), None) {
            Ok(chat) => chat,
            Err(failure) => return asked.reply.send(&failure),
        };
        let config_id =
            asked.member.identity.customer.then(|| asked.member.about.config_id.clone()).flatten();
        let content = message.or(content).unwrap_or_default();
        let assistant = assistant_id.filter(|_| asked.member.identity.customer);
        let word = Word { content, files, client_id, config_id, assistant, ..Word::default() };
        asked.say(chat, word).await;
    }

    async fn send_message(asked: Asked, sent: SendMessage) {
        let SendMessage { to, chat_id, content, message, files, client_id } = sent;
        let chat = match asked.chat_of(chat_id.as_deref(), to.as_deref()) {
            Ok(chat) => chat,
            Err(failure) => return asked.reply.send(&failure),
        };
        let word = Word {
            content: content.or(message).unwrap_or_default(),
            files,
            client_id,
            to,
            ..Word::default()
        };
        asked.say(chat, word).await;
    }

    async fn join_chat(asked: Asked, JoinChat { chat_id, last_seq }: JoinChat) {
        match ChatId::new(&chat_id) {
            Ok(chat) => {
                let chat = named(&asked.member, chat);
                asked.attach(chat, last_seq).await;
            }
            Err(error) => asked.reply.send(&Failure::new("invalid_chat", format!("failed to {error}"))),
        }
    }

    async fn leave_chat(asked: Asked, LeaveChat { chat_id }: LeaveChat) {
        asked.detach(&chat_id).await;
    }

    async fn chat_history(asked: Asked, ChatHistory { chat_id, before, limit }: ChatHistory) {
        let chat = match asked.chat_of(chat_id.as_deref(), None) {
            Ok(chat) => chat,
            Err(failure) => return asked.reply.send(&failure),
        };
        let Asked { chat: Self { sessions, .. }, member, reply, .. } = asked;
        let Sessions { chats, .. } = &*sessions;
        let limit = limit.unwrap_or(HISTORY).clamp(1, MOST_HISTORY);
        match chats.history(&member.org, &member.person, &chat, before, limit).await {
            Ok(found) => {
                let has_more = found.first().is_some_and(|message| message.seq > 1);
                let history = found.iter().map(Message::in_history).collect();
                reply.send(&History { success: true, chat_id: chat, history, has_more });
            }
            Err(error) => reply.send(&failure(&error)),
        }
    }

    fn share_status(asked: Asked, shared: ShareStatus) -> Ready<()> {
        asked.share_status(&shared);
        ready(())
    }

    async fn update_message_status(asked: Asked, UpdateMessageStatus { uid, status }: UpdateMessageStatus) {
        let Asked { chat: Self { sessions, .. }, member, reply, .. } = asked;
        let Sessions { chats, .. } = &*sessions;
        match chats.mark(&member.org, &member.person, uid, status).await {
            Ok(message) => reply.send(&Done { success: true, chat_id: message.chat_id }),
            Err(error) => reply.send(&failure(&error)),
        }
    }

    async fn close_chat(asked: Asked, sent: CloseChat) {
        let CloseChat { chat_id, reason, send_transcript, transcript_email } = sent;
        let chat = match asked.chat_of(chat_id.as_deref(), None) {
            Ok(chat) => chat,
            Err(failure) => return asked.reply.send(&failure),
        };
        let Asked { chat: Self { sessions, .. }, member, reply, .. } = asked;
        let Sessions { chats, .. } = &*sessions;
        let default = if member.identity.customer { "customer_closed" } else { "agent" };
        let reason: String = reason.as_deref().unwrap_or(default).chars().take(MOST_REASON).collect();
        let address = transcript_email.map(|to| to.trim().to_owned()).filter(|to| !to.is_empty());
        let transcript = send_transcript
            .unwrap_or_default()
            .then(|| address.map_or(Recipient::Customer, Recipient::Address));
        match chats.end(&member.org, &member.person, &chat, &reason, transcript).await {
            Ok(()) => reply.send(&Done { success: true, chat_id: chat }),
            Err(error) => reply.send(&failure(&error)),
        }
    }
}

/// Characters of why a conversation is closed.
const MOST_REASON: usize = 200;

/// A customer's conversation.
fn own(member: &Member) -> Option<ChatId> {
    (member.person.side == Side::Customer).then(|| ChatId::of_customer(&member.person))
}

/// The conversation that somebody names. A guest names their own as whoever owns their address would.
fn named(member: &Member, chat: ChatId) -> ChatId {
    match own(member) {
        Some(own) if chat.as_str() == format!("customer::{}", member.person.email) => own,
        _ => chat,
    }
}

/// The number of the last message that a client has of a conversation.
fn since(member: &Member, chat: &ChatId) -> Option<u64> {
    let of = |text: &str| ChatId::new(text).ok().map(|named_by| named(member, named_by));
    let named = member.cursors.iter().find(|(text, _)| of(text).as_ref() == Some(chat)).map(|(_, seq)| *seq);
    named.or_else(|| member.cursors.get("").copied().filter(|_| own(member).as_ref() == Some(chat)))
}

fn told(socket: &SocketRef, chat: &ChatId, Replayed { from, to, count, gap }: Replayed) {
    push(socket, event::REPLAYED, &ReplayedEvent { chat_id: chat, from, to, count, gap });
}

/// A client that cannot be brought to what it has missed comes again.
fn give_up(socket: &SocketRef, seat: &Arc<dyn Seat>, why: &str) {
    tracing::warn!(sid = %socket.id, why, "a client cannot be brought to what it has missed");
    seat.cut();
}

fn failure(error: &ChatsError) -> Failure {
    let code = match error {
        ChatsError::NotYours(_) => "forbidden",
        ChatsError::Unfit(_) => "bad_message",
        ChatsError::Chat(ChatError::NoMessage) => "unknown_message",
        ChatsError::Chat(ChatError::Busy(_)) | ChatsError::Unreachable(_) => "busy",
        ChatsError::Chat(_) | ChatsError::Store(_) => "unavailable",
    };
    Failure::new(code, format!("failed to {error}"))
}
