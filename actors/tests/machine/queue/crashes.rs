//! Stores that fail, answers that are lost, hints that do not arrive, and processes that die.

use std::time::Duration;

use appengine_actors::ids::JobId;
use appengine_actors::queue::job::{JobState, Outcome};
use appengine_actors::queue::messages::{JobsAdded, SetPaused};
use appengine_actors::store::StoreError;
use appengine_actors::testkit::Setup;
use appengine_actors::testkit::probe::{quiet, until_true};

use super::bench::{Bench, Deed};

const SECOND: Duration = Duration::from_secs(1);

/// Two jobs that ran when the process died, and that run again.
async fn cut_short() -> (Bench, [JobId; 2]) {
    let bench = Bench::fresh();
    bench.hands.next([Deed::Hang, Deed::Hang]);
    let ids = [bench.add(None).await, bench.add(None).await];
    let bench = bench.crash(0);
    bench.hands.next([Deed::Hang, Deed::Hang]);
    quiet().await;
    assert_eq!(bench.hands.hanging(), 2, "they are back at once");
    (bench, ids)
}

#[actix::test]
async fn jobs_that_ran_when_the_process_died_run_again_and_that_is_no_failure() {
    let (bench, ids) = cut_short().await;
    let job = bench.job(ids[0]).await;
    assert_eq!((job.attempts, job.interrupted), (2, 1));
    bench.hands.let_go(Outcome::Retry("no".into()));
    bench.hands.let_go(Outcome::Done);
    quiet().await;
    let job = bench.job(ids[0]).await;
    assert_eq!(job.state, JobState::Delayed, "of its three attempts one has failed, not two");
    bench.advance(SECOND).await;
    let status = bench.status().await;
    assert_eq!((status.completed, status.failed), (2, 0));
}

#[actix::test]
async fn a_job_that_kills_the_process_is_set_aside_and_those_beside_it_are_not() {
    let (mut bench, ids) = cut_short().await;
    bench = bench.crash(0);
    // It may have been either of them: from now on they run one at a time, and others beside them.
    bench.hands.next([Deed::Hang, Deed::Hang]);
    quiet().await;
    assert_eq!(bench.hands.hanging(), 1);
    let other = bench.add(None).await;
    assert_eq!(bench.hands.hanging(), 2);
    assert_eq!(bench.status().await.waiting, 1);
    bench = bench.crash(0);
    quiet().await;
    quiet().await;
    let poisonous = bench.job(ids[0]).await;
    assert_eq!((poisonous.state, poisonous.interrupted), (JobState::Failed, 3));
    let story = poisonous.last_error.unwrap();
    assert!(story.contains("poisonous") && story.contains("3 times"), "{story}");
    for id in [ids[1], other] {
        assert_eq!(bench.job(id).await.state, JobState::Completed, "it did nothing");
    }
    let status = bench.status().await;
    assert_eq!((status.completed, status.failed, status.waiting, status.active), (2, 1, 0, 0));
    assert_eq!(status.last_error, Some(story));
}

#[actix::test]
async fn a_crash_at_any_moment_loses_no_job_and_ends_each_once() {
    // Batches: the claim, the end; and so on. `kept` of those that wait reach the disk unacknowledged.
    for at in 0..6 {
        for kept in 0..3 {
            let bench = Bench::fresh();
            bench.hands.next([Deed::End(Outcome::Retry("no".into()))]);
            quiet().await;
            let ids = [bench.add_untold(None).await, bench.add_untold(None).await];
            bench.setup.store.hold();
            bench.queue.tell(JobsAdded(ids.to_vec())).unwrap();
            for _ in 0..at {
                quiet().await;
                bench.setup.store.release_next(1);
            }
            quiet().await;
            let bench = bench.crash(kept);
            for _ in 0..5 {
                bench.advance(SECOND).await;
            }
            let status = bench.status().await;
            assert_eq!((status.completed, status.failed, status.active), (2, 0, 0), "at {at}, kept {kept}");
            assert_eq!(bench.jobs(JobState::Completed).await.len(), 2, "at {at}, kept {kept}");
        }
    }
}

#[actix::test]
async fn a_store_that_fails_for_a_while_delays_jobs_and_loses_none() {
    let unavailable = StoreError::Unavailable("the disk is away".into());
    for error in [unavailable, StoreError::Full] {
        for deed in [Deed::Hang, Deed::Panic] {
            let bench = Bench::fresh();
            bench.hands.next([deed.clone()]);
            quiet().await;
            // The claim fails twice, then the end does.
            let job = bench.add_untold(None).await;
            bench.setup.store.fail_next(2, &error);
            bench.queue.tell(JobsAdded(vec![job.clone()])).unwrap();
            quiet().await;
            assert_eq!(bench.hands.begun(), [], "what is not written is not begun");
            bench.advance(SECOND / 2).await;
            assert_eq!(bench.hands.begun(), []);
            bench.advance(SECOND / 2).await;
            assert_eq!(bench.hands.begun().len(), 1);
            if deed == Deed::Hang {
                bench.setup.store.fail_next(2, &error);
                bench.hands.let_go(Outcome::Done);
                bench.advance(SECOND / 2).await;
                bench.advance(SECOND / 2).await;
            }
            bench.advance(SECOND).await;
            assert_eq!(bench.job(job.id).await.state, JobState::Completed);
            let status = bench.status().await;
            assert_eq!((status.active, status.completed), (0, 1));
        }
    }
}

#[actix::test]
async fn a_write_whose_answer_was_lost_is_neither_undone_nor_done_twice() {
    // Which write it is: the claim, the way back after a failure, the second claim, the end.
    for lost in 0..4 {
        let bench = Bench::fresh();
        bench.hands.next([Deed::Hang, Deed::Hang]);
        quiet().await;
        let job = bench.add_untold(None).await;
        let lose = |write| {
            if write == lost {
                bench.setup.store.lose_next_answers(1);
            }
        };
        lose(0);
        bench.queue.tell(JobsAdded(vec![job.clone()])).unwrap();
        bench.advance(SECOND).await;
        lose(1);
        bench.hands.let_go(Outcome::Retry("no".into()));
        bench.advance(SECOND / 2).await;
        lose(2);
        bench.advance(SECOND).await;
        bench.advance(SECOND).await;
        lose(3);
        bench.hands.let_go(Outcome::Done);
        bench.advance(SECOND).await;
        assert_eq!(bench.hands.begun().len(), 2, "write {lost}");
        let after = bench.job(job.id).await;
        assert_eq!((after.state, after.attempts, after.interrupted), (JobState::Completed, 2, 0));
        let status = bench.status().await;
        assert_eq!((status.active, status.completed, status.failed), (0, 1, 0), "write {lost}");
    }
}

#[actix::test]
async fn jobs_whose_hint_was_lost_are_found_at_the_next_heartbeat() {
    let bench = Bench::fresh();
    quiet().await;
    let job = bench.add_untold(None).await;
    bench.advance(SECOND).await;
    assert_eq!(bench.job(job.id).await.state, JobState::Waiting, "nobody said anything");
    bench.house.hints.note("notification");
    bench.advance(SECOND).await;
    assert_eq!(bench.job(job.id).await.state, JobState::Completed);
}

#[actix::test]
async fn many_more_jobs_than_are_held_in_memory_are_all_done_in_order() {
    let mut setup = Setup::default();
    // One at a time: those that run at once may begin in any order.
    setup.settings.queues.values_mut().for_each(|queue| queue.concurrency = 1);
    let bench = Bench::start(setup);
    bench.queue.ask(SetPaused { whose: None, paused: true }).await.unwrap().unwrap();
    let mut added = Vec::new();
    for _ in 0..1_300 {
        added.push(bench.add_untold(None).await.id);
    }
    let bench = bench.restart().await;
    assert_eq!(bench.status().await.waiting, 1_300);
    bench.queue.ask(SetPaused { whose: None, paused: false }).await.unwrap().unwrap();
    until_true("all jobs were begun", || bench.hands.begun().len() == 1_300).await;
    quiet().await;
    let order: Vec<_> = bench.hands.begun().into_iter().map(|(id, _)| id).collect();
    assert!(order == added, "they were not begun in the order in which they were added");
    let status = bench.status().await;
    assert_eq!((status.completed, status.waiting, status.active), (1_300, 0, 0));
}
