//! What no change may take away is asked before each commit, and must still hold at it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use appengine_actors::bus::change::{Change, ChangeError, Write};
use appengine_actors::ids::{OrgId, RecordId};
use appengine_actors::ports::{Condition, Keeper};
use appengine_actors::record::service::{Origin, WriteError};
use appengine_actors::store::{Batch, Expect, Store};
use appengine_actors::testkit::{MemoryStore, Setup, TestHouse};
use futures_util::future::BoxFuture;
use serde_json::json;

const KEPT: ChangeError = ChangeError::Kept { code: "last_post", why: String::new() };

/// Lets a post go while another one stays, which `spare` is.
struct KeepsPosts {
    store: MemoryStore,
    asked: AtomicUsize,
    /// How often the spare one changes just after it was looked at.
    shaken: usize,
}

const SPARE: &[u8] = b"spare";

impl Keeper for KeepsPosts {
    fn minds(&self, change: &Change) -> bool {
        let is_post = |write: &Write| matches!(write, Write::Remove { before, .. } if before.datatype.as_str() == "post");
        change.writes.iter().any(is_post)
    }

    fn conditions<'a>(
        &'a self,
        _: &'a OrgId,
        _: &'a Change,
    ) -> BoxFuture<'a, Result<Vec<Condition>, ChangeError>> {
        Box::pin(async move {
            let spare = self.store.get(SPARE.to_vec()).await?.ok_or(KEPT)?;
            if self.asked.fetch_add(1, Ordering::Relaxed) < self.shaken {
                put_spare(&self.store).await;
            }
            Ok(vec![(SPARE.to_vec(), Expect::Version(spare.version))])
        })
    }
}

async fn put_spare(store: &MemoryStore) {
    let mut batch = Batch::default();
    batch.put(SPARE.to_vec(), b"1".to_vec());
    store.commit(batch).await.unwrap();
}

fn house(shaken: usize) -> (TestHouse, Arc<KeepsPosts>) {
    let setup = Setup::default();
    let keeper = KeepsPosts { store: setup.store.clone(), asked: AtomicUsize::default(), shaken };
    let keeper = Arc::new(keeper);
    (Setup { keeper: keeper.clone(), ..setup }.start(), keeper)
}

async fn remove(house: &TestHouse, datatype: &str, sk: &RecordId) -> Result<(), WriteError> {
    let at = (&datatype.parse().unwrap(), sk);
    house.machine.records.delete(&house.org, at, true, &Origin::default()).await.map(drop)
}

#[actix::test]
async fn what_is_kept_stays_and_the_rest_is_not_asked_about() {
    let (house, keeper) = house(0);
    let (post, note) = (house.create("post", json!({})).await, house.create("note", json!({})).await);
    assert_eq!(remove(&house, "post", &post.sk).await, Err(WriteError::Change(KEPT)));
    assert_eq!(house.record("post", &post.sk).await, Some(post));
    assert_eq!(remove(&house, "note", &note.sk).await, Ok(()));
    assert_eq!(keeper.asked.load(Ordering::Relaxed), 0);
}

#[actix::test]
async fn what_changed_since_it_was_asked_is_asked_again_and_not_for_ever() {
    for (shaken, asked, done) in [(0, 1, true), (3, 4, true), (1_000, 8, false)] {
        let (house, keeper) = house(shaken);
        put_spare(house.store()).await;
        let post = house.create("post", json!({})).await;
        let expected = if done { Ok(()) } else { Err(WriteError::Change(ChangeError::Condition)) };
        assert_eq!(remove(&house, "post", &post.sk).await, expected);
        assert_eq!(keeper.asked.load(Ordering::Relaxed), asked);
        assert_eq!(house.record("post", &post.sk).await.is_none(), done);
    }
}
