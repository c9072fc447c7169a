//! An event of a client in the middle of its answer: which conversation is meant, saying something, hearing one.

use std::pin::pin;
use std::task::Poll;

use appengine_actors::session::Sessions;
use appengine_actors::session::chat::messages::Said;
use appengine_actors::session::chat::{ChatId, Word};
use appengine_actors::session::seat::Frame;

use super::{Asked, Chat, MOST_CHATS, failure, named, own, told};
use crate::gateway::protocol::{Done, Failure, MessageTaken, ShareStatus, StatusRelay, event};

impl Asked {
    /// Which conversation is meant: a customer has one; an agent names it, or the customer.
    pub(super) fn chat_of(&self, chat_id: Option<&str>, to: Option<&str>) -> Result<ChatId, Failure> {
        if let Some(own) = own(&self.member) {
            let is_own = |text: &str| ChatId::new(text).is_ok_and(|chat| named(&self.member, chat) == own);
            return match chat_id {
                Some(text) if !is_own(text) => {
                    Err(Failure::new("forbidden", "a customer speaks in a conversation of their own"))
                }
                _ => Ok(own),
            };
        }
        let customer = || to.filter(|to| !to.is_empty()).map(|to| format!("customer::{to}"));
        let Some(text) = chat_id.map(str::to_owned).filter(|text| !text.is_empty()).or_else(customer) else {
            return Err(Failure::new(
                "missing_chat",
                "say which conversation is meant: give `chatId`, or `to`",
            ));
        };
        ChatId::new(&text).map_err(|error| Failure::new("invalid_chat", format!("failed to {error}")))
    }

    /// Has the client hear a conversation, and what it has missed since a number.
    pub(super) async fn attach(self, chat: ChatId, last_seq: Option<u64>) {
        let Self { chat: Chat { sessions, .. }, member, socket, reply } = self;
        let Sessions { chats, .. } = &*sessions;
        let _turn = member.turn.lock().await;
        let Some(seat) = member.seat.get().and_then(|id| chats.hall().seat(*id)) else { return };
        if chats.hall().rooms_of(seat.id()) >= MOST_CHATS {
            let why = format!("a client hears {MOST_CHATS} conversations at once; leave some");
            return reply.send(&Failure::new("too_many_chats", why));
        }
        match chats.attach(&member.org, &member.person, &chat, seat, last_seq).await {
            Ok(replayed) => {
                if last_seq.is_some() {
                    told(&socket, &chat, replayed);
                }
                reply.send(&Done { success: true, chat_id: chat });
            }
            Err(error) => reply.send(&failure(&error)),
        }
    }

    /// Tells the others what somebody does at the keyboard.
    pub(super) fn share_status(self, shared: &ShareStatus) {
        let chat = match self.chat_of(shared.chat_id.as_deref(), shared.to.as_deref()) {
            Ok(chat) => chat,
            Err(failure) => return self.reply.send(&failure),
        };
        let Self { chat: Chat { sessions, clock }, member, reply, .. } = self;
        let Sessions { chats, .. } = &*sessions;
        let relay = StatusRelay {
            from: &member.person.email,
            to: shared.to.as_deref(),
            chat_id: &chat,
            status: shared.status,
            kind: shared.status,
            sent_time: shared.sent_time.unwrap_or_else(|| clock.now().as_millis()),
        };
        let (Ok(frame), Some(seat)) = (Frame::of(event::STATUS, &relay), member.seat.get()) else { return };
        match chats.hint(&member.org, &member.person, &chat, *seat, &frame) {
            Ok(()) => reply.send(&Done { success: true, chat_id: chat }),
            Err(error) => reply.send(&failure(&error)),
        }
    }

    /// Says something, in the order in which it was asked for, and answers once it is on the disk.
    pub(super) async fn say(self, chat: ChatId, word: Word) {
        let Self { chat: Chat { sessions, .. }, member, reply, .. } = self;
        let Sessions { chats, .. } = &*sessions;
        let said = {
            let mut saying = pin!(chats.say(&member.org, &member.person, &chat, word));
            let turn = member.turn.lock().await;
            match chats.wake(&member.org, &chat).await {
                Err(error) => Err(error),
                Ok(()) => {
                    // Asked by the first look: whatever comes next is behind it, and need not wait for the disk.
                    let first = futures_util::poll!(saying.as_mut());
                    drop(turn);
                    match first {
                        Poll::Ready(said) => said,
                        Poll::Pending => saying.await,
                    }
                }
            }
        };
        match said {
            Ok(Said { message, chat }) => reply.send(&MessageTaken {
                success: true,
                message_id: message.id,
                chat_id: message.chat_id,
                seq: message.seq,
                routed_to: chat.routed_to(),
            }),
            Err(error) => reply.send(&failure(&error)),
        }
    }
}
