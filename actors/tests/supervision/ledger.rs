//! An actor that keeps a list of entries in the store, and can be told to go wrong in every way there is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message, ResponseActFuture,
    ResponseFuture, WrapFuture,
};
use appengine_actors::store::{Batch, Expect, Lease, Scan, Store, StoreError};
use appengine_actors::supervision::Fate;
use appengine_actors::testkit::MemoryStore;

/// How many incarnations of one name act at the same time, now and at most.
#[derive(Default)]
pub struct Acting {
    pub now: AtomicUsize,
    pub most: AtomicUsize,
    pub starts: AtomicUsize,
}

/// Counts an incarnation as acting for as long as it holds this.
struct Acts(Arc<Acting>, #[allow(dead_code)] Arc<Mutex<Lease>>);

impl Drop for Acts {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

pub struct Ledger {
    name: String,
    store: MemoryStore,
    fate: Fate,
    acting: Arc<Acting>,
    acts: Option<Acts>,
    lease: Option<Arc<Mutex<Lease>>>,
    /// Kept in memory alone: a new incarnation does not have it.
    pub since_start: usize,
}

impl Ledger {
    pub const fn new(name: String, store: MemoryStore, acting: Arc<Acting>, fate: Fate) -> Self {
        Self { name, store, fate, acting, acts: None, lease: None, since_start: 0 }
    }

    fn key(&self, id: u64) -> Vec<u8> {
        [self.name.as_bytes(), b"/", &id.to_be_bytes()].concat()
    }
}

impl Actor for Ledger {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(4);
        self.acting.starts.fetch_add(1, Ordering::SeqCst);
        let lease = self.store.lease(self.name.clone()).into_actor(self);
        ctx.wait(lease.map(|lease, act, _| {
            let lease = Arc::new(Mutex::new(lease.unwrap()));
            let now = act.acting.now.fetch_add(1, Ordering::SeqCst) + 1;
            act.acting.most.fetch_max(now, Ordering::SeqCst);
            act.acts = Some(Acts(act.acting.clone(), lease.clone()));
            act.lease = Some(lease);
        }));
    }
}

/// Write an entry down. Answers how often this very entry was written before: 0 or 1.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Result<usize, StoreError>")]
pub struct Enter(pub u64);

impl Handler<Enter> for Ledger {
    type Result = ResponseActFuture<Self, Result<usize, StoreError>>;

    fn handle(&mut self, Enter(id): Enter, _: &mut Self::Context) -> Self::Result {
        let mut batch = Batch::default();
        batch.expect(self.key(id), Expect::Absent).put(self.key(id), b"entry".to_vec());
        let written = self.store.commit(batch).into_actor(self);
        Box::pin(written.map(|written, act, _| match written {
            Ok(()) => {
                act.since_start += 1;
                Ok(0)
            }
            Err(StoreError::Conflict { .. }) => Ok(1),
            Err(error) => Err(error),
        }))
    }
}

/// The entries in the store, and how many were written since this incarnation started.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "(usize, usize)")]
pub struct Count;

impl Handler<Count> for Ledger {
    type Result = ResponseFuture<(usize, usize)>;

    fn handle(&mut self, _: Count, _: &mut Self::Context) -> Self::Result {
        let scan = Scan::prefix([self.name.as_bytes(), b"/"].concat(), 1_000);
        let (found, since_start) = (self.store.scan(scan), self.since_start);
        Box::pin(async move { (found.await.unwrap().len(), since_start) })
    }
}

/// How the actor goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum Trouble {
    /// It panics in the handler.
    Panic,
    /// It panics in a future of the handler's, some turns later.
    PanicLater,
    /// It says that it cannot go on.
    Fail,
    /// It stops by itself.
    Stop,
    /// It takes no messages any more.
    Freeze,
}

impl Handler<Trouble> for Ledger {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, trouble: Trouble, ctx: &mut Self::Context) -> Self::Result {
        match trouble {
            Trouble::Panic => panic!("a test made the handler panic"),
            Trouble::PanicLater => {
                let later = async {
                    tokio::task::yield_now().await;
                    panic!("a test made the handler's future panic");
                };
                return Box::pin(later.into_actor(self));
            }
            Trouble::Fail => {
                self.fate.failed("the disk is full");
                ctx.stop();
            }
            Trouble::Stop => ctx.stop(),
            Trouble::Freeze => ctx.wait(std::future::pending().into_actor(self)),
        }
        Box::pin(actix::fut::ready(()))
    }
}

/// Panics over the first of two questions with the same flag, and answers the second.
#[derive(Debug, Clone, Message)]
#[rtype(result = "u64")]
pub struct PanicOnce(pub Arc<AtomicUsize>);

impl Handler<PanicOnce> for Ledger {
    type Result = u64;

    fn handle(&mut self, PanicOnce(asked): PanicOnce, _: &mut Self::Context) -> u64 {
        match asked.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("a test made the first question fail"),
            asked => asked as u64,
        }
    }
}

/// Hands out the right to act, as a piece of work that outlives its actor would hold it.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Held")]
pub struct Borrow;

/// The right to act.
pub struct Held(#[allow(dead_code)] pub Arc<Mutex<Lease>>);

impl Handler<Borrow> for Ledger {
    type Result = actix::MessageResult<Borrow>;

    fn handle(&mut self, _: Borrow, _: &mut Self::Context) -> Self::Result {
        actix::MessageResult(Held(self.lease.clone().unwrap()))
    }
}
