//! Builds the server: one listener, and on each worker one App behind both ways of serving it.
//! It knows no routes; the caller's `routes` registers them.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    io,
    net::TcpListener,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_http::{HttpServiceBuilder, Request, Response};
use actix_server::{GracefulShutdownSignal, Server, ServerHandle};
use actix_service::{Service, ServiceFactory, fn_factory, map_config};
use actix_web::{
    App, Error,
    body::BoxBody,
    dev::{AppConfig, ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    web,
};
use futures_util::future::LocalBoxFuture;
use tokio::net::TcpStream;

use super::{Gateway, panics::catch_panics, polling, upgrade::Upgrades};

/// A middleware around every request that is not upgraded to Socket.IO, the polling transport's included.
pub type Around = Arc<
    dyn Fn(ServiceRequest, Next<BoxBody>) -> LocalBoxFuture<'static, Result<ServiceResponse, Error>>
        + Send
        + Sync,
>;

/// How to serve.
#[derive(Clone)]
pub struct ServeOptions {
    /// Threads, each with its own arbiter. 1 to 512.
    pub workers: usize,
    /// Connections of each worker beyond which it accepts no more for a while. Socket.IO's upgraded ones do not count.
    pub max_http_connections: usize,
    /// How long a client may take to send a request's head.
    pub request_timeout: Duration,
    /// How long a connection may stay open between requests.
    pub keep_alive: Duration,
    /// How long running requests may go on once the server stops. Whole seconds.
    pub shutdown_timeout: Duration,
    /// For instance the access log or a rate limit.
    pub around: Option<Around>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            workers: 2,
            max_http_connections: 25_000,
            request_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(10),
            around: None,
        }
    }
}

/// Serves `routes` and the gateway on one listener. To be called, and awaited, within an actix `System`.
/// The server takes no signals: stop it with [`shutdown`].
///
/// # Errors
/// When the listener cannot be used, or `workers` is not within 1 to 512.
pub fn serve<F>(
    listener: TcpListener,
    gateway: &Gateway,
    options: &ServeOptions,
    routes: F,
) -> io::Result<Server>
where
    F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    if !(1..=512).contains(&options.workers) {
        let why = format!("start {} workers: choose 1 to 512", options.workers);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let builder = Server::build()
        .workers(options.workers)
        .max_concurrent_connections(options.max_http_connections)
        .shutdown_timeout(options.shutdown_timeout.as_secs())
        .disable_signals();
    let worker = Worker {
        gateway: gateway.clone(),
        options: options.clone(),
        stopping: builder.graceful_shutdown_signal(),
        routes,
    };
    let factory = move || {
        let worker = worker.clone();
        fn_factory(move || worker.clone().start())
    };
    Ok(builder.listen("appengine", listener, factory)?.run())
}

/// Stops taking clients, tells those who are connected, waits `limit` for them to go, then stops the server.
/// Returns how many upgraded connections had to be cut.
pub async fn shutdown(server: &ServerHandle, gateway: &Gateway, limit: Duration) -> usize {
    let left = gateway.close(limit).await;
    server.stop(true).await;
    left
}

/// What each worker is made of.
#[derive(Clone)]
struct Worker<F> {
    gateway: Gateway,
    options: ServeOptions,
    stopping: GracefulShutdownSignal,
    routes: F,
}

/// A worker could not be built; the reason is in the log.
#[derive(Debug)]
struct NotBuilt;

impl<F> Worker<F>
where
    F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    async fn start(self) -> Result<impl Service<TcpStream, Response = (), Error: fmt::Debug>, NotBuilt> {
        let around = self.options.around.clone();
        let app = App::new()
            .configure(polling::routes(self.gateway.clone()))
            .configure(&self.routes)
            .wrap(from_fn(catch_panics))
            .wrap(from_fn(move |request, next: Next<BoxBody>| match &around {
                Some(around) => around(request, next),
                None => Box::pin(async move { next.call(request).await }),
            }))
            // Once more: the caller's middleware may panic too, and should see the inner 500s.
            .wrap(from_fn(catch_panics));
        // The host in it is only a fallback for requests without a Host header.
        let app = map_config(app, |()| AppConfig::default());
        let app = Rc::new(app.new_service(()).await.map_err(|()| NotBuilt)?);

        let plain = self.http().h1(Shared(Rc::clone(&app))).new_service(()).await;
        let upgrades = Upgrades::new(self.gateway.clone(), plain.map_err(|()| NotBuilt)?);
        let main = self.http().upgrade(fn_factory(move || ready(Ok::<_, Infallible>(upgrades.clone()))));
        let main = main.finish(Shared(Rc::clone(&app))).tcp().new_service(()).await;
        main.map_err(|()| NotBuilt)
    }
}

impl<F> Worker<F> {
    fn http<T, S>(&self) -> HttpServiceBuilder<T, S>
    where
        S: ServiceFactory<
                Request,
                Config = (),
                Error: Into<Response<BoxBody>> + 'static,
                InitError: fmt::Debug,
            >,
        <S::Service as Service<Request>>::Future: 'static,
    {
        let stopping = self.stopping.clone();
        HttpServiceBuilder::default()
            // Hidden, but what actix-web's own server does: idle connections close at once when the server stops.
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(self.options.keep_alive)
            .client_request_timeout(self.options.request_timeout)
            .client_disconnect_timeout(self.options.request_timeout)
            // A client that has gone must end its event stream, not keep it half open.
            .h1_allow_half_closed(false)
            .tcp_nodelay(true)
    }
}

/// Hands out one App service to both ways of serving it.
struct Shared<S>(Rc<S>);

impl<S: Service<Request> + 'static> ServiceFactory<Request> for Shared<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Config = ();
    type Service = Rc<S>;
    type InitError = Infallible;
    type Future = Ready<Result<Rc<S>, Infallible>>;

    fn new_service(&self, (): ()) -> Self::Future {
        ready(Ok(Rc::clone(&self.0)))
    }
}
