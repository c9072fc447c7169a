//! A long, even load of everything at once: events to a good, a failing and a dead endpoint, a flow, and work that is
//! added, claimed and completed. What must stay flat is printed every minute: memory, descriptors, disk.

use std::time::Duration;

use tokio::time::Instant;

use crate::load::Load;
use crate::receiver::Receiver;
use crate::server::Server;

/// Events a second.
const RATE: u32 = 100;
/// History ends soon, so that what is removed is as much as what is written.
const KEPT: &str = "2m";

/// Runs for so many minutes.
///
/// # Errors
/// When the server or the load fails.
pub async fn run(minutes: u64) -> anyhow::Result<()> {
    let settings = [
        ("APPENGINE__RETENTION__EVENTS", KEPT),
        ("APPENGINE__RETENTION__RUNS", KEPT),
        ("APPENGINE__RETENTION__DELIVERIES", KEPT),
        ("APPENGINE__RETENTION__IDEMPOTENCY", KEPT),
        ("APPENGINE__QUEUES__KEEP_COMPLETED", KEPT),
        ("APPENGINE__QUEUES__KEEP_FAILED", KEPT),
        ("APPENGINE__WEBHOOKS__DISABLE_AFTER", "30d"),
    ];
    let server = Server::start_with("power", &settings).await?;
    let load = Load::new(&server);
    let (good, failing) = (Receiver::start().await?, Receiver::failing(5).await?);
    load.register("soak.seen", good.address, "good").await?;
    load.register("soak.seen", failing.address, "failing").await?;
    load.create_flow("soak.seen", good.address).await?;
    for receiver in [good, failing] {
        tokio::spawn(receiver.count());
    }
    println!("soak: {minutes} min, {RATE} events/s, history kept for {KEPT}, durability `power`\n");
    println!(
        "{:>6} {:>10} {:>12} {:>10} {:>12} {:>10}",
        "minute", "events", "memory MiB", "handles", "disk MiB", "CPU %"
    );
    let (started, mut sent, mut before) = (Instant::now(), 0, server.cpu()?);
    for minute in 1..=minutes {
        let began = Instant::now();
        sent += load.steady("soak.seen", RATE, Duration::from_secs(60)).await?;
        let cpu = server.cpu()?;
        let share = (cpu - before).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
        before = cpu;
        println!(
            "{minute:>6} {sent:>10} {:>12.1} {:>10} {:>12.1} {share:>10.1}",
            server.memory_mib()?,
            server.handles()?,
            server.disk_mib()?,
        );
    }
    println!("\n{sent} events in {:.0} s", started.elapsed().as_secs_f64());
    server.stop().await
}
