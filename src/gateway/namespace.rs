//! What every namespace has in common: the question at the door, the `authenticate` push, the end of the token,
//! and an answer to events that nobody handles. Each namespace adds its own events in [`Namespace::bind`].

use std::{
    collections::BTreeMap,
    convert::Infallible,
    future::ready,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use appengine_actors::clock::Clock;
use appengine_actors::ids::{IdError, OrgId, RecordId};
use appengine_actors::session::person::{Person, Side};
use appengine_actors::session::seat::SeatId;
use futures_util::future::BoxFuture;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde::de::DeserializeOwned;
use socketioxide::{
    SocketIo,
    extract::{AckSender, Event, SocketRef, TryData},
    handler::ConnectHandler,
};
use tokio::sync::{Mutex, Notify};

use super::{
    admission::{Authenticate, Handshake, Identity},
    connections::Carrier,
    protocol::{Authenticated, Failure, HandshakeAuth, event},
    rooms,
    send::{Reply, let_go, push, push_bare, reject},
};

/// One namespace's own part.
pub(super) trait Namespace: Clone + Send + Sync + 'static {
    /// What clients connect to.
    const PATH: &'static str;
    /// Whether it lets in those who only watch.
    const WATCHED: bool = false;

    /// Registers the events of a client that was let in. Runs before the client hears that it is connected:
    /// registered later, its first events would find no handler and vanish.
    fn bind(&self, socket: &SocketRef, member: &Arc<Member>);

    /// What happens once the client knows that it is in. Its events wait in [`Member::turn`] as long as that is held.
    fn arrive(&self, socket: SocketRef, member: Arc<Member>) -> BoxFuture<'static, ()>;

    /// The client is gone.
    fn depart(&self, member: &Member);
}

/// A client in a namespace.
pub(super) struct Member {
    pub identity: Identity,
    pub org: OrgId,
    pub person: Person,
    /// The number of the last message that it has, by conversation; under no name that of its own.
    pub cursors: BTreeMap<String, u64>,
    /// What it says of itself.
    pub about: About,
    /// How fast its events come.
    pace: DefaultDirectRateLimiter,
    /// Where it is among those who hear.
    pub seat: OnceLock<SeatId>,
    /// Events are taken one after the other, in the order in which they came.
    pub turn: Mutex<()>,
    /// Those that are not answered yet.
    in_hand: AtomicUsize,
    chat_session_id: String,
    gone: Notify,
}

/// What a client says of itself; nothing of it is known to be true.
#[derive(Debug, Clone, Default)]
pub(super) struct About {
    /// The configuration of the widget that it is.
    pub config_id: Option<String>,
    /// The device, as the client calls it.
    pub device_id: Option<String>,
    /// The page that it shows.
    pub current_url: Option<String>,
    /// Whether it goes on with what it has begun before.
    pub goes_on: bool,
}

/// Characters of what a device is called.
const MOST_DEVICE_ID: usize = 128;
/// Events of one client that may wait for their answers before it is made to wait itself.
const MOST_IN_HAND: usize = 128;
/// Those of one that cannot be made to wait, because it polls, before further ones are refused.
const MOST_REFUSED: usize = 4_096;

impl Member {
    /// Takes an event of its client in hand, unless there are too many. Many, and nothing more is read until half of
    /// them are answered.
    fn take(self: &Arc<Self>, socket: &SocketRef) -> Option<InHand> {
        let before = self.in_hand.fetch_add(1, Ordering::AcqRel);
        let taken = InHand { member: Arc::clone(self), socket: socket.clone() };
        if before + 1 == MOST_IN_HAND {
            pause(socket, true);
            if self.in_hand.load(Ordering::Acquire) <= MOST_IN_HAND / 2 {
                // They were answered in between.
                pause(socket, false);
            }
        }
        (before < MOST_REFUSED).then_some(taken)
    }
}

/// An event that is not answered yet.
struct InHand {
    member: Arc<Member>,
    socket: SocketRef,
}

impl Drop for InHand {
    fn drop(&mut self) {
        if self.member.in_hand.fetch_sub(1, Ordering::AcqRel) == MOST_IN_HAND / 2 {
            pause(&self.socket, false);
        }
    }
}

fn pause(socket: &SocketRef, paused: bool) {
    if let Some(carrier) = Carrier::of(socket) {
        carrier.pause(&socket.id.to_string(), paused);
    }
}

/// What every namespace asks of.
pub(super) struct Door {
    pub auth: Arc<dyn Authenticate>,
    pub clock: Arc<dyn Clock>,
    /// How fast the events of one client may come.
    pub pace: Quota,
}

/// What the connect middleware found, for the connect handler.
type Outcome = Result<Arc<Member>, Failure>;

/// Opens a namespace.
pub(super) fn open<N: Namespace>(io: &SocketIo, door: &Arc<Door>, namespace: N) {
    let at_door = Arc::clone(door);
    let inside = namespace.clone();
    let admit = move |socket: SocketRef, TryData(auth): TryData<HandshakeAuth>| async move {
        let outcome = at_door.ask::<N, _>(&socket, auth).await;
        if let Ok(member) = &outcome {
            listen(&socket, member, &namespace);
            namespace.bind(&socket, member);
        }
        socket.extensions.insert(outcome);
        Ok::<(), Infallible>(())
    };
    let door = Arc::clone(door);
    let greet = move |socket: SocketRef| {
        // The synchronous part: nothing that the client sends can come before this.
        let member = welcome(&socket);
        let arrived = member.clone().map(|member| inside.arrive(socket.clone(), member));
        async move {
            let Some(member) = member else { return };
            let arrival = async {
                if let Some(arrived) = arrived {
                    arrived.await;
                }
            };
            futures_util::future::join(arrival, door.watch_token(socket, &member)).await;
        }
    };
    io.ns(N::PATH, greet.with(admit));
}

impl Door {
    async fn ask<N: Namespace, E: ToString>(
        &self,
        socket: &SocketRef,
        auth: Result<HandshakeAuth, E>,
    ) -> Outcome {
        let auth = auth.map_err(|error| {
            let why = format!("cannot read the handshake's auth object: {}", error.to_string());
            Failure::new("bad_handshake", why)
        })?;
        let handshake = Handshake::read(socket.ns(), auth, socket.req_parts());
        let chat_session_id = continued(handshake.chat_session_id.as_deref());
        let about = About {
            config_id: handshake.config_id.clone(),
            device_id: handshake.device_id.clone().filter(|id| id.len() <= MOST_DEVICE_ID),
            current_url: handshake.current_url.clone(),
            goes_on: handshake.chat_session_id.is_some() || handshake.last_seq.is_some(),
        };
        let mut cursors = handshake.cursors.clone();
        cursors.extend(handshake.last_seq.map(|seq| (String::new(), seq)));
        let identity = self.auth.authenticate(handshake).await?;
        if identity.viewer && !N::WATCHED {
            return Err(Failure::new(
                "missing_authorization_header",
                "whoever only watches may do so on /chat",
            ));
        }
        let unfit = |error: IdError| Failure::new("invalid_identity", format!("failed to {error}"));
        let person = Person {
            side: if identity.customer { Side::Customer } else { Side::Agent },
            id: RecordId::new(&identity.id).map_err(unfit)?,
            email: identity.email.clone(),
            name: identity.name.clone().unwrap_or_else(|| identity.email.clone()),
            guest: identity.guest,
        };
        Ok(Arc::new(Member {
            org: OrgId::new(&identity.org).map_err(unfit)?,
            identity,
            person,
            cursors,
            about,
            pace: RateLimiter::direct(self.pace),
            seat: OnceLock::new(),
            turn: Mutex::new(()),
            in_hand: AtomicUsize::new(0),
            chat_session_id,
            gone: Notify::new(),
        }))
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
                push_bare(&socket, event::TOKEN_EXPIRED);
                let_go(socket);
            }
        }
    }
}

fn listen<N: Namespace>(socket: &SocketRef, member: &Arc<Member>, namespace: &N) {
    let (leaving, namespace) = (Arc::clone(member), namespace.clone());
    socket.on_disconnect(move || {
        namespace.depart(&leaving);
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
pub(super) fn on<T, F, Fut>(socket: &SocketRef, member: &Arc<Member>, event: &'static str, handler: F)
where
    T: DeserializeOwned + Send + Sync + 'static,
    F: Fn(SocketRef, T, Reply) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let member = Arc::clone(member);
    socket.on(event, move |socket: SocketRef, TryData(payload): TryData<T>, ack: AckSender| {
        let in_hand = member.take(&socket);
        let begun = match payload {
            _ if member.pace.check().is_err() => {
                let why = "this client sends more events than `sockets.events_per_second` allows; slow down";
                reject(&socket, ack, event, &Failure::new("rate_limited", why));
                None
            }
            _ if in_hand.is_none() => {
                let why = format!(
                    "{MOST_REFUSED} events of this client wait for their answers; wait for some of them"
                );
                reject(&socket, ack, event, &Failure::new("too_many_events", why));
                None
            }
            Ok(payload) => {
                let reply = Reply::new(socket.clone(), ack);
                Some(handler(socket, payload, reply))
            }
            Err(error) => {
                let failure = Failure::new("bad_payload", error.to_string());
                reject(&socket, ack, event, &failure);
                None
            }
        };
        async move {
            let _in_hand = in_hand;
            if let Some(rest) = begun {
                rest.await;
            }
        }
    });
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
