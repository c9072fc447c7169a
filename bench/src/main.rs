//! One command, four figures: events accepted per second, event to receiver at a steady rate, a burst
//! through a flow to a receiver, and what an event costs in CPU and the server in memory. The server is
//! the release binary in a process of its own; load and receiver are this process, over loopback.
//! The other commands are in `bench/run`.
#![allow(clippy::print_stdout, reason = "printing figures is what it is for")]
#![expect(clippy::disallowed_methods, reason = "it measures, in real time")]

mod client;
mod fair;
mod hooks;
mod jobs;
mod load;
mod many;
mod measured;
mod peers;
mod poll;
mod process;
mod receiver;
mod server;
mod soak;
mod sockets;
mod store;
mod streams;
mod vendors;

use std::time::Duration;

use appengine_actors::clock::{Clock, SystemClock};
use load::{Load, Summary, percentile};
use receiver::Receiver;
use server::Server;

/// Runs of each measurement; the median is printed, with the least and the most.
const RUNS: usize = 3;
/// For a quick look, or where somebody else works on the same machine.
const RUNS_KEY: &str = "BENCH_RUNS";
const EVENTS: usize = 20_000;
const BURST: usize = 5_000;
const IN_FLIGHT: usize = 64;
const RATE: u32 = 300;
const STEADY: Duration = Duration::from_secs(10);

/// As the program: what is measured in this process has what it has there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("plain-sockets") {
        // A server, with a runtime of its own.
        return sockets::plain::serve();
    }
    actix::System::new().block_on(run())
}

async fn run() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let first = words.next().unwrap_or_else(|| "power".to_owned());
    let mut word = |default: &str| words.next().unwrap_or_else(|| default.to_owned());
    match first.as_str() {
        "jobs" => peers::run_own(&word("power")).await,
        "peers" => peers::run().await,
        "sockets" => sockets::run().await,
        "streams" => streams::run().await,
        "measure-streams" => streams::measure(&word("ours")).await,
        "measure-sockets" => sockets::measure(&word("ours")).await,
        "measure" => jobs::measure(&word("inside"), &word("power")).await,
        "many" => many::run(&word("power")).await,
        "fair" => fair::run(&word("power")).await,
        "poll" => {
            let count = word("1000000").parse()?;
            poll::run(&word("power"), count).await
        }
        "webhooks" => hooks::run(&word("power"), &word("")).await,
        "vendors" => vendors::run(&word("power")).await,
        "soak" => soak::run(word("60").parse()?).await,
        "store" => store::run(jobs::durability(&word("power"))?, 200_000).await,
        durability => events(durability).await,
    }
}

async fn events(durability: &str) -> anyhow::Result<()> {
    println!(
        "appengine {}, durability `{durability}`, {} cores, payload 256 bytes",
        env!("CARGO_PKG_VERSION"),
        cores()
    );
    println!("median of {RUNS} runs (least .. most)\n");
    let mut accepted = Figures::new("events accepted, 64 in flight", "events/s");
    let mut accept_cpu = Figures::new("  server CPU per accepted event", "us");
    let mut half = Figures::new("event to receiver at 300/s, p50", "ms");
    let mut most = Figures::new("event to receiver at 300/s, p99", "ms");
    let mut flow_cpu = Figures::new("  server CPU per delivered event", "us");
    let mut burst = Figures::new("burst of 5,000 through a flow, 64 in flight", "delivered/s");
    let mut memory = Figures::new("server memory at the end", "MiB");
    for _ in 0..RUNS {
        let server = Server::start(durability).await?;
        let load = Load::new(&server);
        let before = server.cpu()?;
        let Summary { took, .. } = load.burst("bench.accepted", EVENTS, IN_FLIGHT).await?;
        accepted.add(rate(EVENTS, took));
        accept_cpu.add(micros(server.cpu()? - before, EVENTS));

        let mut receiver = Receiver::start().await?;
        load.create_flow("bench.delivered", receiver.address).await?;
        let before = server.cpu()?;
        let sent = load.steady("bench.delivered", RATE, STEADY).await?;
        let latencies = receiver.latencies(sent).await?;
        half.add(percentile(&latencies, 0.50));
        most.add(percentile(&latencies, 0.99));
        flow_cpu.add(micros(server.cpu()? - before, sent));

        let started = tokio::time::Instant::now();
        load.burst("bench.delivered", BURST, IN_FLIGHT).await?;
        receiver.latencies(BURST).await?;
        burst.add(rate(BURST, started.elapsed()));
        memory.add(server.memory_mib()?);
        server.stop().await?;
    }
    for figures in [accepted, accept_cpu, half, most, flow_cpu, burst, memory] {
        figures.print();
    }
    Ok(())
}

/// Runs of each measurement of queues.
fn runs() -> usize {
    std::env::var(RUNS_KEY).ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS)
}

/// Nothing for a while.
async fn pause(time: Duration) {
    SystemClock::new().sleep(time).await;
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few thousand")]
fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few thousand")]
fn micros(took: Duration, count: usize) -> f64 {
    took.as_secs_f64() * 1e6 / count as f64
}

/// One figure over all runs.
struct Figures {
    name: &'static str,
    unit: &'static str,
    values: Vec<f64>,
}

impl Figures {
    const fn new(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit, values: Vec::new() }
    }

    fn add(&mut self, value: f64) {
        self.values.push(value);
    }

    fn print(mut self) {
        self.values.sort_by(f64::total_cmp);
        let at = |index: usize| self.values.get(index).copied().unwrap_or(f64::NAN);
        let (least, median, most) =
            (at(0), at(self.values.len() / 2), at(self.values.len().saturating_sub(1)));
        println!("{:<46} {median:>10.1} {:<12} ({least:.1} .. {most:.1})", self.name, self.unit);
    }
}
