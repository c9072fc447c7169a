//! The resolver inside the HTTP connector. It vets every address a name leads to and hands on only
//! vetted ones, so what is checked is what is dialled, a name that changes its answer gains nothing,
//! and connections stay pooled.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::guard::{Guard, Range};
use super::phases;

/// Most addresses of one name that are dialled; all of them are vetted.
const MAX_DIALLED: usize = 16;
/// How long a lookup waits for its turn before it says that this server is busy.
const TURN_WAIT: Duration = Duration::from_secs(1);

/// Turns a host name into addresses. The port in them is 0.
pub trait Lookup: Send + Sync + 'static {
    /// All the addresses the name has now.
    fn lookup(&self, host: &str) -> BoxFuture<'static, Result<Vec<SocketAddr>, ResolveError>>;
}

/// Why a name gave no address to dial. For the operator's log: none of it is shown to a tenant.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The system's resolver failed, or knows no such name.
    #[error("resolve the name: {0}")]
    Lookup(#[from] io::Error),
    /// The name exists and has no address.
    #[error("resolve the name: it has no address")]
    Empty,
    /// At least one answer is in a closed range, so none is used.
    #[error("resolve the name: an answer is in a closed range ({0})")]
    Closed(Range),
    /// Too many lookups are under way on this machine.
    #[error("resolve the name: too many lookups are under way")]
    Busy,
}

/// The operating system's resolver (`getaddrinfo`), with a bound on how many lookups run at once: a
/// lookup holds a blocking thread until it ends, also when nobody waits for it any more.
#[derive(Debug, Clone)]
pub struct SystemLookup {
    turns: Arc<Semaphore>,
    wait: Duration,
}

impl SystemLookup {
    /// At most `concurrent` lookups at once.
    pub fn new(concurrent: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(concurrent.min(Semaphore::MAX_PERMITS))), wait: TURN_WAIT }
    }
}

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> BoxFuture<'static, Result<Vec<SocketAddr>, ResolveError>> {
        let (turns, wait) = (Arc::clone(&self.turns), self.wait);
        let host = host.to_owned();
        Box::pin(async move {
            let Ok(Ok(turn)) = tokio::time::timeout(wait, turns.acquire_owned()).await else {
                return Err(ResolveError::Busy);
            };
            let blocking = tokio::task::spawn_blocking(move || {
                let answers = (host.as_str(), 0).to_socket_addrs().map(Iterator::collect);
                drop(turn);
                answers
            });
            Ok(blocking.await.map_err(io::Error::other)??)
        })
    }
}

/// What reqwest asks. It refuses a name when any of its answers is closed: a name that mixes public and
/// private addresses is either an attack or a mistake.
#[derive(Clone)]
pub struct GuardedResolver {
    lookup: Arc<dyn Lookup>,
    guard: Guard,
    proxy: Option<String>,
}

impl GuardedResolver {
    /// Vets what `lookup` answers by `guard`.
    pub fn new(lookup: Arc<dyn Lookup>, guard: Guard) -> Self {
        Self { lookup, guard, proxy: None }
    }

    /// Passes the operator's own proxy unvetted. With a proxy the connector dials nothing else, so a
    /// tenant who names the same host gains nothing.
    pub fn with_proxy(self, host: &str) -> Self {
        Self { proxy: Some(host.to_ascii_lowercase()), ..self }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let start = phases::begin();
        let answering = self.lookup.lookup(name.as_str());
        let is_proxy = self.proxy.as_deref() == Some(name.as_str());
        let guard = self.guard.clone();
        Box::pin(async move {
            let answers = answering.await?;
            phases::note_dns(start.elapsed());
            if !is_proxy {
                vet(&guard, &answers)?;
            }
            if answers.is_empty() {
                return Err(ResolveError::Empty.into());
            }
            let addresses: Addrs = Box::new(answers.into_iter().take(MAX_DIALLED));
            Ok(addresses)
        })
    }
}

fn vet(guard: &Guard, answers: &[SocketAddr]) -> Result<(), ResolveError> {
    answers.iter().try_for_each(|answer| guard.check(answer.ip())).map_err(ResolveError::Closed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::testing::Script;

    async fn resolve(script: Arc<Script>, guard: Guard, name: &str) -> Result<Vec<SocketAddr>, String> {
        let resolver = GuardedResolver::new(script, guard);
        resolve_by(&resolver, name).await
    }

    async fn resolve_by(resolver: &GuardedResolver, name: &str) -> Result<Vec<SocketAddr>, String> {
        match resolver.resolve(name.parse().unwrap()).await {
            Ok(addresses) => Ok(addresses.collect()),
            Err(error) => Err(error.downcast::<ResolveError>().unwrap().to_string()),
        }
    }

    #[tokio::test]
    async fn public_answers_are_handed_on() {
        let script = Script::new([&["8.8.8.8", "2606:4700::1111"]]);
        let found = resolve(script, Guard::default(), "example.com").await.unwrap();
        assert_eq!(found.len(), 2);
    }

    #[tokio::test]
    async fn one_closed_answer_among_many_refuses_them_all() {
        for closed in ["127.0.0.1", "::ffff:10.0.0.1", "fd00:ec2::254", "64:ff9b::c0a8:1"] {
            for answers in [["8.8.8.8", closed], [closed, "8.8.8.8"]] {
                let refused = resolve(Script::new([&answers]), Guard::default(), "example.com").await;
                assert!(refused.unwrap_err().contains("closed range"), "{closed}");
            }
        }
    }

    #[tokio::test]
    async fn a_closed_answer_behind_those_that_are_dialled_still_refuses() {
        let mut answers = vec!["8.8.8.8"; MAX_DIALLED + 1];
        assert_eq!(
            resolve(Script::new([&answers]), Guard::default(), "a.example").await.unwrap().len(),
            MAX_DIALLED
        );
        answers.push("127.0.0.1");
        assert!(resolve(Script::new([&answers]), Guard::default(), "a.example").await.is_err());
    }

    #[tokio::test]
    async fn every_lookup_is_vetted_anew() {
        let resolver = GuardedResolver::new(Script::new([&["8.8.8.8"], &["127.0.0.1"]]), Guard::default());
        assert!(resolve_by(&resolver, "flip.example").await.is_ok());
        assert!(resolve_by(&resolver, "flip.example").await.unwrap_err().contains("loopback"));
    }

    #[tokio::test]
    async fn no_answer_is_an_error_of_its_own() {
        let error = resolve(Script::new::<_, &str>([&[]]), Guard::default(), "a.example").await.unwrap_err();
        assert!(error.contains("no address"), "{error}");
    }

    #[tokio::test]
    async fn only_the_proxy_itself_is_exempt() {
        let script = Script::new([&["10.0.0.1"], &["10.0.0.1"]]);
        let resolver = GuardedResolver::new(script, Guard::default()).with_proxy("Proxy.Internal");
        assert!(resolve_by(&resolver, "proxy.internal").await.is_ok());
        assert!(resolve_by(&resolver, "other.internal").await.is_err());
    }

    #[tokio::test]
    async fn the_systems_answers_are_vetted_too() {
        let resolver = GuardedResolver::new(Arc::new(SystemLookup::new(2)), Guard::default());
        assert!(resolve_by(&resolver, "localhost").await.unwrap_err().contains("loopback"));
    }

    #[tokio::test]
    async fn a_lookup_without_a_turn_says_so() {
        let mut lookup = SystemLookup::new(0);
        lookup.wait = Duration::from_millis(1);
        assert!(matches!(lookup.lookup("localhost").await, Err(ResolveError::Busy)));
    }
}
