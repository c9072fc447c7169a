//! How far the listings of an integration were read, and what is due when. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::ids::{IntegrationId, JobId};

/// What is older than this when a listing is read for the first time is history: no flow answers what somebody has
/// written a year ago.
pub const BACKFILL: Duration = Duration::from_hours(24);
/// Between two runs of an integration that has more to read.
pub const SOON: Duration = Duration::from_secs(10);
/// The longest wait that is taken from a vendor.
const LONGEST_PAUSE: Duration = Duration::from_hours(24);
/// The longest wait after failures, unless runs are further apart anyway.
const LONGEST_BACKOFF: Duration = Duration::from_hours(1);
/// Characters of a complaint that are kept.
const LONGEST_ERROR: usize = 500;

/// What an organisation has set about reading a vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncSettings {
    /// Whether it is read.
    #[serde(default)]
    pub enabled: bool,
    /// How often.
    #[serde(default = "every", with = "crate::duration")]
    pub every: Duration,
    /// What of it, in each platform's own words: subreddits, pages, channels.
    #[serde(default)]
    pub follow: Vec<String>,
}

/// How often a vendor is read where nobody says.
pub const EVERY: Duration = Duration::from_secs(300);

const fn every() -> Duration {
    EVERY
}

/// An integration that is read, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncHead {
    /// The integration.
    pub integration: IntegrationId,
    /// The one job that may read it; none when it is not read.
    pub job: Option<JobId>,
    /// Runs that were begun: what tells one from another that was begun by the same job.
    pub runs: u64,
    /// While it is read: when it is no longer believed to be.
    pub running_until: Option<Timestamp>,
    /// When it was read last.
    pub last_run: Option<Timestamp>,
    /// When it is read next.
    pub next_run: Timestamp,
    /// Until when the vendor wants to be left alone.
    pub paused_until: Option<Timestamp>,
    /// Runs that failed in a row.
    pub failures: u32,
    /// Why the last one did.
    pub error: Option<String>,
}

/// One listing of an integration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncState {
    /// The listing.
    pub stream: String,
    /// How far it was read, in the platform's own words.
    pub cursor: Value,
    /// From when on things are news.
    pub since: Timestamp,
    /// When it was read last.
    pub last_run: Option<Timestamp>,
    /// When it is due.
    pub next_run: Timestamp,
    /// Runs that failed in a row.
    pub failures: u32,
    /// Why the last one did.
    pub error: Option<String>,
    /// Events that came of it.
    pub events: u64,
}

impl SyncHead {
    /// An integration that was never read.
    #[must_use]
    pub const fn new(integration: IntegrationId, now: Timestamp) -> Self {
        Self {
            integration,
            job: None,
            runs: 0,
            running_until: None,
            last_run: None,
            next_run: now,
            paused_until: None,
            failures: 0,
            error: None,
        }
    }

    /// Whether it is being read.
    #[must_use]
    pub fn is_running(&self, now: Timestamp) -> bool {
        self.running_until.is_some_and(|until| until > now)
    }

    /// It is to be read by this job.
    #[must_use]
    pub fn given_to(self, job: JobId, due: Timestamp) -> Self {
        // What the vendor asked for holds whoever asks us.
        let due = self.paused_until.map_or(due, |until| until.max(due));
        Self { job: Some(job), next_run: due, running_until: None, ..self }
    }

    /// It is being read.
    #[must_use]
    pub fn begun(self, now: Timestamp, until: Timestamp) -> Self {
        Self { runs: self.runs + 1, running_until: Some(until), last_run: Some(now), ..self }
    }

    /// The vendor wants to be left alone.
    pub fn pause(&mut self, now: Timestamp, pause: Duration) {
        let until = now.plus(pause.clamp(Duration::from_secs(1), LONGEST_PAUSE));
        self.paused_until = self.paused_until.filter(|kept| *kept > until).or(Some(until));
    }

    /// It was read, or could not be. `first` is when the first of its listings is due.
    pub fn ended(&mut self, failed: Option<&str>, first: Timestamp, every: Duration, now: Timestamp) {
        self.paused_until = self.paused_until.filter(|until| *until > now);
        self.running_until = None;
        self.error = failed.map(shortened);
        self.failures = if failed.is_some() { self.failures.saturating_add(1) } else { 0 };
        let due = if failed.is_some() { now.plus(backoff(every, self.failures)) } else { first };
        self.next_run = due.max(now.plus(SOON)).max(self.paused_until.unwrap_or(now));
    }
}

impl SyncState {
    /// A listing that was never read.
    #[must_use]
    pub fn new(stream: String, now: Timestamp) -> Self {
        Self {
            stream,
            cursor: Value::Null,
            since: now.minus(BACKFILL),
            last_run: None,
            next_run: now,
            failures: 0,
            error: None,
            events: 0,
        }
    }

    /// A page of it was read; `more` are to be.
    #[must_use]
    pub fn read(self, cursor: Value, more: bool, every: Duration, now: Timestamp) -> Self {
        let next_run = if more { now } else { now.plus(every) };
        Self { cursor, last_run: Some(now), next_run, failures: 0, error: None, ..self }
    }

    /// It could not be read.
    #[must_use]
    pub fn failed(self, why: &str, every: Duration, now: Timestamp) -> Self {
        let failures = self.failures.saturating_add(1);
        let next_run = now.plus(backoff(every, failures));
        Self { last_run: Some(now), next_run, failures, error: Some(shortened(why)), ..self }
    }
}

fn shortened(why: &str) -> String {
    why.chars().take(LONGEST_ERROR).collect()
}

/// How long nothing is tried after failures in a row.
fn backoff(every: Duration, failures: u32) -> Duration {
    let longest = every.max(LONGEST_BACKOFF);
    every.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn head() -> SyncHead {
        SyncHead::new(IntegrationId::new(NOW), NOW)
    }

    #[test]
    fn what_the_vendor_asks_for_comes_before_what_is_due() {
        let mut head = head();
        head.pause(NOW, Duration::from_secs(600));
        head.pause(NOW, Duration::from_secs(60));
        head.ended(None, NOW.plus(EVERY), EVERY, NOW);
        assert_eq!(head.next_run, NOW.plus(Duration::from_secs(600)));
        // Nor is it read earlier because somebody wants it to be.
        let again = head.clone().given_to(JobId::new(NOW), NOW);
        assert_eq!(again.next_run, head.next_run);
        let later = NOW.plus(Duration::from_secs(601));
        head.ended(None, later.plus(EVERY), EVERY, later);
        assert_eq!((head.paused_until, head.next_run), (None, later.plus(EVERY)));
        head.pause(NOW, Duration::from_hours(1_000));
        assert_eq!(head.paused_until, Some(NOW.plus(LONGEST_PAUSE)));
    }

    #[test]
    fn failures_in_a_row_are_further_and_further_apart() {
        let mut head = head();
        let mut waits = Vec::new();
        for _ in 0..6 {
            head.ended(Some("read it"), NOW, EVERY, NOW);
            waits.push(head.next_run.since(NOW).as_secs());
        }
        assert_eq!(waits, [300, 600, 1200, 2400, 3600, 3600]);
        head.ended(None, NOW, EVERY, NOW);
        assert_eq!((head.failures, head.error.as_deref(), head.next_run), (0, None, NOW.plus(SOON)));
        let state = SyncState::new("a".to_owned(), NOW).failed("no", EVERY, NOW).failed("no", EVERY, NOW);
        assert_eq!((state.failures, state.next_run), (2, NOW.plus(EVERY * 2)));
        assert_eq!(state.read(Value::Null, false, EVERY, NOW).failures, 0);
    }

    #[test]
    fn settings_have_defaults_and_no_other_names() {
        let read = |text: &str| serde_json::from_str::<SyncSettings>(text);
        let settings = read(r#"{"enabled": true}"#).unwrap();
        assert_eq!((settings.every, settings.follow.len()), (EVERY, 0));
        assert_eq!(read(r#"{"every": "2m"}"#).unwrap().every.as_secs(), 120);
        assert!(read(r#"{"often": true}"#).is_err());
    }
}
