//! The integrator's side: a real HTTP server that writes down every request and answers as it is told.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use appengine_actors::clock::{Clock, SystemClock};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::PATIENCE;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// Since the receiver was opened.
    pub at: Duration,
    pub answer: Answer,
}

impl Received {
    /// A header's value, which must be there once.
    pub fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let value = found.next().unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        assert!(found.next().is_none(), "two {name} in {:?}", self.headers);
        &value.1
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// How a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Status(u16),
    /// With 200, when [`Receiver::release`] is called.
    Held,
    /// Not at all: the connection is closed.
    HangUp,
}

/// A receiver of webhooks, on a free port, until it is dropped.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    released: watch::Sender<bool>,
    thread: Option<(watch::Sender<()>, JoinHandle<()>)>,
}

struct Shared {
    clock: SystemClock,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    scripts: HashMap<String, VecDeque<Answer>>,
    usual: HashMap<String, Answer>,
}

impl Receiver {
    pub fn open() -> Self {
        let shared =
            Arc::new(Shared { clock: SystemClock::new(), state: Mutex::default(), changed: Condvar::new() });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let (released, held) = watch::channel(false);
        let (stop, stopped) = watch::channel(());
        let serving = shared.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(listener, serving, held, stopped));
        });
        Self { address, shared, released, thread: Some((stop, thread)) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers the next requests for a path with these, one after the other.
    pub fn script(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        self.shared.state.lock().unwrap().scripts.entry(path.to_owned()).or_default().extend(answers);
    }

    /// Answers all requests for a path with this, once its script is at its end; 200 where nothing is said.
    pub fn usually(&self, path: &str, answer: Answer) {
        self.shared.state.lock().unwrap().usual.insert(path.to_owned(), answer);
    }

    /// Answers every request that is held now or will be.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    /// Time on the receiver's clock, with which [`Received::at`] is told.
    pub fn now(&self) -> Duration {
        self.shared.clock.elapsed()
    }

    /// What `find` finds in all that was received, as soon as it finds it.
    pub fn wait<T>(&self, what: &str, find: impl Fn(&[Received]) -> Option<T>) -> T {
        let state = self.shared.state.lock().unwrap();
        let goes_on = |state: &mut State| find(&state.received).is_none();
        let (state, _) = self.shared.changed.wait_timeout_while(state, PATIENCE, goes_on).unwrap();
        find(&state.received).unwrap_or_else(|| {
            let lines = state.received.iter().map(|r| format!("{} {} at {:?}\n", r.method, r.path, r.at));
            panic!("{what} did not come; what did:\n{}", lines.collect::<String>())
        })
    }

    /// The first `count` requests for a path, once they are there.
    pub fn wait_for(&self, path: &str, count: usize) -> Vec<Received> {
        self.wait(&format!("request {count} for {path}"), |received| {
            let of_path: Vec<_> = received.iter().filter(|r| r.path == path).take(count).cloned().collect();
            (of_path.len() == count).then_some(of_path)
        })
    }

    /// Everything that was received so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.state.lock().unwrap().received.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

async fn serve(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    held: watch::Receiver<bool>,
    mut stopped: watch::Receiver<()>,
) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            _ = stopped.changed() => return,
        };
        let (shared, held) = (shared.clone(), held.clone());
        let take = service_fn(move |request| take(shared.clone(), held.clone(), request));
        // A connection that a killed server leaves behind ends with an error of its own.
        tokio::spawn(async move { http1::Builder::new().serve_connection(TokioIo::new(stream), take).await });
    }
}

async fn take(
    shared: Arc<Shared>,
    mut held: watch::Receiver<bool>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let received = Received {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body,
        at: shared.clock.elapsed(),
        answer: Answer::Status(200),
    };
    let status = match shared.note(received) {
        Answer::Status(status) => status,
        Answer::Held => {
            held.wait_for(|released| *released).await.map_err(std::io::Error::other)?;
            200
        }
        Answer::HangUp => return Err(std::io::Error::other("told to hang up")),
    };
    Ok(Response::builder().status(status).body(Full::new(Bytes::from_static(b"noted"))).unwrap())
}

impl Shared {
    fn note(&self, received: Received) -> Answer {
        let mut state = self.state.lock().unwrap();
        let scripted = state.scripts.get_mut(&received.path).and_then(VecDeque::pop_front);
        let usual = state.usual.get(&received.path).copied();
        let answer = scripted.or(usual).unwrap_or(received.answer);
        state.received.push(Received { answer, ..received });
        self.changed.notify_all();
        answer
    }
}
