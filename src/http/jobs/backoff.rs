//! Pauses between a job's attempts, as whoever adds it says them.

use std::time::Duration;

use appengine_actors::retry::{Backoff, BackoffError, Curve, MAX_ATTEMPTS};
use serde::Deserialize;
use utoipa::ToSchema;

/// How long to wait between attempts.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BackoffBody {
    /// `exponential`: each wait a multiple of the one before; `fixed`: all the same; `schedule`: as listed.
    kind: Kind,
    /// The first wait, 1,000 if left out; for `fixed` every one.
    #[schema(minimum = 0, maximum = 2_592_000_000_u64)]
    first_ms: Option<u64>,
    /// What each wait is multiplied by, 2 if left out.
    #[schema(minimum = 1, maximum = 100)]
    factor: Option<f64>,
    /// The longest wait, an hour if left out.
    #[schema(minimum = 0, maximum = 2_592_000_000_u64)]
    max_ms: Option<u64>,
    /// The waits of a `schedule`; the last one stands for all that follow.
    #[schema(max_items = 50)]
    delays_ms: Option<Vec<u64>>,
    /// Share by which a wait varies at random, 0 if left out.
    #[schema(minimum = 0, maximum = 1)]
    jitter: Option<f64>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Exponential,
    Fixed,
    Schedule,
}

impl BackoffBody {
    /// What it stands for.
    ///
    /// # Errors
    /// When a number is out of its bounds.
    pub(super) fn read(self) -> Result<Backoff, BackoffError> {
        let first = Duration::from_millis(self.first_ms.unwrap_or(1_000));
        let curve = match self.kind {
            Kind::Exponential => {
                let max = self.max_ms.map_or(Duration::from_secs(3_600), Duration::from_millis);
                Curve::Exponential { first, factor: self.factor.unwrap_or(2.0), max }
            }
            Kind::Fixed => Curve::Fixed { every: first },
            Kind::Schedule => {
                let delays = self.delays_ms.unwrap_or_default();
                Curve::Schedule { delays: delays.into_iter().map(Duration::from_millis).collect() }
            }
        };
        Backoff::new(curve, MAX_ATTEMPTS, self.jitter.unwrap_or_default())
    }
}
