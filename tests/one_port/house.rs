//! A live server in this process; its authentication reads the answer from the token, its clock is turned by hand.

use std::{
    future::ready,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::Command,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use actix::{Actor, ActorContext, StreamHandler};
use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
    middleware::Next,
    web,
};
use actix_web_actors::ws;
use appengine::gateway::{
    Authenticate, Gateway, GatewayLimits, Handshake, Identity, Origins, Refusal, ServeOptions, serve,
    shutdown,
};
use appengine_actors::clock::{Clock, SystemClock, Timestamp};
use appengine_actors::testkit::TestHouse;
use bytes::Bytes;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use socketioxide::{
    extract::{AckSender, Data, SocketRef},
    handler::ConnectHandler,
};
use tokio::sync::{Notify, watch};

pub struct House {
    pub address: SocketAddr,
    pub gateway: Gateway,
    pub clock: Arc<TestClock>,
    stop: Arc<Notify>,
    /// The number of connections that the shutdown had to cut.
    left: mpsc::Receiver<usize>,
    thread: Option<JoinHandle<()>>,
}

impl House {
    pub fn open() -> Self {
        Self::with(GatewayLimits::default())
    }

    pub fn with(limits: GatewayLimits) -> Self {
        Self::build(limits, 2)
    }

    pub fn build(limits: GatewayLimits, workers: usize) -> Self {
        let clock = Arc::new(TestClock(watch::Sender::new(false)));
        let origins = Origins::new(["https://app.example.com"]).expect("origins");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let stop = Arc::new(Notify::new());
        let (left_tx, left) = mpsc::sync_channel(1);
        let (ready_tx, ready) = mpsc::sync_channel(1);
        let state = State { stop: stop.clone(), clock: clock.clone() };
        let gateways_clock = clock.clone();
        let thread = std::thread::spawn(move || {
            actix::System::new().block_on(async move {
                let stop = state.stop.clone();
                let machine = TestHouse::start();
                let sessions = machine.machine.sessions.clone();
                let served =
                    Gateway::new(limits, Arc::new(origins), Arc::new(ByToken), gateways_clock, sessions);
                add_echo(&served);
                let routes = move |config: &mut web::ServiceConfig| routes(config, &state);
                let options =
                    ServeOptions { workers, around: Some(Arc::new(around)), ..ServeOptions::default() };
                let server = serve(listener, &served, &options, routes).expect("a server");
                let handle = server.handle();
                let stopping = async {
                    stop.notified().await;
                    shutdown(&handle, &served, Duration::from_secs(5)).await
                };
                ready_tx.send(served.clone()).expect("the test waits");
                let (ended, left) = tokio::join!(server, stopping);
                ended.expect("a clean end");
                // Nobody listens unless the test asked for the stop.
                let _ = left_tx.send(left);
            });
        });
        let gateway = ready.recv().expect("the server starts");
        Self { address, gateway, clock, stop, left, thread: Some(thread) }
    }

    /// Runs a scenario of `tests/clients/run.mjs` against this server.
    pub fn run_client(&self, scenario: &str) {
        let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
        assert!(
            clients.join("node_modules").is_dir(),
            "the JavaScript clients are not installed: run `npm ci` in {}",
            clients.display()
        );
        let ran = Command::new("node")
            .current_dir(&clients)
            .args(["run.mjs", scenario, &format!("http://{}", self.address)])
            .output()
            .expect("node 20 or newer is on the path");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{said}");
    }

    /// Waits until no upgraded connection is left. The guard is against waiting for ever.
    pub fn wait_until_drained(&self) {
        let guard = Duration::from_secs(20);
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build().expect("a runtime");
        let drained = async { tokio::time::timeout(guard, self.gateway.drained()).await };
        let drained = runtime.block_on(drained);
        drained.expect("every place is free again");
    }

    /// Waits until the gateway is as it is said to be.
    pub fn wait_until(&self, holds: impl Fn(&Gateway) -> bool) {
        let begun = SystemClock::new();
        while !holds(&self.gateway) {
            assert!(begun.elapsed() < Duration::from_secs(20), "it is not so: {:?}", self.gateway);
            std::thread::yield_now();
        }
    }

    /// Asks the server to stop.
    pub fn stop(&self) {
        self.stop.notify_one();
    }

    /// Waits until the server has stopped; returns how many connections it had to cut.
    pub fn wait_for_shutdown(mut self) -> usize {
        let left = self.left.recv().expect("a shutdown");
        let thread = self.thread.take().expect("a running server");
        thread.join().expect("the server ends without a panic");
        left
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.stop.notify_one();
            self.clock.turn();
            let _ = thread.join();
        }
    }
}

/// Stands still until it is turned; then every sleep is over.
pub struct TestClock(watch::Sender<bool>);

impl TestClock {
    pub fn turn(&self) {
        self.0.send_replace(true);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_000_000)
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        let mut turned = self.0.subscribe();
        Box::pin(async move {
            let _ = turned.wait_for(|turned| *turned).await;
        })
    }
}

/// `agent:<e-mail>`, `customer:<e-mail>`, `short:<e-mail>` (an agent whose token ends soon), `expired`.
struct ByToken;

impl Authenticate for ByToken {
    fn authenticate(&self, handshake: Handshake) -> BoxFuture<'static, Result<Identity, Refusal>> {
        Box::pin(async move { identify(&handshake) })
    }
}

fn identify(handshake: &Handshake) -> Result<Identity, Refusal> {
    let refuse = |code, message: &str| Refusal { code, message: message.to_owned() };
    assert!(handshake.peer.is_some_and(|peer| peer.ip().is_loopback()));
    let org = handshake.org.clone();
    let org = org.ok_or_else(|| refuse("missing_orgid", "send orgId"))?;
    let token = handshake.token.as_deref();
    let token = token.ok_or_else(|| refuse("missing_token", "send a token"))?;
    let (kind, email) = token.split_once(':').ok_or_else(|| refuse("token_expired", "sign in again"))?;
    Ok(Identity {
        org,
        id: email.to_owned(),
        email: email.to_owned(),
        name: email.starts_with("amy@").then(|| "Amy".to_owned()),
        customer: kind == "customer",
        guest: false,
        viewer: false,
        roles: vec![],
        expires_at_ms: (kind == "short").then_some(1_001_000),
    })
}

#[derive(Clone)]
struct State {
    stop: Arc<Notify>,
    clock: Arc<TestClock>,
}

fn routes(config: &mut web::ServiceConfig, state: &State) {
    let (stop, clock) = (state.stop.clone(), state.clock.clone());
    let shut_down = move || {
        stop.notify_one();
        ready(HttpResponse::Accepted().finish())
    };
    let time_passes = move || {
        clock.turn();
        ready(HttpResponse::Ok().finish())
    };
    config
        .route("/ping", web::get().to(|| async { "pong" }))
        .route("/panic", web::get().to(panics))
        .route("/monitoring/live", web::get().to(live))
        .route("/test/shut-down", web::post().to(shut_down))
        .route("/test/time-passes", web::post().to(time_passes));
}

/// Marks every answer; panics itself when asked to.
fn around(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> LocalBoxFuture<'static, Result<ServiceResponse, Error>> {
    Box::pin(async move {
        assert_ne!(request.path(), "/panic-around", "on purpose");
        let mut answer = next.call(request).await?;
        let mark = HeaderValue::from_static("yes");
        answer.headers_mut().insert(HeaderName::from_static("x-around"), mark);
        Ok(answer)
    })
}

async fn panics() -> HttpResponse {
    panic!("on purpose, with a secret in it")
}

async fn live(request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Error> {
    ws::start(Echo, &request, body)
}

struct Echo;

impl Actor for Echo {
    type Context = ws::WebsocketContext<Self>;
}

impl StreamHandler<Result<ws::Message, ws::ProtocolError>> for Echo {
    fn handle(&mut self, message: Result<ws::Message, ws::ProtocolError>, context: &mut Self::Context) {
        match message {
            Ok(ws::Message::Text(text)) => context.text(text),
            Ok(ws::Message::Binary(bytes)) => context.binary(bytes),
            Ok(ws::Message::Close(reason)) => {
                context.close(reason);
                context.stop();
            }
            _ => {}
        }
    }
}

/// A namespace that gives back what it gets.
fn add_echo(gateway: &Gateway) {
    let greet = async |socket: SocketRef| {
        let told = serde_json::json!({"success": true});
        socket.emit("authenticate", &told).expect("room for one");
    };
    let bind = async |socket: SocketRef| {
        socket.on("number", async |socket: SocketRef, Data(n): Data<u32>, ack: AckSender| {
            socket.emit("number", &n).expect("room for the echo");
            ack.send(&n).expect("room for the acknowledgement");
        });
        socket.on("bytes", async |Data(bytes): Data<Bytes>, ack: AckSender| {
            ack.send(&bytes).expect("room for the acknowledgement");
        });
        socket.on("bytes-back", async |socket: SocketRef, Data(bytes): Data<Bytes>| {
            socket.emit("bytes", &bytes).expect("room for the echo");
        });
        // What the client acknowledges is told to it.
        socket.on("ask", async |socket: SocketRef, Data(n): Data<u32>| {
            let asked = socket.emit_with_ack::<_, u32>("question", &n).expect("room for the question");
            let answer = asked.await.expect("an answer");
            socket.emit("answered", &answer).expect("room for the answer");
        });
        socket.on("ask-bytes", async |socket: SocketRef, Data(n): Data<u32>| {
            let asked = socket.emit_with_ack::<_, Bytes>("question", &n).expect("room for the question");
            let answer = asked.await.expect("an answer");
            socket.emit("answered", &answer.len()).expect("room for the answer");
        });
        socket.on("flood", async |socket: SocketRef, Data(count): Data<usize>| {
            let chunk = "x".repeat(64 * 1024);
            for _ in 0..count {
                let _ = socket.emit("chunk", &chunk);
            }
        });
        Ok::<(), std::convert::Infallible>(())
    };
    gateway.io().ns("/echo", greet.with(bind));
}
