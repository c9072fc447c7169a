//! Integrations are read: on from where it stopped whatever happens, once, and no more often than the vendor takes it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use appengine_actors::clock::{Clock, Timestamp};
use appengine_actors::event::Event;
use appengine_actors::ids::{IntegrationId, OrgId};
use appengine_actors::inbound::integration::{Credentials, Integration};
use appengine_actors::inbound::sync::state::{EVERY, SOON, SyncSettings};
use appengine_actors::inbound::sync::syncs::{StartError, Synced};
use appengine_actors::inbound::sync::tasks::MOST_PAGES;
use appengine_actors::inbound::sync::{Ask, Page, SyncError, Syncer};
use appengine_actors::inbound::told::Told;
use appengine_actors::keys;
use appengine_actors::queue::job::JobState;
use appengine_actors::store::{Batch, Scan, Store, StoreError, decode};
use appengine_actors::testkit::probe::{quiet, until};
use appengine_actors::testkit::{Setup, TestHouse};
use futures_util::future::BoxFuture;
use serde_json::{Map, json};
use tokio::sync::Semaphore;

const SECOND: Duration = Duration::from_secs(1);

/// A platform with listings of numbered things, some to a page, the oldest first.
#[derive(Clone)]
struct Platform(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Answers that may be given.
    open: Semaphore,
}

#[derive(Default)]
struct State {
    listings: BTreeMap<String, Vec<Timestamp>>,
    faults: Vec<SyncError>,
    asked: Vec<(String, u64)>,
    pause: Option<Duration>,
}

const ON_A_PAGE: usize = 2;

impl Platform {
    fn new() -> Self {
        Self(Arc::new(Shared { state: Mutex::default(), open: Semaphore::new(1_000) }))
    }

    fn post(&self, listing: &str, count: usize, at: Timestamp) {
        let mut state = self.0.state.lock().unwrap();
        state.listings.entry(listing.to_owned()).or_default().extend(vec![at; count]);
    }

    fn fail(&self, error: SyncError) {
        self.0.state.lock().unwrap().faults.push(error);
    }

    fn asked(&self) -> Vec<(String, u64)> {
        self.0.state.lock().unwrap().asked.clone()
    }
}

impl Syncer for Platform {
    fn streams(&self, integration: &Integration) -> Result<Vec<String>, String> {
        Ok(integration.sync.as_ref().map(|sync| sync.follow.clone()).unwrap_or_default())
    }

    fn page(&self, ask: Ask) -> BoxFuture<'static, Result<Page, SyncError>> {
        let shared = self.0.clone();
        Box::pin(async move {
            let from = ask.cursor.as_u64().unwrap_or_default();
            shared.state.lock().unwrap().asked.push((ask.stream.clone(), from));
            shared.open.acquire().await.unwrap().forget();
            let mut state = shared.state.lock().unwrap();
            if let Some(error) = state.faults.pop() {
                return Err(error);
            }
            let all = state.listings.get(&ask.stream).cloned().unwrap_or_default();
            let from = usize::try_from(from).unwrap();
            let page = all.iter().enumerate().skip(from).take(ON_A_PAGE);
            let told: Vec<_> = page
                .map(|(n, at)| {
                    let id = format!("{}/{n}", ask.stream);
                    Told::new("social.post", id.as_str(), &json!({"n": n})).at(Some(*at)).with("postId", id)
                })
                .collect();
            let to = from + told.len();
            Ok(Page { told, cursor: json!(to), more: to < all.len(), pause: state.pause })
        })
    }
}

/// A machine with a platform.
struct Bench {
    house: TestHouse,
    platform: Platform,
    id: IntegrationId,
}

impl Bench {
    async fn start() -> Self {
        let platform = Platform::new();
        let house = Setup { syncer: Arc::new(platform.clone()), ..Setup::default() }.start();
        house.found_org().await;
        let id = IntegrationId::new(house.setup.clock.now());
        Self { house, platform, id }
    }

    fn now(&self) -> Timestamp {
        self.house.setup.clock.now()
    }

    async fn save(&self, sync: Option<SyncSettings>) {
        let now = self.now();
        let integration = Integration {
            id: self.id,
            org_id: self.house.org.clone(),
            vendor: "reddit".to_owned(),
            name: "reddit".to_owned(),
            active: true,
            settings: Map::new(),
            public_config: Map::new(),
            sync,
            created_at: now,
            updated_at: now,
            by: "ada".to_owned(),
        };
        self.house.machine.inbound.integrations.save(&integration, &Credentials::default()).await.unwrap();
    }

    async fn follow(&self, listings: &[&str]) {
        let follow = listings.iter().map(|name| (*name).to_owned()).collect();
        self.save(Some(SyncSettings { enabled: true, every: EVERY, follow })).await;
        quiet().await;
    }

    async fn synced(&self) -> Synced {
        self.house.machine.inbound.syncs.of(&self.house.org).await.unwrap().remove(0)
    }

    /// What was told of, in the order of the log; each once.
    async fn told(&self) -> Vec<String> {
        let found = self.house.store().scan(Scan::prefix(events(&self.house.org), 10_000)).await.unwrap();
        let events = found.iter().map(|(_, found)| decode::<Event>(&found.value).unwrap());
        let mut told: Vec<_> = events
            .filter(|event| event.kind.as_str() == "social.post")
            .map(|event| event.data["postId"].as_str().unwrap().to_owned())
            .collect();
        told.sort();
        let mut once = told.clone();
        once.dedup();
        assert_eq!(told, once, "something was told twice");
        told
    }

    fn crash(self, kept: usize) -> Self {
        Self { house: self.house.crash(kept), ..self }
    }
}

fn events(org: &OrgId) -> Vec<u8> {
    let mut prefix = keys::all_records(org);
    prefix.pop();
    prefix.push(b'e');
    prefix
}

#[actix::test]
async fn an_integration_is_read_when_it_is_switched_on_and_then_on_from_there() {
    let bench = Bench::start().await;
    bench.platform.post("a", 3, bench.now());
    bench.platform.post("a", 1, bench.now().minus(Duration::from_hours(48)));
    bench.follow(&["a"]).await;
    // What is two days old is history.
    assert_eq!(bench.told().await, ["a/0", "a/1", "a/2"]);
    let head = bench.synced().await.head.unwrap();
    assert_eq!((head.next_run, head.failures), (bench.now().plus(EVERY), 0));
    bench.platform.post("a", 1, bench.now());
    bench.house.advance(EVERY - SECOND).await;
    assert_eq!(bench.told().await.len(), 3);
    bench.house.advance(SECOND).await;
    assert_eq!(bench.told().await, ["a/0", "a/1", "a/2", "a/4"]);
    let asked: Vec<_> = bench.platform.asked().into_iter().map(|(_, from)| from).collect();
    assert_eq!(asked, [0, 2, 4]);
    // In good order, too, it goes on after a restart.
    let bench = Bench { house: bench.house.restart().await, ..bench };
    bench.platform.post("a", 1, bench.now());
    bench.house.advance(EVERY).await;
    assert_eq!(bench.told().await.len(), 5);
    assert_eq!(bench.house.jobs("social-sync", JobState::Delayed).await.len(), 1);
}

#[actix::test]
async fn nothing_is_lost_or_told_twice_wherever_the_process_dies() {
    // Of the commits of a run, so many have been carried out when it dies; the one after it had reached the disk or not.
    for (done, kept) in (0..12).flat_map(|done| [(done, 0), (done, 1)]) {
        let bench = Bench::start().await;
        bench.platform.post("a", 5, bench.now());
        bench.platform.post("b", 1, bench.now());
        bench
            .save(Some(SyncSettings { enabled: true, every: EVERY, follow: vec!["a".into(), "b".into()] }))
            .await;
        bench.house.store().hold();
        for _ in 0..done {
            quiet().await;
            bench.house.store().release_next(1);
        }
        quiet().await;
        let bench = bench.crash(kept);
        quiet().await;
        bench.house.advance(Duration::from_secs(40)).await;
        bench.house.advance(EVERY * 2).await;
        assert_eq!(bench.told().await, ["a/0", "a/1", "a/2", "a/3", "a/4", "b/0"], "after {done} and {kept}");
        let delayed = bench.house.jobs("social-sync", JobState::Delayed).await;
        assert_eq!(delayed.len(), 1, "after {done} and {kept}");
    }
}

#[actix::test]
async fn nothing_is_lost_or_told_twice_when_commits_fail() {
    for count in 1..6 {
        for lose in [false, true] {
            let bench = Bench::start().await;
            bench.platform.post("a", 5, bench.now());
            let sync = SyncSettings { enabled: true, every: EVERY, follow: vec!["a".into()] };
            bench.save(Some(sync)).await;
            if lose {
                bench.house.store().lose_next_answers(count);
            } else {
                bench.house.store().fail_next(count, &StoreError::Unavailable("full".to_owned()));
            }
            for _ in 0..60 {
                bench.house.advance(SECOND * 10).await;
            }
            assert_eq!(bench.told().await, ["a/0", "a/1", "a/2", "a/3", "a/4"], "{count} {lose}");
        }
    }
}

#[actix::test]
async fn a_run_has_a_bound_and_what_waited_longest_is_next() {
    let bench = Bench::start().await;
    bench.platform.post("a", 25, bench.now());
    bench.platform.post("b", 1, bench.now());
    bench.follow(&["a", "b"]).await;
    assert_eq!(bench.platform.asked().len(), MOST_PAGES);
    assert_eq!(bench.synced().await.head.unwrap().next_run, bench.now().plus(SOON));
    bench.house.advance(SOON).await;
    assert_eq!(bench.platform.asked()[MOST_PAGES].0, "b");
    assert_eq!(bench.told().await.len(), 26);
}

#[actix::test]
async fn a_vendor_that_wants_to_be_left_alone_is() {
    let bench = Bench::start().await;
    bench.platform.post("a", 3, bench.now());
    bench.platform.fail(SyncError::Wait { why: "too many requests".to_owned(), pause: SECOND * 900 });
    bench.follow(&["a"]).await;
    let until = bench.now().plus(SECOND * 900);
    let head = bench.synced().await.head.unwrap();
    assert_eq!((head.next_run, head.paused_until, head.failures), (until, Some(until), 0));
    // Not even when somebody wants it now.
    let synced = bench.house.machine.inbound.syncs.start(&bench.house.org, bench.id).await.unwrap();
    assert_eq!(synced.head.unwrap().next_run, until);
    bench.house.advance(SECOND * 899).await;
    assert_eq!(bench.platform.asked().len(), 1);
    // One that gives a page and wants a pause after it is not asked for the next.
    bench.platform.0.state.lock().unwrap().pause = Some(SECOND * 60);
    bench.house.advance(SECOND).await;
    assert_eq!((bench.platform.asked().len(), bench.told().await.len()), (2, 2));
    bench.house.advance(SECOND * 60).await;
    assert_eq!((bench.platform.asked().len(), bench.told().await.len()), (3, 3));
}

#[actix::test]
async fn failures_are_shown_and_stop_nothing_for_ever() {
    let bench = Bench::start().await;
    for listing in ["a", "b"] {
        bench.platform.post(listing, 1, bench.now());
    }
    bench.platform.fail(SyncError::Stream("read a: it is private".to_owned()));
    bench.follow(&["a", "b"]).await;
    assert_eq!(bench.told().await, ["b/0"]);
    let streams = bench.synced().await.streams;
    assert_eq!((streams[0].failures, streams[0].error.as_deref()), (1, Some("read a: it is private")));
    bench.platform.fail(SyncError::Integration("read it: the token has ended".to_owned()));
    bench.house.advance(EVERY).await;
    let head = bench.synced().await.head.unwrap();
    assert_eq!((head.failures, head.error.as_deref()), (1, Some("read it: the token has ended")));
    bench.house.advance(EVERY).await;
    assert_eq!(bench.told().await, ["a/0", "b/0"]);
    assert_eq!(bench.synced().await.head.unwrap().error, None);
}

#[actix::test]
async fn no_two_runs_of_an_integration_overlap() {
    let bench = Bench::start().await;
    bench.platform.post("a", 3, bench.now());
    bench.platform.0.open.forget_permits(1_000);
    bench.follow(&["a"]).await;
    for _ in 0..3 {
        let synced = bench.house.machine.inbound.syncs.start(&bench.house.org, bench.id).await.unwrap();
        assert!(synced.head.unwrap().is_running(bench.now()));
        quiet().await;
    }
    assert_eq!(bench.platform.asked().len(), 1);
    // One that was switched off meanwhile writes nothing more.
    bench.save(Some(SyncSettings { enabled: false, every: EVERY, follow: vec!["a".into()] })).await;
    bench.platform.0.open.add_permits(1_000);
    quiet().await;
    bench.house.advance(EVERY * 3).await;
    assert_eq!((bench.platform.asked().len(), bench.told().await.len()), (1, 0));
    let refused = bench.house.machine.inbound.syncs.start(&bench.house.org, bench.id).await;
    assert!(matches!(refused, Err(StartError::Off(_))));
    bench.follow(&["a"]).await;
    assert_eq!(bench.told().await.len(), 3);
}

#[actix::test]
async fn an_integration_whose_job_is_gone_gets_another() {
    let bench = Bench::start().await;
    bench.follow(&["a"]).await;
    assert_eq!(bench.house.machine.inbound.syncs.revive().await.unwrap(), 0);
    let job = bench.synced().await.head.unwrap().job.unwrap();
    let mut batch = Batch::default();
    batch.delete(keys::job(job));
    bench.house.store().commit(batch).await.unwrap();
    assert_eq!(bench.house.machine.inbound.syncs.revive().await.unwrap(), 1);
    bench.platform.post("a", 1, bench.now());
    bench.house.advance(EVERY).await;
    assert_eq!(bench.told().await, ["a/0"]);
}

#[actix::test]
async fn what_is_taken_away_leaves_nothing() {
    let bench = Bench::start().await;
    bench.platform.post("a", 1, bench.now());
    bench.follow(&["a", "b"]).await;
    // A listing that nobody follows any more is forgotten with the next run.
    bench.follow(&["a"]).await;
    until("the other is forgotten", async || (bench.synced().await.streams.len() == 1).then_some(())).await;
    bench.house.machine.inbound.integrations.remove(&bench.house.org, bench.id).await.unwrap();
    bench.house.advance(EVERY * 2).await;
    for prefix in
        [keys::sync_streams(&bench.house.org, bench.id), keys::sync_head(&bench.house.org, bench.id)]
    {
        assert_eq!(bench.house.store().scan(Scan::prefix(prefix, 10)).await.unwrap().len(), 0);
    }
    assert_eq!(bench.platform.asked().len(), 2);
}
