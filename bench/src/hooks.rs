//! Events to the endpoints that listen to them: bursts, steady rates, one event to ten endpoints, large payloads and
//! a receiver that fails. Each scenario has a server of its own.

use std::time::Duration;

use tokio::time::Instant;

use crate::load::{Load, percentile};
use crate::receiver::Receiver;
use crate::server::Server;
use crate::{Figures, IN_FLIGHT, RUNS, cores, micros, rate};

const KIND: &str = "bench.hook";
const BURST: usize = 20_000;
const FANNED: usize = 2_000;
const ENDPOINTS: usize = 10;
const LARGE: usize = 4_000;
const FAILING: usize = 5_000;
/// Long enough to meet the carrying of a table in every run.
const STEADY: Duration = Duration::from_secs(40);

/// What is done and how it is counted.
struct Scenario {
    name: &'static str,
    events: usize,
    padding: usize,
    endpoints: usize,
    fails_one_of: u64,
    /// Events a second; as many as come where none is given.
    rate: Option<u32>,
}

const fn burst(name: &'static str, events: usize) -> Scenario {
    Scenario { name, events, padding: 190, endpoints: 1, fails_one_of: 0, rate: None }
}

const SCENARIOS: [Scenario; 6] = [
    burst("burst, 64 in flight", BURST),
    Scenario { rate: Some(300), ..burst("steady 300/s", 0) },
    Scenario { rate: Some(1_000), ..burst("steady 1,000/s", 0) },
    Scenario { endpoints: ENDPOINTS, ..burst("one event to 10 endpoints", FANNED) },
    Scenario { padding: 20_000, ..burst("20 kB payloads", LARGE) },
    Scenario { fails_one_of: 5, ..burst("one request of five fails", FAILING) },
];

/// Runs every scenario with this in its name [`RUNS`] times.
///
/// # Errors
/// When the server or the load fails.
pub async fn run(durability: &str, named: &str) -> anyhow::Result<()> {
    println!(
        "appengine {}, webhook endpoints, durability `{durability}`, {} cores, payload 256 bytes unless said",
        env!("CARGO_PKG_VERSION"),
        cores()
    );
    println!("median of {RUNS} runs (least .. most)");
    for scenario in SCENARIOS.iter().filter(|scenario| scenario.name.contains(named)) {
        println!("\n{}", scenario.name);
        let mut figures = [
            Figures::new("  deliveries", "/s"),
            Figures::new("  accepted to received, p50", "ms"),
            Figures::new("  accepted to received, p99", "ms"),
            Figures::new("  accepted to received, p99.9", "ms"),
            Figures::new("  server CPU per event", "us"),
            Figures::new("  server memory at the end", "MiB"),
        ];
        for _ in 0..RUNS {
            for (figure, value) in figures.iter_mut().zip(once(scenario, durability).await?) {
                figure.add(value);
            }
        }
        figures.into_iter().for_each(Figures::print);
    }
    Ok(())
}

async fn once(scenario: &Scenario, durability: &str) -> anyhow::Result<[f64; 6]> {
    let server = Server::start(durability).await?;
    let mut receiver = Receiver::failing(scenario.fails_one_of).await?;
    let load = Load::new(&server).with_padding(scenario.padding);
    for n in 0..scenario.endpoints {
        load.register(KIND, receiver.address, &n.to_string()).await?;
    }
    // Connections are made and code is warm before anything is counted.
    load.burst(KIND, 200, 8).await?;
    receiver.latencies(200 * scenario.endpoints).await?;
    let (before, started) = (server.cpu()?, Instant::now());
    let events = match scenario.rate {
        Some(rate) => load.steady(KIND, rate, STEADY).await?,
        None => {
            load.burst(KIND, scenario.events, IN_FLIGHT).await?;
            scenario.events
        }
    };
    let deliveries = events * scenario.endpoints;
    let ages = receiver.latencies(deliveries).await?;
    let took = started.elapsed();
    let values = [
        rate(deliveries, took),
        percentile(&ages, 0.5),
        percentile(&ages, 0.99),
        percentile(&ages, 0.999),
        micros(server.cpu()? - before, events),
        server.memory_mib()?,
    ];
    server.stop().await?;
    Ok(values)
}
