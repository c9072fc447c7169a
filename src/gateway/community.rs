//! The `/community-chat` namespace (contract §6). It takes events apart, asks the conversations, and answers; it keeps
//! nothing and decides nothing about a conversation.

mod arrival;
mod described;
mod protocol;

pub(super) use described::described;

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use appengine_actors::clock::Clock;
use appengine_actors::ids::{GroupId, MessageId};
use appengine_actors::session::community::message::Message;
use appengine_actors::session::community::messages::TalkError;
use appengine_actors::session::community::wish::{Act, Done, Mark, Refusal};
use appengine_actors::session::community::{Asker, ConversationId, Part, Talks, TalksError};
use appengine_actors::session::person::Person;
use futures_util::future::BoxFuture;
use socketioxide::extract::SocketRef;

use self::protocol::{
    AskHistory, AskPresence, DeleteMessage, EditMessage, HistoryTold, JoinGroup, LeaveGroup, MarkRead, React,
    SendMessage, Told, TypingHint, Where,
};
use super::namespace::{Member, Namespace, on};
use super::protocol::Failure;
use super::send::Reply;

/// Where members of a community talk.
#[derive(Clone)]
pub(super) struct Community {
    /// Shared by all handlers of all sockets.
    pub talks: Arc<Talks>,
    pub clock: Arc<dyn Clock>,
}

/// Conversations and people of whom one client hears at once.
const MOST_ROOMS: usize = 1_000;
/// People of whom a client asks at once whether they are here.
const MOST_ASKED: usize = 200;
/// Messages of a history, where the client does not say how many.
const HISTORY: usize = 50;

impl Namespace for Community {
    const PATH: &'static str = "/community-chat";

    fn bind(&self, socket: &SocketRef, member: &Arc<Member>) {
        on(socket, member, "join-group", self.handler(member, Self::join_group));
        on(socket, member, "leave-group", self.handler(member, Self::leave_group));
        on(socket, member, "sendMessage", self.handler(member, Self::send_message));
        on(socket, member, "typing", self.handler(member, Self::typing));
        on(socket, member, "markRead", self.handler(member, Self::mark_read));
        on(socket, member, "react", self.handler(member, Self::react));
        on(socket, member, "editMessage", self.handler(member, Self::edit_message));
        on(socket, member, "deleteMessage", self.handler(member, Self::delete_message));
        on(socket, member, "history", self.handler(member, Self::history));
        on(socket, member, "presence", self.handler(member, Self::presence));
    }

    fn arrive(&self, socket: SocketRef, member: Arc<Member>) -> BoxFuture<'static, ()> {
        let this = self.clone();
        Box::pin(async move { this.bring_in(&socket, &member).await })
    }

    fn depart(&self, member: &Member) {
        if let Some(seat) = member.seat.get() {
            self.talks.leave(&asker(member), *seat);
        }
    }
}

/// Whoever is at a client. On a socket nobody looks after groups that they are not in.
fn asker(member: &Member) -> Asker {
    Asker { org: member.org.clone(), person: member.person.clone(), moderates: false }
}

/// An event of a client, with what it takes to answer.
struct Asked {
    talks: Arc<Talks>,
    member: Arc<Member>,
    reply: Reply,
}

/// What an event is about.
enum Target {
    Group(GroupId),
    Peer(String),
    Message(MessageId),
}

impl Community {
    /// A handler that has its method called with everything at hand.
    fn handler<T, F, Fut>(
        &self,
        member: &Arc<Member>,
        method: F,
    ) -> impl Fn(SocketRef, T, Reply) -> Fut + Clone + Send + Sync + 'static
    where
        F: Fn(Asked, T) -> Fut + Clone + Send + Sync + 'static,
    {
        let (talks, member) = (Arc::clone(&self.talks), Arc::clone(member));
        move |_, payload, reply| {
            let asked = Asked { talks: Arc::clone(&talks), member: Arc::clone(&member), reply };
            method(asked, payload)
        }
    }

    async fn join_group(asked: Asked, JoinGroup { group_id, last_seq }: JoinGroup) {
        let Asked { talks, member, reply } = asked;
        let (asker, id) = (asker(&member), ConversationId::group(group_id));
        let _turn = member.turn.lock().await;
        let Some(seat) = member.seat.get().and_then(|id| talks.hall().seat(*id)) else {
            return reply.send(&nobody());
        };
        if talks.hall().rooms_of(seat.id()) >= MOST_ROOMS {
            return reply.send(&full());
        }
        let joined = async {
            let done = talks.want(&asker, &id, Act::Join).await?;
            // Whoever came in just now hears it from there; others hear it again, or from where they were.
            if done.seq.is_none() || last_seq.is_some() {
                talks.attach(&asker, &id, seat, last_seq).await?;
            }
            Ok(done)
        };
        match joined.await {
            Ok(done) => {
                reply.send(&Told { group_id: Some(group_id), group: done.group, ..success(done.seq) });
            }
            Err(error) => reply.send(&failure(&error)),
        }
    }

    async fn leave_group(asked: Asked, LeaveGroup { group_id }: LeaveGroup) {
        let left = asked.done(Target::Group(group_id), |_| Act::Leave).await;
        asked.tell(left, |done| Told { group_id: Some(group_id), ..success(done.seq) });
    }

    async fn send_message(asked: Asked, sent: SendMessage) {
        let (place, word) = sent.split();
        let said = match place.target() {
            Ok(target) => asked.done(target, |to| Act::Say(word, to)).await,
            Err(failure) => return asked.reply.send(&failure),
        };
        asked.tell(said, |done| Told { message: done.message.as_ref().map(Message::told), ..about(&done) });
    }

    async fn typing(asked: Asked, TypingHint { place, is_typing }: TypingHint) {
        let target = match place.target() {
            Ok(target) => target,
            Err(failure) => return asked.reply.send(&failure),
        };
        let asker = asker(&asked.member);
        let told = async {
            let (id, _) = asked.resolve(target).await?;
            let Some(seat) = asked.member.seat.get() else { return Ok(()) };
            asked.talks.typing(&asker, &id, is_typing, *seat).await
        };
        match told.await {
            Ok(()) => asked.reply.send(&success(None)),
            Err(error) => asked.reply.send(&failure(&error)),
        }
    }

    async fn mark_read(asked: Asked, MarkRead { place, message_ids }: MarkRead) {
        let read = match place.target() {
            Ok(target) => asked.done(target, |_| Act::Read(message_ids)).await,
            Err(failure) => return asked.reply.send(&failure),
        };
        asked.tell(read, |done| Told { read: done.mark.as_ref().map(Mark::told), ..success(None) });
    }

    async fn react(asked: Asked, React { message_id, kind }: React) {
        let reacted = asked.done(Target::Message(message_id), |_| Act::React(message_id, kind)).await;
        asked.tell(reacted, |done| {
            let action = done.added.map(|added| if added { "added" } else { "removed" });
            Told { action, reactions: done.message.as_ref().map(Message::feelings), ..about(&done) }
        });
    }

    async fn edit_message(asked: Asked, EditMessage { message_id, content }: EditMessage) {
        let edited = asked.done(Target::Message(message_id), |_| Act::Edit(message_id, content)).await;
        asked.tell(edited, |done| Told { message: done.message.as_ref().map(Message::told), ..about(&done) });
    }

    async fn delete_message(asked: Asked, DeleteMessage { message_id }: DeleteMessage) {
        let deleted = asked.done(Target::Message(message_id), |_| Act::Delete(message_id)).await;
        asked.tell(deleted, |done| about(&done));
    }

    async fn history(asked: Asked, wanted: AskHistory) {
        let AskHistory { place, before, after, limit, reply_to } = wanted;
        let target = match place.target() {
            Ok(target) => target,
            Err(failure) => return asked.reply.send(&failure),
        };
        let asker = asker(&asked.member);
        let part = Part { before, after, limit: limit.unwrap_or(HISTORY), reply_to };
        let found = async {
            let (id, _) = asked.resolve(target).await?;
            let history = asked.talks.history(&asker, &id, &part).await?;
            Ok((id, history))
        };
        match found.await {
            Ok((conversation_id, found)) => asked.reply.send(&HistoryTold {
                success: true,
                conversation_id,
                messages: found.messages,
                has_more: found.has_more,
                next: found.next,
                reads: found.reads,
                seq: found.seq,
                gap: found.gap,
            }),
            Err(error) => asked.reply.send(&failure(&error)),
        }
    }

    async fn presence(asked: Asked, AskPresence { emails }: AskPresence) {
        if emails.len() > MOST_ASKED {
            let why = format!("failed to tell who is here: give {MOST_ASKED} addresses at most");
            return asked.reply.send(&Failure::new("bad_message", why));
        }
        let seat = asked.member.seat.get().copied();
        let rooms = seat.map_or(0, |seat| asked.talks.hall().rooms_of(seat));
        if rooms + emails.len() > MOST_ROOMS {
            return asked.reply.send(&full());
        }
        match asked.talks.presence(&asker(&asked.member), &emails, seat).await {
            Ok(presence) => asked.reply.send(&Told { presence: Some(presence), ..success(None) }),
            Err(error) => asked.reply.send(&failure(&error)),
        }
    }
}

impl Where {
    /// What it says.
    fn target(self) -> Result<Target, Failure> {
        match (self.group_id, self.to.filter(|to| !to.trim().is_empty())) {
            (Some(group), None) => Ok(Target::Group(group)),
            (None, Some(peer)) => Ok(Target::Peer(peer)),
            _ => Err(Failure::new(
                "missing_chat",
                "say which conversation is meant: give either `groupId` or the other person's address",
            )),
        }
    }
}

impl Asked {
    /// Which conversation is meant, and with whom it is.
    async fn resolve(&self, target: Target) -> Result<(ConversationId, Option<Person>), TalksError> {
        match target {
            Target::Group(id) => Ok((ConversationId::group(id), None)),
            Target::Peer(text) => {
                let (id, peer) = self.talks.with(&asker(&self.member), &text).await?;
                Ok((id, Some(peer)))
            }
            Target::Message(id) => {
                let place = self.talks.place(&self.member.org, id).await?;
                Ok((place.ok_or(Refusal::NoMessage)?, None))
            }
        }
    }

    /// Has something done, in the order in which it was asked for, and waits until it is on the disk.
    async fn done(
        &self,
        target: Target,
        act: impl FnOnce(Option<Person>) -> Act,
    ) -> Result<Done, TalksError> {
        let asker = asker(&self.member);
        let turn = self.member.turn.lock().await;
        let (id, peer) = self.resolve(target).await?;
        self.talks.wake(&self.member.org, &id).await?;
        let mut wanted = pin!(self.talks.want(&asker, &id, act(peer)));
        // Asked by the first look: whatever comes next is behind it, and need not wait for the disk.
        let first = futures_util::poll!(wanted.as_mut());
        drop(turn);
        match first {
            Poll::Ready(done) => done,
            Poll::Pending => wanted.await,
        }
    }

    /// Answers with what was done, or with why it was not.
    fn tell(self, done: Result<Done, TalksError>, told: impl FnOnce(Done) -> Told) {
        match done {
            Ok(done) => self.reply.send(&told(done)),
            Err(error) => self.reply.send(&failure(&error)),
        }
    }
}

fn success(seq: Option<u64>) -> Told {
    Told { success: true, seq, ..Told::default() }
}

/// What was done about a message.
fn about(done: &Done) -> Told {
    Told { message_id: done.message.as_ref().map(|message| message.id), ..success(done.seq) }
}

fn full() -> Failure {
    let why = format!("a client hears of {MOST_ROOMS} conversations and people at once; connect another one");
    Failure::new("too_many_chats", why)
}

fn nobody() -> Failure {
    Failure::new("forbidden", format!("failed to {}", Refusal::Guest))
}

fn failure(error: &TalksError) -> Failure {
    let code = match error {
        TalksError::Talk(TalkError::Refused(refusal)) => refusal.code(),
        TalksError::Talk(TalkError::Busy(_)) | TalksError::Unreachable(_) => "busy",
        TalksError::Talk(_) | TalksError::Store(_) => "unavailable",
    };
    Failure::new(code, format!("failed to {error}"))
}
