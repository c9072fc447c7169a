//! What values may be: a range for every number, time and size, and what two keys must agree on.
//! Problems refuse to start; `warnings.rs` has what is allowed but risky.

use std::fmt::Display;

use toml::Value;

use super::Config;
use super::problem::Fault;
use super::queues::own_key;
use super::{ByteSize, HumanDuration};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The least and the most a key's value may be, both allowed. A list is judged item by item.
#[derive(Clone, Copy, Debug)]
pub(super) enum Range {
    /// A whole number.
    Count(i64, i64),
    /// A decimal number.
    Real(f64, f64),
    /// A time, in milliseconds.
    Time(u64, u64),
    /// A size, in bytes.
    Size(u64, u64),
}

use Range::{Count, Real, Size, Time};

/// Every key that has a range.
pub(super) const RANGES: &[(&str, Range)] = &[
    ("server.workers", Count(0, 1024)),
    ("server.shutdown_grace", Time(0, HOUR)),
    ("server.keep_alive", Time(SECOND, HOUR)),
    ("server.header_timeout", Time(100, 10 * MINUTE)),
    ("store.cache", Size(MIB, 1024 * GIB)),
    ("store.queue", Count(1, 1_000_000)),
    ("limits.requests_per_minute", Count(1, 1_000_000_000)),
    ("limits.vendor_calls_per_minute", Count(1, 1_000_000_000)),
    ("limits.sign_ins_per_minute", Count(1, 1_000_000_000)),
    ("limits.body", Size(KIB, 100 * MIB)),
    // The store takes no value of 128 KiB or more; 4 KiB are left for what it adds to a record.
    ("limits.value", Size(KIB, 124 * KIB)),
    ("limits.connections", Count(1, 1_000_000)),
    ("limits.query_documents", Count(1, 100_000_000)),
    // serde_json itself refuses what is nested deeper than 127.
    ("limits.json_depth", Count(4, 127)),
    ("auth.access_token_life", Time(MINUTE, 365 * DAY)),
    ("auth.refresh_token_life", Time(MINUTE, 3650 * DAY)),
    ("queues.concurrency", Count(1, 10_000)),
    ("queues.org_concurrency", Count(0, 10_000)),
    ("queues.key_concurrency", Count(0, 10_000)),
    ("queues.attempts", Count(1, 100)),
    ("queues.backoff_first", Time(1, DAY)),
    ("queues.backoff_max", Time(1, 30 * DAY)),
    ("queues.backoff_factor", Real(1.0, 100.0)),
    ("queues.jitter", Real(0.0, 1.0)),
    ("queues.timeout", Time(100, DAY)),
    ("queues.leases", Count(0, 100_000)),
    ("queues.stuck_after", Time(SECOND, DAY)),
    // Sealed it is a third longer, and the store takes no value of 128 KiB or more.
    ("queues.payload", Size(KIB, 90 * KIB)),
    ("queues.claim_wait", Time(0, MINUTE)),
    ("queues.keep_completed", Time(0, 3650 * DAY)),
    ("queues.keep_completed_count", Count(0, 100_000_000)),
    ("queues.keep_failed", Time(0, 3650 * DAY)),
    ("queues.keep_failed_count", Count(0, 100_000_000)),
    ("queues.notification.concurrency", Count(0, 10_000)),
    ("queues.automation.concurrency", Count(0, 10_000)),
    ("queues.automation-trigger.concurrency", Count(0, 10_000)),
    ("queues.schedule.concurrency", Count(0, 10_000)),
    ("queues.social-sync.concurrency", Count(0, 10_000)),
    ("queues.escalation.concurrency", Count(0, 10_000)),
    ("queues.billing.concurrency", Count(0, 10_000)),
    ("flows.max_depth", Count(1, 100)),
    ("flows.max_breadth", Count(1, 1_000_000)),
    ("flows.max_steps", Count(1, 1_000_000)),
    ("flows.run_timeout", Time(SECOND, 3650 * DAY)),
    ("flows.execute_wait", Time(0, 5 * MINUTE)),
    ("webhooks.timeout", Time(100, 10 * MINUTE)),
    ("webhooks.retry_schedule", Time(1, 30 * DAY)),
    ("webhooks.jitter", Real(0.0, 1.0)),
    ("webhooks.concurrency", Count(1, 10_000)),
    ("webhooks.breaker_failures", Count(1, 10_000)),
    ("webhooks.breaker_after", Time(SECOND, 30 * DAY)),
    ("webhooks.breaker_pause", Time(10, DAY)),
    ("webhooks.breaker_max_pause", Time(10, 30 * DAY)),
    ("webhooks.disable_after", Time(SECOND, 3650 * DAY)),
    ("webhooks.response_keep", Size(0, 124 * KIB)),
    ("webhooks.response_max", Size(0, 100 * MIB)),
    ("mail.port", Count(0, 65_535)),
    ("mail.timeout", Time(SECOND, 5 * MINUTE)),
    ("files.max_bytes", Size(KIB, 1024 * MIB)),
    ("files.max_per_request", Count(1, 100)),
    ("files.quota", Size(MIB, 1024 * 1024 * 1024 * MIB)),
    ("files.link_ttl", Time(MINUTE, 30 * DAY)),
    ("retention.events", Time(0, 36_500 * DAY)),
    ("retention.runs", Time(0, 36_500 * DAY)),
    ("retention.deliveries", Time(0, 36_500 * DAY)),
    ("retention.idempotency", Time(0, 36_500 * DAY)),
    ("retention.messages", Time(0, 36_500 * DAY)),
    ("retention.community_messages", Time(0, 36_500 * DAY)),
    // Vendors send a call again for up to a week.
    ("retention.vendor_calls", Time(8 * DAY, 36_500 * DAY)),
    ("sockets.max_connections", Count(1, 1_000_000)),
    ("sockets.max_payload", Size(KIB, 100 * MIB)),
    ("sockets.buffered_packets", Count(512, 1_000_000)),
    ("sockets.ping_interval", Time(100, HOUR)),
    ("sockets.ping_timeout", Time(100, HOUR)),
    ("sockets.events_per_second", Count(1, 100_000)),
    ("desk.agent_grace", Time(1_000, DAY)),
    ("desk.agent_capacity", Count(1, 1_000)),
    ("desk.handle_time", Time(1_000, DAY)),
    // Streams are swept up day by day, and what was read of them lies on the disk.
    ("ai.keep", Time(MINUTE, 365 * DAY)),
    ("ai.answer", Size(KIB, 16 * MIB)),
    ("ai.max_running", Count(1, 1_000_000)),
    ("ai.max_steps", Count(1, 100)),
    ("ai.tool_wait", Time(SECOND, DAY)),
    ("ai.first_token_timeout", Time(100, HOUR)),
    ("ai.token_timeout", Time(100, HOUR)),
    ("actors.arbiters", Count(0, 1024)),
    ("actors.mailbox", Count(1, 1_000_000)),
];

/// Every key of a queue's own table that has a range.
const OWN_RANGES: &[(&str, Range)] = &[
    ("concurrency", Count(0, 10_000)),
    ("attempts", Count(1, 100)),
    ("backoff_first", Time(1, DAY)),
    ("backoff_max", Time(1, 30 * DAY)),
    ("backoff_factor", Real(1.0, 100.0)),
    ("backoff_schedule", Time(1, 30 * DAY)),
    ("jitter", Real(0.0, 1.0)),
    ("timeout", Time(100, DAY)),
    ("stuck_after", Time(SECOND, DAY)),
    ("leases", Count(0, 100_000)),
    ("rate", Count(1, 1_000_000)),
    ("rate_per", Time(1, DAY)),
];

/// Most waits that a schedule may list.
const SCHEDULE: usize = 50;

/// Most networks or origins that a list may name.
const LIST: usize = 1000;

/// Judges one value by the range of its key; what cannot be read as its kind is left to the typed tables.
pub(super) fn range(key: &str, value: &Value) -> Result<(), Fault> {
    if let Value::Array(items) = value {
        let most = if key.ends_with("_schedule") { SCHEDULE } else { LIST };
        if items.len() > most {
            return Err(Fault::TooMany(most));
        }
        return items.iter().try_for_each(|item| range(key, item));
    }
    let of_own = || own_key(key).and_then(|own| OWN_RANGES.iter().find(|(known, _)| *known == own));
    match RANGES.iter().find(|(known, _)| *known == key).or_else(of_own) {
        Some((_, range)) => range.judge(value),
        None => Ok(()),
    }
}

impl Range {
    fn judge(self, value: &Value) -> Result<(), Fault> {
        match (self, value) {
            (Count(least, most), Value::Integer(number)) => within(*number, least, most),
            (Real(least, most), Value::Float(number)) => within(*number, least, most),
            (Real(least, most), Value::Integer(number)) => within(*number as f64, least, most),
            (Time(least, most), Value::String(text)) => match text.parse::<HumanDuration>() {
                Ok(time) => within(time, HumanDuration::from_millis(least), HumanDuration::from_millis(most)),
                Err(_) => Ok(()),
            },
            (Size(least, most), Value::String(text)) => match text.parse::<ByteSize>() {
                Ok(size) => within(size, ByteSize::from_bytes(least), ByteSize::from_bytes(most)),
                Err(_) => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// Not a number is in no range, so it is refused with the rest.
fn within<T: PartialOrd + Display + Copy>(value: T, least: T, most: T) -> Result<(), Fault> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Fault::OutOfRange { least: least.to_string(), most: most.to_string() })
}

/// Two keys that do not go together, and why.
pub(super) struct Conflict {
    /// The keys; the problem is reported for the first of them that a layer has set.
    pub(super) keys: [&'static str; 2],
    /// What the two must agree on.
    pub(super) why: &'static str,
}

/// What the keys of a configuration disagree on.
pub(super) fn conflicts(config: &Config) -> Vec<Conflict> {
    let rules = [
        (
            config.limits.value <= config.limits.body,
            ["limits.value", "limits.body"],
            "limits.value must not be larger than limits.body, or the largest record could never be sent",
        ),
        (
            config.auth.access_token_life <= config.auth.refresh_token_life,
            ["auth.access_token_life", "auth.refresh_token_life"],
            "auth.access_token_life must not be longer than auth.refresh_token_life",
        ),
        (
            config.queues.backoff_first <= config.queues.backoff_max,
            ["queues.backoff_first", "queues.backoff_max"],
            "queues.backoff_first must not be longer than queues.backoff_max",
        ),
        (
            config.files.max_bytes <= config.files.quota,
            ["files.max_bytes", "files.quota"],
            "files.max_bytes must not be larger than files.quota, or the largest file could never be taken",
        ),
        (
            config.mail.host.is_empty() || !config.mail.from.is_empty(),
            ["mail.host", "mail.from"],
            "mail.from must say from whom mail is where mail.host is set",
        ),
        (
            config.mail.user.is_empty() == config.mail.password.is_empty(),
            ["mail.user", "mail.password"],
            "mail.user and mail.password belong together: set both or neither",
        ),
        (
            config.webhooks.response_keep <= config.webhooks.response_max,
            ["webhooks.response_keep", "webhooks.response_max"],
            "webhooks.response_keep must not be larger than webhooks.response_max, or there is nothing to keep",
        ),
    ];
    let broken = rules.into_iter().filter(|(holds, ..)| !holds);
    broken.map(|(_, keys, why)| Conflict { keys, why }).collect()
}
