//! One figure of one side, as a line of JSON: what a side prints and the comparison reads, whatever language it is in.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::load::percentile;
use crate::process::{self, OWN};
use crate::server::Server;
use crate::{micros, rate};

/// A figure.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// Whose figure.
    pub side: String,
    /// What its acknowledged writes survive, in its own words.
    pub durability: String,
    /// What was measured.
    pub figure: String,
    /// In what.
    pub unit: String,
    /// How much.
    pub value: f64,
    /// What one job costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_per_job_us: Option<Cpu>,
    /// What the server holds at the end.
    #[serde(default, rename = "memoryMiB", skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<f64>,
}

/// Microseconds of CPU on both sides. A library has one side only.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Cpu {
    /// Whoever asks.
    pub client: f64,
    /// Whoever is asked.
    pub server: f64,
}

/// Prints one side's figures.
#[derive(Clone)]
pub struct Side {
    /// What it is called.
    pub name: &'static str,
    /// What its writes survive.
    pub durability: String,
}

/// What was used when a measurement began.
pub struct Since {
    at: Instant,
    client: Duration,
    server: Duration,
}

impl Since {
    /// From now on; the server is this process where none is given.
    pub fn now(server: Option<&Server>) -> anyhow::Result<Self> {
        let server = server.map_or(Ok(Duration::ZERO), Server::cpu)?;
        Ok(Self { client: process::cpu(OWN)?, server, at: Instant::now() })
    }
}

impl Side {
    /// Jobs a second since then, and what one cost.
    pub fn rate(
        &self,
        figure: &str,
        count: usize,
        since: &Since,
        server: Option<&Server>,
    ) -> anyhow::Result<()> {
        let took = since.at.elapsed();
        let client = micros(process::cpu(OWN)?.saturating_sub(since.client), count);
        let server_cpu = server.map_or(Ok(Duration::ZERO), Server::cpu)?.saturating_sub(since.server);
        let memory = server.map_or_else(|| process::memory_mib(OWN), Server::memory_mib)?;
        let cpu = Cpu { client, server: micros(server_cpu, count) };
        self.print(figure, "/s", rate(count, took), Some(cpu), Some(memory))
    }

    /// What the server holds; this process, where none is given.
    pub fn memory(&self, figure: &str, server: Option<&Server>) -> anyhow::Result<()> {
        let memory = server.map_or_else(|| process::memory_mib(OWN), Server::memory_mib)?;
        self.print(figure, "MiB", memory, None, None)
    }

    /// A figure that is neither.
    pub fn value(&self, figure: &str, unit: &str, value: f64) -> anyhow::Result<()> {
        self.print(figure, unit, value, None, None)
    }

    /// Half and the slowest of a hundred of some waits in milliseconds.
    pub fn latency(&self, figure: &str, mut waits: Vec<f64>) -> anyhow::Result<()> {
        waits.sort_by(f64::total_cmp);
        self.print(&format!("{figure}, p50"), "ms", percentile(&waits, 0.5), None, None)?;
        self.print(&format!("{figure}, p99"), "ms", percentile(&waits, 0.99), None, None)
    }

    fn print(
        &self,
        figure: &str,
        unit: &str,
        value: f64,
        cpu_per_job_us: Option<Cpu>,
        memory_mib: Option<f64>,
    ) -> anyhow::Result<()> {
        let (side, durability) = (self.name.to_owned(), self.durability.clone());
        let (figure, unit) = (figure.to_owned(), unit.to_owned());
        let measured = Measured { side, durability, figure, unit, value, cpu_per_job_us, memory_mib };
        println!("{}", serde_json::to_string(&measured)?);
        Ok(())
    }
}
