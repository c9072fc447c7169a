//! Small limits for a machine under test.

use std::time::Duration;

use super::house::queue_name;
use crate::house::{FlowSettings, Settings, WebhookSettings};
use crate::queue::job::{QueueSettings, WorkSettings, names};
use crate::queue::lines::Shares;
use crate::queue::retention::{Bound, Keep};
use crate::retention::Ages;
use crate::retry::{Backoff, Curve};
use crate::session::desk::DeskSettings;
use crate::session::stream::StreamSettings;
use crate::webhook::breaker::BreakerSettings;

/// Small limits: queues of 4 at once and 3 attempts, 1 s and 2 s apart; 2 requests to a destination at once, and a
/// breaker that hardly ever opens.
#[must_use]
pub fn settings() -> Settings {
    let second = Duration::from_secs(1);
    let curve = Curve::Exponential { first: second, factor: 2.0, max: second * 60 };
    let kept = Bound { age: second * 86_400, count: 100_000 };
    let queue = QueueSettings {
        concurrency: 4,
        attempts: 3,
        backoff: Backoff::new(curve, 100, 0.0).expect("it is within the bounds"),
        timeout: second * 30,
        stuck_after: second * 60,
        leases: 100,
        rate: None,
        shares: Shares::default(),
        keep: Keep { completed: kept, failed: kept },
    };
    let queues = names::ALL.map(|name| (queue_name(name), queue.clone()));
    Settings {
        mailbox: 64,
        patience: second * 10,
        value_limit: 64 * 1024,
        query_documents: 1_000,
        queues: queues.into_iter().collect(),
        work: WorkSettings { payload: 64 * 1024, sealed: false },
        flows: FlowSettings {
            max_depth: 5,
            max_breadth: 100,
            max_steps: 50,
            run_timeout: second * 86_400 * 30,
        },
        desk: DeskSettings { agent_grace: second * 60, agent_capacity: 5, handle_time: second * 300 },
        streams: StreamSettings {
            keep: Duration::from_hours(24),
            max_bytes: 1024 * 1024,
            max_steps: 5,
            tool_wait: Duration::from_secs(600),
            max_running: 1_000,
            resume: false,
        },
        schedules: true,
        retention: Ages::default(),
        webhooks: WebhookSettings {
            timeout: second * 15,
            backoff: Backoff::webhook(),
            concurrency: 2,
            // Tests of other matters have receivers fail often.
            breaker: BreakerSettings {
                failures: 1_000,
                after: second * 86_400 * 30,
                ..BreakerSettings::default()
            },
        },
    }
}
