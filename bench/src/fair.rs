//! Fairness: one organisation adds 100,000 jobs to a queue, another adds one now and then. How long the one waits,
//! beside how long it waits when there is nobody else. In this process the queue does both organisations' jobs, 16 at
//! a time; over HTTP each has workers of its own, and they share the server.

use std::time::Duration;

use appengine_actors::ids::OrgId;
use tokio::time::Instant;

use crate::jobs::inside::Inside;
use crate::jobs::outside;
use crate::load::percentile;
use crate::server::Server;
use crate::{Figures, RUNS, cores};

/// Jobs of the flood.
const FLOOD: usize = 100_000;
/// Jobs of the other on an idle server.
const SINGLE: usize = 300;
/// How long the other pauses between two jobs.
const PAUSE: Duration = Duration::from_millis(20);
/// Jobs that the queue does at once, as if nothing were configured.
const CONCURRENCY: usize = 16;
/// Jobs that the flood's own workers complete at once.
const WORKERS: usize = 50;

/// Measures both ways.
pub async fn run(durability: &str) -> anyhow::Result<()> {
    println!(
        "one organisation adds {FLOOD} jobs, another adds one at a time; durability `{durability}`, {} cores",
        cores()
    );
    println!("median of {RUNS} runs (least .. most)");
    for name in ["in process", "over HTTP"] {
        println!("\n{name}");
        let mut figures = [
            Figures::new("  alone, p50", "ms"),
            Figures::new("  alone, p99", "ms"),
            Figures::new("  beside the flood, p50", "ms"),
            Figures::new("  beside the flood, p99", "ms"),
            Figures::new("  beside the flood, longest", "ms"),
            Figures::new("  how many times longer, p50", ""),
            Figures::new("  how many times longer, p99", ""),
            Figures::new("  the flood, added and done", "/s"),
        ];
        for _ in 0..RUNS {
            let waits =
                if name == "in process" { inside(durability).await? } else { http(durability).await? };
            for (figure, value) in figures.iter_mut().zip(waits.figures()) {
                figure.add(value);
            }
        }
        figures.into_iter().for_each(Figures::print);
    }
    Ok(())
}

struct Waits {
    alone: Vec<f64>,
    beside: Vec<f64>,
    flood: Duration,
}

impl Waits {
    fn figures(mut self) -> [f64; 8] {
        self.alone.sort_by(f64::total_cmp);
        self.beside.sort_by(f64::total_cmp);
        let (alone, beside) = (|part| percentile(&self.alone, part), |part| percentile(&self.beside, part));
        [
            alone(0.5),
            alone(0.99),
            beside(0.5),
            beside(0.99),
            beside(1.0),
            beside(0.5) / alone(0.5),
            beside(0.99) / alone(0.99),
            crate::rate(FLOOD, self.flood),
        ]
    }
}

async fn inside(durability: &str) -> anyhow::Result<Waits> {
    let mut inside = Inside::start(durability, CONCURRENCY).await?;
    inside.jobs.pause(false).await?;
    let (one, many) = (OrgId::new("one")?, OrgId::new("many")?);
    let mut alone = Vec::new();
    for _ in 0..SINGLE {
        alone.push(inside.wait_of_one(&one).await?);
        tokio::time::sleep(PAUSE).await;
    }
    let started = Instant::now();
    let flood = inside.jobs.clone();
    let flood = tokio::task::spawn_local(async move {
        flood.fill(&many, FLOOD).await?;
        flood.work().await
    });
    let mut beside = Vec::new();
    while !flood.is_finished() {
        beside.push(inside.wait_of_one(&one).await?);
        tokio::time::sleep(PAUSE).await;
    }
    flood.await??;
    let flood = started.elapsed();
    inside.stop().await?;
    Ok(Waits { alone, beside, flood })
}

async fn http(durability: &str) -> anyhow::Result<Waits> {
    let server = Server::start(durability).await?;
    let many = server.client_of("many").await?;
    let (mut adding, mut worker) = (server.client.connect().await?, server.client.connect().await?);
    let mut alone = Vec::new();
    for _ in 0..SINGLE {
        alone.push(outside::wait_of_one(&mut adding, &mut worker, PAUSE).await?);
    }
    let started = Instant::now();
    let flood = tokio::task::spawn_local(async move {
        let mut filling = many.connect().await?;
        let filled = outside::fill(&mut filling, FLOOD);
        let done = outside::work(&many, FLOOD, WORKERS);
        futures_util::future::try_join(filled, done).await?;
        anyhow::Ok(())
    });
    let mut beside = Vec::new();
    while !flood.is_finished() {
        beside.push(outside::wait_of_one(&mut adding, &mut worker, PAUSE).await?);
    }
    flood.await??;
    let flood = started.elapsed();
    server.stop().await?;
    Ok(Waits { alone, beside, flood })
}
