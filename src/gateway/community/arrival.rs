//! A client comes into a community: it is brought to what it has missed, and hears what is new from then on.

use std::collections::BTreeSet;
use std::sync::Arc;

use appengine_actors::session::community::messages::TalkError;
use appengine_actors::session::community::who::Handle;
use appengine_actors::session::community::{Asker, ConversationId, TalksError};
use appengine_actors::session::seat::{Seat, SeatId};
use socketioxide::extract::SocketRef;

use super::protocol::Replayed;
use super::{Community, MOST_ROOMS, asker, failure, full};
use crate::gateway::namespace::Member;
use crate::gateway::protocol::{ErrorEvent, Failure, event};
use crate::gateway::seat::SocketSeat;
use crate::gateway::send::push;

/// What an error at the door is about.
const CURSORS: &str = "cursors";
/// Conversations of each sort in which somebody is looked for.
const MOST_OWN: usize = 2_000;

impl Community {
    pub(super) async fn bring_in(&self, socket: &SocketRef, member: &Member) {
        let _turn = member.turn.lock().await;
        let (asker, seat) = (asker(member), Arc::new(SocketSeat::new(socket.clone())));
        if let Err(error) = self.talks.enter(&asker, seat.clone()).await {
            if matches!(error, TalksError::Talk(TalkError::Refused(_))) {
                // Said again to each of its events; it may stay for what is said to everybody.
                return tell(socket, &failure(&error));
            }
            return give_up(socket, &*seat, &error);
        }
        // Fails only for a client that arrives twice.
        let _ = member.seat.set(seat.id());
        if !socket.connected() {
            // It went while it came in: whoever is told of that was told before there was a seat to leave.
            return self.talks.leave(&asker, seat.id());
        }
        if let Err(error) = self.catch_up(socket, member, &asker, seat.id()).await {
            give_up(socket, &*seat, &error);
        }
    }

    async fn catch_up(
        &self,
        socket: &SocketRef,
        member: &Member,
        asker: &Asker,
        seat: SeatId,
    ) -> Result<(), TalksError> {
        let Some(seat) = self.talks.hall().seat(seat) else { return Ok(()) };
        let known = self.own(asker).await?;
        let mut heard = BTreeSet::new();
        for (text, since) in member.cursors.iter().filter(|(text, _)| !text.is_empty()) {
            if heard.len() >= MOST_ROOMS {
                tell(socket, &full());
                break;
            }
            let attached = async {
                let id = self.named(asker, text).await?;
                let replayed = self.talks.attach(asker, &id, seat.clone(), Some(*since)).await?;
                Ok((id, replayed))
            };
            match attached.await {
                Ok((id, replayed)) => {
                    let peer = id.peer_of(&Handle::of(&member.person));
                    let told = Replayed {
                        chat_id: &id,
                        conversation_id: &id,
                        group_id: id.as_group(),
                        peer: peer.map(Handle::email),
                        from: replayed.from,
                        to: replayed.to,
                        count: replayed.count,
                        gap: replayed.gap,
                    };
                    push(socket, event::REPLAYED, &told);
                    heard.insert(id);
                }
                // It is told which of them is not theirs, or no longer; the others go on.
                Err(error @ TalksError::Talk(TalkError::Refused(_))) => {
                    let failure = failure(&error);
                    let message = format!("{} ({text})", failure.message);
                    tell(socket, &Failure::new(failure.error, message));
                }
                Err(error) => return Err(error),
            }
        }
        self.talks.hall().settled(seat.id(), self.clock.now());
        // What began meanwhile is all new to it.
        for id in self.own(asker).await?.into_iter().filter(|id| !known.contains(id)) {
            if !heard.contains(&id) {
                self.talks.attach_new(asker, &id, seat.clone()).await?;
            }
        }
        Ok(())
    }

    async fn own(&self, asker: &Asker) -> Result<BTreeSet<ConversationId>, TalksError> {
        let who = Handle::of(&asker.person);
        let mut own = BTreeSet::new();
        for sort in [b'g', b'd'] {
            own.extend(self.talks.own(&asker.org, &who, sort, MOST_OWN).await?);
        }
        Ok(own)
    }

    /// The conversation that a cursor names: by its id, or the other person's address.
    async fn named(&self, asker: &Asker, text: &str) -> Result<ConversationId, TalksError> {
        match ConversationId::parse(text) {
            Some(id) => Ok(id),
            None => Ok(self.talks.with(asker, text).await?.0),
        }
    }
}

fn tell(socket: &SocketRef, failure: &Failure) {
    let told = ErrorEvent { code: failure.error, message: &failure.message, event: CURSORS };
    push(socket, event::ERROR, &told);
}

/// A client that cannot be brought to what it has missed comes again.
fn give_up(socket: &SocketRef, seat: &dyn Seat, why: &TalksError) {
    tracing::warn!(sid = %socket.id, %why, "a client cannot be brought to what it has missed");
    seat.cut();
}
