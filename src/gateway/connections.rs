//! Counts the connections that actix-server no longer sees and can end every one of them.
//! It never touches their bytes. The upgrade service and the polling route take places here; [`super::Gateway`] closes.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    task::Waker,
};

use futures_util::task::AtomicWaker;
use socketioxide::extract::SocketRef;
use tokio::sync::{oneshot, watch};

/// Why no place is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    /// As many as `max_connections` are open.
    #[error("all {0} connections are taken; try again later")]
    Limit(usize),
    /// The server is shutting down.
    #[error("the server is shutting down; connect again")]
    Closing,
}

/// The places of one gateway; clones share them.
#[derive(Clone)]
pub(super) struct Connections {
    streams: Counter,
    sessions: Counter,
    open: Arc<Mutex<Open>>,
    phase: watch::Sender<Phase>,
}

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Places are given.
    Open,
    /// No more are; those who have one are told to go.
    Closing,
    /// Whoever is still here is shown out.
    Ended,
}

/// Streams that were given away and are still alive.
#[derive(Default)]
struct Open {
    next: u64,
    links: HashMap<u64, Link>,
}

/// A place for one upgraded stream. Dropping it frees the place.
pub(super) struct Lease {
    id: u64,
    link: Link,
    open: Arc<Mutex<Open>>,
    /// Held, never used: that it is gone tells the end of the stream.
    told: Option<oneshot::Sender<()>>,
    _place: Place,
}

/// A place for one polling session. Dropping the last clone frees it.
#[derive(Clone)]
pub(super) struct SessionPlace {
    _place: Arc<Place>,
}

/// What a socket is carried by; in the extensions of the request that opened it.
#[derive(Clone)]
pub(super) enum Carrier {
    /// A stream of its own.
    Stream(Link),
    /// A polling session, perhaps upgraded to a stream since. Its place is free when the engine forgets it: at once,
    /// or after `connect_timeout` when it never joined a namespace.
    Session {
        /// Where its stream is found.
        connections: Connections,
        /// Held, never read.
        _place: SessionPlace,
    },
}

impl Carrier {
    /// What carries a socket.
    pub fn of(socket: &SocketRef) -> Option<&Self> {
        socket.req_parts().extensions.get()
    }

    /// Takes a place for a polling session that is about to open.
    ///
    /// # Errors
    /// [`Full`] when none is left or the server is closing.
    pub fn session(connections: &Connections) -> Result<Self, Full> {
        Ok(Self::Session { _place: connections.admit_session()?, connections: connections.clone() })
    }

    /// Cuts the stream under the socket with the id `sid`. While it is still polling there is none to cut:
    /// then the engine ends the session at the next ping, which finds no room in the buffer either.
    pub fn cut(&self, sid: &str) {
        if let Some(link) = self.link(sid) {
            link.cut();
        }
    }

    /// Reads nothing more from the socket with the id `sid`, or goes on. A client that polls cannot be made to wait.
    pub fn pause(&self, sid: &str, paused: bool) {
        if let Some(link) = self.link(sid) {
            link.pause(paused);
        }
    }

    /// The stream under the socket with the id `sid`; none while it is polling.
    pub fn link(&self, sid: &str) -> Option<Link> {
        match self {
            Self::Stream(link) => Some(link.clone()),
            Self::Session { connections, .. } => connections.stream_of(sid),
        }
    }
}

/// The other end of a [`Lease`]: ends the stream from outside.
#[derive(Clone)]
pub(super) struct Link(Arc<LinkState>);

struct LinkState {
    /// The engine session that this stream upgrades, when it began by polling.
    session: Option<String>,
    state: AtomicU8,
    /// Whether nothing more is to be read for now.
    paused: AtomicBool,
    /// Bytes that have left.
    written: AtomicU64,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

const LIVE: u8 = 0;
const ENDED: u8 = 1;
const CUT: u8 = 2;

impl Connections {
    /// Gives at most `most` upgraded streams and as many polling sessions a place at a time.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            streams: Counter::new(most),
            sessions: Counter::new(most),
            open: Arc::default(),
            phase: watch::Sender::new(Phase::Open),
        }
    }

    /// Takes a place for an upgraded stream; `session` names the polling session that it continues.
    ///
    /// # Errors
    /// [`Full`] when none is left or the server is closing.
    pub fn admit_stream(&self, session: Option<&str>) -> Result<Lease, Full> {
        // The flag is read under the lock that `end_all` takes: no stream can slip in behind its back.
        let mut open = lock(&self.open);
        self.refuse_when_closing()?;
        let place = self.streams.take()?;
        let id = open.next;
        open.next += 1;
        let link = Link::new(session);
        open.links.insert(id, link.clone());
        Ok(Lease { id, link, open: Arc::clone(&self.open), told: None, _place: place })
    }

    /// Takes a place for a polling session.
    ///
    /// # Errors
    /// [`Full`] when none is left or the server is closing.
    pub fn admit_session(&self) -> Result<SessionPlace, Full> {
        self.refuse_when_closing()?;
        Ok(SessionPlace { _place: Arc::new(self.sessions.take()?) })
    }

    /// Upgraded streams that are open now.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.streams.open()
    }

    /// Polling sessions that are open now, those that were upgraded included.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.open()
    }

    /// The stream that the polling session `session` was upgraded to.
    #[must_use]
    pub fn stream_of(&self, session: &str) -> Option<Link> {
        let open = lock(&self.open);
        let of_session = |link: &&Link| link.0.session.as_deref() == Some(session);
        open.links.values().find(of_session).cloned()
    }

    /// Gives no more places.
    pub fn close_door(&self) {
        self.phase.send_replace(Phase::Closing);
    }

    /// Resolves when [`Connections::close_door`] was called.
    pub async fn closing(&self) {
        self.reached(Phase::Closing).await;
    }

    /// Every open stream reads as ended from now on; what is queued may still be written.
    pub fn end_all(&self) {
        self.phase.send_replace(Phase::Ended);
        self.each(Link::end);
    }

    /// Resolves when [`Connections::end_all`] was called.
    pub async fn ended(&self) {
        self.reached(Phase::Ended).await;
    }

    /// Every open stream fails from now on, both ways.
    pub fn cut_all(&self) {
        self.each(Link::cut);
    }

    /// Resolves when no upgraded stream is left.
    pub async fn drained(&self) {
        let _ = self.streams.open.subscribe().wait_for(|n| *n == 0).await;
    }

    fn refuse_when_closing(&self) -> Result<(), Full> {
        match *self.phase.borrow() {
            Phase::Open => Ok(()),
            Phase::Closing | Phase::Ended => Err(Full::Closing),
        }
    }

    async fn reached(&self, phase: Phase) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }

    fn each(&self, act: fn(&Link)) {
        // Collected first: waking a task must not happen under the lock that its drop takes.
        let links: Vec<Link> = lock(&self.open).links.values().cloned().collect();
        links.iter().for_each(act);
    }
}

impl Lease {
    /// The handle that ends this stream from outside.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link.clone()
    }

    /// Resolves when the stream is dropped, with an error, which says nothing more.
    pub fn gone(&mut self) -> oneshot::Receiver<()> {
        let (told, gone) = oneshot::channel();
        self.told = Some(told);
        gone
    }

    /// True when reading must report the end of the stream.
    pub(super) fn ended(&self) -> bool {
        self.link.state() != LIVE
    }

    /// So many bytes have left.
    pub(super) fn wrote(&self, bytes: usize) {
        self.link.0.written.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// True when nothing is to be read for now.
    pub(super) fn is_paused(&self) -> bool {
        self.link.0.paused.load(Ordering::Acquire)
    }

    /// True when writing must fail.
    pub(super) fn is_cut(&self) -> bool {
        self.link.state() == CUT
    }

    /// Wakes this reader when the stream is ended.
    pub(super) fn wake_reader(&self, waker: &Waker) {
        self.link.0.reader.register(waker);
    }

    /// Wakes this writer when the stream is cut.
    pub(super) fn wake_writer(&self, waker: &Waker) {
        self.link.0.writer.register(waker);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        lock(&self.open).links.remove(&self.id);
    }
}

impl Link {
    fn new(session: Option<&str>) -> Self {
        Self(Arc::new(LinkState {
            session: session.map(str::to_owned),
            state: AtomicU8::new(LIVE),
            paused: AtomicBool::new(false),
            written: AtomicU64::new(0),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
        }))
    }

    /// Lets the stream read as ended; what is queued may still be written.
    pub fn end(&self) {
        self.0.state.fetch_max(ENDED, Ordering::AcqRel);
        self.0.reader.wake();
    }

    /// Reads nothing more from the client until it is resumed: what it sends waits on its side.
    pub fn pause(&self, paused: bool) {
        self.0.paused.store(paused, Ordering::Release);
        if !paused {
            self.0.reader.wake();
        }
    }

    /// Bytes that have left.
    pub fn written(&self) -> u64 {
        self.0.written.load(Ordering::Relaxed)
    }

    /// Lets the stream fail both ways.
    pub fn cut(&self) {
        self.0.state.store(CUT, Ordering::Release);
        self.0.reader.wake();
        self.0.writer.wake();
    }

    fn state(&self) -> u8 {
        self.0.state.load(Ordering::Acquire)
    }
}

/// How many are open, and how many may be.
#[derive(Clone)]
struct Counter {
    open: watch::Sender<usize>,
    most: usize,
}

/// One of them.
struct Place(watch::Sender<usize>);

impl Counter {
    fn new(most: usize) -> Self {
        Self { open: watch::Sender::new(0), most }
    }

    fn take(&self) -> Result<Place, Full> {
        let taken = self.open.send_if_modified(|open| {
            let free = *open < self.most;
            *open += usize::from(free);
            free
        });
        if taken { Ok(Place(self.open.clone())) } else { Err(Full::Limit(self.most)) }
    }

    fn open(&self) -> usize {
        *self.open.borrow()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open = open.saturating_sub(1));
    }
}

/// A map of handles stays usable after a panic elsewhere, so poisoning is ignored.
fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("streams", &self.streams())
            .field("sessions", &self.sessions())
            .finish()
    }
}
