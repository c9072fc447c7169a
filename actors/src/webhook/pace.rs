//! How fast a destination may be sent to: its rate, how many requests at once, and a start that is slow after
//! trouble. A receiver that says it has too much gets half as much at once, and more again as it takes what it
//! is sent. Pure.

use std::time::Duration;

use crate::clock::Timestamp;

/// Requests a second with which a drain begins; they double every second.
const DRAIN_FROM: f64 = 5.0;
/// From here on a drain is as good as none.
const DRAINED_AT: f64 = 2_000.0;

/// What is allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowed {
    /// Requests at once.
    pub concurrency: usize,
    /// Requests a second; none for as many as come.
    pub rate: Option<f64>,
}

/// The pace of one destination.
#[derive(Debug)]
pub struct Pace {
    allowed: Allowed,
    /// Requests at once, as things stand; grows by one with each that many successes.
    at_once: f64,
    bucket: Option<Bucket>,
    /// A drain under way: since when.
    draining: Option<(Timestamp, Bucket)>,
    /// The receiver asked for a rest until then.
    rests_until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled: Timestamp,
}

impl Bucket {
    /// Fills it up to `now`, and says how long it takes until there is a whole token.
    fn wait(&mut self, rate: f64, now: Timestamp) -> Option<Duration> {
        let passed = now.since(self.filled).as_secs_f64();
        self.tokens = passed.mul_add(rate, self.tokens).min(rate.max(1.0));
        self.filled = now;
        // Rounding must not keep the last token for ever.
        let lacking = 1.0 - self.tokens - 1e-9;
        (lacking > 0.0).then(|| Duration::from_secs_f64(lacking / rate).max(Duration::from_millis(1)))
    }
}

impl Pace {
    /// A pace without history.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "requests at once are few")]
    pub const fn new(allowed: Allowed) -> Self {
        let at_once = allowed.concurrency as f64;
        Self { allowed, at_once, bucket: None, draining: None, rests_until: None }
    }

    /// Other things are allowed from now on.
    #[expect(clippy::cast_precision_loss, reason = "requests at once are few")]
    pub fn allow(&mut self, allowed: Allowed) {
        if allowed == self.allowed {
            return;
        }
        let whole = self.at_once >= self.allowed.concurrency as f64;
        let most = allowed.concurrency as f64;
        self.at_once = if whole { most } else { self.at_once.min(most) };
        if allowed.rate != self.allowed.rate {
            self.bucket = None;
        }
        self.allowed = allowed;
    }

    /// Requests at once, as things stand.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 1, and few")]
    pub const fn at_once(&self) -> usize {
        self.at_once as usize
    }

    /// How long the next request has to wait; none when it may begin.
    pub fn wait(&mut self, now: Timestamp) -> Option<Duration> {
        if let Some(until) = self.rests_until {
            if until > now {
                return Some(until.since(now));
            }
            self.rests_until = None;
        }
        if let Some(rate) = self.drain_rate(now)
            && let Some((_, bucket)) = &mut self.draining
            && let Some(wait) = bucket.wait(rate, now)
        {
            return Some(wait);
        }
        let rate = self.allowed.rate?;
        let full = Bucket { tokens: rate.max(1.0), filled: now };
        self.bucket.get_or_insert(full).wait(rate, now)
    }

    fn drain_rate(&mut self, now: Timestamp) -> Option<f64> {
        let (since, _) = self.draining?;
        let rate = DRAIN_FROM * 2.0_f64.powf(now.since(since).as_secs_f64().min(30.0));
        if rate >= DRAINED_AT {
            self.draining = None;
            return None;
        }
        Some(rate)
    }

    /// A request began.
    pub fn began(&mut self) {
        let drain = self.draining.as_mut().map(|(_, bucket)| bucket);
        for bucket in [self.bucket.as_mut(), drain].into_iter().flatten() {
            bucket.tokens -= 1.0;
        }
    }

    /// The receiver took one.
    #[expect(clippy::cast_precision_loss, reason = "requests at once are few")]
    pub fn succeeded(&mut self) {
        let most = self.allowed.concurrency as f64;
        if self.at_once < most {
            self.at_once = (self.at_once + 1.0 / self.at_once).min(most);
        }
    }

    /// The receiver has too much, and perhaps says until when.
    pub fn throttled(&mut self, until: Option<Timestamp>) {
        self.at_once = (self.at_once / 2.0).max(1.0);
        self.rests_until = self.rests_until.max(until);
    }

    /// What waited is sent again, slowly at first.
    pub const fn drain(&mut self, now: Timestamp) {
        self.at_once = 1.0;
        self.draining = Some((now, Bucket { tokens: 1.0, filled: now }));
        self.rests_until = None;
    }
}

#[cfg(test)]
mod tests;
