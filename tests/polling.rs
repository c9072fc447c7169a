//! Whoever polls records by `modifydate` misses none, whatever is written while a page is read: by the
//! cursor of the page before, by a watermark upwards, and as the seed does, newest first. A store that
//! lets others write between any two reads of a page stands between the poller and the machine. Pages by
//! number are held to the same as long as nothing is deleted, which moves what follows one place up.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::collections::{BTreeMap, VecDeque};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use appengine::app::{App, Foundation};
use appengine::config::Config;
use appengine_actors::clock::Clock;
use appengine_actors::ids::{Datatype, OrgId, RecordId};
use appengine_actors::record::find::{Find, Page};
use appengine_actors::record::model::Record;
use appengine_actors::record::service::{Created, NewRecord, Origin, Records};
use appengine_actors::record::{Limits, Options, Query};
use appengine_actors::store::{Batch, Key, Lease, Scan, Store, StoreFuture, StoreStats, Versioned};
use appengine_actors::testkit::{ManualClock, MemoryStore};
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use serde_json::{Map, Value, json};

/// What somebody else does: to one of a few records, so many milliseconds after the write before.
#[derive(Debug, Clone)]
enum Act {
    Write(u8),
    Delete(u8),
    Remove(u8),
}

/// Several at once, and then time passes.
type Burst = (Vec<Act>, u64);

fn burst() -> impl Strategy<Value = Burst> {
    let act = prop_oneof![
        8 => (0..12_u8).prop_map(Act::Write),
        1 => (0..12_u8).prop_map(Act::Delete),
        1 => (0..12_u8).prop_map(Act::Remove),
    ];
    (prop::collection::vec(act, 1..4), 0..3_u64)
}

/// The other side: it writes through the machine, in an organisation of its own.
#[derive(Clone)]
struct Writer {
    records: Records,
    org: OrgId,
    clock: ManualClock,
}

fn contact() -> Datatype {
    Datatype::new("contact").unwrap()
}

impl Writer {
    async fn carry_out(&self, (acts, pause): Burst) {
        let all = acts.into_iter().map(|act| self.act(act));
        futures_util::future::join_all(all).await;
        self.clock.advance(Duration::from_millis(pause));
    }

    async fn act(&self, act: Act) {
        let (datatype, origin) = (contact(), Origin::default());
        let id = |n: u8| RecordId::new(&format!("c-{n}")).unwrap();
        // Others may have deleted the record, or made it, at the same time.
        match act {
            Act::Write(n) => {
                let sk = id(n);
                let updated = self.records.update(&self.org, (&datatype, &sk), None, &origin, |record| {
                    record.data.insert("n".to_owned(), json!(record.version));
                    Ok(())
                });
                if updated.await.is_err() {
                    let (data, meta) = (Map::new(), Map::new());
                    let new = NewRecord { datatype, sk: Some(sk), data, meta, once: false };
                    let made: Result<Created, _> = self.records.create(&self.org, new, &origin).await;
                    drop(made);
                }
            }
            Act::Delete(n) => drop(self.records.delete(&self.org, (&datatype, &id(n)), false, &origin).await),
            Act::Remove(n) => drop(self.records.delete(&self.org, (&datatype, &id(n)), true, &origin).await),
        }
    }
}

/// A store whose every read of a list is preceded by what others write.
#[derive(Clone)]
struct Interleaved {
    inner: MemoryStore,
    writer: Writer,
    script: Arc<Mutex<VecDeque<Burst>>>,
}

impl Interleaved {
    /// Carries out the next burst, if there is one.
    async fn disturb(self) {
        let next = self.script.lock().unwrap().pop_front();
        if let Some(burst) = next {
            self.writer.carry_out(burst).await;
        }
    }

    fn is_quiet(&self) -> bool {
        self.script.lock().unwrap().is_empty()
    }
}

impl Store for Interleaved {
    fn commit(&self, batch: Batch) -> StoreFuture<()> {
        self.inner.commit(batch)
    }

    fn get(&self, key: Key) -> StoreFuture<Option<Versioned>> {
        self.inner.get(key)
    }

    fn get_many(&self, keys: Vec<Key>) -> StoreFuture<Vec<Option<Versioned>>> {
        let this = self.clone();
        Box::pin(async move {
            this.clone().disturb().await;
            this.inner.get_many(keys).await
        })
    }

    fn scan(&self, scan: Scan) -> StoreFuture<Vec<(Key, Versioned)>> {
        let this = self.clone();
        Box::pin(async move {
            this.clone().disturb().await;
            this.inner.scan(scan).await
        })
    }

    fn lease(&self, name: String) -> StoreFuture<Lease> {
        self.inner.lease(name)
    }

    fn stats(&self) -> StoreStats {
        self.inner.stats()
    }
}

/// What a poller has seen: the version of each record.
#[derive(Default)]
struct Poller {
    seen: BTreeMap<String, u64>,
    watermark: Option<String>,
    cursor: Option<String>,
}

impl Poller {
    fn see(&mut self, rows: &[Value]) {
        for row in rows {
            let version = row["version"].as_u64().unwrap();
            let seen = self.seen.entry(row["sk"].as_str().unwrap().to_owned()).or_default();
            // A record that was removed and made anew begins again at 0.
            *seen = version;
        }
    }

    /// Upwards, on from the cursor of the page before.
    async fn by_cursor(&mut self, reader: &Reader) {
        loop {
            let options = json!({"sort": {"modifydate": 1}, "pageSize": 3, "lastItem": self.cursor});
            let page = reader.page(json!({}), options).await;
            self.see(&page.data);
            self.cursor = page.last_item.or(self.cursor.take());
            if page.data.is_empty() {
                return;
            }
        }
    }

    /// Upwards from a watermark, pages by their cursors.
    async fn by_watermark(&mut self, reader: &Reader) {
        let query = self.query();
        let mut cursor: Option<String> = None;
        loop {
            let options = json!({"sort": {"modifydate": 1}, "pageSize": 3, "lastItem": cursor});
            let page = reader.page(query.clone(), options).await;
            self.see(&page.data);
            let Some(last) = page.data.last() else { return };
            self.watermark = last["modifydate"].as_str().map(str::to_owned);
            cursor = page.last_item;
        }
    }

    /// Newest first, pages by their cursors or their numbers; the watermark is the first of the first page.
    async fn newest_first(&mut self, reader: &Reader, by_number: bool) {
        let query = self.query();
        let (mut newest, mut cursor) = (None, None);
        for number in 1.. {
            let mut options = json!({"sort": {"modifydate": -1}, "pageSize": 3, "lastItem": cursor});
            if by_number {
                options = json!({"sort": {"modifydate": -1}, "pageSize": 3, "page": number});
            }
            let page = reader.page(query.clone(), options).await;
            self.see(&page.data);
            let first = page.data.first().and_then(|row| row["modifydate"].as_str()).map(str::to_owned);
            newest = newest.or(first);
            if !page.has_next {
                break;
            }
            cursor = page.last_item;
        }
        self.watermark = newest.or(self.watermark.take());
    }

    fn query(&self) -> Value {
        self.watermark.as_ref().map_or_else(|| json!({}), |at| json!({"modifydate": {"$gte": at}}))
    }
}

struct Reader {
    records: Records,
    org: OrgId,
}

impl Reader {
    async fn page(&self, query: Value, options: Value) -> Page {
        let query = Query::parse(&query, &Limits::default()).unwrap();
        let options = Options::parse(&options).unwrap();
        let everybody = |_: &Record| true;
        let (org, datatype, budget) = (&self.org, &contact(), 10_000);
        let (query, options, may_read) = (&query, &options, &everybody);
        let find = Find { org, datatype, query, options, visible: None, may_read, budget };
        self.records.find(&find).await.unwrap()
    }
}

#[derive(Debug, Clone, Copy)]
enum Way {
    ByCursor,
    ByWatermark,
    NewestFirst,
    NewestFirstByNumber,
}

async fn start() -> (App, MemoryStore, ManualClock) {
    let (store, clock) = (MemoryStore::default(), ManualClock::default());
    let foundation = Foundation {
        config: Config::load(None, [("APPENGINE__SERVER__WORKERS", "1")]).unwrap(),
        store: Arc::new(store.clone()),
        secret: vec![7; 32],
        clock: Arc::new(clock.clone()),
        listener: TcpListener::bind("127.0.0.1:0").unwrap(),
        first_link_life: None,
        transport: None,
    };
    let (app, futures) = App::start(foundation).await.unwrap();
    actix::spawn(futures.server);
    actix::spawn(futures.machine);
    (app, store, clock)
}

#[test]
fn nobody_who_polls_misses_a_record() {
    let system = actix::System::new();
    let (app, store, clock) = system.block_on(start());
    let machine = app.machine.clone();
    let clock_of_all: Arc<dyn Clock> = Arc::new(clock.clone());
    let case = std::cell::Cell::new(0);
    let ways = [Way::ByCursor, Way::ByWatermark, Way::NewestFirst, Way::NewestFirstByNumber];
    let way = prop::sample::select(ways.to_vec());
    let plans = (way, prop::collection::vec(burst(), 1..40));
    let cases = Cases { cases: 200, failure_persistence: None, ..Cases::default() };
    let result = TestRunner::new(cases).run(&plans, |(way, script)| {
        // An organisation for each case, so that one machine serves them all.
        case.set(case.get() + 1);
        let org = OrgId::new(&format!("org-{}", case.get())).unwrap();
        let writer = Writer { records: machine.records.clone(), org: org.clone(), clock: clock.clone() };
        let by_number = matches!(way, Way::NewestFirstByNumber);
        let allowed = |act: &Act| !by_number || matches!(act, Act::Write(_));
        let only = |(acts, pause): Burst| (acts.into_iter().filter(allowed).collect(), pause);
        let script = Arc::new(Mutex::new(script.into_iter().map(only).collect()));
        let store = Interleaved { inner: store.clone(), writer, script };
        let records = Records::new(Arc::new(store.clone()), clock_of_all.clone(), machine.publisher.clone());
        let reader = Reader { records, org: org.clone() };
        system.block_on(async {
            let mut poller = Poller::default();
            let mut last = false;
            loop {
                match way {
                    Way::ByCursor => poller.by_cursor(&reader).await,
                    Way::ByWatermark => poller.by_watermark(&reader).await,
                    Way::NewestFirst => poller.newest_first(&reader, false).await,
                    Way::NewestFirstByNumber => poller.newest_first(&reader, true).await,
                }
                if last {
                    break;
                }
                // Once nobody writes any more, one more poll must be enough.
                last = store.is_quiet();
            }
            let there = reader.page(json!({}), json!({"pageSize": 1000})).await.data;
            for row in there {
                let (sk, version) = (row["sk"].as_str().unwrap(), row["version"].as_u64());
                prop_assert_eq!(poller.seen.get(sk).copied(), version, "{} by {:?}", sk, way);
            }
            Ok(())
        })
    });
    system.block_on(app.stop());
    result.unwrap();
}
