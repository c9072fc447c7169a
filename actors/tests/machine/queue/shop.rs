//! A machine to whose queues work is added, and workers that do it from outside.

use std::time::Duration;

use appengine_actors::clock::Timestamp;
use appengine_actors::ids::JobId;
use appengine_actors::keys;
use appengine_actors::queue::QueueActor;
use appengine_actors::queue::add::messages::AddWork;
use appengine_actors::queue::add::{AddError, Added, Mode, Unique, WorkDraft};
use appengine_actors::queue::alter::{AlterError, Altered, Which, Wish};
use appengine_actors::queue::job::{Job, JobState, Outcome};
use appengine_actors::queue::messages::Alter;
use appengine_actors::queue::outside::messages::{Ask, Beat, Note, NoteError, Said, Settle};
use appengine_actors::queue::outside::{NotLeased, take};
use appengine_actors::queue::parts::{self, Part};
use appengine_actors::queue::terms::Until;
use appengine_actors::store::{Store, decode};
use appengine_actors::supervision::Ref;
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::house::queue_name;
use appengine_actors::testkit::probe::quiet;
use serde_json::{Value, json};

pub const QUEUE: &str = "notification";
pub const SECOND: Duration = Duration::from_secs(1);

/// Work of some kind.
pub fn work(n: u32) -> WorkDraft {
    WorkDraft::new("mail".into(), json!({"n": n}))
}

/// Work with a unique key.
pub fn unique(n: u32, mode: Mode) -> WorkDraft {
    let unique = Unique { key: "u".into(), mode, until: Until::Finished, ttl: None };
    WorkDraft { unique: Some(unique), ..work(n) }
}

pub struct Shop(pub TestHouse);

impl Shop {
    pub fn queue(&self, name: &str) -> &Ref<QueueActor> {
        self.0.machine.queues.get(&queue_name(name)).unwrap()
    }

    pub async fn try_add(&self, queue: &str, drafts: Vec<WorkDraft>) -> Result<Vec<Added>, AddError> {
        let org = self.0.org.clone();
        let added = self.queue(queue).ask(AddWork { org, drafts }).await.unwrap();
        quiet().await;
        added
    }

    pub async fn add(&self, draft: WorkDraft) -> Added {
        self.0.tick();
        self.try_add(QUEUE, vec![draft]).await.unwrap().remove(0)
    }

    /// Jobs for a worker, without waiting for any.
    pub async fn claim(&self, most: usize) -> Vec<Job> {
        self.claim_within(QUEUE, most, Duration::ZERO).await
    }

    pub async fn claim_within(&self, queue: &str, most: usize, wait: Duration) -> Vec<Job> {
        let org = self.0.org.clone();
        let ask = Ask { org, worker: "w".into(), most, length: SECOND * 30, wait };
        take(self.queue(queue), ask).await.unwrap()
    }

    pub async fn settle(&self, job: &Job, outcome: Outcome) -> Result<Job, NoteError> {
        let (id, token) = (job.id, token(job));
        let settle = Settle { id, token, outcome, result: Some(json!({"ok": true})) };
        let settled = self.0.machine.queues.get(&job.queue).unwrap().ask(settle).await.unwrap();
        quiet().await;
        settled
    }

    pub async fn beat(&self, job: &Job) -> Result<Timestamp, NotLeased> {
        let beat = Beat { id: job.id, token: token(job), length: None };
        self.queue(QUEUE).ask(beat).await.unwrap()
    }

    pub async fn say(&self, job: &Job, what: Said) -> Result<(), NoteError> {
        self.queue(QUEUE).ask(Note { id: job.id, token: token(job), what }).await.unwrap()
    }

    pub async fn job(&self, id: JobId) -> Job {
        decode(&self.0.store().get(keys::job(id)).await.unwrap().unwrap().value).unwrap()
    }

    pub async fn part(&self, id: JobId, part: Part) -> Option<Value> {
        parts::read(self.0.house(), &[id], &[part]).await.unwrap().remove(0).remove(0)
    }

    pub async fn alter(&self, id: JobId, wish: Wish) -> Result<Altered, AlterError> {
        let job = self.job(id).await;
        let alter = Alter { org: self.0.org.clone(), which: Which::One(id), wish, by: "ada".into() };
        let altered = self.0.machine.queues.get(&job.queue).unwrap().ask(alter).await.unwrap();
        quiet().await;
        altered
    }

    /// Blocked, waiting, delayed, active, completed, failed.
    pub async fn counts(&self, queue: &str) -> [u64; 6] {
        let status = self.0.queue(queue).await;
        [status.blocked, status.waiting, status.delayed, status.active, status.completed, status.failed]
    }

    /// All that is stored beside the totals is told of by these.
    pub async fn states(&self, ids: &[JobId]) -> Vec<JobState> {
        let mut states = Vec::new();
        for id in ids {
            states.push(self.job(*id).await.state);
        }
        states
    }
}

pub fn token(job: &Job) -> String {
    job.lease.as_ref().map(|lease| lease.token.clone()).unwrap_or_default()
}
