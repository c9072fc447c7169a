//! Against real sockets on loopback. Where time must pass, the attempt's own limit is short.

mod addresses;
mod bounds;
mod exchange;
mod failures;
mod proxies;
mod secure;

use std::sync::Mutex;

use appengine_actors::webhook::failure::Fault;
use appengine_actors::webhook::headers::HeaderError;
use appengine_actors::webhook::send_options::SendOptions;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::*;
use crate::outbound::testing::{Received, Script, Server, Silent};

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(30);
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn options() -> HttpOptions {
    HttpOptions {
        open_subnets: vec!["127.0.0.0/8".parse().unwrap()],
        plain_http: true,
        ..HttpOptions::default()
    }
}

fn transport() -> HttpTransport {
    HttpTransport::new(&options()).unwrap()
}

fn scripted(script: &Arc<Script>) -> HttpTransport {
    HttpTransport::with_lookup(&options(), script.clone()).unwrap()
}

fn request(url: impl Into<String>, timeout: Duration) -> OutboundRequest {
    OutboundRequest {
        method: Method::Post,
        url: url.into(),
        headers: vec![("webhook-id".to_owned(), "msg_1".to_owned())],
        body: Bytes::from_static(b"{\"type\":\"contact.created\"}"),
        timeout,
        options: SendOptions::default(),
    }
}

async fn reply(transport: &HttpTransport, url: String) -> OutboundReply {
    transport.send(request(url, LONG)).await.result.unwrap()
}

async fn failure(transport: &HttpTransport, url: impl Into<String>) -> SendError {
    transport.send(request(url, LONG)).await.result.unwrap_err()
}

/// A server that reads a request, writes these bytes and hangs up.
async fn saying(response: impl Into<Vec<u8>>) -> Server {
    let response: Arc<[u8]> = response.into().into();
    Server::start(move |mut peer| {
        let response = Arc::clone(&response);
        async move {
            peer.request().await;
            peer.write(&response).await;
        }
    })
    .await
}

/// A server that answers one request with these bytes and tells what it was asked.
async fn telling(response: &'static str) -> (Server, oneshot::Receiver<Received>) {
    let (tell, told) = oneshot::channel();
    let tell = Mutex::new(Some(tell));
    let server = Server::start(move |mut peer| {
        let tell = tell.lock().unwrap().take();
        async move {
            let received = peer.request().await.unwrap();
            peer.write(response).await;
            let _ = tell.unwrap().send(received);
        }
    })
    .await;
    (server, told)
}
