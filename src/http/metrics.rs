//! Figures for Prometheus, read from the machine when they are asked for. Names begin with `appengine_`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use appengine_actors::machine::Machine;
use appengine_actors::tree::member_of;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;

type Level = Gauge<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    queue: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActorLabels {
    actor: String,
}

/// The figures of one server.
pub struct Metrics(Mutex<Figures>);

struct Figures {
    registry: Registry,
    jobs: Family<QueueLabels, Level>,
    oldest: Family<QueueLabels, Level>,
    restarts: Family<ActorLabels, Level>,
    running: Level,
    commits: Level,
    groups: Level,
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
            commits: Level::default(),
            groups: Level::default(),
            waiting: Level::default(),
            disk: Level::default(),
            healthy: Level::default(),
            registry: Registry::default(),
        };
        registry.register("jobs", "Jobs by queue and state", figures.jobs.clone());
        registry.register("oldest_waiting_seconds", "Age of the oldest ready job", figures.oldest.clone());
        registry.register("actor_restarts", "Restarts by the present supervisor", figures.restarts.clone());
        registry.register("actors_running", "Supervised actors that run", figures.running.clone());
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
    pub async fn render(&self, machine: &Machine) -> Result<String, fmt::Error> {
        let (queues, health) = (machine.queues.statuses().await, machine.health().await);
        let (actors, store) = (machine.house.registry.statuses(), machine.house.store.stats());
        let figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for queue in queues {
            let counts = [
                ("waiting", queue.waiting),
                ("active", queue.active),
                ("delayed", queue.delayed),
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
        set(&figures.commits, store.commits);
        set(&figures.groups, store.groups);
        set(&figures.waiting, store.waiting as u64);
        set(&figures.disk, store.disk_bytes);
        set(&figures.healthy, u64::from(health.is_ok()));
        let mut text = String::new();
        encode(&mut text, &figures.registry)?;
        Ok(text)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts beyond 2^53 do not occur")]
fn set(level: &Level, value: u64) {
    level.set(value as f64);
}
