//! Jobs that somebody wants tried again, run now, called off or removed.

use std::time::Duration;

use appengine_actors::ids::OrgId;
use appengine_actors::keys;
use appengine_actors::queue::alter::{AlterError, Altered, Which, Wish};
use appengine_actors::queue::job::{JobState, Outcome};
use appengine_actors::queue::messages::Alter;
use appengine_actors::queue::retention::Bound;
use appengine_actors::store::{Scan, Store, StoreError};
use appengine_actors::testkit::Setup;
use appengine_actors::testkit::house::queue_name;
use appengine_actors::testkit::probe::quiet;

use super::bench::{Bench, Deed, QUEUE};

const SECOND: Duration = Duration::from_secs(1);

impl Bench {
    async fn alter(&self, which: Which, wish: Wish) -> Result<Altered, AlterError> {
        let org = OrgId::new("my-org").unwrap();
        let altered = self.queue.ask(Alter { org, which, wish, by: "ada".into() }).await.unwrap();
        quiet().await;
        altered
    }

    async fn counts(&self) -> [u64; 5] {
        let status = self.status().await;
        let counts = [status.waiting, status.delayed, status.active, status.completed, status.failed];
        for (count, state) in counts.into_iter().zip(JobState::ALL) {
            assert_eq!(count, self.jobs(state).await.len() as u64, "counts are equal to contents: {state}");
        }
        counts
    }
}

fn all(state: JobState) -> Which {
    Which::Some { state, before: None, most: 1_000 }
}

#[actix::test]
async fn a_job_that_runs_is_stopped_from_anywhere() {
    let bench = Bench::fresh();
    bench.hands.next([Deed::Hang]);
    let id = bench.add(None).await;
    assert_eq!(bench.hands.hanging(), 1);
    let altered = bench.alter(Which::One(id), Wish::Cancel).await.unwrap();
    assert_eq!(altered.jobs[0].cancelled_by.as_deref(), Some("ada"));
    assert_eq!(bench.hands.hanging(), 0, "it was let go of");
    let job = bench.job(id).await;
    assert_eq!((job.state, job.attempts), (JobState::Failed, 1));
    assert_eq!(
        (job.cancelled_by.as_deref(), job.last_error.as_deref()),
        (Some("ada"), Some("cancelled by ada"))
    );
    assert_eq!(bench.counts().await, [0, 0, 0, 0, 1]);
    let again = bench.alter(Which::One(id), Wish::Cancel).await;
    assert_eq!(again, Err(AlterError::State(JobState::Failed, Wish::Cancel)));
}

#[actix::test]
async fn a_job_that_is_not_begun_is_called_off_promoted_or_removed() {
    let bench = Bench::fresh();
    let later = Some(SECOND * 100);
    let [off, now, gone] = [bench.add(later).await, bench.add(later).await, bench.add(later).await];
    bench.alter(Which::One(off), Wish::Cancel).await.unwrap();
    bench.alter(Which::One(now), Wish::Promote).await.unwrap();
    bench.alter(Which::One(gone), Wish::Remove).await.unwrap();
    assert_eq!(bench.counts().await, [0, 0, 0, 1, 1]);
    assert_eq!(bench.job(off).await.cancelled_by.as_deref(), Some("ada"));
    assert_eq!(bench.hands.begun().iter().map(|(id, _)| *id).collect::<Vec<_>>(), [now]);
    assert_eq!(bench.alter(Which::One(gone), Wish::Remove).await, Err(AlterError::Missing(gone)));
    bench.advance(SECOND * 200).await;
    assert_eq!(bench.counts().await, [0, 0, 0, 1, 1], "neither runs after all");
}

#[actix::test]
async fn what_failed_is_tried_again_from_the_first_attempt() {
    let bench = Bench::fresh();
    bench.hands.next([Deed::End(Outcome::Fail("no".into())), Deed::End(Outcome::Fail("no".into()))]);
    let ids = [bench.add(None).await, bench.add(None).await];
    assert_eq!(bench.counts().await, [0, 0, 0, 0, 2]);
    let altered = bench.alter(all(JobState::Failed), Wish::Retry).await.unwrap();
    assert_eq!((altered.jobs.len(), altered.more), (2, false));
    assert_eq!(bench.counts().await, [0, 0, 0, 2, 0]);
    assert_eq!(bench.status().await.failures, 2, "whoever watches for failures still sees them");
    assert_eq!(bench.job(ids[0]).await.attempts, 1);
    assert_eq!(bench.alter(all(JobState::Failed), Wish::Retry).await, Ok(Altered::default()));
}

#[actix::test]
async fn many_are_removed_a_bounded_number_at_a_time_and_nobody_elses() {
    let bench = Bench::fresh();
    for _ in 0..7 {
        bench.add(None).await;
    }
    let now = bench.setup.house().clock.now();
    bench.advance(SECOND).await;
    bench.add(None).await;
    let some = Which::Some { state: JobState::Completed, before: Some(now.plus(SECOND / 2)), most: 4 };
    let stranger = OrgId::new("another").unwrap();
    let theirs = Alter { org: stranger, which: some.clone(), wish: Wish::Remove, by: "eve".into() };
    assert_eq!(bench.queue.ask(theirs).await.unwrap(), Ok(Altered::default()));
    let first = bench.alter(some.clone(), Wish::Remove).await.unwrap();
    assert_eq!((first.jobs.len(), first.more), (4, true));
    let second = bench.alter(some, Wish::Remove).await.unwrap();
    assert_eq!((second.jobs.len(), second.more), (3, false));
    assert_eq!(bench.counts().await, [0, 0, 0, 1, 0]);
    let bench = bench.restart().await;
    assert_eq!(bench.counts().await, [0, 0, 0, 1, 0], "the count is as durable as the jobs");
}

#[actix::test]
async fn what_cannot_be_written_changes_nothing() {
    let bench = Bench::fresh();
    let id = bench.add(Some(SECOND * 100)).await;
    let away = StoreError::Unavailable("the disk is away".into());
    bench.setup.store.fail_next(1, &away);
    assert_eq!(bench.alter(Which::One(id), Wish::Cancel).await, Err(AlterError::Store(away)));
    assert_eq!(bench.counts().await, [0, 1, 0, 0, 0]);
    bench.advance(SECOND * 100).await;
    bench.advance(SECOND).await;
    assert_eq!(bench.counts().await, [0, 0, 0, 1, 0]);
}

#[actix::test]
async fn what_is_too_old_or_too_much_is_removed_by_itself() {
    let mut setup = Setup::default();
    let queue = setup.settings.queues.get_mut(&queue_name(QUEUE)).unwrap();
    queue.keep.completed = Bound { age: SECOND * 3_600, count: 300 };
    let bench = Bench::start(setup);
    for _ in 0..700 {
        bench.add(None).await;
    }
    assert_eq!(bench.counts().await[3], 700);
    bench.advance(SECOND * 10).await;
    assert_eq!(bench.counts().await, [0, 0, 0, 300, 0], "more than are kept, in several steps");
    let newest = bench.jobs(JobState::Completed).await[299];
    assert_eq!(bench.job(newest).await.state, JobState::Completed, "the oldest went");
    bench.advance(SECOND * 3_700).await;
    bench.advance(SECOND * 10).await;
    assert_eq!(bench.counts().await, [0, 0, 0, 0, 0], "and all of them once they are old");
    let left = bench.setup.store.scan(Scan::prefix(keys::jobs(), 10)).await.unwrap();
    assert_eq!(left, [], "nothing is left behind");
}
