//! Socket.IO and everything else on one listener: actix-web serves HTTP, socketioxide gets the upgraded streams.
//! It moves bytes, asks who a client is and hands events on; it decides nothing about chats and stores nothing.
//!
//! In reading order: [`serve`] builds the server; `upgrade` decides what becomes of a stream and `polling` carries
//! clients without one, with `origins`, `query`, `refused`, `connections`, `rewind` and `convert` at their service;
//! `admission` asks who a client is; `namespace` is what all namespaces share, `protocol` their words, `rooms` the
//! names of their rooms, `seat` a socket as sessions know it, with its `outbox`, and `chat` and `community` those that have events. `panics` guards the App; `seams` is what is passed in.

mod admission;
mod asyncapi;
mod chat;
mod community;
mod connections;
mod convert;
mod limits;
mod namespace;
mod origins;
mod outbox;
mod panics;
mod polling;
mod protocol;
mod query;
mod refused;
mod rewind;
mod rooms;
mod seams;
mod seat;
mod send;
mod server;
mod upgrade;

use appengine_actors::clock::Clock;
use appengine_actors::session::Sessions;
use std::{fmt, sync::Arc, time::Duration};

use actix_web::http::header::{HOST, HeaderMap, ORIGIN};
use socketioxide::{SocketIo, service::SocketIoService};

pub use self::{
    admission::{Authenticate, Handshake, Identity, Refusal},
    asyncapi::asyncapi,
    limits::GatewayLimits,
    origins::{BadOrigin, Origins},
    panics::catch_panics,
    server::{Around, ServeOptions, serve, shutdown},
};
use self::{
    chat::{Chat, Lobby},
    community::Community,
    connections::Connections,
    namespace::Door,
    polling::Elsewhere,
    refused::Refused,
};

/// The sockets of one server. Clones are the same gateway.
#[derive(Clone)]
pub struct Gateway {
    io: SocketIo,
    service: SocketIoService<Elsewhere>,
    connections: Connections,
    limits: GatewayLimits,
    origins: Arc<Origins>,
    clock: Arc<dyn Clock>,
}

impl Gateway {
    /// Opens the namespaces. Nothing is served before [`serve`].
    #[must_use]
    pub fn new(
        limits: GatewayLimits,
        origins: Arc<Origins>,
        auth: Arc<dyn Authenticate>,
        clock: Arc<dyn Clock>,
        sessions: Sessions,
    ) -> Self {
        let (service, io) = limits.builder().build_with_inner_svc(Elsewhere);
        let door = Arc::new(Door { auth, clock: Arc::clone(&clock), pace: limits.pace() });
        namespace::open(&io, &door, Lobby);
        let talks = Arc::new(sessions.talks.clone());
        namespace::open(&io, &door, Chat { sessions: Arc::new(sessions), clock: Arc::clone(&clock) });
        namespace::open(&io, &door, Community { talks, clock: Arc::clone(&clock) });
        Self { io, service, connections: Connections::new(limits.max_connections), limits, origins, clock }
    }

    /// For sending into rooms and for namespaces of one's own.
    #[must_use]
    pub fn io(&self) -> &SocketIo {
        &self.io
    }

    /// Upgraded connections that are open now: Socket.IO's and all others.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.connections.streams()
    }

    /// Sessions that began by polling and are open now.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.connections.sessions()
    }

    /// Resolves when the gateway begins to close: whoever serves a stream of their own says goodbye then.
    pub async fn closing(&self) {
        self.connections.closing().await;
    }

    /// Resolves when no upgraded connection is open.
    pub async fn drained(&self) {
        self.connections.drained().await;
    }

    /// Takes no more clients, tells those who are connected to go, and waits `limit` for their connections to end.
    /// Returns how many did not and were cut.
    pub async fn close(&self, limit: Duration) -> usize {
        self.connections.close_door();
        let all_go = async {
            self.io.close().await;
            // What never joined a namespace, and what is not Socket.IO's.
            self.connections.end_all();
            self.drained().await;
        };
        tokio::select! {
            () = all_go => {}
            () = self.clock.sleep(limit) => {}
        }
        let left = self.connections.streams();
        self.connections.cut_all();
        left
    }

    /// The first question to every request, on both ways in.
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let Some(origin) = headers.get(ORIGIN) else {
            return Ok(());
        };
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        match origin.to_str() {
            Ok(origin) if self.origins.admit(origin, host) => Ok(()),
            _ => Err(Refused::origin()),
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("limits", &self.limits)
            .field("origins", &self.origins)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}
