//! The polling transport: an ordinary actix route that hands its request to socketioxide and the answer back.
//! It never upgrades; the upgrade service does.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_MAX_AGE, HeaderValue, ORIGIN, VARY,
        },
    },
    web,
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use tokio::sync::oneshot;
use tower_service::Service;

use super::{
    Gateway,
    connections::{self, Carrier},
    convert,
    outbox::Outbox,
    query::{EngineQuery, PATH, Transport},
    refused::Refused,
};

/// Registers the route.
pub(super) fn routes(gateway: Gateway) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        let ask_first =
            |gateway: web::Data<Gateway>, request: HttpRequest| ready(preflight(&gateway, &request));
        let resource = web::resource([PATH.to_owned(), format!("{PATH}/")])
            .app_data(web::Data::new(gateway))
            .route(web::get().to(poll))
            .route(web::post().to(poll))
            .route(web::method(Method::OPTIONS).to(ask_first));
        config.service(resource);
    }
}

async fn poll(gateway: web::Data<Gateway>, request: HttpRequest, body: web::Payload) -> HttpResponse {
    let answer = match answer(&gateway, &request, body).await {
        Ok(answer) => answer,
        Err(refused) => refused.answer(request.path()),
    };
    let_read(&gateway, &request, answer)
}

/// A browser asks first when the request has headers of its own, such as `orgid`.
fn preflight(gateway: &Gateway, request: &HttpRequest) -> HttpResponse {
    let answer = HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, orgid"))
        .insert_header((ACCESS_CONTROL_MAX_AGE, "600"))
        .finish();
    let_read(gateway, request, answer)
}

async fn answer(
    gateway: &Gateway,
    request: &HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Refused> {
    gateway.check_origin(request.headers())?;
    let query = EngineQuery::parse(request.query_string()).map_err(|why| Refused::handshake(&why))?;
    if query.transport == Transport::WebSocket {
        // The engine would answer 101 here, on a connection that it does not get.
        let why = "the websocket transport needs an upgrade request";
        return Err(Refused::handshake(&why));
    }
    let mut converted = convert::request(request.head()).map_err(|why| Refused::handshake(&why))?;
    if query.session.is_none() {
        let carrier = Carrier::session(&gateway.connections)?;
        converted.extensions_mut().insert(carrier);
        converted.extensions_mut().insert(Arc::new(Outbox::new(gateway.limits.max_buffered_packets, None)));
    }
    let body = read(body, gateway.limits.max_payload).await?;
    let mut service = gateway.service.clone();
    let answering = service.call(converted.map(|()| Full::new(body)));
    let Ok(answered) = tokio::select! {
        answered = answering => answered,
        // A poll may wait as long as a ping does; the end of the server must not. It comes after the goodbye.
        () = gateway.connections.ended() => return Err(connections::Full::Closing.into()),
    };
    let (parts, body) = answered.into_parts();
    let Ok(body) = body.collect().await;
    Ok(convert::response(&parts, body.to_bytes()))
}

/// Ends a polling session whose stream is gone before it took over: the probe was given up. The engine would leave the
/// session between the two, where every poll is answered with nothing and nobody notices that its client is gone.
pub(super) async fn end_unless_changed(gateway: Gateway, session: String, gone: oneshot::Receiver<()>) {
    // It is told by an error, always.
    let _ = gone.await;
    let goodbye = http::Request::post(format!("{PATH}/?EIO=4&transport=polling&sid={session}"));
    if let Ok(goodbye) = goodbye.body(Full::new(Bytes::from_static(b"1"))) {
        // Refused when the stream did take over, or the session has ended.
        let Ok(_) = gateway.service.clone().call(goodbye).await;
    }
}

async fn read(body: web::Payload, most: usize) -> Result<Bytes, Refused> {
    match body.to_bytes_limited(most).await {
        Ok(read) => read.map_err(|why| Refused::body(&why)),
        Err(_limit) => Err(Refused::too_large(most)),
    }
}

/// Lets a listed page's script read the answer (CORS); its own site's needs no permission.
fn let_read(gateway: &Gateway, request: &HttpRequest, mut answer: HttpResponse) -> HttpResponse {
    let headers = answer.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    let listed = |origin: &&HeaderValue| origin.to_str().is_ok_and(|o| gateway.origins.lists(o));
    if let Some(origin) = request.headers().get(ORIGIN).filter(listed) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    answer
}

/// What socketioxide asks about paths that are not its own. Only its own are sent to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elsewhere;

impl<B> Service<http::Request<B>> for Elsewhere {
    type Response = http::Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<B>) -> Self::Future {
        let mut answer = http::Response::new(Full::default());
        *answer.status_mut() = http::StatusCode::NOT_FOUND;
        ready(Ok(answer))
    }
}
