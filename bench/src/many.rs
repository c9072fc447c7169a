//! Many: a million delayed jobs in one queue, and ten thousand flows each with a trigger of its own. What is there
//! should cost nothing but its room: each figure is beside the same one with hardly anything there.

use std::time::Duration;

use appengine_actors::clock::Timestamp;
use tokio::time::Instant;

use crate::jobs::outside::{add_many, claim, complete};
use crate::jobs::{BULK, lanes};
use crate::load::{Load, percentile};
use crate::receiver::{Receiver, now_micros};
use crate::server::Server;
use crate::{Figures, RUNS, cores, micros, rate};

/// Delayed jobs.
const DELAYED: usize = 1_000_000;
/// Bulks under way at once.
const WRITERS: usize = 4;
/// Jobs that fall due while the others wait, one after the other.
const DUE: usize = 1_000;
/// How far apart they fall due.
const APART: Duration = Duration::from_millis(5);
/// How long before the first of them.
const AHEAD: Duration = Duration::from_secs(2);
/// Flows.
const FLOWS: usize = 10_000;
const FEW_FLOWS: usize = 10;
/// Kinds of events that are published, spread over the flows, and events of each.
const KINDS: usize = 10;
const EVENTS: usize = 200;
/// Events that are published one at a time.
const SINGLE: usize = 500;
/// Connections that flows are made over.
const MAKERS: usize = 16;

/// Measures both.
pub async fn run(durability: &str) -> anyhow::Result<()> {
    println!("durability `{durability}`, {} cores; median of {RUNS} runs (least .. most)", cores());
    delayed(durability).await?;
    flows(durability).await
}

async fn delayed(durability: &str) -> anyhow::Result<()> {
    println!("\n{DELAYED} delayed jobs in one queue, over HTTP");
    let mut added = Figures::new("  added, bulks of 1,000, 4 under way", "/s");
    let mut cpu = Figures::new("  server CPU of one added", "us");
    let mut memory = Figures::new("  server memory once they are added", "MiB");
    let mut ready = Figures::new("  killed; from start to serving", "s");
    let mut first = Figures::new("  killed; from start to first job done", "s");
    let mut again = Figures::new("  server memory after that start", "MiB");
    let mut beside_all = DueFigures::new([
        "  one due job beside a million: server CPU, added to done",
        "  one due job beside a million: late by, p50",
        "  one due job beside a million: late by, p99",
    ]);
    let mut beside_none = DueFigures::new([
        "  one due job beside none: server CPU, added to done",
        "  one due job beside none: late by, p50",
        "  one due job beside none: late by, p99",
    ]);
    for _ in 0..RUNS {
        let server = Server::start(durability).await?;
        let (before, started) = (server.cpu()?, Instant::now());
        fill(&server).await?;
        added.add(rate(DELAYED, started.elapsed()));
        cpu.add(micros(server.cpu()?.saturating_sub(before), DELAYED));
        memory.add(server.memory_mib()?);

        let mut connection = server.client.connect().await?;
        add_many(&mut connection, 0..1, |_| run_at(now_millis() + 50)).await?;
        let (server, started) = server.restart().await?;
        ready.add(started.elapsed().as_secs_f64());
        let mut connection = server.client.connect().await?;
        for job in claim(&mut connection, 1).await? {
            complete(&mut connection, &job).await?;
        }
        first.add(started.elapsed().as_secs_f64());
        again.add(server.memory_mib()?);
        beside_all.add(&server).await?;
        server.stop().await?;
        let empty = Server::start(durability).await?;
        beside_none.add(&empty).await?;
        empty.stop().await?;
    }
    [added, cpu, memory, ready, first, again].into_iter().for_each(Figures::print);
    beside_all.print();
    beside_none.print();
    Ok(())
}

async fn fill(server: &Server) -> anyhow::Result<()> {
    let mut connections = Vec::new();
    for _ in 0..WRITERS {
        connections.push(tokio::sync::Mutex::new(server.client.connect().await?));
    }
    // Each falls due at a moment of its own, from tomorrow on.
    let add = async |lane: usize, bulk: usize| {
        let Some(connection) = connections.get(lane) else { return Ok(()) };
        let delay = 86_400_000 + bulk;
        let from = bulk * BULK;
        add_many(&mut *connection.lock().await, from..from + BULK, |_| format!(r#","delayMs":{delay}"#)).await
    };
    lanes(DELAYED / BULK, WRITERS, add).await
}

/// What jobs that fall due one after the other cost, and how late they are in the hands of a worker.
struct DueFigures([Figures; 3]);

impl DueFigures {
    const fn new(names: [&'static str; 3]) -> Self {
        let [cpu, half, most] = names;
        Self([Figures::new(cpu, "us"), Figures::new(half, "ms"), Figures::new(most, "ms")])
    }

    async fn add(&mut self, server: &Server) -> anyhow::Result<()> {
        let mut connection = server.client.connect().await?;
        let before = server.cpu()?;
        let first = now_millis() + millis(AHEAD);
        let due = |number: usize| first + millis(APART) * number as u64;
        add_many(&mut connection, 0..DUE, |number| run_at(due(number))).await?;
        let mut late = Vec::new();
        while late.len() < DUE {
            let jobs = claim(&mut connection, 1).await?;
            let arrived = now_micros();
            for job in &jobs {
                let late_by = Duration::from_micros(arrived.saturating_sub(due(job.payload.number) * 1_000));
                late.push(late_by.as_secs_f64() * 1e3);
                complete(&mut connection, job).await?;
            }
        }
        late.sort_by(f64::total_cmp);
        let [cpu, half, most] = &mut self.0;
        cpu.add(micros(server.cpu()?.saturating_sub(before), DUE));
        half.add(percentile(&late, 0.5));
        most.add(percentile(&late, 0.99));
        Ok(())
    }

    fn print(self) {
        self.0.into_iter().for_each(Figures::print);
    }
}

fn now_millis() -> u64 {
    now_micros() / 1_000
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn run_at(since_1970: u64) -> String {
    format!(r#","runAt":"{}""#, Timestamp::from_millis(since_1970))
}

async fn flows(durability: &str) -> anyhow::Result<()> {
    println!("\nflows each with a trigger of its own: an event that fires one, until its webhook is there");
    let mut few = FlowFigures::new([
        "  10 flows: server CPU of one event, 8 in flight",
        "  10 flows: one at a time, p50",
        "  10 flows: one at a time, p99",
        "  10 flows: server memory",
    ]);
    let mut many = FlowFigures::new([
        "  10,000 flows: server CPU of one event, 8 in flight",
        "  10,000 flows: one at a time, p50",
        "  10,000 flows: one at a time, p99",
        "  10,000 flows: server memory",
    ]);
    for _ in 0..RUNS {
        few.add(durability, FEW_FLOWS).await?;
        many.add(durability, FLOWS).await?;
    }
    few.print();
    many.print();
    Ok(())
}

struct FlowFigures([Figures; 4]);

impl FlowFigures {
    const fn new(names: [&'static str; 4]) -> Self {
        let [cpu, half, most, memory] = names;
        Self([
            Figures::new(cpu, "us"),
            Figures::new(half, "ms"),
            Figures::new(most, "ms"),
            Figures::new(memory, "MiB"),
        ])
    }

    async fn add(&mut self, durability: &str, flows: usize) -> anyhow::Result<()> {
        let server = Server::start(durability).await?;
        let mut receiver = Receiver::start().await?;
        let load = Load::new(&server);
        let make = async |_, number| load.create_flow(&kind(number), receiver.address).await;
        lanes(flows, MAKERS, make).await?;
        // Spread over all of them. Each flow has had an event before anything is counted.
        let kinds: Vec<String> = (0..KINDS).map(|n| kind(n * (flows / KINDS))).collect();
        for kind in &kinds {
            load.burst(kind, 20, 8).await?;
        }
        receiver.latencies(20 * KINDS).await?;
        let before = server.cpu()?;
        for kind in &kinds {
            load.burst(kind, EVENTS, 8).await?;
        }
        receiver.latencies(EVENTS * KINDS).await?;
        let spent = server.cpu()?.saturating_sub(before);
        let mut waits = Vec::new();
        for number in 0..SINGLE {
            let kind = kinds.get(number % KINDS).map_or("", String::as_str);
            load.burst(kind, 1, 1).await?;
            waits.extend(receiver.latencies(1).await?);
        }
        waits.sort_by(f64::total_cmp);
        let [cpu, half, most, memory] = &mut self.0;
        cpu.add(micros(spent, EVENTS * KINDS));
        half.add(percentile(&waits, 0.5));
        most.add(percentile(&waits, 0.99));
        memory.add(server.memory_mib()?);
        server.stop().await
    }

    fn print(self) {
        self.0.into_iter().for_each(Figures::print);
    }
}

fn kind(number: usize) -> String {
    format!("bench.kind{number}")
}
