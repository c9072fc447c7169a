//! How long a request spends on its name and its connection, told from inside the connector. Owns a
//! task-local; a connection that hyper finishes for somebody else, outside of any request, is not
//! counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

tokio::task_local! {
    static CURRENT: Phases;
}

/// What is known of one request's connection so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// A new connection was begun, rather than one used again.
    pub(super) began: bool,
    /// How long the name took.
    pub(super) dns: Option<Duration>,
    /// How long TCP took after that.
    pub(super) connect: Option<Duration>,
    /// How long TLS took after that.
    pub(super) tls: Option<Duration>,
    /// The receiver asked for a certificate of ours.
    pub(super) asked: bool,
    /// When the handshake began.
    handshake: Option<Instant>,
}

/// The record of one request, shared with the connector while the request runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Phases(Arc<Mutex<Seen>>);

impl Phases {
    /// Runs the request with this record at hand.
    pub(super) async fn watch<F: Future>(&self, request: F) -> F::Output {
        CURRENT.scope(self.clone(), request).await
    }

    pub(super) fn seen(&self) -> Seen {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(change: impl FnOnce(&mut Seen)) {
        let _outside_of_a_request = CURRENT.try_with(|phases| {
            change(&mut phases.0.lock().unwrap_or_else(PoisonError::into_inner));
        });
    }
}

/// Where a measurement begins.
#[expect(
    clippy::disallowed_methods,
    reason = "a phase is measured by the timer that limits it, for people to read; nothing is decided by it"
)]
pub(super) fn begin() -> Instant {
    Instant::now()
}

/// Notes how long a name took to resolve.
pub(super) fn note_dns(took: Duration) {
    Phases::note(|seen| seen.dns = Some(took));
}

/// Notes that TLS begins. Over a proxy that is reached by TLS it begins twice, and the last one counts.
pub(super) fn note_handshake() {
    Phases::note(|seen| seen.handshake = Some(begin()));
}

/// Notes that the receiver asks who is calling.
pub(super) fn note_asked() {
    Phases::note(|seen| seen.asked = true);
}

/// Times whatever connector it is laid around.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeConnect;

impl<S> Layer<S> for TimeConnect {
    type Service = TimedConnect<S>;

    fn layer(&self, inner: S) -> TimedConnect<S> {
        TimedConnect(inner)
    }
}

/// A connector that notes how long it took.
#[derive(Debug, Clone)]
pub(super) struct TimedConnect<S>(S);

impl<S, R> Service<R> for TimedConnect<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, target: R) -> Self::Future {
        let connecting = self.0.call(target);
        Box::pin(async move {
            let start = begin();
            Phases::note(|seen| *seen = Seen { began: true, ..Seen::default() });
            let result = connecting.await;
            if result.is_ok() {
                let took = start.elapsed();
                Phases::note(|seen| {
                    seen.tls = seen.handshake.map(|handshake| handshake.elapsed());
                    let before = seen.dns.unwrap_or_default() + seen.tls.unwrap_or_default();
                    seen.connect = Some(took.saturating_sub(before));
                });
            }
            result
        })
    }
}
