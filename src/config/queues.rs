//! The configuration of queues: what holds for all, and what the table of one says otherwise.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{ByteSize, HumanDuration};

/// `[queues]`: how jobs are run, and the seven queues' own tables.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queues {
    /// Jobs at once on a queue whose own table says nothing else; read it by [`Queues::concurrency_of`].
    pub concurrency: usize,
    /// Of these, jobs of one organisation; 0 for no bound of its own.
    pub org_concurrency: usize,
    /// Of these, jobs of one key; 0 for no bound of its own.
    pub key_concurrency: usize,
    /// Tries of a job, the first included.
    pub attempts: u32,
    /// Wait before the second try.
    pub backoff_first: HumanDuration,
    /// Longest wait between two tries.
    pub backoff_max: HumanDuration,
    /// Factor from one wait to the next.
    pub backoff_factor: f64,
    /// Share, from 0 to 1, by which a wait varies either way.
    pub jitter: f64,
    /// Time for one try.
    pub timeout: HumanDuration,
    /// Jobs that workers outside of the process may have at once.
    pub leases: usize,
    /// Time for which a job of work within the process may give no sign of life.
    pub stuck_after: HumanDuration,
    /// Largest payload, result or cursor.
    pub payload: ByteSize,
    /// Whether these are encrypted where they are stored.
    pub encrypt_payloads: bool,
    /// Longest time that a claim waits.
    pub claim_wait: HumanDuration,
    /// Time for which jobs that are done are kept.
    pub keep_completed: HumanDuration,
    /// Jobs that are done and kept, of each queue.
    pub keep_completed_count: u64,
    /// Time for which jobs that were given up are kept.
    pub keep_failed: HumanDuration,
    /// Jobs that were given up and are kept, of each queue.
    pub keep_failed_count: u64,
    /// E-mail, SMS and push messages.
    pub notification: Queue,
    /// Flow runs.
    pub automation: Queue,
    /// Matching events against triggers.
    #[serde(rename = "automation-trigger")]
    pub automation_trigger: Queue,
    /// Timed jobs.
    pub schedule: Queue,
    /// Social network exchanges.
    #[serde(rename = "social-sync")]
    pub social_sync: Queue,
    /// Ticket escalations.
    pub escalation: Queue,
    /// Invoicing.
    pub billing: Queue,
    /// Queues that the configuration adds, by name.
    #[serde(default)]
    pub custom: BTreeMap<String, Queue>,
}

/// `[queues.<name>]` and `[queues.custom.<name>]`: one queue's own settings. What it leaves out is as `[queues]` says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Jobs at once; 0 takes [`Queues::concurrency`].
    pub concurrency: usize,
    /// Tries of a job, the first included.
    pub attempts: Option<u32>,
    /// How the waits between tries grow.
    pub backoff: Option<Growth>,
    /// Wait before the second try; the only one where they do not grow.
    pub backoff_first: Option<HumanDuration>,
    /// Longest wait between two tries.
    pub backoff_max: Option<HumanDuration>,
    /// Factor from one wait to the next.
    pub backoff_factor: Option<f64>,
    /// The waits, where they follow a list.
    pub backoff_schedule: Option<Vec<HumanDuration>>,
    /// Share, from 0 to 1, by which a wait varies either way.
    pub jitter: Option<f64>,
    /// Time for one try.
    pub timeout: Option<HumanDuration>,
    /// Time for which a job of work within the process may give no sign of life.
    pub stuck_after: Option<HumanDuration>,
    /// Jobs that workers outside of the process may have at once.
    pub leases: Option<usize>,
    /// Jobs that are begun in `rate_per`.
    pub rate: Option<u32>,
    /// That time; a second where nothing is said.
    pub rate_per: Option<HumanDuration>,
}

/// How waits between tries grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Growth {
    /// Each is a multiple of the one before.
    Exponential,
    /// They are all the same.
    Fixed,
    /// They follow a list.
    Schedule,
}

/// The keys that a queue's own table may set, each with an example.
pub(super) const OWN: &str = r#"
concurrency = 0
attempts = 5
backoff = "exponential"
backoff_first = "1s"
backoff_max = "10m"
backoff_factor = 2.0
backoff_schedule = ["1s", "10s"]
jitter = 0.2
timeout = "60s"
stuck_after = "60s"
leases = 1000
rate = 100
rate_per = "1s"
"#;

/// The table of queues that the configuration adds.
pub(super) const CUSTOM: &str = "queues.custom";

/// Most queues that the configuration may add.
pub(super) const MOST: usize = 100;

/// The name of a queue's own key within its table: `attempts` of `queues.billing.attempts`.
pub(super) fn own_key(key: &str) -> Option<&str> {
    let rest = key.strip_prefix("queues.")?;
    let rest = rest.strip_prefix("custom.").unwrap_or(rest);
    rest.split_once('.').map(|(_, own)| own)
}

/// The one key that the table of a queue of one's own always has, beside this key of it.
pub(super) fn always(key: &str) -> Option<String> {
    let (name, own) = key.strip_prefix(CUSTOM)?.strip_prefix('.')?.split_once('.')?;
    (own != "concurrency").then(|| format!("{CUSTOM}.{name}.concurrency"))
}

impl Queues {
    /// The seven queues by name, each with its own table (contract §12), and those that the configuration adds.
    #[must_use]
    pub fn each(&self) -> Vec<(&str, &Queue)> {
        let seven = [
            ("notification", &self.notification),
            ("automation", &self.automation),
            ("automation-trigger", &self.automation_trigger),
            ("schedule", &self.schedule),
            ("social-sync", &self.social_sync),
            ("escalation", &self.escalation),
            ("billing", &self.billing),
        ];
        seven.into_iter().chain(self.custom.iter().map(|(name, own)| (name.as_str(), own))).collect()
    }

    /// How many jobs a queue runs at once; a queue without a table runs as many as `[queues]` says.
    #[must_use]
    pub fn concurrency_of(&self, queue: &str) -> usize {
        let own = self.each().into_iter().find(|(name, _)| *name == queue).map(|(_, own)| own.concurrency);
        own.filter(|own| *own > 0).unwrap_or(self.concurrency)
    }
}
