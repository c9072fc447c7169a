//! Sides beside each other: each is a command that prints its figures, all are run in turn, three times, and the
//! medians become tables in Markdown, as `bench/RESULTS.md` has them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, ensure};
use tokio::process::Command;

use crate::measured::Measured;
use crate::runs;

/// A column: what it is called, and what prints its figures.
pub struct Column {
    title: String,
    command: Vec<String>,
    /// Whether it is ours, and is held against the others.
    ours: bool,
}

impl Column {
    /// Figures that this program prints itself when it is called with these words.
    pub fn itself(title: &str, words: &[&str], ours: bool) -> anyhow::Result<Self> {
        let this = std::env::current_exe()?.to_string_lossy().into_owned();
        let words = words.iter().map(|word| (*word).to_owned());
        let command = [this].into_iter().chain(words).collect();
        Ok(Self { title: title.to_owned(), command, ours })
    }
}

/// BullMQ, graphile-worker, a plain log and ours.
pub async fn run() -> anyhow::Result<()> {
    let node = |title: &str, script: &str, words: &[&str]| {
        let script = format!("bench/peers/{script}");
        let words = words.iter().map(|word| (*word).to_owned());
        let command = ["node".to_owned(), script].into_iter().chain(words).collect();
        Column { title: title.to_owned(), command, ours: false }
    };
    let mut columns = vec![
        node("BullMQ, always", "bullmq.mjs", &["always"]),
        node("BullMQ, everysec", "bullmq.mjs", &["everysec"]),
        node("graphile-worker", "graphile.mjs", &[]),
    ];
    columns.extend(own("power")?);
    columns.extend(own("process")?);
    columns.push(itself("plain log", &["log", "power"], false)?);
    compare(&columns).await
}

/// Ours alone.
pub async fn run_own(durability: &str) -> anyhow::Result<()> {
    let mut columns: Vec<Column> = own(durability)?.into();
    columns.push(itself("plain log", &["log", "power"], false)?);
    compare(&columns).await
}

fn own(durability: &str) -> anyhow::Result<[Column; 2]> {
    Ok([
        itself(&format!("in process, {durability}"), &["inside", durability], true)?,
        itself(&format!("over HTTP, {durability}"), &["outside", durability], true)?,
    ])
}

fn itself(title: &str, words: &[&str], ours: bool) -> anyhow::Result<Column> {
    Column::itself(title, &[&["measure"], words].concat(), ours)
}

/// Runs all columns in turn, and prints their medians beside each other.
pub async fn compare(columns: &[Column]) -> anyhow::Result<()> {
    let is_node = |column: &Column| column.command.first().is_some_and(|program| program == "node");
    let installed = Path::new("bench/peers/node_modules").exists();
    ensure!(
        installed || !columns.iter().any(is_node),
        "the peers are not installed: npm ci --prefix bench/peers"
    );
    let mut found: Vec<Vec<Measured>> = columns.iter().map(|_| Vec::new()).collect();
    for run in 1..=runs() {
        for (column, found) in columns.iter().zip(&mut found) {
            let _ = writeln!(std::io::stderr(), "run {run} of {}: {}", runs(), column.title);
            found.extend(figures(column).await?);
        }
    }
    let all: Vec<(usize, &Column)> = columns.iter().enumerate().collect();
    let others: Vec<(usize, &Column)> = all.iter().copied().filter(|(_, column)| !column.ours).collect();
    println!("median of {} runs (least – most), {} cores\n", runs(), crate::cores());
    table(&all, |figure, column| cell(&found, figure, column), &names(&found));
    println!("\nCPU of one job in µs: client + server\n");
    table(&all, |figure, column| cpu(&found, figure, column), &rates(&found));
    for (index, column) in columns.iter().enumerate().filter(|(_, column)| column.ours) {
        println!("\n{}: so many times better than\n", column.title);
        table(&others, |figure, other| ratio(&found, figure, index, other), &names(&found));
    }
    Ok(())
}

async fn figures(column: &Column) -> anyhow::Result<Vec<Measured>> {
    let (program, words) = column.command.split_first().context("there is no command")?;
    let mut command = Command::new(program);
    // Whatever it leaves on standard error is shown.
    let output =
        command.args(words).stderr(std::process::Stdio::inherit()).kill_on_drop(true).output().await?;
    ensure!(output.status.success(), "{} ended with {}", column.title, output.status);
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// A row of a table: what is measured, and in what.
type Name = (String, String);

/// All figures, in the order in which they come first.
fn names(found: &[Vec<Measured>]) -> Vec<Name> {
    let mut names = Vec::new();
    for measured in found.iter().flatten() {
        let name = (measured.figure.clone(), measured.unit.clone());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn rates(found: &[Vec<Measured>]) -> Vec<Name> {
    names(found).into_iter().filter(|(_, unit)| unit == "/s").collect()
}

fn table(columns: &[(usize, &Column)], cell: impl Fn(&Name, usize) -> String, rows: &[Name]) {
    let titles: Vec<&str> = columns.iter().map(|(_, column)| column.title.as_str()).collect();
    println!("| | {} |", titles.join(" | "));
    println!("|---|{}", "---:|".repeat(columns.len()));
    for name in rows {
        let cells: Vec<String> = columns.iter().map(|(column, _)| cell(name, *column)).collect();
        println!("| {}, {} | {} |", name.0, name.1, cells.join(" | "));
    }
}

/// What a column has of a figure over all runs, sorted.
fn values(found: &[Vec<Measured>], figure: &str, column: usize, of: impl Fn(&Measured) -> f64) -> Vec<f64> {
    let runs = found.get(column).into_iter().flatten().filter(|measured| measured.figure == figure);
    let mut values: Vec<f64> = runs.map(of).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len() / 2).copied()
}

fn cell(found: &[Vec<Measured>], (figure, _): &Name, column: usize) -> String {
    let values = values(found, figure, column, |measured| measured.value);
    let (Some(least), Some(median), Some(most)) = (values.first(), median(&values), values.last()) else {
        return String::new();
    };
    format!("{} ({} – {})", number(median), number(*least), number(*most))
}

fn cpu(found: &[Vec<Measured>], (figure, _): &Name, column: usize) -> String {
    let part = |of: fn(crate::measured::Cpu) -> f64| {
        median(&values(found, figure, column, |measured| measured.cpu_per_job_us.map_or(f64::NAN, of)))
    };
    let mut cell = String::new();
    if let (Some(client), Some(server)) = (part(|cpu| cpu.client), part(|cpu| cpu.server)) {
        let whole = client + server;
        let _ = if server > 0.0 {
            write!(cell, "{} ({} + {})", number(whole), number(client), number(server))
        } else {
            write!(cell, "{}", number(whole))
        };
    }
    cell
}

/// What somebody does in batches of its own accord is held against what we do.
const BATCHES: &str = ", batches";

fn ratio(found: &[Vec<Measured>], (figure, unit): &Name, ours: usize, other: usize) -> String {
    let value = |figure: &str, column| median(&values(found, figure, column, |measured| measured.value));
    let own = value(figure, ours).or_else(|| value(figure.strip_suffix(BATCHES)?, ours));
    let (Some(own), Some(other)) = (own, value(figure, other)) else { return String::new() };
    // More a second is better, and more streams are; fewer milliseconds and fewer MiB are.
    let is_more = unit.ends_with("/s") || unit == "streams";
    format!("{:.2}", if is_more { own / other } else { other / own })
}

/// Three figures, thousands apart.
fn number(value: f64) -> String {
    if value >= 10_000.0 {
        format!("{:.1} k", value / 1_000.0)
    } else if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
