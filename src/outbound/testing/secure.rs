//! Receivers that speak TLS, HTTP/1.1 and HTTP/2, and the authorities that vouch for them and for their callers.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use appengine_actors::webhook::send_options::{ClientIdentity, TlsOptions};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The name that receivers here are vouched for by.
pub(in crate::outbound) const NAME: &str = "hooks.example.com";

/// Bytes of the head that `/large` is answered with.
const LARGE_HEAD: usize = 600_000;

/// Signs certificates.
pub(in crate::outbound) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(in crate::outbound) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, format!("authority {}", rand::random::<u64>()));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(in crate::outbound) fn pem(&self) -> Arc<str> {
        self.0.pem().into()
    }

    /// A certificate for [`NAME`], to serve or to call with.
    pub(in crate::outbound) fn issue(&self) -> ClientIdentity {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![NAME.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        ClientIdentity { certificate: certificate.pem().into(), key: key.serialize_pem().into() }
    }

    /// Options that trust this authority.
    pub(in crate::outbound) fn trusted(&self) -> TlsOptions {
        TlsOptions { ca: Some(self.pem()), client: None }
    }

    fn serving(&self, callers: Option<&Authority>, protocols: &[&str]) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![NAME.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let builder = match callers {
            None => ServerConfig::builder().with_no_client_auth(),
            Some(callers) => {
                let mut roots = RootCertStore::empty();
                roots.add(callers.0.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
                ServerConfig::builder().with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(vec![certificate.into()], key).unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config
    }
}

/// A request as a receiver over TLS read it.
pub(in crate::outbound) struct Heard {
    pub(in crate::outbound) version: http::Version,
    pub(in crate::outbound) headers: http::HeaderMap,
    pub(in crate::outbound) body: Bytes,
}

/// A receiver over TLS on a free port of 127.0.0.1 that answers 200 and remembers what it heard.
pub(in crate::outbound) struct SecureServer {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<Heard>>>,
    task: tokio::task::JoinHandle<()>,
}

impl SecureServer {
    /// Vouched for by `authority`, speaking these protocols; asks for certificates that `callers` signed, if any.
    pub(in crate::outbound) async fn start(
        authority: &Authority,
        callers: Option<&Authority>,
        protocols: &[&str],
    ) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(authority.serving(callers, protocols)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, heard) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (count, notes) = (Arc::clone(&accepted), Arc::clone(&heard));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(acceptor.clone(), stream, Arc::clone(&notes)));
            }
        });
        Self { address, accepted, heard, task }
    }

    pub(in crate::outbound) fn url(&self) -> String {
        format!("https://{NAME}:{}/hook", self.address.port())
    }

    pub(in crate::outbound) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(in crate::outbound) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

impl Drop for SecureServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(acceptor: TlsAcceptor, stream: tokio::net::TcpStream, notes: Arc<Mutex<Vec<Heard>>>) {
    let stream = match acceptor.accept(stream).into_fallible().await {
        Ok(stream) => stream,
        Err((_, mut refused)) => {
            // The alert is on its way; a socket closed over unread bytes would take it back.
            let _ = tokio::io::copy(&mut refused, &mut tokio::io::sink()).await;
            return;
        }
    };
    let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let notes = Arc::clone(&notes);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let size = if head.uri.path().ends_with("/large") { LARGE_HEAD } else { 1 };
            notes.lock().unwrap().push(Heard { version: head.version, headers: head.headers, body });
            let answer = http::Response::builder().header("x-filler", "x".repeat(size));
            Ok::<_, Infallible>(answer.body(Full::new(Bytes::from_static(b"ok"))).unwrap())
        }
    });
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await;
}
