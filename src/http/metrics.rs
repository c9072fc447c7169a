//! Figures for Prometheus, read from the machine when they are asked for. Names begin with `appengine_`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use appengine_actors::machine::Machine;
use appengine_actors::tree::member_of;
use appengine_actors::webhook::delivery::DeliveryStatus;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;

use crate::connect::tally::Tally;

type Level = Gauge<f64, AtomicU64>;
type Total = Counter<u64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    queue: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActorLabels {
    actor: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    vendor: &'static str,
    outcome: &'static str,
}

/// The figures of one server.
pub struct Metrics(Mutex<Figures>);

struct Figures {
    registry: Registry,
    jobs: Family<QueueLabels, Level>,
    oldest: Family<QueueLabels, Level>,
    restarts: Family<ActorLabels, Level>,
    running: Level,
    deliveries: Family<DeliveryLabels, Total>,
    attempts: Total,
    calls: Family<CallLabels, Total>,
    commits: Total,
    groups: Total,
    waiting: Level,
    disk: Level,
    healthy: Level,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("appengine");
        let figures = Figures {
            jobs: Family::default(),
            oldest: Family::default(),
            restarts: Family::default(),
            running: Level::default(),
            deliveries: Family::default(),
            attempts: Total::default(),
            calls: Family::default(),
            commits: Total::default(),
            groups: Total::default(),
            waiting: Level::default(),
            disk: Level::default(),
            healthy: Level::default(),
            registry: Registry::default(),
        };
        registry.register("jobs", "Jobs by queue and state", figures.jobs.clone());
        registry.register("oldest_waiting_seconds", "Age of the oldest ready job", figures.oldest.clone());
        registry.register("actor_restarts", "Restarts by the present supervisor", figures.restarts.clone());
        registry.register("actors_running", "Supervised actors that run", figures.running.clone());
        registry.register("deliveries", "Webhooks that came to an end", figures.deliveries.clone());
        registry.register("delivery_attempts", "Requests made for webhooks", figures.attempts.clone());
        registry.register("vendor_calls", "Calls at addresses for vendors", figures.calls.clone());
        registry.register("store_commits", "Batches acknowledged since the start", figures.commits.clone());
        registry.register("store_groups", "Syncs since the start", figures.groups.clone());
        registry.register("store_waiting", "Batches that wait to be written", figures.waiting.clone());
        registry.register("store_disk_bytes", "Bytes on disk", figures.disk.clone());
        registry.register("healthy", "1 while /health answers 200", figures.healthy.clone());
        Self(Mutex::new(Figures { registry, ..figures }))
    }
}

impl Metrics {
    /// The figures as they are now, in the text format.
    ///
    /// # Errors
    /// Never in practice: writing to memory does not fail.
    pub async fn render(&self, machine: &Machine, calls: &Tally) -> Result<String, fmt::Error> {
        let (queues, health) = (machine.queues.statuses().await, machine.health().await);
        let (actors, store) = (machine.house.registry.statuses(), machine.house.store.stats());
        let figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for queue in queues {
            let counts = [
                ("waiting", queue.waiting),
                ("active", queue.active),
                ("delayed", queue.delayed),
                ("blocked", queue.blocked),
                ("completed", queue.completed),
                ("failed", queue.failed),
            ];
            for (state, count) in counts {
                set(
                    &figures.jobs.get_or_create(&QueueLabels { queue: queue.name.to_string(), state }),
                    count,
                );
            }
            let labels = QueueLabels { queue: queue.name.to_string(), state: "waiting" };
            let millis = queue.oldest_waiting_ms.unwrap_or_default();
            figures.oldest.get_or_create(&labels).set(std::time::Duration::from_millis(millis).as_secs_f64());
        }
        // Members come and go with destinations and flows, and their names are not for everybody: they are
        // counted by their group.
        let mut restarts = BTreeMap::<&str, u64>::new();
        for actor in &actors {
            let path = actor.path.as_str();
            *restarts.entry(member_of(path).map_or(path, |(group, _)| group)).or_default() += actor.restarts;
        }
        figures.restarts.clear();
        for (actor, count) in restarts.into_iter().filter(|(_, count)| *count > 0) {
            set(&figures.restarts.get_or_create(&ActorLabels { actor: actor.to_owned() }), count);
        }
        set(&figures.running, actors.len() as u64);
        let sent = machine.house.deliveries.read();
        let ends = [
            (DeliveryStatus::Delivered, sent.delivered),
            (DeliveryStatus::Failed, sent.failed),
            (DeliveryStatus::Dead, sent.dead),
        ];
        for (status, count) in ends {
            count_up(&figures.deliveries.get_or_create(&DeliveryLabels { status: status.name() }), count);
        }
        count_up(&figures.attempts, sent.attempts);
        for ((vendor, came), count) in calls.all() {
            count_up(&figures.calls.get_or_create(&CallLabels { vendor, outcome: came.name() }), count);
        }
        count_up(&figures.commits, store.commits);
        count_up(&figures.groups, store.groups);
        set(&figures.waiting, store.waiting as u64);
        set(&figures.disk, store.disk_bytes);
        set(&figures.healthy, u64::from(health.is_ok()));
        let mut text = String::new();
        encode(&mut text, &figures.registry)?;
        Ok(text)
    }
}

/// Brings a counter to where the machine's own is, which never goes down.
fn count_up(total: &Total, value: u64) {
    total.inc_by(value.saturating_sub(total.get()));
}

#[expect(clippy::cast_precision_loss, reason = "counts beyond 2^53 do not occur")]
fn set(level: &Level, value: u64) {
    level.set(value as f64);
}

#[cfg(test)]
mod tests {
    use appengine_actors::testkit::Setup;

    use super::*;
    use crate::connect::tally::Came;

    #[actix_web::test]
    async fn what_only_grows_is_a_counter() {
        let house = Setup::default().start();
        let metrics = Metrics::default();
        for ended in [DeliveryStatus::Pending, DeliveryStatus::Dead, DeliveryStatus::Dead] {
            house.machine.house.deliveries.attempted(ended);
        }
        // What is read twice is not counted twice.
        let calls = Tally::default();
        (0..3).for_each(|_| calls.count("stripe", Came::Kept));
        metrics.render(&house.machine, &calls).await.unwrap();
        let text = metrics.render(&house.machine, &calls).await.unwrap();
        for line in [
            "# TYPE appengine_store_commits counter",
            "# TYPE appengine_store_groups counter",
            "appengine_store_commits_total ",
            "# TYPE appengine_deliveries counter",
            "appengine_deliveries_total{status=\"dead\"} 2\n",
            "appengine_deliveries_total{status=\"delivered\"} 0\n",
            "appengine_delivery_attempts_total 3\n",
            "appengine_vendor_calls_total{vendor=\"stripe\",outcome=\"kept\"} 3\n",
            "# TYPE appengine_jobs gauge",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
