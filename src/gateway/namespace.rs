//! What every namespace has in common: the question at the door, the `authenticate` push, the end of the token,
//! and an answer to events that nobody handles. Each namespace adds its own events in [`Namespace::bind`].

use appengine_actors::clock::Clock;
use std::{convert::Infallible, future::ready, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use socketioxide::{
    SendError, SocketError, SocketIo,
    extract::{AckSender, Event, SocketRef, TryData},
    handler::ConnectHandler,
};
use tokio::sync::Notify;

use super::{
    admission::{Authenticate, Handshake, Identity},
    connections::Carrier,
    protocol::{Authenticated, ErrorEvent, Failure, HandshakeAuth, NOTHING, event},
    rooms,
};

/// One namespace's own part.
pub(super) trait Namespace: Clone + Send + Sync + 'static {
    /// What clients connect to.
    const PATH: &'static str;

    /// Registers the events of a client that was let in. Runs before the client hears that it is connected:
    /// registered later, its first events would find no handler and vanish.
    fn bind(&self, socket: &SocketRef, member: &Arc<Member>);
}

/// A client in a namespace.
pub(super) struct Member {
    pub identity: Identity,
    chat_session_id: String,
    gone: Notify,
}

/// What every namespace asks of.
pub(super) struct Door {
    pub auth: Arc<dyn Authenticate>,
    pub clock: Arc<dyn Clock>,
}

/// What the connect middleware found, for the connect handler.
type Outcome = Result<Arc<Member>, Failure>;

/// Opens a namespace.
pub(super) fn open<N: Namespace>(io: &SocketIo, door: &Arc<Door>, namespace: N) {
    let at_door = Arc::clone(door);
    let admit = move |socket: SocketRef, TryData(auth): TryData<HandshakeAuth>| async move {
        let outcome = at_door.ask(&socket, auth).await;
        if let Ok(member) = &outcome {
            listen(&socket, member);
            namespace.bind(&socket, member);
        }
        socket.extensions.insert(outcome);
        Ok::<(), Infallible>(())
    };
    let door = Arc::clone(door);
    let greet = move |socket: SocketRef| {
        // The synchronous part: nothing that the client sends can come before this.
        let member = welcome(&socket);
        async move {
            if let Some(member) = member {
                door.watch_token(socket, &member).await;
            }
        }
    };
    io.ns(N::PATH, greet.with(admit));
}

impl Door {
    async fn ask<E: ToString>(&self, socket: &SocketRef, auth: Result<HandshakeAuth, E>) -> Outcome {
        let auth = auth.map_err(|error| {
            let why = format!("cannot read the handshake's auth object: {}", error.to_string());
            Failure::new("bad_handshake", why)
        })?;
        let handshake = Handshake::read(socket.ns(), auth, socket.req_parts());
        let chat_session_id = continued(handshake.chat_session_id.as_deref());
        let identity = self.auth.authenticate(handshake).await?;
        Ok(Arc::new(Member { identity, chat_session_id, gone: Notify::new() }))
    }

    /// Tells the client when its token is up, and lets it go.
    async fn watch_token(&self, socket: SocketRef, member: &Member) {
        let Some(end) = member.identity.expires_at_ms else {
            return;
        };
        let left = Duration::from_millis(end.saturating_sub(self.clock.now().as_millis()));
        tokio::select! {
            () = member.gone.notified() => {}
            () = self.clock.sleep(left) => {
                push(&socket, event::TOKEN_EXPIRED, &NOTHING);
                let_go(socket);
            }
        }
    }
}

fn listen(socket: &SocketRef, member: &Arc<Member>) {
    let leaving = Arc::clone(member);
    socket.on_disconnect(move || {
        leaving.gone.notify_one();
        ready(())
    });
    socket.on_fallback(|socket: SocketRef, Event(name): Event, ack: AckSender| {
        let failure = Failure::new("unknown_event", "this namespace has no such event");
        reject(&socket, ack, &name, &failure);
        ready(())
    });
}

/// Pushes `authenticate`. A client that was refused is told why, and let go.
fn welcome(socket: &SocketRef) -> Option<Arc<Member>> {
    match socket.extensions.remove::<Outcome>()? {
        Ok(member) => {
            let identity = &member.identity;
            let greeting = Authenticated::new(identity, &member.chat_session_id);
            push(socket, event::AUTHENTICATE, &greeting);
            socket.join([
                rooms::org(&identity.org),
                rooms::identity(&identity.org, identity.role(), &identity.email),
            ]);
            Some(member)
        }
        Err(failure) => {
            push(socket, event::AUTHENTICATE, &failure);
            let_go(socket.clone());
            None
        }
    }
}

/// Registers `handler` for `event`. It is called in the connection's reader, in the order of arrival, and must only
/// queue there; what it returns runs on. A payload that is no `T` never reaches it: the client is told instead.
pub(super) fn on<T, F, Fut>(socket: &SocketRef, event: &'static str, handler: F)
where
    T: DeserializeOwned + Send + Sync + 'static,
    F: Fn(SocketRef, T, Reply) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    socket.on(event, move |socket: SocketRef, TryData(payload): TryData<T>, ack: AckSender| {
        let begun = match payload {
            Ok(payload) => {
                let reply = Reply(socket.clone(), ack);
                Some(handler(socket, payload, reply))
            }
            Err(error) => {
                let failure = Failure::new("bad_payload", error.to_string());
                reject(&socket, ack, event, &failure);
                None
            }
        };
        async move {
            if let Some(rest) = begun {
                rest.await;
            }
        }
    });
}

/// The acknowledgement that a client may be waiting for. Sending one that was not asked for does nothing.
pub(super) struct Reply(SocketRef, AckSender);

impl Reply {
    pub fn send<T: Serialize>(self, answer: &T) {
        if let Err(error) = self.1.send(answer) {
            give_up(&self.0, &error);
        }
    }
}

/// Sends to one client.
pub(super) fn push<T: Serialize>(socket: &SocketRef, event: &str, payload: &T) {
    if let Err(error) = socket.emit(event, payload) {
        give_up(socket, &error);
    }
}

fn reject(socket: &SocketRef, ack: AckSender, event: &str, failure: &Failure) {
    let name: String = event.chars().take(MAX_NAME).collect();
    let told = ErrorEvent { code: failure.error, message: &failure.message, event: &name };
    push(socket, event::ERROR, &told);
    Reply(socket.clone(), ack).send(failure);
}

/// How much of an unknown event's name is repeated to its sender.
const MAX_NAME: usize = 64;

/// A client that does not keep up is cut: it connects again and catches up. Dropping single messages instead
/// would leave a gap that nobody notices.
fn give_up(socket: &SocketRef, error: &SendError) {
    match error {
        SendError::Socket(SocketError::Closed) => {}
        SendError::Socket(SocketError::InternalChannelFull) => {
            tracing::warn!(sid = %socket.id, namespace = socket.ns(), "slow client cut: its buffer is full");
            if let Some(carrier) = socket.req_parts().extensions.get::<Carrier>() {
                carrier.cut(&socket.id.to_string());
            }
        }
        SendError::Serialize(error) => {
            tracing::error!(%error, namespace = socket.ns(), "failed to encode a message");
        }
    }
}

fn let_go(socket: SocketRef) {
    // Fails only when the buffer is full, and then `push` has cut the connection already.
    let _ = socket.disconnect();
}

/// The chat session that a client names, when it looks like one; otherwise a new one.
fn continued(named: Option<&str>) -> String {
    let looks_right = |id: &&str| {
        id.strip_prefix("cs_").is_some_and(|rest| {
            (8..=64).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
    };
    match named.filter(looks_right) {
        Some(id) => id.to_owned(),
        None => format!("cs_{:032x}", rand::random::<u128>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_is_continued_only_when_it_looks_like_one() {
        let known = "cs_0123456789abcdef";
        assert_eq!(continued(Some(known)), known);
        for odd in ["", "cs_", "cs_abc", "xx_0123456789abcdef", "cs_0123456789abc\n"] {
            let new = continued(Some(odd));
            assert_ne!(new, odd);
            assert_eq!(continued(Some(&new)), new, "a new one can be continued");
        }
        assert_ne!(continued(None), continued(None));
    }
}
