//! Polling a large collection: how long a page of 100 takes at the newest end, in the middle and from
//! the very beginning, and what the server holds in memory before and after.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::load::{Load, percentile};
use crate::server::Server;

/// Records that one insert makes.
const BATCH: usize = 500;
/// Inserts under way at once.
const WRITERS: usize = 4;
/// Pages read for one figure.
const PAGES: usize = 50;

/// Fills a store with `count` contacts and polls it.
pub async fn run(durability: &str, count: usize) -> anyhow::Result<()> {
    println!("polling {count} contacts, durability `{durability}`\n");
    let server = Server::start(durability).await?;
    let load = Load::new(&server);
    let started = Instant::now();
    load.insert(count, BATCH, WRITERS).await?;
    let took = started.elapsed();
    println!("inserted in {:.1} s, server memory {:.0} MiB", took.as_secs_f64(), server.memory_mib()?);

    let places = [("the newest end", None), ("the middle", Some(0.5)), ("the beginning", Some(0.0))];
    let first = edge(&load, 1).await?;
    let last = edge(&load, -1).await?;
    for (name, part) in places {
        let watermark = part.map_or(last, |part: f64| first + last.saturating_sub(first).mul_f64(part));
        let page = |direction: i64| {
            json!({
                "query": {"modifydate": {"$gte": iso(watermark)}},
                "options": {"sort": {"modifydate": direction}, "pageSize": 100},
            })
        };
        for direction in [-1, 1] {
            let mut times = Vec::new();
            for _ in 0..PAGES {
                let asked = Instant::now();
                load.find("contact", &page(direction)).await?;
                times.push(asked.elapsed().as_secs_f64() * 1000.0);
            }
            times.sort_by(f64::total_cmp);
            let order = if direction < 0 { "newest first" } else { "oldest first" };
            println!(
                "page of 100 from {name}, {order:<12}  p50 {:>6.1} ms   p99 {:>6.1} ms",
                percentile(&times, 0.50),
                percentile(&times, 0.99)
            );
        }
    }
    println!("server memory after polling {:.0} MiB", server.memory_mib()?);
    server.stop().await
}

/// The `modifydate` of the first or last contact, since 1970.
async fn edge(load: &Load, direction: i64) -> anyhow::Result<Duration> {
    let options = json!({"sort": {"modifydate": direction}, "pageSize": 1});
    let page = load.find("contact", &json!({"query": {}, "options": options})).await?;
    let text = page.pointer("/data/0/modifydate").and_then(Value::as_str).unwrap_or_default();
    let time: jiff::Timestamp = text.parse()?;
    Ok(Duration::from_millis(u64::try_from(time.as_millisecond())?))
}

fn iso(since: Duration) -> String {
    let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX).to_string()
}
