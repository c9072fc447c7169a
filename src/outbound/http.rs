//! The outbound transport on reqwest: one pool for all tenants (and one for each set of TLS options that
//! is in use), HTTP/2 where the receiver agrees to it and HTTP/1.1 elsewhere, no redirects, no proxy
//! unless the operator names one. Nothing is sent twice but what a receiver says it did not begin to
//! handle. Everything that a receiver controls is bounded: time, response head, response body. Judges
//! nothing; deliveries reach it through [`Transport`].

mod streamed;

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use appengine_actors::webhook::failure::{Refused, SendError, TlsError, Waiting};
use appengine_actors::webhook::headers as header_rules;
use appengine_actors::webhook::retry_after::RetryAfter;
use appengine_actors::webhook::send_options::{Compression, OptionsError, TlsOptions};
use appengine_actors::webhook::transport::{
    Attempt, BodyEnd, KEPT_BODY, MAX_KEPT_HEADER_BYTES, MAX_KEPT_HEADERS, Method, OutboundReply,
    OutboundRequest, Timings, Transport,
};
use bytes::{Bytes, BytesMut};
use flate2::write::GzEncoder;
use futures_util::future::BoxFuture;
use ipnet::IpNet;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, redirect};
use tokio::time::timeout;
use url::Url;

use super::classify::{classify, detail};
use super::clients::Clients;
use super::guard::Guard;
use super::phases::{Phases, TimeConnect, begin};
use super::resolver::{GuardedResolver, Lookup, SystemLookup};
use super::tls::Authorities;
use super::url_rules::UrlRules;

pub use streamed::Opened;

/// What every request says it comes from, unless its own headers say otherwise.
pub const USER_AGENT: &str = concat!("AppEngine-Webhooks/", env!("CARGO_PKG_VERSION"));

/// Most header lines of a response that are parsed; hyper bounds the head's bytes at some 400 kB.
const MAX_HEADER_LINES: usize = 100;
/// Most bytes of a response head over HTTP/2.
const MAX_HTTP2_HEAD: u32 = 64 * 1024;
/// What a receiver may send over HTTP/2 before it is read: in one answer, and in all on one connection.
const HTTP2_WINDOWS: (u32, u32) = (64 * 1024, 1024 * 1024);
/// How long a connection over HTTP/2 may be silent while answers are due before it is asked whether it
/// lives, and how long it has to say so. A dead one would else be used again and again.
const HTTP2_SILENCE: Duration = Duration::from_secs(5);

/// How this deployment reaches out.
#[derive(Clone)]
pub struct HttpOptions {
    /// Closed subnets that are open here.
    pub open_subnets: Vec<IpNet>,
    /// Whether `http` is taken beside `https`.
    pub plain_http: bool,
    /// The only open ports; empty for all but those of other protocols.
    pub ports: Vec<u16>,
    /// For name, TCP and TLS together.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// Unused connections kept for one host. With fewer than there are requests at once, the others are made anew
    /// for each of them.
    pub idle_per_host: usize,
    /// Name lookups at once.
    pub lookups: usize,
    /// Sets of TLS options whose connections are kept; the one that was not used for longest goes.
    pub tls_clients: usize,
    /// How many bytes of a response body are kept.
    pub keep: usize,
    /// How many bytes of a response body are read at most: a body that ends within them leaves a
    /// connection that is used again. Never less than `keep`.
    pub read: usize,
    /// The operator's proxy for everything. It resolves the names itself, so it has to filter what they
    /// lead to.
    pub proxy: Option<Url>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            open_subnets: Vec::new(),
            plain_http: false,
            ports: Vec::new(),
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            idle_per_host: 256,
            lookups: 64,
            tls_clients: 128,
            keep: KEPT_BODY,
            read: 1024 * 1024,
            proxy: None,
        }
    }
}

/// The proxy's URL may hold a password, so only its host is shown.
impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("open_subnets", &self.open_subnets)
            .field("plain_http", &self.plain_http)
            .field("ports", &self.ports)
            .field("connect_timeout", &self.connect_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("idle_per_host", &self.idle_per_host)
            .field("lookups", &self.lookups)
            .field("tls_clients", &self.tls_clients)
            .field("keep", &self.keep)
            .field("read", &self.read)
            .field("proxy", &self.proxy.as_ref().and_then(Url::host_str))
            .finish()
    }
}

/// Why the transport could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The proxy is not one that reqwest can use.
    #[error("use the outbound proxy: its url must be http or https with a host")]
    Proxy,
    /// No trusted certificates on this machine.
    #[error("read this machine's trusted certificates: {0}")]
    Authorities(#[source] rustls::Error),
    /// Whatever else the client lacks.
    #[error("set up the http client: {0}")]
    Client(#[source] reqwest::Error),
}

/// The transport; cheap to clone, and every clone shares the pool. It has no `Debug`: reqwest's would
/// show the proxy.
#[derive(Clone)]
pub struct HttpTransport {
    clients: Clients,
    rules: UrlRules,
    connect_timeout: Duration,
    keep: usize,
    read: usize,
    proxied: bool,
}

impl HttpTransport {
    /// With the operating system's resolver.
    pub fn new(options: &HttpOptions) -> Result<Self, SetupError> {
        Self::with_lookup(options, Arc::new(SystemLookup::new(options.lookups)))
    }

    /// With another source of addresses; its answers are vetted all the same.
    pub fn with_lookup(options: &HttpOptions, lookup: Arc<dyn Lookup>) -> Result<Self, SetupError> {
        let guard = Guard::new(options.open_subnets.clone());
        let mut resolver = GuardedResolver::new(lookup, guard.clone());
        let mut proxy = None;
        if let Some(url) = &options.proxy {
            let (Some(host), "http" | "https") = (url.host_str(), url.scheme()) else {
                return Err(SetupError::Proxy);
            };
            resolver = resolver.with_proxy(host);
            proxy = Some(reqwest::Proxy::all(url.as_str()).map_err(|_| SetupError::Proxy)?);
        }
        let limits = options.clone();
        let builder = move || {
            let builder = bounded(&limits).dns_resolver(resolver.clone());
            proxy.clone().into_iter().fold(builder, ClientBuilder::proxy)
        };
        let authorities = Authorities::load().map_err(SetupError::Authorities)?;
        Ok(Self {
            clients: Clients::new(builder, authorities, options.tls_clients).map_err(SetupError::Client)?,
            rules: UrlRules::new(guard, options.plain_http, options.ports.clone()),
            connect_timeout: options.connect_timeout,
            keep: options.keep,
            read: options.read.max(options.keep),
            proxied: options.proxy.is_some(),
        })
    }

    fn prepare(&self, request: OutboundRequest) -> Result<reqwest::Request, Refused> {
        // reqwest asks no resolver about a literal address, so this check is the only one that it gets.
        let url = self.rules.check(&request.url)?;
        header_rules::check(request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
        let mut prepared = reqwest::Request::new(method(request.method), url);
        for (name, value) in &request.headers {
            let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
                return Err(header_rules::HeaderError::Name(name.clone()).into());
            };
            prepared.headers_mut().append(name, value);
        }
        if !request.body.is_empty() {
            *prepared.body_mut() =
                Some(compress(request.body, request.options.compression, &mut prepared).into());
        } else if matches!(request.method, Method::Post | Method::Put | Method::Patch) {
            // RFC 9110 §8.6; hyper leaves it out, and then some servers answer 411.
            prepared.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Ok(prepared)
    }

    /// The head decides; what happens to the body after it is told and changes nothing.
    async fn exchange(
        &self,
        client: Client,
        prepared: reqwest::Request,
        limit: Duration,
        phases: &Phases,
        first_byte: &mut Option<Duration>,
    ) -> Result<OutboundReply, SendError> {
        let start = begin();
        let mut response = match timeout(limit, phases.watch(client.execute(prepared))).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let found = match classify(&error, self.proxied) {
                    // Many say no more than that when a certificate is missing.
                    SendError::Tls(TlsError::Handshake) if phases.seen().asked => {
                        SendError::Tls(TlsError::ClientCertificate)
                    }
                    found => found,
                };
                tracing::debug!(class = found.code(), detail = detail(error), "an outbound request failed");
                return Err(found);
            }
            Err(_) => return Err(SendError::TimedOut(self.waiting(limit, phases))),
        };
        *first_byte = Some(start.elapsed());
        let (headers, headers_truncated) = keep_headers(response.headers());
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(RetryAfter::parse);
        let rest = limit.saturating_sub(start.elapsed());
        let (body, body_end) = self.read_body(&mut response, rest).await;
        Ok(OutboundReply {
            status: response.status().as_u16(),
            headers,
            headers_truncated,
            body,
            body_end,
            retry_after,
        })
    }

    /// Reads up to the limit of bytes and of time; what is dropped unread costs the connection.
    async fn read_body(&self, response: &mut Response, limit: Duration) -> (Bytes, BodyEnd) {
        let mut kept = BytesMut::new();
        let reading = async {
            let mut seen = 0usize;
            while let Some(mut chunk) = response.chunk().await? {
                seen = seen.saturating_add(chunk.len());
                chunk.truncate(self.keep.saturating_sub(kept.len()));
                kept.extend_from_slice(&chunk);
                if seen > self.read {
                    break;
                }
            }
            Ok::<_, reqwest::Error>(if seen > self.keep { BodyEnd::TooLong } else { BodyEnd::Complete })
        };
        let end = match timeout(limit, reading).await {
            Ok(Ok(end)) => end,
            Ok(Err(_)) => BodyEnd::Broken,
            Err(_) => BodyEnd::TimedOut,
        };
        (kept.freeze(), end)
    }

    /// Connecting has a limit of its own, so a longer one can only have run out after it. The record
    /// alone would not do: hyper may begin a connection and then get one back from the pool.
    fn waiting(&self, limit: Duration, phases: &Phases) -> Waiting {
        let seen = phases.seen();
        if limit <= self.connect_timeout && seen.began && seen.connect.is_none() {
            Waiting::Connection
        } else {
            Waiting::Response
        }
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: OutboundRequest) -> BoxFuture<'static, Attempt> {
        let this = self.clone();
        Box::pin(async move {
            let start = begin();
            let limit = request.timeout;
            let phases = Phases::default();
            let mut first_byte = None;
            let client = this.clients.get(&request.options.tls);
            let ready = client.and_then(|client| Ok((client, this.prepare(request)?)));
            let result = match ready {
                Ok((client, prepared)) => {
                    this.exchange(client, prepared, limit, &phases, &mut first_byte).await
                }
                Err(error) => Err(error),
            };
            let seen = phases.seen();
            let (dns, connect, tls) = (seen.dns, seen.connect, seen.tls);
            let timings = Timings { dns, connect, tls, first_byte, total: start.elapsed() };
            Attempt { result, timings }
        })
    }

    fn vet(&self, url: &str) -> Result<(), Refused> {
        self.rules.check(url).map(|_| ())
    }

    fn check_tls(&self, options: &TlsOptions) -> Result<(), OptionsError> {
        self.clients.check(options)
    }
}

/// A client with every bound, and as yet without resolver, proxy and TLS.
fn bounded(options: &HttpOptions) -> ClientBuilder {
    // reqwest's own rule of what is sent again stays: an HTTP/2 stream that the receiver refused unread,
    // as one does that is about to end a connection. hyper does the same for HTTP/1.1.
    Client::builder()
        .user_agent(USER_AGENT)
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .http1_max_headers(MAX_HEADER_LINES)
        .http2_max_header_list_size(MAX_HTTP2_HEAD)
        .http2_initial_stream_window_size(HTTP2_WINDOWS.0)
        .http2_initial_connection_window_size(HTTP2_WINDOWS.1)
        .http2_keep_alive_interval(HTTP2_SILENCE)
        .http2_keep_alive_timeout(HTTP2_SILENCE)
        .connect_timeout(options.connect_timeout)
        .pool_idle_timeout(options.idle_timeout)
        .pool_max_idle_per_host(options.idle_per_host)
        .connector_layer(TimeConnect)
        .no_proxy()
}

/// The body as it leaves. One that says how it is encoded is left as it is.
fn compress(body: Bytes, compression: Compression, request: &mut reqwest::Request) -> Bytes {
    if compression == Compression::None || request.headers().contains_key(CONTENT_ENCODING) {
        return body;
    }
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // Writing to memory does not fail; if it did, the plain body would be as good.
    match encoder.write_all(&body).and_then(|()| encoder.finish()) {
        Ok(compressed) => {
            request.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            compressed.into()
        }
        Err(_) => body,
    }
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

/// The headers that fit, and whether any did not.
fn keep_headers(headers: &HeaderMap) -> (Vec<(String, String)>, bool) {
    let mut room = MAX_KEPT_HEADER_BYTES;
    let kept: Vec<_> = headers
        .iter()
        .take(MAX_KEPT_HEADERS)
        .map_while(|(name, value)| {
            room = room.checked_sub(name.as_str().len() + value.len())?;
            Some((name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        })
        .collect();
    let truncated = kept.len() < headers.len();
    (kept, truncated)
}

#[cfg(test)]
mod tests;
