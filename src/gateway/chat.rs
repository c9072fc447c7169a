//! The `/chat` namespace (contract §5) and the default one, where clients only learn who they are.
//! It handles events and keeps nothing: conversations belong to the session actors.

use std::sync::Arc;

use socketioxide::extract::SocketRef;

use super::{
    namespace::{Member, Namespace, Reply, on},
    protocol::{AgentStatus, Failure, PresenceChange, SetStatus, StatusSet, event},
    rooms,
};

/// Where customers and agents talk.
#[derive(Clone)]
pub(super) struct Chat;

impl Namespace for Chat {
    const PATH: &'static str = "/chat";

    fn bind(&self, socket: &SocketRef, member: &Arc<Member>) {
        let member = Arc::clone(member);
        on(socket, "set-status", move |socket, SetStatus { status }, reply| {
            set_status(socket, Arc::clone(&member), status, reply)
        });
    }
}

/// The namespace of clients that name none: it says who they are, and has no events of its own.
#[derive(Clone)]
pub(super) struct Lobby;

impl Namespace for Lobby {
    const PATH: &'static str = "/";

    fn bind(&self, _socket: &SocketRef, _member: &Arc<Member>) {}
}

async fn set_status(socket: SocketRef, member: Arc<Member>, status: AgentStatus, reply: Reply) {
    let identity = &member.identity;
    if identity.customer {
        let failure = Failure::new("forbidden", "only agents have a status");
        return reply.send(&failure);
    }
    // Before the broadcast, which the agent's own sockets hear too.
    reply.send(&StatusSet::new(status));
    let email = &identity.email;
    let change = PresenceChange { email, status };
    let everyone = socket.within(rooms::org(&identity.org));
    if let Err(error) = everyone.emit(event::PRESENCE_CHANGE, &change).await {
        // It does not say whom it missed; their next ping ends them, and they ask anew.
        tracing::debug!(%error, "presence did not reach every socket");
    }
}
