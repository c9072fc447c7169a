//! Work: added by programs and done by workers outside of the process, which have it for as long as they live.

use std::time::Duration;

use appengine_actors::clock::Clock;
use appengine_actors::ids::OrgId;
use appengine_actors::queue::add::WorkDraft;
use appengine_actors::queue::add::messages::AddWork;
use appengine_actors::queue::alter::Wish;
use appengine_actors::queue::job::{FailedReason, JobState, Outcome};
use appengine_actors::queue::lines::Held;
use appengine_actors::queue::messages::SetPaused;
use appengine_actors::queue::outside::messages::{Ask, NoteError, Said};
use appengine_actors::queue::outside::{NotLeased, take};
use appengine_actors::queue::parts::Part;
use appengine_actors::queue::rate::Rate;
use appengine_actors::retry::{Backoff, Curve};
use appengine_actors::store::{Scan, Store};
use appengine_actors::testkit::house::queue_name;
use appengine_actors::testkit::probe::quiet;
use appengine_actors::testkit::{Setup, TestHouse};
use serde_json::json;

use super::shop::{QUEUE, SECOND, Shop, work};

fn shop() -> Shop {
    Shop(TestHouse::start())
}

#[actix::test]
async fn work_is_done_by_whoever_asks_for_it_and_keeps_what_was_said() {
    let shop = shop();
    let id = shop.add(work(1)).await.job().id;
    assert_eq!(shop.counts(QUEUE).await, [0, 1, 0, 0, 0, 0], "nobody here does it");
    let job = shop.claim(5).await.remove(0);
    assert_eq!((job.id, job.attempts, job.state), (id, 1, JobState::Active));
    assert_eq!(shop.part(id, Part::Payload).await, Some(json!({"n": 1})));
    assert_eq!(shop.claim(5).await, [], "one worker has it, and no other");
    shop.say(&job, Said::Part(Part::Progress, json!(50))).await.unwrap();
    shop.say(&job, Said::Part(Part::Cursor, json!({"row": 7}))).await.unwrap();
    for n in 0..210 {
        shop.say(&job, Said::Lines(vec![format!("line {n}")])).await.unwrap();
    }
    let log = shop.part(id, Part::Log).await.unwrap();
    assert_eq!((log.as_array().unwrap().len(), &log[199]), (200, &json!("line 209")), "the newest are kept");
    let failed = shop.settle(&job, Outcome::Retry("no".into())).await.unwrap();
    assert_eq!((failed.state, failed.lease), (JobState::Delayed, None));
    assert_eq!(shop.settle(&job, Outcome::Done).await, Err(NotLeased.into()), "it has had its say");
    shop.0.advance(SECOND).await;
    let again = shop.claim(1).await.remove(0);
    assert_eq!(shop.part(id, Part::Cursor).await, Some(json!({"row": 7})), "it goes on where it was");
    let done = shop.settle(&again, Outcome::Done).await.unwrap();
    assert_eq!((done.state, done.attempts), (JobState::Completed, 2));
    assert_eq!(shop.part(id, Part::Result).await, Some(json!({"ok": true})));
    assert_eq!(shop.counts(QUEUE).await, [0, 0, 0, 0, 1, 0]);
    shop.alter(id, Wish::Remove).await.unwrap();
    for part in Part::ALL {
        assert_eq!(shop.part(id, part).await, None, "what lay beside it goes with it");
    }
    shop.0.advance(SECOND * 2).await;
    let left = shop.0.store().scan(Scan::prefix(vec![1, 0, 1, b'a'], 10)).await.unwrap();
    assert_eq!(left, [], "nobody is left to be told of its end");
}

#[actix::test]
async fn a_worker_that_falls_silent_loses_its_job_and_that_is_no_failure() {
    let shop = shop();
    let id = shop.add(work(1)).await.job().id;
    let first = shop.claim(1).await.remove(0);
    shop.0.advance(SECOND * 29).await;
    let until = shop.beat(&first).await.unwrap();
    assert_eq!(until, shop.0.setup.clock.now().plus(SECOND * 30));
    shop.0.advance(SECOND * 29).await;
    assert_eq!(shop.job(id).await.state, JobState::Active);
    shop.0.advance(SECOND).await;
    let back = shop.job(id).await;
    assert_eq!((back.state, back.attempts, back.interrupted), (JobState::Waiting, 1, 1));
    assert_eq!(back.last_error.as_deref(), Some("its worker `w` was not heard of while it ran"));
    let second = shop.claim(1).await.remove(0);
    assert_eq!(shop.beat(&first).await, Err(NotLeased), "another one has it by now");
    assert_eq!(shop.settle(&first, Outcome::Done).await, Err(NoteError::NotLeased(NotLeased)));
    shop.add(work(2)).await;
    shop.settle(&second, Outcome::Released).await.unwrap();
    assert_eq!(shop.job(id).await.attempts, 1, "what is handed back was no attempt");
    for _ in 0..2 {
        assert_eq!(shop.claim(1).await[0].id, id, "it is at the front again");
        shop.0.advance(SECOND * 30).await;
    }
    let set_aside = shop.job(id).await;
    assert_eq!((set_aside.state, set_aside.interrupted), (JobState::Failed, 3));
    assert_eq!(set_aside.failed_reason, Some(FailedReason::Poisonous));
}

#[actix::test]
async fn workers_wait_for_work_and_what_nobody_waits_for_any_more_is_not_lost() {
    let shop = shop();
    let org = shop.0.org.clone();
    let claim = Ask { org, worker: "w".into(), most: 2, length: SECOND * 30, wait: SECOND * 5 };
    let (queue, asked) = (shop.queue(QUEUE).clone(), claim.clone());
    let waiting = actix::spawn(async move { take(&queue, asked).await.unwrap() });
    quiet().await;
    shop.add(work(1)).await;
    assert_eq!(waiting.await.unwrap().len(), 1, "it has it as soon as it is there");
    let (queue, asked) = (shop.queue(QUEUE).clone(), claim.clone());
    let waiting = actix::spawn(async move { take(&queue, asked).await.unwrap() });
    shop.0.advance(SECOND * 5).await;
    assert_eq!(waiting.await.unwrap(), [], "there was none in time");
    let (queue, asked) = (shop.queue(QUEUE).clone(), claim);
    let gone = actix::spawn(async move { take(&queue, asked).await.unwrap() });
    quiet().await;
    gone.abort();
    quiet().await;
    let id = shop.add(work(2)).await.job().id;
    let back = shop.job(id).await;
    assert_eq!((back.state, back.attempts), (JobState::Waiting, 0), "it was handed to nobody");
}

#[actix::test]
async fn a_restart_takes_no_job_from_a_worker_that_lives() {
    let shop = shop();
    let id = shop.add(work(1)).await.job().id;
    shop.add(work(2)).await;
    let job = shop.claim(1).await.remove(0);
    let shop = Shop(shop.0.restart().await);
    quiet().await;
    assert_eq!(shop.counts(QUEUE).await, [0, 1, 0, 1, 0, 0]);
    shop.beat(&job).await.unwrap();
    assert_eq!(shop.claim(5).await.len(), 1, "the other one");
    let done = shop.settle(&job, Outcome::Done).await.unwrap();
    assert_eq!((done.id, done.interrupted), (id, 0));
    let shop = Shop(shop.0.restart().await);
    shop.0.advance(SECOND * 30).await;
    assert_eq!(shop.counts(QUEUE).await, [0, 1, 0, 0, 1, 0], "whoever had the other one is gone");
}

#[actix::test]
async fn work_is_called_off_wherever_it_is() {
    let shop = shop();
    let id = shop.add(work(1)).await.job().id;
    let job = shop.claim(1).await.remove(0);
    let cancelled = shop.alter(id, Wish::Cancel).await.unwrap().jobs.remove(0);
    assert_eq!((cancelled.state, cancelled.cancelled_by.as_deref()), (JobState::Failed, Some("ada")));
    assert_eq!(cancelled.failed_reason, Some(FailedReason::Cancelled));
    assert_eq!(shop.beat(&job).await, Err(NotLeased));
    assert_eq!(shop.counts(QUEUE).await, [0, 0, 0, 0, 0, 1]);
    let again = shop.alter(id, Wish::Retry).await.unwrap().jobs.remove(0);
    assert_eq!((again.failed_reason, again.attempts), (None, 0));
    assert_eq!(shop.claim(1).await.len(), 1);
}

#[actix::test]
async fn what_an_organisation_lets_pile_up_is_in_no_others_way() {
    let shop = shop();
    for keys in 0..3 {
        let drafts = (0..1_000).map(|n| WorkDraft { key: Some(format!("k{keys}-{n}")), ..work(n) });
        shop.try_add(QUEUE, drafts.collect()).await.unwrap();
    }
    let other = OrgId::new("other").unwrap();
    let drafts = vec![WorkDraft { priority: 5, ..work(1) }, work(2), work(3)];
    let added = shop.queue(QUEUE).ask(AddWork { org: other.clone(), drafts }).await.unwrap().unwrap();
    let claim =
        |org: OrgId, most| Ask { org, worker: "w".into(), most, length: SECOND, wait: Duration::ZERO };
    let mut theirs = take(shop.queue(QUEUE), claim(other.clone(), 9)).await.unwrap();
    theirs.extend(take(shop.queue(QUEUE), claim(other.clone(), 9)).await.unwrap());
    let ids: Vec<_> = theirs.iter().map(|job| job.id).collect();
    let wanted: Vec<_> = [1, 2, 0].map(|index| added[index].job().id).into();
    assert_eq!(ids, wanted, "the most urgent first, and those of a kind in their order");
    let mut lent = 0;
    for _ in 0..200 {
        lent += shop.claim(9).await.len();
    }
    assert_eq!(lent, 97, "the queue lends so many at once");
    let held = Held { org: shop.0.org.clone(), key: None };
    shop.0.advance(SECOND * 30).await;
    shop.queue(QUEUE).ask(SetPaused { whose: Some(held), paused: true }).await.unwrap().unwrap();
    assert_eq!(shop.claim(9).await, [], "it is paused");
    assert_eq!(take(shop.queue(QUEUE), claim(other, 2)).await.unwrap().len(), 2);
}

#[actix::test]
async fn a_queue_begins_no_more_jobs_than_its_rate_allows() {
    let mut setup = Setup::default();
    let queue = setup.settings.queues.get_mut(&queue_name(QUEUE)).unwrap();
    queue.rate = Some(Rate { jobs: 2, per: SECOND });
    let shop = Shop(setup.start());
    quiet().await;
    let before = shop.0.store().stats().commits;
    shop.try_add(QUEUE, (0..10).map(work).collect()).await.unwrap();
    assert_eq!(shop.0.store().stats().commits - before, 1, "many are added by one commit");
    assert_eq!(shop.claim(9).await.len(), 2);
    assert_eq!(shop.claim(9).await.len(), 0);
    shop.0.advance(SECOND / 2).await;
    assert_eq!(shop.claim(9).await.len(), 1);
    let (queue, org) = (shop.queue(QUEUE).clone(), shop.0.org.clone());
    let claim = Ask { org, worker: "w".into(), most: 9, length: SECOND * 30, wait: SECOND * 5 };
    let waiting = actix::spawn(async move { take(&queue, claim).await.unwrap() });
    shop.0.advance(SECOND / 2).await;
    assert_eq!(waiting.await.unwrap().len(), 1, "it has it as soon as the rate allows");
}

#[actix::test]
async fn pauses_follow_the_job_or_the_worker() {
    let shop = shop();
    let curve = Curve::Schedule { delays: vec![SECOND * 2, SECOND * 7] };
    let backoff = Backoff::new(curve, 100, 0.0).unwrap();
    let draft = WorkDraft { backoff: Some(backoff), max_attempts: Some(5), ..work(1) };
    let id = shop.add(draft).await.job().id;
    let mut pauses = Vec::new();
    for outcome in [
        Outcome::Retry("no".into()),
        Outcome::Retry("no".into()),
        Outcome::Retry("no".into()),
        Outcome::RetryIn("later".into(), SECOND * 90),
    ] {
        let job = shop.claim(1).await.remove(0);
        let failed = shop.settle(&job, outcome).await.unwrap();
        let pause = failed.place - shop.0.setup.clock.now().as_millis();
        pauses.push(pause);
        shop.0.advance(Duration::from_millis(pause)).await;
    }
    assert_eq!(pauses, [2_000, 7_000, 7_000, 90_000], "a list goes on with its last");
    let job = shop.claim(1).await.remove(0);
    shop.settle(&job, Outcome::RetryIn("no".into(), SECOND)).await.unwrap();
    assert_eq!(shop.job(id).await.failed_reason, Some(FailedReason::Exhausted));
}

#[actix::test]
async fn an_attempt_takes_no_longer_than_it_may_however_often_its_worker_lives() {
    let shop = shop();
    let draft = WorkDraft { timeout: Some(SECOND * 40), ..work(1) };
    let id = shop.add(draft).await.job().id;
    let job = shop.claim(1).await.remove(0);
    shop.0.advance(SECOND * 25).await;
    assert_eq!(shop.beat(&job).await.unwrap(), shop.0.setup.clock.now().plus(SECOND * 15));
    shop.0.advance(SECOND * 15).await;
    let late = shop.job(id).await;
    assert_eq!((late.state, late.interrupted), (JobState::Delayed, 0), "that is a failure");
    assert_eq!(late.last_error.as_deref(), Some("it took longer than 40s"));
}

#[actix::test]
async fn jobs_go_to_another_queue_and_those_that_failed_begin_anew() {
    let shop = shop();
    let mut ids = Vec::new();
    for draft in [work(1), WorkDraft { run_at: Some(shop.0.setup.clock.now().plus(SECOND * 60)), ..work(2) }]
    {
        ids.push(shop.add(draft).await.job().id);
    }
    let failed = shop.add(WorkDraft { priority: -1, ..work(3) }).await.job().id;
    let job = shop.claim(1).await.remove(0);
    assert_eq!(job.id, failed);
    shop.settle(&job, Outcome::Fail("never".into())).await.unwrap();
    assert_eq!(shop.job(failed).await.failed_reason, Some(FailedReason::Fatal));
    ids.push(failed);
    for id in &ids {
        shop.alter(*id, Wish::MoveTo(queue_name("billing"))).await.unwrap();
    }
    assert_eq!(shop.counts(QUEUE).await, [0, 0, 0, 0, 0, 0]);
    assert_eq!(shop.counts("billing").await, [0, 2, 1, 0, 0, 0]);
    shop.0.advance(SECOND * 61).await;
    let mut lent = 0;
    for _ in 0..3 {
        lent += shop.claim_within("billing", 9, Duration::ZERO).await.len();
    }
    assert_eq!(lent, 3);
}

#[actix::test]
async fn what_is_given_to_jobs_and_comes_of_them_is_sealed_where_the_configuration_says_so() {
    let mut setup = Setup::default();
    setup.settings.work.sealed = true;
    let shop = Shop(setup.start());
    let id = shop.add(WorkDraft { payload: json!("hush"), ..work(1) }).await.job().id;
    let job = shop.claim(1).await.remove(0);
    shop.say(&job, Said::Lines(vec!["hush".into()])).await.unwrap();
    shop.settle(&job, Outcome::Done).await.unwrap();
    for part in [Part::Payload, Part::Result, Part::Log] {
        let key = appengine_actors::keys::job_part(id, part.letter());
        let stored = shop.0.store().get(key).await.unwrap().unwrap().value;
        assert!(stored.starts_with(b"1plain:"), "the test's vault hides nothing, but was asked: {stored:?}");
    }
    let mut shop = shop;
    shop.0.setup.settings.work.sealed = false;
    let shop = Shop(shop.0.restart().await);
    assert_eq!(
        shop.part(id, Part::Payload).await,
        Some(json!("hush")),
        "what was sealed is read all the same"
    );
    assert_eq!(shop.part(id, Part::Log).await, Some(json!(["hush"])));
}
