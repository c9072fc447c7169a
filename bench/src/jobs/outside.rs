//! The release binary, and workers that speak HTTP to it from this process.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;

use super::{
    ADDED_AT_ONCE, ADDED_BULKS, ADDED_ONE, AT_ONCE, BACKLOG, BEGUN, BULK, BUSY, CONCURRENCY, DONE_BUSY,
    DONE_ONE, HELD, IDLE, JOB, ONE_BY_ONE, QUEUE, SERIAL, WARM, lanes, payload,
};
use crate::IN_FLIGHT;
use crate::client::{Client, Connection};
use crate::measured::{Side, Since};
use crate::server::Server;

/// Jobs of one claim, at most.
const CLAIM: usize = 100;
/// How long a claim waits for the first of them, in milliseconds.
const PATIENCE: usize = 15_000;

/// A job that this worker has.
#[derive(Debug, Deserialize)]
pub struct Claimed {
    id: String,
    lease: String,
    /// What it was added with.
    pub payload: Given,
}

/// What a job was added with.
#[derive(Debug, Deserialize)]
pub struct Given {
    /// Which of them it is.
    pub number: usize,
}

#[derive(Debug, Deserialize)]
struct Claims {
    jobs: Vec<Claimed>,
}

/// Adds one job.
pub async fn add(connection: &mut Connection, number: usize) -> anyhow::Result<()> {
    let body = format!(r#"{{"name":"{JOB}","payload":{}}}"#, payload(number));
    connection.post(&format!("/queues/{QUEUE}/jobs"), &body, 201).await
}

/// Adds jobs as one commit; `more` is what else one of them says, with a comma before it.
pub async fn add_many(
    connection: &mut Connection,
    numbers: std::ops::Range<usize>,
    mut more: impl FnMut(usize) -> String,
) -> anyhow::Result<()> {
    let one = |number| format!(r#"{{"name":"{JOB}","payload":{}{}}}"#, payload(number), more(number));
    let jobs = numbers.map(one).collect::<Vec<_>>().join(",");
    connection.post(&format!("/queues/{QUEUE}/jobs/bulk"), &format!(r#"{{"jobs":[{jobs}]}}"#), 201).await
}

/// Adds many jobs in bulks, one after the other.
pub async fn fill(connection: &mut Connection, count: usize) -> anyhow::Result<()> {
    for from in (0..count).step_by(BULK) {
        add_many(connection, from..(from + BULK).min(count), |_| String::new()).await?;
    }
    Ok(())
}

/// Asks for jobs, and waits for the first.
pub async fn claim(connection: &mut Connection, most: usize) -> anyhow::Result<Vec<Claimed>> {
    let body = json!({"worker": "bench", "max": most, "waitMs": PATIENCE}).to_string();
    connection.post(&format!("/queues/{QUEUE}/claim"), &body, 200).await?;
    Ok(connection.answer::<Claims>()?.jobs)
}

/// Says that a job is done.
pub async fn complete(connection: &mut Connection, job: &Claimed) -> anyhow::Result<()> {
    let body = format!(r#"{{"lease":"{}"}}"#, job.lease);
    connection.post(&format!("/jobs/{}/complete", job.id), &body, 200).await
}

/// Does `count` jobs: so many are completed at once, on as many connections, while more are claimed.
pub async fn work(client: &Client, count: usize, at_once: usize) -> anyhow::Result<()> {
    if at_once == 1 {
        let mut connection = client.connect().await?;
        let mut done = 0;
        while done < count {
            for job in claim(&mut connection, 1).await? {
                complete(&mut connection, &job).await?;
                done += 1;
            }
        }
        return Ok(());
    }
    let (give, given) = mpsc::channel(at_once);
    let claims = async {
        let (mut connection, give) = (client.connect().await?, give);
        let mut claimed = 0;
        while claimed < count {
            for job in claim(&mut connection, CLAIM.min(count - claimed)).await? {
                claimed += 1;
                give.send(job).await?;
            }
        }
        anyhow::Ok(())
    };
    let given = Mutex::new(given);
    let done = async |_| {
        let mut connection = client.connect().await?;
        loop {
            let job = given.lock().await.recv().await;
            let Some(job) = job else { return anyhow::Ok(()) };
            complete(&mut connection, &job).await?;
        }
    };
    let done = futures_util::future::try_join_all((0..at_once).map(done));
    futures_util::future::try_join(claims, done).await?;
    Ok(())
}

/// How many milliseconds a job takes from being asked for to being in the hands of a worker that waits for it.
pub async fn wait_of_one(
    adding: &mut Connection,
    worker: &mut Connection,
    pause: Duration,
) -> anyhow::Result<f64> {
    let added = async {
        // The worker waits by then.
        tokio::time::sleep(pause).await;
        let asked = Instant::now();
        add(adding, 0).await?;
        anyhow::Ok(asked)
    };
    let claimed = async {
        let jobs = claim(worker, 1).await?;
        anyhow::Ok((jobs, Instant::now()))
    };
    let (asked, (jobs, given)) = futures_util::future::try_join(added, claimed).await?;
    for job in &jobs {
        complete(worker, job).await?;
    }
    Ok(given.saturating_duration_since(asked).as_secs_f64() * 1e3)
}

/// Every figure once.
pub async fn measure(durability: &str) -> anyhow::Result<()> {
    let side = Side { name: "over HTTP", durability: durability.to_owned() };
    let server = Server::start(durability).await?;
    let mut connection = server.client.connect().await?;
    fill(&mut connection, 2 * BULK).await?;
    let since = Since::now(Some(&server))?;
    fill(&mut connection, BACKLOG - 2 * BULK).await?;
    side.rate(ADDED_BULKS, BACKLOG - 2 * BULK, &since, Some(&server))?;
    side.memory(HELD, Some(&server))?;
    server.stop().await?;

    for (figure, count, at_once) in [(ADDED_ONE, ONE_BY_ONE, 1), (ADDED_AT_ONCE, AT_ONCE, IN_FLIGHT)] {
        let server = Server::start(durability).await?;
        let mut connections = Vec::new();
        for _ in 0..at_once {
            connections.push(Mutex::new(server.client.connect().await?));
        }
        let add = async |lane: usize, number| match connections.get(lane) {
            Some(connection) => add(&mut *connection.lock().await, number).await,
            None => Ok(()),
        };
        lanes(WARM, at_once, add).await?;
        let since = Since::now(Some(&server))?;
        lanes(count, at_once, add).await?;
        side.rate(figure, count, &since, Some(&server))?;
        server.stop().await?;
    }
    for (figure, count, at_once) in [(DONE_ONE, SERIAL, 1), (DONE_BUSY, BUSY, CONCURRENCY)] {
        let server = Server::start(durability).await?;
        let mut connection = server.client.connect().await?;
        fill(&mut connection, WARM).await?;
        work(&server.client, WARM, at_once).await?;
        fill(&mut connection, count).await?;
        let since = Since::now(Some(&server))?;
        work(&server.client, count, at_once).await?;
        side.rate(figure, count, &since, Some(&server))?;
        server.stop().await?;
    }
    let server = Server::start(durability).await?;
    let (mut adding, mut worker) = (server.client.connect().await?, server.client.connect().await?);
    let mut waits = Vec::new();
    for number in 0..IDLE + IDLE / 5 {
        let wait = wait_of_one(&mut adding, &mut worker, Duration::from_millis(2)).await?;
        if number >= IDLE / 5 {
            waits.push(wait);
        }
    }
    side.latency(BEGUN, waits)?;
    server.stop().await
}
