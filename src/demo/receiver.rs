//! The integrator's side of the demo: an HTTP server of its own that takes webhooks.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use appengine_actors::clock::{Clock, timeout};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Bytes of a webhook that are read.
const MOST: usize = 1 << 20;

/// A webhook as it came.
#[derive(Debug)]
pub struct Received {
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The raw bytes.
    pub body: Bytes,
}

impl Received {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// Takes webhooks until it is dropped.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    received: mpsc::Receiver<Received>,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// Listens on a free port.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("failed to find a port")?;
        let address = listener.local_addr()?;
        let (tell, received) = mpsc::channel(16);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tell = tell.clone();
                let answer = service_fn(move |request| take(tell.clone(), request));
                tokio::spawn(
                    http1::Builder::new().serve_connection(hyper_util::rt::TokioIo::new(stream), answer),
                );
            }
        });
        Ok(Self { address, received, task })
    }

    /// The next webhook, waited for at most `limit`.
    ///
    /// # Errors
    /// When none comes in time.
    pub async fn next(&mut self, clock: &dyn Clock, limit: Duration) -> anyhow::Result<Received> {
        let next = timeout(clock, limit, self.received.recv()).await.flatten();
        next.with_context(|| format!("no webhook came within {} s", limit.as_secs()))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(
    tell: mpsc::Sender<Received>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let Ok(body) = Limited::new(body, MOST).collect().await else {
        return Ok(answer(413, "too large"));
    };
    // Nobody waits for it any more when the demo is over.
    let _ = tell.send(Received { headers, body: body.to_bytes() }).await;
    Ok(answer(200, "ok"))
}

fn answer(status: u16, text: &'static str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    answer
}
