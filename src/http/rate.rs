//! How many requests one client may make: by its address, and by its API key. In memory, bounded,
//! and told to the client in `RateLimit-*` headers.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use ipnet::IpNet;
use sha2::{Digest, Sha256};

use crate::config::Limits;

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// Clients that are remembered before those that have been quiet are forgotten.
const REMEMBERED: usize = 100_000;
/// Requests between two looks at how many are remembered.
const SWEEP: u32 = 10_000;
/// What a monitor or a scraper may always ask; so may a browser ask for the page's own files.
const UNLIMITED: [&str; 2] = ["/health", "/metrics"];

/// What is left to a client by the limits of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// So many more requests at once, or none before this has passed.
    pub left: Result<u32, Duration>,
    /// The limit that leaves no more than that.
    pub limit: Limit,
}

/// What a client is told of a limit in `RateLimit-*` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The requests that it allows.
    pub limit: u32,
    /// How many of them are left; none when this request was one too many.
    pub left: Option<u32>,
    /// Seconds until there are more.
    pub reset: u64,
}

impl Told {
    /// The one of two limits that a client comes to first.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        let wait = |told: &Self| std::cmp::Reverse(told.reset);
        if (self.left, wait(&self)) <= (other.left, wait(&other)) { self } else { other }
    }

    /// Writes it into an answer.
    pub fn write(&self, headers: &mut HeaderMap, names: (HeaderName, HeaderName, HeaderName)) {
        headers.insert(names.0, HeaderValue::from(self.limit));
        headers.insert(names.1, HeaderValue::from(self.left.unwrap_or(0)));
        headers.insert(names.2, HeaderValue::from(self.reset.max(1)));
    }
}

/// A limit of requests in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The requests.
    pub per_minute: NonZeroU32,
    /// The key of the configuration that sets it.
    pub setting: &'static str,
}

/// The limits of one server.
pub struct RateLimits {
    of_requests: Limit,
    of_sign_ins: Limit,
    of_vendors: Limit,
    requests: Limiter<IpAddr>,
    sign_ins: Limiter<IpAddr>,
    vendors: Limiter<IpAddr>,
    keys: Limiter<[u8; 16]>,
    trusted_proxies: Vec<IpNet>,
    asked: AtomicU32,
    clock: DefaultClock,
}

impl RateLimits {
    /// Limits per minute, as configured. `X-Forwarded-For` is believed from the proxies only.
    #[must_use]
    pub fn new(limits: &Limits, trusted_proxies: Vec<IpNet>) -> Self {
        let (per_minute, sign_ins_per_minute) = (limits.requests_per_minute, limits.sign_ins_per_minute);
        let calls = limits.vendor_calls_per_minute;
        let limiter = |most| RateLimiter::keyed(Quota::per_minute(most)).with_middleware();
        Self {
            of_requests: Limit { per_minute, setting: "limits.requests_per_minute" },
            of_sign_ins: Limit { per_minute: sign_ins_per_minute, setting: "limits.sign_ins_per_minute" },
            of_vendors: Limit { per_minute: calls, setting: "limits.vendor_calls_per_minute" },
            vendors: limiter(calls),
            requests: limiter(per_minute),
            sign_ins: limiter(sign_ins_per_minute),
            keys: RateLimiter::keyed(Quota::per_minute(per_minute)).with_middleware(),
            trusted_proxies,
            asked: AtomicU32::new(0),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request and says what is left; none for requests that are not limited.
    #[must_use]
    pub fn ask(&self, request: &ServiceRequest) -> Option<Room> {
        if UNLIMITED.contains(&request.path()) || request.path().starts_with("/static/") {
            return None;
        }
        self.sweep();
        let address = self.address(request)?;
        if is_vendor_call(request.path()) {
            // Their bursts are large, and each call is signed.
            return Some(self.of_vendors.room(&self.vendors, &address, &self.clock));
        }
        let by_address = self.of_requests.room(&self.requests, &address, &self.clock);
        let key = request.headers().get("x-api-key").map(|key| {
            let digest = Sha256::digest(key.as_bytes());
            let mut short = [0; 16];
            short.copy_from_slice(digest.get(..16).unwrap_or(&[0; 16]));
            self.of_requests.room(&self.keys, &short, &self.clock)
        });
        let sign_in =
            is_sign_in(request.path()).then(|| self.of_sign_ins.room(&self.sign_ins, &address, &self.clock));
        let rooms = [Some(by_address), key, sign_in].into_iter().flatten();
        rooms.reduce(Room::tighter)
    }

    /// Who is asking: the peer, or whom a trusted proxy speaks for.
    fn address(&self, request: &ServiceRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip();
        let trusted = |ip: &IpAddr| self.trusted_proxies.iter().any(|net| net.contains(ip));
        if !trusted(&peer) {
            return Some(peer);
        }
        let told = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
        let hops: Vec<Option<IpAddr>> = told.flat_map(|list| list.split(',')).map(hop).collect();
        // The last hop that is not ours was seen by ours; what stands before it anybody may have written. So
        // where that one cannot be read, nothing before it counts either.
        let seen = hops.into_iter().rev().find(|hop| !hop.is_some_and(|hop| trusted(&hop)));
        Some(seen.flatten().unwrap_or(peer))
    }

    fn sweep(&self) {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        if asked.is_multiple_of(SWEEP)
            && self.requests.len() + self.sign_ins.len() + self.keys.len() + self.vendors.len() > REMEMBERED
        {
            self.vendors.retain_recent();
            self.requests.retain_recent();
            self.sign_ins.retain_recent();
            self.keys.retain_recent();
        }
    }
}

impl Limit {
    fn room<K: std::hash::Hash + Eq + Clone>(self, of: &Limiter<K>, key: &K, clock: &DefaultClock) -> Room {
        let left = match of.check_key(key) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(refused) => Err(refused.wait_time_from(clock.now())),
        };
        Room { left, limit: self }
    }
}

impl Room {
    /// As the client is told.
    #[must_use]
    pub fn told(&self) -> Told {
        let limit = self.limit.per_minute.get();
        match self.left {
            Ok(left) => Told { limit, left: Some(left), reset: 60 / u64::from(limit) },
            Err(wait) => Told { limit, left: None, reset: wait.as_secs() + 1 },
        }
    }

    fn tighter(self, other: Self) -> Self {
        let is_tighter = match (self.left, other.left) {
            (Err(wait), Err(others)) => wait >= others,
            (Err(_), Ok(_)) => true,
            (Ok(_), Err(_)) => false,
            (Ok(left), Ok(others)) => left <= others,
        };
        if is_tighter { self } else { other }
    }
}

/// A hop of `X-Forwarded-For`: an address, which some proxies write with a port.
fn hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// Where vendors call.
fn is_vendor_call(path: &str) -> bool {
    const OF_VENDORS: [&str; 3] = ["/connect/webhook/", "/phone/webhook/", "/sync/social/webhook/"];
    const SHARED: [&str; 3] =
        ["/storefront/stripe/webhook", "/storefront/paypal/webhook", "/broadcast/email/webhook"];
    OF_VENDORS.iter().any(|prefix| path.starts_with(prefix)) || SHARED.contains(&path)
}

/// Where passwords and codes are tried.
fn is_sign_in(path: &str) -> bool {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    (matches!(last, "signin" | "signup" | "key" | "refresh" | "change" | "register-guest")
        || path.contains("/password/"))
        && (path.starts_with("/profile") || path.starts_with("/user") || path.starts_with("/customer"))
}
