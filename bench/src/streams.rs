//! Answers of language models as streams, beside a relay in Node with OpenAI's own package: how much later a reader has
//! each token than the provider sent it, what an open stream holds, and what a token costs. The provider and the readers
//! are this process, the same for both sides; tokens hold the moment at which they were sent.

use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use appengine_actors::clock::{SystemClock, timeout};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::client::Client;
use crate::jobs::lanes;
use crate::measured::{Side, Since};
use crate::micros;
use crate::peers::{Column, compare};
use crate::server::Server;
use heard::Heard;
use provider::{PERIOD, Provider};

mod heard;
mod parser;
mod provider;
mod stamp;

/// Streams that are open at once, one measurement after the other.
const COUNTS: &str = "500,1000,2000";
/// For others.
const COUNTS_KEY: &str = "BENCH_STREAMS";
/// Streams before anything is counted.
const WARM: usize = 64;
/// Those that are opened at once.
const OPENING: usize = 64;
/// How long memory is left to settle.
const SETTLE: Duration = Duration::from_secs(2);
/// How long tokens are sent before they are counted.
const BEGINNING: Duration = Duration::from_secs(1);
/// How long they are counted.
const STEADY: Duration = Duration::from_secs(6);
/// How long what was sent may take to its readers at the end.
const PATIENCE: Duration = Duration::from_secs(10);
const ASKED: &str = r#"{"message":"Tell me of the sea."}"#;

/// Both sides beside each other.
pub async fn run() -> anyhow::Result<()> {
    let side = |title: &str, name: &str, ours| Column::itself(title, &["measure-streams", name], ours);
    compare(&[side("Node relay", "node", false)?, side("appengine", "ours", true)?]).await
}

/// Measures one side once.
///
/// # Errors
/// When there is no such side, or it fails.
pub async fn measure(name: &str) -> anyhow::Result<()> {
    let (title, durability) = match name {
        "node" => ("Node relay", ""),
        "ours" => ("appengine", "power"),
        other => bail!("there is no side `{other}`; there are node and ours"),
    };
    let side = Side { name: title, durability: durability.to_owned() };
    let counts = std::env::var(COUNTS_KEY).unwrap_or_else(|_| COUNTS.to_owned());
    for count in counts.split(',') {
        let count = count.trim().parse().with_context(|| format!("{COUNTS_KEY} is {counts}"))?;
        open(name, &side, count).await?;
    }
    parser::measure(name, &side).await
}

/// So many streams at once.
async fn open(name: &str, side: &Side, count: usize) -> anyhow::Result<()> {
    let clock = Arc::new(SystemClock::new());
    let provider = Provider::start(clock.clone())?;
    let (server, asking) = start(name, &provider).await?;
    warm(&asking, &provider, &clock).await?;
    let before = server.memory_mib()?;
    let heard = Heard::new(clock.clone());
    let (sent_before, _) = provider.sent();
    asking.begin(&heard, count).await?;
    crate::pause(SETTLE).await;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let each = |memory: f64| (memory - before) * 1024.0 / count as f64;
    side.value(&format!("{count} streams: memory of one that is silent"), "KiB", each(server.memory_mib()?))?;

    provider.speak();
    crate::pause(BEGINNING).await;
    let (sent, late) = provider.sent();
    let (since, cpu, tokens) = (Since::now(Some(&server))?, server.cpu()?, heard.tokens());
    heard.watch();
    crate::pause(STEADY).await;
    let told = heard.tokens() - tokens;
    let cpu = micros(server.cpu()?.saturating_sub(cpu), told);
    side.rate(&format!("{count} streams: tokens told"), told, &since, Some(&server))?;
    side.latency(&format!("{count} streams: added to a token"), heard.waits())?;
    let (sent_by_now, late_by_now) = provider.sent();
    side.value(&format!("{count} streams: memory of one that speaks"), "KiB", each(server.memory_mib()?))?;
    side.value(
        &format!("{count} streams: that one core carries"),
        "streams",
        PERIOD.as_secs_f64() * 1e6 / cpu,
    )?;
    #[expect(clippy::cast_precision_loss, reason = "a part of some hundred thousand")]
    let late = (late_by_now - late) as f64 * 100.0 / (sent_by_now - sent) as f64;
    side.value(&format!("{count} streams: tokens that left 5 ms late"), "%", late)?;

    provider.end();
    if timeout(&*clock, PATIENCE, heard.ended(count)).await.is_some() {
        let (sent, heard) = (provider.sent().0 - sent_before, heard.tokens());
        ensure!(sent == heard, "{title}: of {sent} tokens {heard} were told", title = side.name);
    } else {
        // Whoever looks on learns why its waits are so long.
        let _ = writeln!(std::io::stderr(), "{} does not keep up with {count} streams", side.name);
    }
    server.stop().await
}

/// A side, as whoever asks it sees it.
struct Asking {
    client: Client,
    /// Whether an answer is asked for by one request and read by another.
    is_ours: bool,
}

async fn start(name: &str, provider: &Provider) -> anyhow::Result<(Server, Asking)> {
    let base = format!("http://{}", provider.address);
    let is_ours = name == "ours";
    let server = if is_ours {
        Server::start("power").await?
    } else {
        let mut node = Command::new("node");
        node.args(["bench/peers/streams.mjs", &base]);
        Server::other(node).await?
    };
    let client = server.client.clone();
    if is_ours {
        let settings = json!({"baseUrl": base, "model": "bench-1"});
        let integration = json!({
            "type": "openai", "name": "bench", "credentials": {"apiKey": "sk-bench"}, "settings": settings,
        });
        let mut connection = client.connect().await?;
        connection.post("/upstream/save-integration", &integration.to_string(), 200).await?;
    }
    Ok((server, Asking { client, is_ours }))
}

/// Some streams from their beginning to their end, so that what everybody needs once is there.
async fn warm(asking: &Asking, provider: &Provider, clock: &Arc<SystemClock>) -> anyhow::Result<()> {
    let heard = Heard::new(clock.clone());
    asking.begin(&heard, WARM).await?;
    provider.speak();
    crate::pause(BEGINNING).await;
    provider.end();
    let ended = timeout(&**clock, PATIENCE, heard.ended(WARM)).await;
    ended.context("the first answers did not end")?;
    provider.wait();
    crate::pause(SETTLE).await;
    Ok(())
}

impl Asking {
    /// Begins so many answers, and waits until something was heard of each.
    async fn begin(&self, heard: &Rc<Heard>, count: usize) -> anyhow::Result<()> {
        lanes(count, OPENING, async |_, _| {
            let stream = self.ask().await?;
            tokio::task::spawn_local(heard.clone().read(stream));
            Ok(())
        })
        .await?;
        let begun = timeout(&SystemClock::new(), PATIENCE, heard.begun(count)).await;
        begun.with_context(|| format!("not all of {count} answers began"))
    }

    /// The connection on which an answer comes.
    async fn ask(&self) -> anyhow::Result<TcpStream> {
        let mut connection = self.client.connect().await?;
        if !self.is_ours {
            return connection.leave("POST", "/", ASKED).await;
        }
        connection.post("/ai/agent/stream", ASKED, 202).await?;
        let begun: Value = connection.answer()?;
        let url = begun["url"].as_str().context("no address of the answer")?;
        connection.leave("GET", url, "").await
    }
}
