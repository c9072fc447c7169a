//! Receivers that misbehave, on loopback, and a resolver that answers from a script.

pub(super) mod secure;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::resolver::{Lookup, ResolveError};

/// Answers lookups with one scripted list of addresses after the other, and counts them.
pub(super) struct Script {
    answers: Mutex<VecDeque<Vec<SocketAddr>>>,
    asked: AtomicUsize,
}

impl Script {
    pub(super) fn new<'a, A: AsRef<[S]> + ?Sized + 'a, S: AsRef<str> + 'a>(
        answers: impl IntoIterator<Item = &'a A>,
    ) -> Arc<Self> {
        let parse = |text: &S| SocketAddr::new(text.as_ref().parse().unwrap(), 0);
        let answers = answers.into_iter().map(|list| list.as_ref().iter().map(parse).collect()).collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: AtomicUsize::new(0) })
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Lookup for Script {
    fn lookup(&self, _host: &str) -> BoxFuture<'static, Result<Vec<SocketAddr>, ResolveError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.lock().unwrap().pop_front();
        let answer = answer.ok_or_else(|| std::io::Error::other("secret detail of the resolver").into());
        Box::pin(std::future::ready(answer))
    }
}

/// A resolver that never answers.
pub(super) struct Silent;

impl Lookup for Silent {
    fn lookup(&self, _host: &str) -> BoxFuture<'static, Result<Vec<SocketAddr>, ResolveError>> {
        Box::pin(std::future::pending())
    }
}

/// A request as a receiver read it.
pub(super) struct Received {
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// A connection to a receiver under test.
pub(super) struct Peer(BufReader<TcpStream>);

impl Peer {
    /// Reads one whole request; `None` when the client has hung up.
    pub(super) async fn request(&mut self) -> Option<Received> {
        let line = self.line().await.filter(|line| !line.is_empty())?;
        let mut headers = Vec::new();
        while let Some((name, value)) = self.line().await?.split_once(": ") {
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut received = Received { line, headers, body: Vec::new() };
        let length = received.header("content-length").map_or(0, |length| length.parse().unwrap());
        received.body.resize(length, 0);
        self.0.read_exact(&mut received.body).await.ok()?;
        Some(received)
    }

    /// Writes, and says whether the client still took it.
    pub(super) async fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Says that nothing more will be written.
    pub(super) async fn end(&mut self) {
        let _ = self.0.get_mut().shutdown().await;
    }

    /// Waits for the client to hang up.
    pub(super) async fn hung_up(&mut self) {
        let mut rest = [0; 1024];
        while matches!(self.0.read(&mut rest).await, Ok(read) if read > 0) {}
    }

    /// Hangs up with a reset instead of an orderly end.
    pub(super) fn reset(self) {
        self.0.into_inner().set_zero_linger().unwrap();
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).await.ok()?;
        Some(line.trim_end().to_owned())
    }
}

/// Made for these tests alone: nobody trusts the certificate, so its key protects nothing.
const CERTIFICATE: &str = "MIIBdTCCARygAwIBAgIBATAKBggqhkjOPQQDAjAcMRowGAYDVQQDDBFob29rcy5leGFtcGxlLmNvbTAgFw\
    0yMDAxMDEwMDAwMDBaGA8yMTE5MTIzMTIzNTk1OVowHDEaMBgGA1UEAwwRaG9va3MuZXhhbXBsZS5jb20wWTATBgcqhkjOPQIBBgg\
    qhkjOPQMBBwNCAARTiG1MNCfGnVvE/IgS5Y3D57vGd5aVQTXI+Ae+YBIs+NSTtc/xBFQcn4RB39kvRFM9UB7pP6rCbwmpYchvbcms\
    o00wSzAcBgNVHREEFTATghFob29rcy5leGFtcGxlLmNvbTAMBgNVHRMBAf8EAjAAMB0GA1UdDgQWBBREVbPFG8EgxkdTp2mmk/7aY\
    BiSdzAKBggqhkjOPQQDAgNHADBEAiBcILMVRKUmUShkvRi5eguJ3goj2Klo1dyPBH1lDzA91gIgMwO1VO1fVwgHLcMBphre0mSQKn\
    nTc9eeO6N+58cK0po=";
const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgrqeZ9CX0y6CvOxHkK/8Eu1T1CEgQ8PkEgJHWeSrPvU+\
    hRANCAARTiG1MNCfGnVvE/IgS5Y3D57vGd5aVQTXI+Ae+YBIs+NSTtc/xBFQcn4RB39kvRFM9UB7pP6rCbwmpYchvbcms";

/// A receiver that offers TLS to one connection, with a certificate for `hooks.example.com` that signs
/// itself.
pub(super) fn self_signed() -> SocketAddr {
    let certificate = STANDARD.decode(CERTIFICATE).unwrap();
    let key = PrivatePkcs8KeyDer::from(STANDARD.decode(KEY).unwrap());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], key.into())
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        // Ends in the alert that refuses the certificate.
        connection.complete_io(&mut stream).unwrap_err();
    });
    address
}

/// A receiver on a free port of 127.0.0.1, which does as it is told with each connection and counts them.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// `serve` runs for each connection, one after the other is accepted.
    pub(super) async fn start<F, R>(serve: F) -> Self
    where
        F: Fn(Peer) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(Peer(BufReader::new(stream))));
            }
        });
        Self { address, accepted, task }
    }

    /// Answers every request on every connection with these bytes.
    pub(super) async fn answering(response: impl Into<Vec<u8>>) -> Self {
        let response: Arc<[u8]> = response.into().into();
        Self::start(move |mut peer| {
            let response = Arc::clone(&response);
            async move { while peer.request().await.is_some() && peer.write(&response).await {} }
        })
        .await
    }

    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// The same server by a name that only a scripted resolver knows.
    pub(super) fn url_by_name(&self) -> String {
        format!("http://hooks.example.com:{}/hook", self.address.port())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
