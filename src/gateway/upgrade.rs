//! Decides what becomes of a request that asks for an upgrade: Socket.IO's stream is given to socketioxide, any other
//! goes back to actix-web as if it had just arrived. Requests come here before the App, past its middlewares.

use std::{convert::Infallible, net::SocketAddr, rc::Rc, sync::Arc};

use actix_codec::Framed;
use actix_http::{
    Request, RequestHead, Response,
    body::{BodySize, BoxBody, MessageBody},
    error::DispatchError,
    h1::{Codec, Message, SendResponse},
    ws,
};
use actix_service::Service;
use futures_util::{SinkExt, future::LocalBoxFuture};
use tokio::net::TcpStream;
use tower_service::Service as _;

use super::{
    Gateway,
    connections::{Carrier, Lease},
    convert,
    outbox::Outbox,
    polling,
    query::{EngineQuery, Transport, is_engine_path},
    refused::Refused,
    rewind::Rewind,
};

/// A stream that was taken back from actix-http.
pub(super) type Taken = Rewind<TcpStream>;

/// The upgrade service of one worker. `P` serves HTTP/1 over a stream, without upgrades.
pub(super) struct Upgrades<P> {
    gateway: Gateway,
    plain: Rc<P>,
}

impl<P> Clone for Upgrades<P> {
    fn clone(&self) -> Self {
        Self { gateway: self.gateway.clone(), plain: Rc::clone(&self.plain) }
    }
}

impl<P> Upgrades<P> {
    pub fn new(gateway: Gateway, plain: P) -> Self {
        let plain = Rc::new(plain);
        Self { gateway, plain }
    }
}

type Upgrading = (Request, Framed<TcpStream, Codec>);

impl<P> Service<Upgrading> for Upgrades<P>
where
    P: Service<(Taken, Option<SocketAddr>), Response = (), Error = DispatchError> + 'static,
{
    type Response = ();
    type Error = Infallible;
    type Future = LocalBoxFuture<'static, Result<(), Infallible>>;

    actix_service::always_ready!();

    fn call(&self, (request, framed): Upgrading) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            this.upgrade(request, framed).await;
            Ok(())
        })
    }
}

impl<P> Upgrades<P>
where
    P: Service<(Taken, Option<SocketAddr>), Response = (), Error = DispatchError>,
{
    async fn upgrade(&self, request: Request, framed: Framed<TcpStream, Codec>) {
        let outcome = match self.decide(request.head()) {
            Ok((lease, Some(head))) => self.give_away(&request, framed, lease, head).await,
            Ok((lease, None)) => self.feed_again(request, framed, lease).await,
            Err(refused) => refuse(framed, refused.answer(request.path()).into()).await,
        };
        if let Err(Broken(why)) = outcome {
            // The client is gone or speaks nonsense: nothing to do for it, and no fault of ours.
            tracing::debug!(why, "an upgrade came to nothing");
        }
    }

    /// The place that the stream takes, and the converted head when it is Socket.IO's.
    fn decide(&self, head: &RequestHead) -> Result<(Lease, Option<http::Request<()>>), Refused> {
        self.gateway.check_origin(&head.headers)?;
        let connections = &self.gateway.connections;
        if !is_engine_path(head.uri.path()) {
            return Ok((connections.admit_stream(None)?, None));
        }
        let query = EngineQuery::parse(head.uri.query().unwrap_or_default());
        let query = query.map_err(|why| Refused::handshake(&why))?;
        if query.transport != Transport::WebSocket {
            let why = "only the websocket transport takes an upgrade";
            return Err(Refused::handshake(&why));
        }
        ws::verify_handshake(head).map_err(|why| Refused::handshake(&why))?;
        let mut converted = convert::request(head).map_err(|why| Refused::handshake(&why))?;
        let lease = connections.admit_stream(query.session)?;
        converted.extensions_mut().insert(Carrier::Stream(lease.link()));
        let buffer = self.gateway.limits.max_buffered_packets;
        converted.extensions_mut().insert(Arc::new(Outbox::new(buffer, Some(lease.link()))));
        Ok((lease, Some(converted)))
    }

    /// Answers 101 and gives the stream to socketioxide.
    async fn give_away(
        &self,
        request: &Request,
        mut framed: Framed<TcpStream, Codec>,
        mut lease: Lease,
        head: http::Request<()>,
    ) -> Result<(), Broken> {
        let switching = ws::handshake_response(request.head()).finish().drop_body();
        framed.send(Message::Item((switching, BodySize::None))).await?;
        let parts = framed.into_parts();
        let query = EngineQuery::parse(request.head().uri.query().unwrap_or_default());
        if let Some(session) = query.ok().and_then(|query| query.session) {
            let end = polling::end_unless_changed(self.gateway.clone(), session.to_owned(), lease.gone());
            tokio::spawn(end);
        }
        let stream = Rewind::new(parts.read_buf.freeze(), parts.io, lease);
        self.gateway.service.clone().call((stream, head)).await.map_err(Broken::from)
    }

    /// Puts the head back in front of the stream and serves it again, this time without upgrades.
    async fn feed_again(
        &self,
        request: Request,
        mut framed: Framed<TcpStream, Codec>,
        lease: Lease,
    ) -> Result<(), Broken> {
        // Answers to requests before this one on the same connection may still be waiting.
        SinkExt::<Message<(Response<()>, BodySize)>>::flush(&mut framed).await?;
        let peer = request.head().peer_addr;
        let mut early = convert::head_text(request.head());
        drop(request);
        let parts = framed.into_parts();
        early.extend_from_slice(&parts.read_buf);
        let stream = Rewind::new(early.freeze(), parts.io, lease);
        Ok(self.plain.call((stream, peer)).await?)
    }
}

/// Why an upgrade came to nothing.
struct Broken(String);

impl<E: std::fmt::Display> From<E> for Broken {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Answers and closes: what follows on this connection is not HTTP any more.
async fn refuse(framed: Framed<TcpStream, Codec>, mut answer: Response<BoxBody>) -> Result<(), Broken> {
    answer.head_mut().set_connection_type(actix_http::ConnectionType::Close);
    // What a refusal says is short and at hand, never a stream.
    let answer = answer.map_body(|_, body| body.try_into_bytes().unwrap_or_default());
    let mut framed = SendResponse::new(framed, answer).await?;
    Ok(SinkExt::<Message<(Response<()>, BodySize)>>::close(&mut framed).await?)
}
