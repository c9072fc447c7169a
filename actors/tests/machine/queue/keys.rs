//! Unique keys are unique, whatever happens: held against a simple model, with adds at the same time, jobs that
//! fail, fall silent, are called off or removed, and processes that die.

use std::collections::BTreeMap;

use appengine_actors::ids::JobId;
use appengine_actors::keys;
use appengine_actors::queue::add::{Added, Mode, Unique, WorkDraft};
use appengine_actors::queue::alter::Wish;
use appengine_actors::queue::job::{Job, JobState, Outcome};
use appengine_actors::queue::terms::Until;
use appengine_actors::store::{Scan, Store, decode};
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::quiet;
use proptest::prelude::*;

use super::shop::{QUEUE, SECOND, Shop, work};

#[derive(Debug, Clone)]
enum Step {
    /// Jobs that are added at the same time: the key and the mode of each.
    Add(Vec<(u8, u8)>),
    Claim(usize),
    Settle(u8, u8),
    Cancel(u8),
    Remove(u8),
    Advance(u32),
    Crash(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::vec((0..2_u8, 0..4_u8), 1..5).prop_map(Step::Add),
        4 => (1..3_usize).prop_map(Step::Claim),
        4 => (any::<u8>(), 0..4_u8).prop_map(|(which, how)| Step::Settle(which, how)),
        1 => any::<u8>().prop_map(Step::Cancel),
        1 => any::<u8>().prop_map(Step::Remove),
        2 => (1..40_u32).prop_map(Step::Advance),
        1 => (0..3_usize).prop_map(Step::Crash),
    ]
}

fn draft(key: u8, mode: u8) -> WorkDraft {
    let (mode, until) = match mode {
        0 => (Mode::Reject, Until::Finished),
        1 => (Mode::Replace, Until::Finished),
        2 => (Mode::Reject, Until::Started),
        _ => (Mode::KeepLast, Until::Started),
    };
    // Whoever waits for the end and whoever waits for the beginning use keys of their own.
    let key = format!("{until:?}-{key}");
    WorkDraft {
        unique: Some(Unique { key, mode, until, ttl: None }),
        ..work(u32::from(mode == Mode::Reject))
    }
}

/// Every job, as the store has it.
async fn all(shop: &Shop) -> BTreeMap<JobId, Job> {
    let found = shop.0.store().scan(Scan::prefix(keys::jobs(), 10_000)).await.unwrap();
    let jobs = found.iter().map(|(_, found)| decode::<Job>(&found.value).unwrap());
    jobs.map(|job| (job.id, job)).collect()
}

/// The jobs that hold a key, by the simple rule: those that have not ended, or have not begun.
fn holders(jobs: &BTreeMap<JobId, Job>) -> BTreeMap<String, Vec<JobId>> {
    let mut holders: BTreeMap<String, Vec<JobId>> = BTreeMap::new();
    for job in jobs.values() {
        let Some(held) = &job.terms.unique else { continue };
        let holds = match held.until {
            Until::Finished => !job.state.is_final(),
            Until::Started => !job.state.is_final() && job.state != JobState::Active,
        };
        if holds {
            holders.entry(held.key.clone()).or_default().push(job.id);
        }
    }
    holders
}

async fn check(shop: &Shop) {
    let jobs = all(shop).await;
    let holders = holders(&jobs);
    for (key, held) in &holders {
        assert_eq!(held.len(), 1, "{key} is held by {held:?}");
    }
    let mut stored = BTreeMap::new();
    for key in ["Finished-0", "Finished-1", "Started-0", "Started-1"] {
        let at = keys::unique_job(&shop.0.org, &QUEUE.parse().unwrap(), key);
        if let Some(found) = shop.0.store().get(at).await.unwrap() {
            let holder: serde_json::Value = decode(&found.value).unwrap();
            stored.insert(key.to_owned(), vec![holder["job"].as_str().unwrap().parse::<JobId>().unwrap()]);
        }
    }
    assert_eq!(stored, holders, "what the store has is what the rule says");
}

async fn run(steps: Vec<Step>) {
    let mut shop = Shop(TestHouse::start());
    let mut has: Vec<Job> = Vec::new();
    for step in steps {
        match step {
            Step::Add(drafts) => {
                let before = holders(&all(&shop).await);
                let adding = drafts.iter().map(|(key, mode)| shop.try_add(QUEUE, vec![draft(*key, *mode)]));
                let added = futures_util::future::join_all(adding).await;
                for (added, (key, mode)) in added.into_iter().zip(&drafts) {
                    let added = added.unwrap().remove(0);
                    let held = draft(*key, *mode).unique.unwrap().key;
                    let first = before.get(&held).map(|held| held[0]);
                    // A key that was held is held by the same job still, unless it runs and may be followed.
                    if let (Some(first), Added::New(job)) = (first, &added) {
                        panic!("{} was added beside {first}", job.id);
                    }
                }
            }
            Step::Claim(most) => has.extend(shop.claim(most).await),
            Step::Settle(which, how) if !has.is_empty() => {
                let job = has.remove(usize::from(which) % has.len());
                let outcome = match how {
                    0 => Outcome::Done,
                    1 => Outcome::Retry("no".into()),
                    2 => Outcome::Released,
                    _ => Outcome::Fail("no".into()),
                };
                // Another one may have it by now.
                let _ = shop.settle(&job, outcome).await;
            }
            Step::Settle(..) => {}
            Step::Cancel(which) | Step::Remove(which) => {
                let wish = if matches!(step, Step::Cancel(_)) { Wish::Cancel } else { Wish::Remove };
                let ids: Vec<JobId> = all(&shop).await.into_keys().collect();
                if !ids.is_empty() {
                    // Its state may not allow it.
                    let _ = shop.alter(ids[usize::from(which) % ids.len()], wish).await;
                }
            }
            Step::Advance(seconds) => shop.0.advance(SECOND * seconds).await,
            Step::Crash(kept) => {
                shop = Shop(shop.0.crash(kept));
                quiet().await;
            }
        }
        quiet().await;
        check(&shop).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn unique_keys_are_unique(steps in proptest::collection::vec(step(), 1..40)) {
        actix::System::new().block_on(run(steps));
    }
}
