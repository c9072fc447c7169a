//! Jobs, as the peers do them: one side's figures, each on a fresh store, one line of JSON each. `bench/peers` has
//! the same figures, numbers of jobs and payload.

use std::cell::Cell;
use std::io::Write;

use anyhow::bail;
use appengine::config::Durability;
use serde_json::{Value, json};

use crate::IN_FLIGHT;
use crate::measured::{Side, Since};

pub mod inside;
pub mod outside;

/// Jobs of one bulk.
pub const BULK: usize = 1_000;
/// Jobs before anything is counted.
pub const WARM: usize = 2_000;
/// Jobs of each figure.
const ONE_BY_ONE: usize = 5_000;
const AT_ONCE: usize = 40_000;
const BACKLOG: usize = 100_000;
const SERIAL: usize = 5_000;
const BUSY: usize = 50_000;
const IDLE: usize = 1_000;
/// Jobs that are done at once where the queue is busy.
const CONCURRENCY: usize = 50;
/// The queue that all of them are in.
pub const QUEUE: &str = "notification";
/// A job of which nothing more is wanted.
pub const JOB: &str = "bench.job";

const ADDED_ONE: &str = "add, one by one";
const ADDED_AT_ONCE: &str = "add, 64 in flight";
const ADDED_BULKS: &str = "add, bulks of 1,000";
const HELD: &str = "memory, 100,000 waiting";
const DONE_ONE: &str = "process, concurrency 1";
const DONE_BUSY: &str = "process, concurrency 50";
const BEGUN: &str = "idle, added to begun";

/// Measures one side once.
///
/// # Errors
/// When there is no such side, or it fails.
pub async fn measure(side: &str, durability: &str) -> anyhow::Result<()> {
    match side {
        "inside" => inside::measure(durability).await,
        "outside" => outside::measure(durability).await,
        "log" => plain_log(),
        other => bail!("there is no side `{other}`; there are inside, outside and log"),
    }
}

/// About 100 bytes of JSON.
pub fn payload(number: usize) -> Value {
    json!({"number": number, "to": "ada@example.com", "text": "x".repeat(50)})
}

/// The durability of this name.
pub fn durability(name: &str) -> anyhow::Result<Durability> {
    Ok(match name {
        "power" => Durability::Power,
        "process" => Durability::Process,
        "none" => Durability::None,
        other => bail!("there is no durability `{other}`"),
    })
}

/// Calls `work` with a lane and each number below `count`, so many at once.
pub async fn lanes<W>(count: usize, in_flight: usize, work: W) -> anyhow::Result<()>
where
    W: AsyncFn(usize, usize) -> anyhow::Result<()>,
{
    let next = Cell::new(0);
    let lane = async |lane| {
        while next.get() < count {
            let number = next.replace(next.get() + 1);
            work(lane, number).await?;
        }
        anyhow::Ok(())
    };
    futures_util::future::try_join_all((0..in_flight).map(lane)).await?;
    Ok(())
}

/// What nothing that writes each job to one disk can be above: their bytes alone, in the order in which they come.
fn plain_log() -> anyhow::Result<()> {
    let side = Side { name: "plain log", durability: "fdatasync".to_owned() };
    let folder = tempfile::tempdir()?;
    let mut log = std::fs::File::create(folder.path().join("log"))?;
    for (figure, count, at_once) in
        [(ADDED_ONE, ONE_BY_ONE, 1), (ADDED_AT_ONCE, AT_ONCE, IN_FLIGHT), (ADDED_BULKS, BACKLOG, BULK)]
    {
        let since = Since::now(None)?;
        for number in (0..count).step_by(at_once) {
            let line = format!("{}\n", payload(number));
            log.write_all(line.repeat(at_once).as_bytes())?;
            log.sync_data()?;
        }
        side.rate(figure, count, &since, None)?;
    }
    Ok(())
}
