//! A provider of language models on a thread of its own: OpenAI's Chat Completions, streamed. Whoever asks has the first
//! token at once, and the others when all are to speak, so that many answers are opened in peace and then go on evenly,
//! each at times of its own. It writes each token by itself, looks at nothing that it is asked, and counts how often it was late.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::ensure;
use appengine_actors::clock::{Clock, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::stamp;

/// Between two tokens of an answer.
pub const PERIOD: Duration = Duration::from_millis(50);
/// A token that left later than this after its time is counted.
pub const LATE: Duration = Duration::from_millis(5);
/// Times within a period, for answers one after the other: they are spread evenly however many there are.
const GOLDEN: f64 = 0.618_033_988_749_895;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\ntransfer-encoding: chunked\r\n\r\n";

/// What its answers do.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// They wait behind their first token.
    Waits,
    /// They speak, since then.
    Speaks(Instant),
    /// They end.
    Ends,
}

/// What was sent so far.
#[derive(Debug, Default)]
struct Sent {
    tokens: AtomicUsize,
    late: AtomicUsize,
}

/// A provider that answers until it is dropped.
pub struct Provider {
    /// Where it listens.
    pub address: SocketAddr,
    sent: Arc<Sent>,
    phase: watch::Sender<Phase>,
}

impl Provider {
    /// Starts one; moments are read on this clock.
    pub fn start(clock: Arc<SystemClock>) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (phase, hears) = watch::channel(Phase::Waits);
        let sent = Arc::<Sent>::default();
        let counts = sent.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("provider".to_owned()).spawn(move || {
            let answers = Answers { clock, sent: counts, begun: Cell::default() };
            tokio::task::LocalSet::new().block_on(&runtime, serve(listener, Rc::new(answers), hears))
        })?;
        Ok(Self { address, sent, phase })
    }

    /// All answers speak from now on.
    pub fn speak(&self) {
        self.phase.send_replace(Phase::Speaks(Instant::now()));
    }

    /// All answers come to their end.
    pub fn end(&self) {
        self.phase.send_replace(Phase::Ends);
    }

    /// Answers to come wait again.
    pub fn wait(&self) {
        self.phase.send_replace(Phase::Waits);
    }

    /// Tokens that were sent so far, and how many of them were late.
    pub fn sent(&self) -> (usize, usize) {
        (self.sent.tokens.load(Ordering::Relaxed), self.sent.late.load(Ordering::Relaxed))
    }
}

/// A chunk of Chat Completions, as OpenAI sends it.
pub fn chunk(delta: &str, finish: &str) -> String {
    format!(
        r#"data: {{"id":"chatcmpl-CbQ2h1fJ9mXo4vT7rK3sW8yZ0aBcD","object":"chat.completion.chunk","created":1790000000,"model":"bench-1","service_tier":"default","system_fingerprint":"fp_9f1c2e7a40","choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]}}"#
    ) + "\n\n"
}

/// A token whose moment is to be filled in.
pub fn token() -> String {
    chunk(&format!(r#"{{"content":" {}"}}"#, stamp::blank()), "null")
}

/// What comes before the first token.
pub fn beginning() -> String {
    chunk(r#"{"role":"assistant","content":"","refusal":null}"#, "null")
}

/// What comes behind the last one.
pub fn ending() -> String {
    chunk("{}", r#""stop""#) + "data: [DONE]\n\n"
}

/// As a piece of a body whose length nobody knows.
fn piece(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

struct Answers {
    clock: Arc<SystemClock>,
    sent: Arc<Sent>,
    begun: Cell<u32>,
}

async fn serve(
    listener: std::net::TcpListener,
    answers: Rc<Answers>,
    phase: watch::Receiver<Phase>,
) -> anyhow::Result<()> {
    let (listener, mut ends) = (TcpListener::from_std(listener)?, phase.clone());
    loop {
        let (stream, answers, hears) = tokio::select! {
            accepted = listener.accept() => (accepted?.0, answers.clone(), phase.clone()),
            _ = ends.wait_for(|_| false) => return Ok(()),
        };
        tokio::task::spawn_local(async move {
            // Whoever hangs up wants no more of it, and is missed where tokens are counted.
            let _ = answers.speak_to(stream, hears).await;
        });
    }
}

impl Answers {
    async fn speak_to(&self, mut stream: TcpStream, mut phase: watch::Receiver<Phase>) -> anyhow::Result<()> {
        stream.set_nodelay(true)?;
        let mut token = piece(&token()).into_bytes();
        let place = stamp::place(&token).unwrap_or_default();
        while asked(&mut stream).await? {
            let number = self.begun.replace(self.begun.get() + 1);
            stream.write_all(format!("{HEAD}{}", piece(&beginning())).as_bytes()).await?;
            self.say(&mut stream, &mut token, place).await?;
            let speaks = *phase.wait_for(|phase| !matches!(phase, Phase::Waits)).await?;
            if let Phase::Speaks(since) = speaks {
                let mut due = since + PERIOD.mul_f64((f64::from(number) * GOLDEN).fract());
                loop {
                    tokio::time::sleep_until(due).await;
                    if matches!(*phase.borrow(), Phase::Ends) {
                        break;
                    }
                    if due.elapsed() > LATE {
                        self.sent.late.fetch_add(1, Ordering::Relaxed);
                    }
                    self.say(&mut stream, &mut token, place).await?;
                    due += PERIOD;
                }
            }
            stream.write_all(format!("{}0\r\n\r\n", piece(&ending())).as_bytes()).await?;
        }
        Ok(())
    }

    async fn say(&self, stream: &mut TcpStream, token: &mut [u8], place: usize) -> anyhow::Result<()> {
        stamp::fill(token, place, self.clock.elapsed());
        self.sent.tokens.fetch_add(1, Ordering::Relaxed);
        Ok(stream.write_all(token).await?)
    }
}

/// Reads a request to its end; false where none comes any more.
async fn asked(stream: &mut TcpStream) -> anyhow::Result<bool> {
    let mut read = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut read).await? == 0 {
            ensure!(read.is_empty(), "half a request");
            return Ok(false);
        }
        let Some(head) = read.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let lines = String::from_utf8_lossy(read.get(..head).unwrap_or_default()).to_ascii_lowercase();
        let length = lines.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        if read.len() >= head + 4 + length.unwrap_or(0_usize) {
            return Ok(true);
        }
    }
}
