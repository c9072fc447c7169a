//! A world of accounts in memory, with a clock turned by hand and a bus of the least kind: it writes
//! records and keeps addresses unique, as the real one does, and makes no events of its own.

use appengine_actors::bus::change::{Change, ChangeError, Receipt, Write};
use appengine_actors::keys;
use appengine_actors::record::model::{EMAIL_FIELD, Record};
use appengine_actors::store::{Key, Lease, Scan, StoreFuture, StoreStats, Versioned};
use appengine_actors::testkit::{ManualClock, MemoryStore};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::super::*;
use crate::auth::accounts::answer::SignedIn;
use crate::auth::gate::{Credentials, Gate};
use crate::auth::principal::Principal;
use crate::auth::refusal::Refusal;
use crate::auth::sealing::RootSecret;

pub const HOUR: Duration = Duration::from_secs(3_600);
pub const DAY: Duration = Duration::from_secs(86_400);

pub struct World {
    pub accounts: Arc<Accounts>,
    pub gate: Gate,
    pub clock: ManualClock,
    pub tokens: Arc<Tokens>,
    pub store: MemoryStore,
}

struct LeastBus(MemoryStore, ManualClock);

impl Publisher for LeastBus {
    fn commit(&self, org: OrgId, change: Change) -> BoxFuture<'static, Result<Receipt, ChangeError>> {
        let (store, stamp) = (self.0.clone(), appengine_actors::clock::Stamp::first_of(self.1.now()));
        Box::pin(async move {
            let (mut batch, mut means, mut records) = (Batch::default(), Vec::new(), Vec::new());
            for write in change.writes {
                let record = match write {
                    Write::Create(record) => Record { created: stamp, modified: stamp, ..*record },
                    Write::Replace { read_version, after, .. } => {
                        let key = keys::record(&org, &after.datatype, &after.sk);
                        let record = Record { version: after.version + 1, modified: stamp, ..*after };
                        batch.expect(key.clone(), Expect::Version(read_version)).put(key, encode(&record)?);
                        means.push(ChangeError::Changed(record.sk.clone()));
                        records.push(record);
                        continue;
                    }
                    Write::Remove { .. } => panic!("accounts remove nothing"),
                };
                let key = keys::record(&org, &record.datatype, &record.sk);
                batch.expect(key.clone(), Expect::Absent).put(key, encode(&record)?);
                means.push(ChangeError::Exists(record.sk.clone()));
                if let Some(email) = record.unique_email() {
                    batch.put(
                        keys::record_with(&org, &record.datatype, EMAIL_FIELD, &email, &record.sk),
                        Vec::new(),
                    );
                    let key = keys::unique(&org, &record.datatype, EMAIL_FIELD, &email);
                    batch.expect(key.clone(), Expect::Absent).put(key, encode(&record.sk)?);
                    means.push(ChangeError::Taken { field: "e-mail" });
                }
                records.push(record);
            }
            batch.append(change.extra);
            match store.commit(batch).await {
                Ok(()) => Ok(Receipt { stamp, records, ..Receipt::default() }),
                Err(StoreError::Conflict { index }) => {
                    Err(means.get(index).cloned().unwrap_or(ChangeError::Condition))
                }
                Err(error) => Err(error.into()),
            }
        })
    }
}

/// A store in which others get their turn before every read, as on a disk.
struct TurnTaking(MemoryStore);

impl Store for TurnTaking {
    fn commit(&self, batch: Batch) -> StoreFuture<()> {
        self.0.commit(batch)
    }

    fn get(&self, key: Key) -> StoreFuture<Option<Versioned>> {
        let store = self.0.clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            store.get(key).await
        })
    }

    fn get_many(&self, keys: Vec<Key>) -> StoreFuture<Vec<Option<Versioned>>> {
        self.0.get_many(keys)
    }

    fn scan(&self, scan: Scan) -> StoreFuture<Vec<(Key, Versioned)>> {
        self.0.scan(scan)
    }

    fn lease(&self, name: String) -> StoreFuture<Lease> {
        self.0.lease(name)
    }

    fn stats(&self) -> StoreStats {
        self.0.stats()
    }
}

pub fn world() -> World {
    world_with(true)
}

pub fn world_with(open_sign_up: bool) -> World {
    let (store, clock) = (MemoryStore::with_capacity(1_000), ManualClock::default());
    let key = RootSecret::new(&[1; 32]).unwrap().signing_key().unwrap();
    let (tokens, seen) = (Arc::new(Tokens::new(&key, "appengine")), Arc::new(Seen::new(1_000)));
    let accounts = Accounts::new(Parts {
        store: Arc::new(TurnTaking(store.clone())),
        publisher: Arc::new(LeastBus(store.clone(), clock.clone())),
        clock: Arc::new(clock.clone()),
        tokens: tokens.clone(),
        passwords: Passwords::new(2, 100),
        seen: seen.clone(),
        rules: Rules { open_sign_up, access_life: HOUR, refresh_life: 30 * DAY },
    });
    let accounts = Arc::new(accounts.unwrap());
    let gate = Gate::new(tokens.clone(), accounts.clone(), accounts.clone(), seen, Arc::new(clock.clone()));
    World { accounts, gate, clock, tokens, store }
}

impl World {
    pub async fn sign_up(&self, org: &str, kind: Kind, email: &str) -> Result<SignedIn, AccountError> {
        let body =
            json!({"email": email, "password": "correct horse", "firstName": "Ada", "lastName": "King"});
        self.accounts.sign_up(&org_id(org), kind, &body).await
    }

    pub async fn sign_in(
        &self,
        org: &str,
        kind: Kind,
        email: &str,
        password: &str,
    ) -> Result<SignedIn, AccountError> {
        let body = json!({"email": email, "password": password});
        self.accounts.sign_in(&org_id(org), kind, &body).await
    }

    pub async fn refresh(&self, org: &str, kind: Kind, token: &str) -> Result<SignedIn, AccountError> {
        self.accounts.refresh(&org_id(org), kind, &json!({"refresh_token": token})).await
    }

    pub async fn admit(&self, token: &str) -> Result<Principal, Refusal> {
        let query_token = Some(token);
        self.gate.admit(Credentials { query_token, ..Credentials::default() }).await
    }

    pub async fn admit_key(&self, org: &str, key: &Value) -> Result<Principal, Refusal> {
        let (x_api_key, orgid) = (key.as_str(), Some(org));
        self.gate.admit(Credentials { x_api_key, orgid, ..Credentials::default() }).await
    }

    /// Changes a person's or key's record as the routes of records would.
    pub async fn edit(&self, org: &str, datatype: &str, sk: &RecordId, edit: impl FnOnce(&mut Record)) {
        let key = keys::record(&org_id(org), &Datatype::new(datatype).unwrap(), sk);
        let found = self.store.get(key.clone()).await.unwrap().unwrap();
        let mut record: Record = decode(&found.value).unwrap();
        edit(&mut record);
        let mut batch = Batch::default();
        batch.put(key, encode(&record).unwrap());
        self.store.commit(batch).await.unwrap();
    }

    /// Makes an address nobody's, as a record that moves to another one does.
    pub async fn free_address(&self, org: &str, datatype: &str, email: &str) {
        let mut batch = Batch::default();
        batch.delete(keys::unique(&org_id(org), &Datatype::new(datatype).unwrap(), EMAIL_FIELD, email));
        self.store.commit(batch).await.unwrap();
    }

    /// Every value in the store, as one text.
    pub async fn everything(&self) -> String {
        let all = Scan { to: vec![u8::MAX; 8], ..Scan::prefix(Vec::new(), 10_000) };
        let found = self.store.scan(all).await.unwrap();
        found
            .iter()
            .map(|(key, value)| {
                format!("{} {}\n", String::from_utf8_lossy(key), String::from_utf8_lossy(&value.value))
            })
            .collect()
    }
}

pub fn org_id(text: &str) -> OrgId {
    OrgId::new(text).unwrap()
}

pub fn refresh_of(signed_in: &SignedIn) -> String {
    signed_in.refresh_token.clone().unwrap()
}
