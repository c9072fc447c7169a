//! How much an organisation has had models say: by the day on which it was asked, in UTC, and by model. A stream counts by
//! its head for as long as there is one; in the commit that removes it, it is added to the sum of its day.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::head::{Head, StreamStatus};
use crate::clock::Timestamp;
use crate::ids::OrgId;
use crate::keys;
use crate::store::{Batch, Pages, Scan, Store, StoreError, decode, encode};

/// Sums and streams that are read at once.
const PAGE: usize = 500;
/// How often the sums may change under whoever reads, before what was read counts.
const TRIES: u32 = 5;
const DAY_MS: u64 = 86_400_000;

/// A day, counted from 1970 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Day(pub u32);

impl Day {
    /// The day of a moment.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(u32::try_from(at.as_millis() / DAY_MS).unwrap_or(u32::MAX))
    }

    /// When it begins.
    #[must_use]
    pub const fn begins(self) -> Timestamp {
        Timestamp::from_millis(self.0 as u64 * DAY_MS)
    }
}

/// What was used of a model on a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Used {
    /// Answers that were asked for.
    pub runs: u64,
    /// Those of them that broke off.
    pub failed: u64,
    /// Tokens that were read.
    pub input_tokens: u64,
    /// Tokens that were written; estimated, of a provider that does not count.
    pub output_tokens: u64,
}

impl Used {
    /// What one answer has used, so far as it is known: all of it, once it is over.
    fn of(head: &Head) -> Self {
        Self {
            runs: 1,
            failed: u64::from(head.status == StreamStatus::Failed),
            input_tokens: head.input_tokens,
            output_tokens: head.output_tokens,
        }
    }

    /// Adds what else was used.
    pub const fn add(&mut self, other: Self) {
        self.runs = self.runs.saturating_add(other.runs);
        self.failed = self.failed.saturating_add(other.failed);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
    }
}

/// What was used, by day and model; no model where none has answered.
pub type Usage = BTreeMap<(Day, String), Used>;

/// What is kept of a day and a model.
#[derive(Serialize, Deserialize)]
struct Sum {
    day: Day,
    model: String,
    used: Used,
}

fn place(head: &Head) -> (Day, String) {
    (Day::of(head.started_at), head.model.clone().unwrap_or_default())
}

/// Notes that a stream goes.
pub fn goes(head: &Head, gone: &mut Usage) {
    gone.entry(place(head)).or_default().add(Used::of(head));
}

/// Adds what has gone to the sums, in the commit that removes it. Nobody else writes them.
///
/// # Errors
/// When the store fails.
pub async fn keep(store: &dyn Store, org: &OrgId, gone: Usage, batch: &mut Batch) -> Result<(), StoreError> {
    for ((day, model), mut used) in gone {
        let key = keys::stream_usage(org, day.0, &model);
        if let Some(found) = store.get(key.clone()).await? {
            used.add(decode::<Sum>(&found.value)?.used);
        }
        batch.put(key, encode(&Sum { day, model, used })?);
    }
    Ok(())
}

/// What an organisation has used from one day to another.
///
/// # Errors
/// When the store fails.
pub async fn read(store: &dyn Store, org: &OrgId, from: Day, to: Day) -> Result<Usage, StoreError> {
    let mut before = sums(store, org, from, to).await?;
    let mut tries = 0;
    loop {
        let heads = heads(store, org, from, to).await?;
        // A stream may have gone over to the sums meanwhile.
        let after = sums(store, org, from, to).await?;
        tries += 1;
        if after == before || tries >= TRIES {
            let mut usage = before;
            for (place, used) in heads {
                usage.entry(place).or_default().add(used);
            }
            return Ok(usage);
        }
        before = after;
    }
}

async fn sums(store: &dyn Store, org: &OrgId, from: Day, to: Day) -> Result<Usage, StoreError> {
    let mut scan = Scan::prefix(keys::stream_usages(org), PAGE);
    scan.from = keys::stream_usage_of(org, from.0);
    let mut usage = Usage::new();
    let mut pages = Pages::of(store, scan);
    while let Some(page) = pages.next().await? {
        for (_, found) in page {
            let Sum { day, model, used } = decode(&found.value)?;
            if day > to {
                return Ok(usage);
            }
            usage.insert((day, model), used);
        }
    }
    Ok(usage)
}

async fn heads(store: &dyn Store, org: &OrgId, from: Day, to: Day) -> Result<Usage, StoreError> {
    let mut usage = Usage::new();
    let mut pages = Pages::of(store, Scan::prefix(keys::streams(org), PAGE));
    while let Some(page) = pages.next().await? {
        for (_, found) in page {
            let head: Head = decode(&found.value)?;
            let day = Day::of(head.started_at);
            if (from..=to).contains(&day) {
                goes(&head, &mut usage);
            }
        }
    }
    Ok(usage)
}
