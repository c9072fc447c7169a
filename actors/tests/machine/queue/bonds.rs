//! What binds jobs to one another: keys that only one may have, and jobs that wait for others.

use std::time::Duration;

use appengine_actors::clock::Clock;
use appengine_actors::ids::JobId;
use appengine_actors::keys;
use appengine_actors::queue::add::messages::AddWork;
use appengine_actors::queue::add::{AddError, Added, Mode, Unique, WorkDraft};
use appengine_actors::queue::alter::Wish;
use appengine_actors::queue::job::{FailedReason, JobState, Outcome};
use appengine_actors::queue::outside::messages::Settle;
use appengine_actors::queue::parts::Part;
use appengine_actors::queue::terms::{OnFailure, Until};
use appengine_actors::store::{Scan, Store};
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::house::queue_name;
use appengine_actors::testkit::probe::quiet;
use serde_json::json;

use super::shop::{QUEUE, SECOND, Shop, unique, work};

fn shop() -> Shop {
    Shop(TestHouse::start())
}

fn at(shop: &Shop, seconds: u32, draft: WorkDraft) -> WorkDraft {
    WorkDraft { run_at: Some(shop.0.setup.clock.now().plus(SECOND * seconds)), ..draft }
}

#[actix::test]
async fn a_second_job_with_the_same_key_is_not_added_while_the_first_has_not_ended() {
    let shop = shop();
    let first = shop.add(unique(1, Mode::Reject)).await;
    assert!(matches!(first, Added::New(_)));
    let id = first.job().id;
    for _ in 0..2 {
        assert!(matches!(shop.add(unique(2, Mode::Reject)).await, Added::Duplicate(job) if job.id == id));
    }
    let job = shop.claim(1).await.remove(0);
    assert!(matches!(shop.add(unique(2, Mode::Replace)).await, Added::Duplicate(_)), "it runs");
    shop.settle(&job, Outcome::Done).await.unwrap();
    let second = shop.add(unique(2, Mode::Reject)).await;
    assert!(matches!(second, Added::New(_)));
    shop.alter(second.job().id, Wish::Cancel).await.unwrap();
    assert!(matches!(shop.add(unique(3, Mode::Reject)).await, Added::New(_)), "cancelled is ended too");
    let drafts = vec![unique(4, Mode::Reject), work(5), unique(6, Mode::Reject)];
    let added = shop.try_add("billing", drafts).await.unwrap();
    assert!(matches!(&added[2], Added::Duplicate(job) if job.id == added[0].job().id), "within one request");
}

#[actix::test]
async fn a_job_that_was_not_begun_is_replaced() {
    let shop = shop();
    let id = shop.add(unique(1, Mode::Replace)).await.job().id;
    let replaced = shop.add(at(&shop, 60, unique(2, Mode::Replace))).await;
    assert!(matches!(&replaced, Added::Replaced(job) if job.id == id && job.state == JobState::Delayed));
    assert_eq!(shop.part(id, Part::Payload).await, Some(json!({"n": 2})));
    assert_eq!(shop.counts(QUEUE).await, [0, 0, 1, 0, 0, 0]);
    shop.add(unique(3, Mode::Replace)).await;
    assert_eq!(shop.counts(QUEUE).await, [0, 1, 0, 0, 0, 0]);
    assert_eq!(shop.claim(9).await.len(), 1);
    assert_eq!(shop.part(id, Part::Payload).await, Some(json!({"n": 3})));
}

#[actix::test]
async fn beside_one_that_runs_at_most_one_waits_and_it_is_the_last() {
    let shop = shop();
    shop.add(unique(1, Mode::KeepLast)).await;
    let running = shop.claim(1).await.remove(0);
    let second = shop.add(unique(2, Mode::KeepLast)).await;
    assert!(matches!(second, Added::New(_)));
    assert!(matches!(shop.add(unique(3, Mode::KeepLast)).await, Added::Replaced(_)));
    assert_eq!(shop.counts(QUEUE).await, [0, 1, 0, 1, 0, 0]);
    shop.settle(&running, Outcome::Released).await.unwrap();
    let again = shop.claim(1).await.remove(0);
    assert_eq!(again.id, running.id);
    assert!(
        matches!(shop.add(unique(4, Mode::KeepLast)).await, Added::Replaced(_)),
        "the key is not its own"
    );
    shop.settle(&again, Outcome::Done).await.unwrap();
    let last = shop.claim(9).await;
    assert_eq!((last.len(), last[0].id), (1, second.job().id));
    assert_eq!(shop.part(last[0].id, Part::Payload).await, Some(json!({"n": 4})));
}

#[actix::test]
async fn what_is_added_again_and_again_is_put_off_but_not_for_ever() {
    let shop = shop();
    let mode = Mode::Debounce { max_wait: Some(SECOND * 10) };
    let id = shop.add(at(&shop, 4, unique(0, mode))).await.job().id;
    for n in 1..4 {
        shop.0.advance(SECOND * 3).await;
        shop.add(at(&shop, 4, unique(n, mode))).await;
        assert_eq!(shop.counts(QUEUE).await[2], 1, "{n}");
    }
    shop.0.advance(SECOND).await;
    let job = shop.claim(1).await.remove(0);
    assert_eq!((job.id, shop.part(id, Part::Payload).await), (id, Some(json!({"n": 3}))));
}

#[actix::test]
async fn a_key_is_let_go_of_when_its_time_is_over_and_the_new_holder_keeps_it() {
    let shop = shop();
    let timed = |n| {
        let unique =
            Unique { key: "t".into(), mode: Mode::Reject, until: Until::Finished, ttl: Some(SECOND * 5) };
        WorkDraft { unique: Some(unique), ..work(n) }
    };
    shop.add(timed(1)).await;
    let first = shop.claim(1).await.remove(0);
    assert!(matches!(shop.add(timed(2)).await, Added::Duplicate(_)));
    shop.0.advance(SECOND * 5).await;
    let second = shop.add(timed(2)).await;
    assert!(matches!(second, Added::New(_)));
    shop.settle(&first, Outcome::Done).await.unwrap();
    shop.0.advance(SECOND).await;
    assert!(matches!(shop.add(timed(3)).await, Added::Duplicate(job) if job.id == second.job().id));
    let job = shop.claim(1).await.remove(0);
    shop.0.advance(SECOND * 20).await;
    shop.settle(&job, Outcome::Done).await.unwrap();
    shop.0.advance(SECOND).await;
    let org = [shop.0.org.as_str().as_bytes(), &[0, 1, b'j']].concat();
    assert_eq!(shop.0.store().scan(Scan::prefix(org, 10)).await.unwrap(), [], "no key is left behind");
}

#[actix::test]
async fn of_many_who_add_the_same_at_once_one_does() {
    let shop = shop();
    let adding = (0..10).map(|n| shop.try_add(QUEUE, vec![unique(n, Mode::Reject)]));
    let added = futures_util::future::join_all(adding).await;
    let added: Vec<Added> = added.into_iter().map(|added| added.unwrap().remove(0)).collect();
    assert_eq!(added.iter().filter(|added| matches!(added, Added::New(_))).count(), 1);
    assert!(added.iter().all(|one| one.job().id == added[0].job().id));
    assert_eq!(shop.counts(QUEUE).await, [0, 1, 0, 0, 0, 0]);
}

/// Work that waits for others.
fn after(of: &[JobId], policy: OnFailure) -> WorkDraft {
    WorkDraft { depends_on: of.to_vec(), on_dependency_failure: policy, ..work(9) }
}

#[actix::test]
async fn a_job_waits_until_all_others_are_done_wherever_they_are() {
    let shop = shop();
    let one = shop.add(work(1)).await.job().id;
    let two = shop.try_add("billing", vec![work(2)]).await.unwrap().remove(0).job().id;
    let last = shop.try_add("schedule", vec![after(&[one, two, one], OnFailure::Fail)]).await.unwrap();
    let last = last[0].job().id;
    assert_eq!(shop.job(last).await.terms.waits_for, [one, two]);
    assert_eq!(shop.counts("schedule").await, [1, 0, 0, 0, 0, 0]);
    let job = shop.claim(1).await.remove(0);
    shop.settle(&job, Outcome::Done).await.unwrap();
    shop.0.advance(SECOND).await;
    assert_eq!(shop.job(last).await.terms.waits_for, [two]);
    let shop = Shop(shop.0.crash(0));
    quiet().await;
    let job = shop.claim_within("billing", 1, Duration::ZERO).await.remove(0);
    shop.settle(&job, Outcome::Done).await.unwrap();
    quiet().await;
    assert_eq!(shop.counts("schedule").await, [0, 1, 0, 0, 0, 0]);
    assert_eq!(shop.claim_within("schedule", 9, Duration::ZERO).await[0].id, last);
    let done = shop.try_add(QUEUE, vec![after(&[one], OnFailure::Fail)]).await.unwrap().remove(0);
    assert_eq!(done.job().state, JobState::Waiting, "what was done already is not waited for");
    let nobody = JobId::new(shop.0.setup.clock.now());
    let refused = shop.try_add(QUEUE, vec![work(1), after(&[nobody], OnFailure::Fail)]).await;
    assert_eq!(refused, Err(AddError::NoDependency { index: 1, id: nobody }));
}

#[actix::test]
async fn a_job_that_is_given_up_fails_skips_or_frees_those_that_wait_for_it() {
    let shop = shop();
    let first = shop.add(work(1)).await.job().id;
    let mut waiting = Vec::new();
    for policy in [OnFailure::Fail, OnFailure::Skip, OnFailure::Free] {
        waiting.push(shop.try_add("billing", vec![after(&[first], policy)]).await.unwrap()[0].job().id);
    }
    let chained = shop.add(after(&waiting[..1], OnFailure::Fail)).await.job().id;
    shop.alter(first, Wish::Cancel).await.unwrap();
    shop.0.advance(SECOND * 2).await;
    use JobState::{Completed, Failed, Waiting};
    assert_eq!(shop.states(&waiting).await, [Failed, Completed, Waiting]);
    let failed = shop.job(chained).await;
    assert_eq!((failed.state, failed.failed_reason), (Failed, Some(FailedReason::Dependency)));
    assert!(shop.job(waiting[1]).await.terms.skipped);
    assert_eq!(shop.counts("billing").await, [0, 1, 0, 0, 1, 1]);
    let late = shop.add(after(&[first], OnFailure::Fail)).await.job().id;
    shop.0.advance(SECOND * 2).await;
    assert_eq!(shop.job(late).await.state, Failed, "it was given up before");
    let removed = shop.add(work(2)).await.job().id;
    let bound = shop.add(after(&[removed], OnFailure::Fail)).await.job().id;
    shop.alter(removed, Wish::Remove).await.unwrap();
    shop.0.advance(SECOND * 2).await;
    assert_eq!(shop.job(bound).await.state, Failed, "what is removed is never done");
}

#[actix::test]
async fn a_crash_at_any_moment_leaves_nobody_waiting_for_what_is_done() {
    for at in 0..8 {
        let shop = shop();
        let first = shop.add(work(1)).await.job().id;
        let last = shop.try_add("billing", vec![after(&[first], OnFailure::Fail)]).await.unwrap()[0].job().id;
        let job = shop.claim(1).await.remove(0);
        shop.0.store().hold();
        let queue = shop.queue(QUEUE).clone();
        let token = super::shop::token(&job);
        let settle = Settle { id: first, token, outcome: Outcome::Done, result: None };
        let settling = actix::spawn(async move { queue.ask(settle).await });
        for _ in 0..at {
            quiet().await;
            shop.0.store().release_next(1);
        }
        quiet().await;
        settling.abort();
        let shop = Shop(shop.0.crash(at % 2));
        quiet().await;
        shop.0.advance(SECOND * 31).await;
        for job in shop.claim(9).await {
            shop.settle(&job, Outcome::Done).await.unwrap();
        }
        shop.0.advance(SECOND * 2).await;
        assert_eq!(shop.states(&[first, last]).await, [JobState::Completed, JobState::Waiting], "{at}");
        assert_eq!(shop.counts("billing").await, [0, 1, 0, 0, 0, 0], "{at}");
    }
}

/// The end of a job that runs, as its worker tells it, and another job that waits for it: whichever is first.
#[actix::test]
async fn whoever_begins_to_wait_as_the_job_ends_hears_of_it_and_nothing_is_left_behind() {
    for end_first in [true, false] {
        let shop = shop();
        let first = shop.add(work(1)).await.job().id;
        let job = shop.claim(1).await.remove(0);
        shop.0.store().hold();
        let (queue, token) = (shop.queue(QUEUE).clone(), super::shop::token(&job));
        let settle = Settle { id: first, token, outcome: Outcome::Done, result: None };
        let (other, org) = (shop.queue("billing").clone(), shop.0.org.clone());
        let add = AddWork { org, drafts: vec![after(&[first], OnFailure::Fail)] };
        let settling = async move { queue.ask(settle).await.unwrap().unwrap().state };
        let adding = async move { other.ask(add).await.unwrap().unwrap().remove(0).job().id };
        let (settled, added) = if end_first {
            let settled = actix::spawn(settling);
            quiet().await;
            (settled, actix::spawn(adding))
        } else {
            let added = actix::spawn(adding);
            quiet().await;
            (actix::spawn(settling), added)
        };
        quiet().await;
        shop.0.store().release();
        assert_eq!(settled.await.unwrap(), JobState::Completed);
        let last = added.await.unwrap();
        shop.0.advance(SECOND * 2).await;
        assert_eq!(shop.job(last).await.state, JobState::Waiting, "the end first: {end_first}");
        let queue = queue_name(QUEUE);
        for left in [keys::aftermaths(&queue), keys::dependents(first), keys::awaited(first)] {
            let found = shop.0.store().scan(Scan::prefix(left, 9)).await.unwrap();
            assert_eq!(found, [], "the end first: {end_first}");
        }
    }
}
