//! Signed calls of Stripe: how many the server takes in a second, each on the disk before its 2xx, what one costs in
//! CPU, and how long they wait at a steady rate. What they mean is worked out meanwhile, as in life.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use appengine_actors::clock::{Clock, SystemClock};
use aws_lc_rs::hmac;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::client::Client;
use crate::load::percentile;
use crate::server::Server;
use crate::{Figures, IN_FLIGHT, cores, micros, rate, runs};

const SECRET: &str = "whsec_of_the_bench";
const CALLS: usize = 20_000;
const PER_SECOND: usize = 1_000;
const STEADY: usize = 10_000;
/// Connections of a steady load: one that waits holds up no other.
const CONNECTIONS: usize = 128;

/// A call as it is sent: its signature and its body.
type Call = (String, String);

/// Prints the figures.
pub async fn run(durability: &str) -> anyhow::Result<()> {
    println!("signed Stripe calls, durability `{durability}`, {} cores, bodies of some 1,200 bytes", cores());
    println!("median of {} runs (least .. most)\n", runs());
    let mut taken = Figures::new("calls taken, 64 in flight", "calls/s");
    let mut cpu = Figures::new("  server CPU per call, its reading included", "us");
    let mut half = Figures::new("answered at 1,000/s, p50", "ms");
    let mut most = Figures::new("answered at 1,000/s, p99", "ms");
    let mut memory = Figures::new("server memory at the end", "MiB");
    for _ in 0..runs() {
        let limit = ("APPENGINE__LIMITS__VENDOR_CALLS_PER_MINUTE", "1000000000");
        let server = Server::start_with(durability, &[limit]).await?;
        let path = connect(&server.client).await?;
        let latencies = steady(&server.client, &path, calls("steady", STEADY)).await?;
        half.add(percentile(&latencies, 0.50));
        most.add(percentile(&latencies, 0.99));
        let (all, before) = (calls("burst", CALLS), server.cpu()?);
        taken.add(rate(CALLS, burst(&server.client, &path, all).await?));
        read_all(&server.client).await?;
        cpu.add(micros(server.cpu()? - before, CALLS));
        memory.add(server.memory_mib()?);
        server.stop().await?;
    }
    for figures in [taken, cpu, half, most, memory] {
        figures.print();
    }
    Ok(())
}

/// Connects Stripe; the path that it calls.
async fn connect(client: &Client) -> anyhow::Result<String> {
    let mut connection = client.connect().await?;
    let body = json!({"type": "stripe", "credentials": {"webhookSecret": SECRET}}).to_string();
    connection.post("/upstream/save-integration", &body, 200).await?;
    let saved: Value = connection.answer()?;
    let id = saved["id"].as_str().context("no id of the integration")?;
    Ok(format!("/connect/webhook/stripe/{id}"))
}

/// So many payments, signed.
fn calls(name: &str, count: usize) -> Vec<Call> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let now = SystemClock::new().now().as_secs();
    let padding = "x".repeat(900);
    let call = |n| {
        let body = format!(
            r#"{{"id":"evt_{name}_{n}","object":"event","type":"payment_intent.succeeded","created":{now},"livemode":false,"data":{{"object":{{"id":"pi_{name}_{n}","object":"payment_intent","amount":4200,"amount_received":4200,"currency":"eur","status":"succeeded","metadata":{{"padding":"{padding}"}}}}}}}}"#
        );
        let code = hmac::sign(&key, format!("{now}.{body}").as_bytes());
        let code: String = code.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        (format!("stripe-signature: t={now},v1={code}\r\n"), body)
    };
    (0..count).map(call).collect()
}

/// All of them, so many at once.
async fn burst(client: &Client, path: &str, calls: Vec<Call>) -> anyhow::Result<Duration> {
    let (calls, next) = (Arc::new(calls), Arc::new(AtomicUsize::new(0)));
    let started = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (client, path, calls, next) = (client.clone(), path.to_owned(), calls.clone(), next.clone());
        workers.spawn(async move {
            let mut connection = client.connect().await?;
            while let Some((signature, body)) = calls.get(next.fetch_add(1, Ordering::Relaxed)) {
                connection.post_with(&path, signature, body, 200).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    Ok(started.elapsed())
}

/// All of them at a fixed rate, whatever the answers take: milliseconds from when each was due, in order of length.
async fn steady(client: &Client, path: &str, calls: Vec<Call>) -> anyhow::Result<Vec<f64>> {
    let calls = Arc::new(calls);
    let started = Instant::now() + Duration::from_millis(100);
    let mut workers = tokio::task::JoinSet::new();
    for first in 0..CONNECTIONS {
        let (client, path, calls) = (client.clone(), path.to_owned(), calls.clone());
        workers.spawn(async move {
            let (mut connection, mut took) = (client.connect().await?, Vec::new());
            for (n, (signature, body)) in calls.iter().enumerate().skip(first).step_by(CONNECTIONS) {
                let due = started + Duration::from_micros((n * 1_000_000 / PER_SECOND) as u64);
                tokio::time::sleep_until(due).await;
                connection.post_with(&path, signature, body, 200).await?;
                took.push(due.elapsed().as_secs_f64() * 1e3);
            }
            anyhow::Ok(took)
        });
    }
    let mut latencies = Vec::new();
    while let Some(worker) = workers.join_next().await {
        latencies.extend(worker??);
    }
    latencies.sort_by(f64::total_cmp);
    Ok(latencies)
}

/// Waits until every call was read.
async fn read_all(client: &Client) -> anyhow::Result<()> {
    let mut connection = client.connect().await?;
    loop {
        connection.get("/monitoring/queues", 200).await?;
        let told: Value = connection.answer()?;
        let billing =
            told["queues"].as_array().into_iter().flatten().find(|queue| queue["name"] == "billing");
        let billing = billing.context("no queue `billing`")?;
        if billing["waiting"] == 0 && billing["active"] == 0 {
            return Ok(());
        }
        crate::pause(Duration::from_millis(50)).await;
    }
}
