//! The store alone, in this process: commits a second and what one waits, with one writer and with many.

use std::sync::Arc;
use std::time::Duration;

use appengine::config::Durability;
use appengine::store::{Options, open};
use appengine_actors::store::{Batch, Store};
use tokio::time::Instant;

use crate::load::percentile;

/// Bytes of a value.
const VALUE: usize = 500;

/// Commits `count` batches of one key with one writer, then with 64.
pub async fn run(durability: Durability, count: usize) -> anyhow::Result<()> {
    println!("the store alone, durability `{durability:?}`, values of {VALUE} bytes\n");
    for writers in [1, 64] {
        let count = if writers == 1 { count / 10 } else { count };
        let folder = tempfile::tempdir()?;
        let store = open(folder.path(), &Options { durability, ..Options::default() })?;
        let started = Instant::now();
        let work = (0..writers).map(|writer| tokio::spawn(write(store.clone(), writer, count / writers)));
        let mut waits = Vec::new();
        for writer in futures_util::future::join_all(work).await {
            waits.extend(writer??);
        }
        let took = started.elapsed();
        waits.sort_by(f64::total_cmp);
        let at = |part| percentile(&waits, part);
        println!(
            "{writers:>3} writers  {:>8.0} commits/s   p50 {:.2} ms   p99 {:.2} ms   p99.9 {:.2} ms   longest {:.1} ms",
            crate::rate(count, took),
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0)
        );
        let closing = Instant::now();
        drop(store);
        println!("             closed in {:.2} s", closing.elapsed().as_secs_f64());
    }
    Ok(())
}

async fn write(store: Arc<dyn Store>, writer: usize, count: usize) -> anyhow::Result<Vec<f64>> {
    let mut waits = Vec::with_capacity(count);
    for number in 0..count {
        let mut batch = Batch::default();
        batch.insert(format!("bench\0{number:08}{writer:03}").into_bytes(), vec![b'x'; VALUE]);
        let asked = Instant::now();
        store.commit(batch).await?;
        waits.push(millis(asked.elapsed()));
    }
    Ok(waits)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
