//! An organisation's jobs among those of all others.

use std::time::Duration;

use appengine_actors::ids::OrgId;
use appengine_actors::queue::add::messages::AddWork;
use appengine_actors::queue::add::{Added, WorkDraft};
use appengine_actors::queue::alter::{Which, Wish};
use appengine_actors::queue::job::{Job, JobState};
use appengine_actors::queue::jobs_of;
use appengine_actors::queue::messages::Alter;
use appengine_actors::store::{Batch, Store};
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::house::queue_name;

use super::shop::{QUEUE, Shop, work};

/// Enough that the other's are not found by a look at the first few thousand.
const BULKS: usize = 12;

/// All of them fall due at the same time, so that their ids decide.
fn in_order(mut jobs: Vec<Job>) -> Vec<Job> {
    jobs.sort_by_key(|job| job.id);
    jobs
}

impl Shop {
    async fn delay(&self, org: &OrgId, count: u32) -> Vec<Job> {
        let delay = |n| WorkDraft {
            run_at: Some(self.0.house().clock.now().plus(Duration::from_secs(3_600))),
            ..work(n)
        };
        let added = AddWork { org: org.clone(), drafts: (0..count).map(delay).collect() };
        let added = self.queue(QUEUE).ask(added).await.unwrap().unwrap();
        in_order(added.into_iter().map(Added::into_job).collect())
    }

    async fn delayed_of(&self, org: &OrgId) -> Vec<Job> {
        let of = (org, JobState::Delayed);
        jobs_of(self.0.house(), &queue_name(QUEUE), of, None, 10).await.unwrap().jobs
    }
}

#[actix::test]
async fn anothers_flood_hides_no_job_and_keeps_none_from_being_altered() {
    let shop = Shop(TestHouse::start());
    let (flood, own) = (OrgId::new("flood").unwrap(), shop.0.org.clone());
    for _ in 0..BULKS {
        shop.delay(&flood, 1_000).await;
    }
    let ours = shop.delay(&own, 2).await;
    assert_eq!(shop.delayed_of(&own).await, ours);
    let which = Which::Some { state: JobState::Delayed, before: None, most: 10 };
    let alter = Alter { org: own.clone(), which, wish: Wish::Promote, by: "ada".into() };
    let altered = shop.queue(QUEUE).ask(alter).await.unwrap().unwrap();
    assert_eq!((altered.jobs.len(), altered.more), (2, false));
    assert_eq!(shop.delayed_of(&own).await, []);
}

#[actix::test]
async fn jobs_of_which_an_earlier_version_did_not_write_whose_they_are_are_found_too() {
    let shop = Shop(TestHouse::start());
    let (other, own) = (OrgId::new("other").unwrap(), shop.0.org.clone());
    let (others, ours) = (shop.delay(&other, 2).await, shop.delay(&own, 2).await);
    let mut batch = Batch::default();
    for job in others.iter().chain(&ours) {
        batch.put(job.at(), Vec::new());
    }
    shop.0.store().commit(batch).await.unwrap();
    assert_eq!(shop.delayed_of(&own).await, ours);
}
