//! The whole server in this process, on a free port, with a store in memory: up in milliseconds, gone when dropped.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use appengine::{
    app::{App, Foundation, Futures},
    auth::{
        principal::Kind,
        role::Role,
        token::{Identity, Tokens, Use},
    },
    config::Config,
};
use appengine_actors::{
    clock::{Clock, SystemClock, Timestamp},
    ids::{OrgId, RecordId},
    machine::Machine,
    store::{Key, Scan, Store},
    testkit::MemoryStore,
    webhook::transport::Transport,
};
use bytes::Bytes;
use futures_util::FutureExt;
use tokio::sync::oneshot;

use super::exchange::Request;

/// Limits that no test reaches by accident, and a short goodbye.
const SETTINGS: [(&str, &str); 4] = [
    ("APPENGINE__LIMITS__REQUESTS_PER_MINUTE", "1000000"),
    ("APPENGINE__LIMITS__SIGN_INS_PER_MINUTE", "1000000"),
    ("APPENGINE__SERVER__WORKERS", "2"),
    ("APPENGINE__SERVER__SHUTDOWN_GRACE", "2s"),
];

/// What a server under test signs its tokens with.
pub const SECRET: &[u8; 32] = b"a secret that only this test has";

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub machine: Arc<Machine>,
    pub store: MemoryStore,
    pub clock: Arc<dyn Clock>,
    tokens: Arc<Tokens>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Whom a token is for.
#[derive(Debug, Clone)]
pub struct Who {
    pub org: String,
    pub email: String,
    pub kind: Kind,
    pub roles: Vec<Role>,
}

/// A member of staff with one role.
pub fn staff(org: &str, email: &str, role: Role) -> Who {
    Who { org: org.to_owned(), email: email.to_owned(), kind: Kind::User, roles: vec![role] }
}

/// The owner of an organisation.
pub fn owner(org: &str) -> Who {
    staff(org, &format!("owner@{org}.example"), Role::Owner)
}

/// A customer of an organisation.
pub fn customer(org: &str, email: &str) -> Who {
    Who { org: org.to_owned(), email: email.to_owned(), kind: Kind::Customer, roles: vec![Role::Customer] }
}

impl Server {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With settings of its own, such as `("APPENGINE__LIMITS__BODY", "1KiB")`.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        Self::within(settings, Arc::new(SystemClock::new()), None)
    }

    /// At another time, and with another way out.
    pub fn within(
        settings: &[(&str, &str)],
        clock: Arc<dyn Clock>,
        transport: Option<Arc<dyn Transport>>,
    ) -> Self {
        let is_set = |name: &str| settings.iter().any(|(set, _)| *set == name);
        let usual = SETTINGS.iter().filter(|(name, _)| !is_set(name));
        let config = Config::load(None, usual.chain(settings).copied()).expect("a configuration");
        let store = MemoryStore::default();
        let (ready_tx, ready) = mpsc::sync_channel(1);
        let (stop, stopped) = oneshot::channel::<()>();
        let (kept, time) = (store.clone(), clock.clone());
        let thread = std::thread::spawn(move || {
            actix::System::new().block_on(async move {
                let foundation = Foundation {
                    config,
                    store: Arc::new(kept),
                    secret: SECRET.to_vec(),
                    clock: time,
                    listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"),
                    first_link_life: None,
                    transport,
                };
                let (app, Futures { server, machine }) = App::start(foundation).await.expect("an App");
                let ends = (actix::spawn(server), actix::spawn(machine));
                let shown = (app.address, app.machine.clone(), app.tokens.clone());
                ready_tx.send(shown).expect("the test waits");
                // A test that panics drops its end, which counts as well.
                let _ = stopped.await;
                app.stop().await;
                ends.0.await.expect("the server's task").expect("a clean end");
                // It ends with the reason, and being told to is one.
                let _ = ends.1.await.expect("the machine's task");
            });
        });
        let (address, machine, tokens) = ready.recv().expect("the server starts");
        Self { address, machine, store, clock, tokens, stop: Some(stop), thread: Some(thread) }
    }

    /// A token that lives for an hour.
    pub fn token(&self, who: &Who) -> String {
        self.tokens.sign(&identity(who), Duration::from_secs(3600), self.clock.now()).expect("a token")
    }

    /// A token whose hour is over.
    pub fn expired_token(&self, who: &Who) -> String {
        let before = Timestamp::from_millis(self.clock.now().as_millis() - 7_200_000);
        self.tokens.sign(&identity(who), Duration::from_secs(3600), before).expect("a token")
    }

    /// A token that is good for signing in by a link and nothing else.
    pub fn link_token(&self, who: &Who) -> String {
        let life = Duration::from_secs(3600);
        self.tokens.sign_for(Use::SignInLink, &identity(who), life, self.clock.now()).expect("a token")
    }

    /// A request to build on.
    pub fn call(&self, method: &str, target: &str) -> Request {
        Request::new(self.address, method, target)
    }

    /// A request by somebody with this token.
    pub fn call_as(&self, token: &str, method: &str, target: &str) -> Request {
        self.call(method, target).header("authorization", &format!("Bearer {token}"))
    }

    /// Everything in the store.
    pub fn dump(&self) -> BTreeMap<Key, Bytes> {
        self.dump_of(Vec::new())
    }

    /// Everything in the store whose key begins with this.
    pub fn dump_of(&self, prefix: Key) -> BTreeMap<Key, Bytes> {
        let found = self.store.scan(Scan::prefix(prefix, usize::MAX));
        let found = found.now_or_never().expect("memory answers at once");
        found.expect("a scan").into_iter().map(|(key, value)| (key, value.value)).collect()
    }

    /// Asserts that the server is still well.
    pub fn assert_well(&self) {
        let health = self.call("GET", "/health").send();
        assert_eq!(health.status, 200, "{health:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(!matches!(ended, Some(Err(_))), "the server's thread panicked");
        }
    }
}

fn identity(who: &Who) -> Identity {
    // The same person has the same id in every token.
    let name: String = who.email.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Identity {
        org: OrgId::new(&who.org).expect("an org id"),
        id: RecordId::new(&format!("{}-{name}", who.kind.name())).expect("a record id"),
        email: Some(who.email.clone()),
        name: who.email.clone(),
        kind: who.kind,
        roles: who.roles.clone(),
        session: None,
    }
}
