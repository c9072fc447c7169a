//! The life of a job: begun in order, within bounds, tried again after pauses, given up in the end.

use std::time::Duration;

use appengine_actors::ids::OrgId;
use appengine_actors::queue::job::{JobState, Outcome};
use appengine_actors::queue::lines::Held;
use appengine_actors::queue::messages::{Drain, GetStatus, SetPaused};
use appengine_actors::testkit::probe::quiet;
use futures_util::FutureExt;

use super::bench::{Bench, Deed};

const SECOND: Duration = Duration::from_secs(1);

#[actix::test]
async fn attempts_that_fail_or_panic_are_repeated_after_growing_pauses_and_given_up_in_the_end() {
    let bench = Bench::fresh();
    let retry = Deed::End(Outcome::Retry("no".into()));
    bench.hands.next([Deed::Panic, retry, Deed::Panic]);
    let id = bench.add(None).await;
    let start = bench.hands.begun()[0].1;
    let after = bench.job(id).await;
    assert_eq!((after.state, after.attempts), (JobState::Delayed, 1));
    assert_eq!(after.last_error.as_deref(), Some("its handler panicked; the log has the place"));
    bench.advance(SECOND - Duration::from_millis(1)).await;
    assert_eq!(bench.hands.begun().len(), 1, "not before its pause is over");
    bench.advance(Duration::from_millis(1)).await;
    assert_eq!(bench.job(id).await.last_error.as_deref(), Some("no"));
    bench.advance(SECOND).await;
    bench.advance(SECOND).await;
    let times: Vec<_> = bench.hands.begun().iter().map(|(_, at)| at.since(start)).collect();
    assert_eq!(times, [Duration::ZERO, SECOND, SECOND * 3]);
    let after = bench.job(id).await;
    assert_eq!((after.state, after.attempts, after.interrupted), (JobState::Failed, 3, 0));
    assert_eq!(after.finished, Some(start.plus(SECOND * 3)));
    let status = bench.status().await;
    assert_eq!((status.failed, status.completed, status.delayed), (1, 0, 0));
    assert!(status.last_error.unwrap().contains("panicked"));
}

#[actix::test]
async fn an_attempt_that_takes_too_long_is_a_failed_one_and_is_called_off() {
    let bench = Bench::fresh();
    bench.hands.next([Deed::Hang]);
    let id = bench.add(None).await;
    bench.advance(bench.settings().timeout - SECOND).await;
    assert_eq!(bench.hands.hanging(), 1);
    bench.advance(SECOND).await;
    assert_eq!(bench.hands.hanging(), 0, "nobody works on it any more");
    let after = bench.job(id).await;
    assert_eq!((after.state, after.attempts), (JobState::Delayed, 1));
    assert_eq!(after.last_error.as_deref(), Some("it took longer than 30s"));
    bench.advance(SECOND).await;
    assert_eq!(bench.job(id).await.state, JobState::Completed);
}

#[actix::test]
async fn what_cannot_succeed_is_given_up_at_once() {
    let bench = Bench::fresh();
    bench.hands.next([Deed::End(Outcome::Fail("there is no such run".into()))]);
    let id = bench.add(None).await;
    let job = bench.job(id).await;
    assert_eq!((job.state, job.attempts), (JobState::Failed, 1));
    assert_eq!(job.last_error.as_deref(), Some("there is no such run"));
}

#[actix::test]
async fn no_more_jobs_run_at_once_than_allowed_and_the_others_follow_in_order() {
    let bench = Bench::fresh();
    bench.hands.next(vec![Deed::Hang; 10]);
    let mut added = Vec::new();
    for _ in 0..10 {
        added.push(bench.add(None).await);
    }
    let status = bench.status().await;
    assert_eq!((status.active, status.waiting), (4, 6));
    assert_eq!(status.oldest_waiting_ms, Some(5));
    for left in (0..10).rev() {
        bench.hands.let_go(Outcome::Done);
        quiet().await;
        let status = bench.status().await;
        assert_eq!(status.active + status.waiting, left);
    }
    assert_eq!(bench.hands.most(), 4);
    let order: Vec<_> = bench.hands.begun().into_iter().map(|(id, _)| id).collect();
    assert_eq!(order, added);
    assert_eq!(bench.status().await.completed, 10);
}

#[actix::test]
async fn a_delayed_job_is_begun_when_it_is_due_and_not_before() {
    let bench = Bench::fresh();
    let late = bench.add(Some(SECOND * 90)).await;
    let soon = bench.add(Some(Duration::from_millis(300))).await;
    bench.advance(Duration::from_millis(299)).await;
    assert_eq!(bench.hands.begun(), []);
    bench.advance(Duration::from_millis(1)).await;
    assert_eq!(bench.hands.begun().len(), 1);
    assert_eq!(bench.job(soon).await.state, JobState::Completed);
    for _ in 0..89 {
        bench.advance(SECOND).await;
    }
    assert_eq!(bench.job(late).await.state, JobState::Delayed);
    bench.advance(SECOND).await;
    assert_eq!(bench.job(late).await.state, JobState::Completed);
}

#[actix::test]
async fn a_queue_keeps_one_alarm_however_many_jobs_it_holds() {
    let bench = Bench::fresh();
    for _ in 0..50 {
        bench.add(Some(Duration::from_millis(900))).await;
    }
    // Its heartbeat, its cleaning and its alarm.
    assert_eq!(bench.setup.clock.sleepers(), 3);
    bench.advance(SECOND).await;
    assert_eq!(bench.hands.begun().len(), 50);
}

#[actix::test]
async fn a_paused_queue_begins_nothing_lets_go_on_what_runs_and_remembers_it() {
    let bench = Bench::fresh();
    bench.hands.next([Deed::Hang]);
    let running = bench.add(None).await;
    bench.queue.ask(SetPaused { whose: None, paused: true }).await.unwrap().unwrap();
    let waiting = bench.add(None).await;
    bench.hands.let_go(Outcome::Done);
    bench.advance(SECOND * 5).await;
    assert_eq!(bench.job(running).await.state, JobState::Completed);
    assert_eq!(bench.job(waiting).await.state, JobState::Waiting);
    let bench = bench.restart().await;
    bench.advance(SECOND * 5).await;
    let status = bench.status().await;
    assert!(status.paused && status.waiting == 1, "{status:?}");
    let bench = bench.crash(0);
    bench.advance(SECOND * 5).await;
    assert!(bench.status().await.paused);
    bench.queue.ask(SetPaused { whose: None, paused: false }).await.unwrap().unwrap();
    quiet().await;
    assert_eq!(bench.job(waiting).await.state, JobState::Completed);
    assert!(!bench.crash(0).status().await.paused);
}

#[actix::test]
async fn a_pause_that_was_acknowledged_holds_although_jobs_ended_while_it_was_written() {
    let bench = Bench::fresh();
    bench.hands.next([Deed::Hang, Deed::Hang]);
    bench.add(None).await;
    bench.add(None).await;
    bench.setup.store.hold();
    let pause = tokio::spawn({
        let queue = bench.queue.clone();
        async move { queue.ask(SetPaused { whose: None, paused: true }).await }
    });
    bench.setup.store.until_waiting(1).await;
    bench.hands.let_go(Outcome::Done);
    quiet().await;
    while !pause.is_finished() {
        bench.setup.store.release_next(1);
        quiet().await;
    }
    // The process dies as soon as the pause is acknowledged; what waits is lost, or comes through in part.
    assert!(bench.crash(1).status().await.paused);
}

#[actix::test]
async fn a_pause_that_cannot_be_written_is_refused_and_does_not_hold() {
    let bench = Bench::fresh();
    quiet().await;
    let refusal = appengine_actors::store::StoreError::Full;
    bench.setup.store.fail_next(2, &refusal);
    assert_eq!(bench.queue.ask(SetPaused { whose: None, paused: true }).await, Ok(Err(refusal)));
    bench.advance(SECOND).await;
    let id = bench.add(None).await;
    assert_eq!(bench.job(id).await.state, JobState::Completed);
    assert!(!bench.crash(9).status().await.paused);
}

#[actix::test]
async fn draining_begins_nothing_new_and_waits_for_what_runs() {
    let bench = Bench::fresh();
    bench.hands.next([Deed::Hang, Deed::Hang]);
    let running = [bench.add(None).await, bench.add(None).await];
    let drained = tokio::spawn({
        let queue = bench.queue.clone();
        async move { queue.ask(Drain).await }
    });
    quiet().await;
    let late = bench.add(None).await;
    bench.hands.let_go(Outcome::Done);
    quiet().await;
    assert!(!drained.is_finished(), "one still runs");
    bench.setup.store.hold();
    bench.hands.let_go(Outcome::Done);
    quiet().await;
    assert!(!drained.is_finished(), "its end is not written");
    bench.setup.store.release();
    drained.await.unwrap().unwrap();
    for id in running {
        assert_eq!(bench.job(id).await.state, JobState::Completed);
    }
    assert_eq!(bench.job(late).await.state, JobState::Waiting);
    assert!(bench.queue.ask(Drain).await.is_ok(), "drained already");
    assert_eq!(bench.restart().await.queue.ask(GetStatus).await.unwrap().waiting, 1);
}

#[actix::test]
async fn draining_an_idle_queue_takes_no_time() {
    let bench = Bench::fresh();
    quiet().await;
    let asked = tokio::spawn({
        let queue = bench.queue.clone();
        async move { queue.ask(Drain).await }
    });
    quiet().await;
    assert!(asked.now_or_never().is_some());
}

#[actix::test]
async fn the_rate_counts_the_jobs_that_ended_in_the_last_minute() {
    let bench = Bench::fresh();
    for _ in 0..6 {
        bench.add(None).await;
    }
    assert!((bench.status().await.rate_per_second - 0.1).abs() < 1e-9);
    bench.advance(SECOND * 61).await;
    assert!(bench.status().await.rate_per_second.abs() < 1e-9);
}

#[actix::test]
async fn the_jobs_of_one_organisation_or_key_are_paused_beyond_a_restart() {
    for key in [None, Some("flow-1".to_owned())] {
        let bench = Bench::fresh();
        let held = Held { org: OrgId::new("my-org").unwrap(), key };
        let pause = |paused| SetPaused { whose: Some(held.clone()), paused };
        bench.queue.ask(pause(true)).await.unwrap().unwrap();
        bench.add(None).await;
        let bench = bench.restart().await;
        let status = bench.status().await;
        assert_eq!((status.waiting, status.active, status.paused), (1, 0, false));
        bench.queue.ask(pause(false)).await.unwrap().unwrap();
        quiet().await;
        assert_eq!(bench.status().await.completed, 1);
        let bench = bench.restart().await;
        bench.add(None).await;
        assert_eq!(bench.status().await.completed, 2, "it is not paused any more");
    }
}
