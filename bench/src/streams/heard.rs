//! Those who read answers: bytes as they come, of which only the moments in them are looked at.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::ready;

use anyhow::ensure;
use appengine_actors::clock::{Clock, SystemClock};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::stamp::Moments;

/// Bytes that are read at once at most.
const BUFFER: usize = 64 * 1024;

/// What all who read write down.
pub struct Heard {
    clock: Arc<SystemClock>,
    /// Answers of which something was heard.
    begun: Cell<usize>,
    /// Answers that are whole.
    ended: Cell<usize>,
    changed: Notify,
    tokens: Cell<usize>,
    /// How long each token took, in milliseconds, while that is wanted.
    waits: RefCell<Option<Vec<f64>>>,
    buffer: RefCell<Vec<u8>>,
}

impl Heard {
    /// Nothing so far.
    pub fn new(clock: Arc<SystemClock>) -> Rc<Self> {
        Rc::new(Self {
            clock,
            begun: Cell::default(),
            ended: Cell::default(),
            changed: Notify::new(),
            tokens: Cell::default(),
            waits: RefCell::default(),
            buffer: RefCell::new(vec![0; BUFFER]),
        })
    }

    /// Tokens that were heard so far.
    pub fn tokens(&self) -> usize {
        self.tokens.get()
    }

    /// Waits until so many answers have begun.
    pub async fn begun(&self, count: usize) {
        while self.begun.get() < count {
            self.changed.notified().await;
        }
    }

    /// Waits until so many answers are whole.
    pub async fn ended(&self, count: usize) {
        while self.ended.get() < count {
            self.changed.notified().await;
        }
    }

    /// From now on it is written down how long tokens take.
    pub fn watch(&self) {
        *self.waits.borrow_mut() = Some(Vec::new());
    }

    /// What was written down.
    pub fn waits(&self) -> Vec<f64> {
        self.waits.take().unwrap_or_default()
    }

    /// Reads an answer to its end.
    ///
    /// # Errors
    /// When it was refused, or the connection breaks.
    pub async fn read(self: Rc<Self>, mut stream: TcpStream) -> anyhow::Result<()> {
        let (mut moments, mut is_first, mut has_begun) = (Moments::default(), true, false);
        loop {
            // One buffer for all: nothing of it is needed once it was looked at.
            let more = poll_fn(|context| {
                let mut buffer = self.buffer.borrow_mut();
                let mut read = ReadBuf::new(&mut buffer);
                ready!(Pin::new(&mut stream).poll_read(context, &mut read))?;
                let bytes = read.filled();
                if std::mem::take(&mut is_first) && !bytes.starts_with(b"HTTP/1.1 200") {
                    let words = String::from_utf8_lossy(bytes).into_owned();
                    return std::task::Poll::Ready(Err(std::io::Error::other(words)));
                }
                let now = self.clock.elapsed();
                moments.read(bytes, |sent| {
                    self.tokens.set(self.tokens.get() + 1);
                    if let Some(waits) = &mut *self.waits.borrow_mut() {
                        waits.push(now.saturating_sub(sent).as_secs_f64() * 1e3);
                    }
                    if !std::mem::replace(&mut has_begun, true) {
                        self.begun.set(self.begun.get() + 1);
                        self.changed.notify_one();
                    }
                });
                std::task::Poll::Ready(Ok(!bytes.is_empty()))
            });
            if !more.await? {
                break;
            }
        }
        ensure!(has_begun, "an answer without a word");
        self.ended.set(self.ended.get() + 1);
        self.changed.notify_one();
        Ok(())
    }
}
