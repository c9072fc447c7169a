//! TLS of outbound connections: whom to trust, what to show, and that HTTP/2 is offered beside HTTP/1.1. Reads the PEM
//! texts that a tenant gave and says what to change in them. Sessions are remembered for each set of options by itself:
//! one that was begun under another authority would be resumed without asking this one.

use std::fmt;
use std::sync::Arc;

use appengine_actors::webhook::send_options::{
    ClientIdentity, MAX_CERTIFICATES, MAX_PEM, OptionsError, Part, TlsOptions,
};
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, ResolvesClientCert, Resumption, Tls12ClientSessionValue,
    Tls13ClientSessionValue, WantsClientCert,
};
use rustls::crypto;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ConfigBuilder, NamedGroup, RootCertStore, SignatureScheme, WantsVerifier};
use rustls_platform_verifier::Verifier;

use super::phases::{note_asked, note_handshake};

/// Servers whose sessions are remembered, for each set of options.
const SESSIONS: usize = 64;

/// What every client's TLS is made from; the machine's authorities are read once.
#[derive(Clone)]
pub(super) struct Authorities {
    begun: ConfigBuilder<ClientConfig, WantsVerifier>,
    machine: Arc<Verifier>,
}

impl Authorities {
    /// Reads the machine's authorities.
    pub(super) fn load() -> Result<Self, rustls::Error> {
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let machine = Arc::new(Verifier::new(Arc::clone(&provider))?);
        let begun = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Self { begun, machine })
    }

    /// The TLS of ordinary requests.
    pub(super) fn ordinary(&self) -> ClientConfig {
        finish(self.trust_the_machine().with_client_cert_resolver(Arc::new(Shown(None))))
    }

    /// The TLS of requests with these options.
    pub(super) fn config(&self, options: &TlsOptions) -> Result<ClientConfig, OptionsError> {
        let trusting = match &options.ca {
            Some(ca) => self.begun.clone().with_root_certificates(roots(ca)?),
            None => self.trust_the_machine(),
        };
        let shown = options.client.as_ref().map(|client| self.certified(client)).transpose()?;
        Ok(finish(trusting.with_client_cert_resolver(Arc::new(Shown(shown)))))
    }

    fn certified(&self, client: &ClientIdentity) -> Result<Arc<CertifiedKey>, OptionsError> {
        let (chain, key) = read_identity(client)?;
        let certified = CertifiedKey::from_der(chain, key, self.begun.crypto_provider());
        certified.map(Arc::new).map_err(|error| by_identity(&error))
    }

    fn trust_the_machine(&self) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        let machine = Arc::clone(&self.machine) as Arc<dyn ServerCertVerifier>;
        self.begun.clone().dangerous().with_custom_certificate_verifier(machine)
    }
}

fn finish(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.resumption = Resumption::store(Arc::new(Sessions(ClientSessionMemoryCache::new(SESSIONS))));
    config
}

fn roots(pem: &str) -> Result<RootCertStore, OptionsError> {
    let mut roots = RootCertStore::empty();
    for (at, certificate) in read_certificates(pem, Part::Ca)?.into_iter().enumerate() {
        let unreadable = |_| OptionsError::Certificate { part: Part::Ca, number: at.saturating_add(1) };
        roots.add(certificate).map_err(unreadable)?;
    }
    Ok(roots)
}

fn read_identity(
    client: &ClientIdentity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), OptionsError> {
    let chain = read_certificates(&client.certificate, Part::Certificate)?;
    check_length(&client.key, Part::Key)?;
    if client.key.contains("ENCRYPTED") {
        return Err(OptionsError::Encrypted);
    }
    let key = PrivateKeyDer::from_pem_slice(client.key.as_bytes()).map_err(|error| match error {
        PemError::NoItemsFound => OptionsError::NoKey,
        _ => OptionsError::Pem(Part::Key),
    })?;
    Ok((chain, key))
}

fn read_certificates(pem: &str, part: Part) -> Result<Vec<CertificateDer<'static>>, OptionsError> {
    check_length(pem, part)?;
    let read: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem.as_bytes()).take(MAX_CERTIFICATES + 1).collect();
    let certificates = read.map_err(|_| OptionsError::Pem(part))?;
    match certificates.len() {
        0 => Err(OptionsError::NoCertificate(part)),
        found if found > MAX_CERTIFICATES => Err(OptionsError::Certificates(part)),
        _ => Ok(certificates),
    }
}

fn check_length(pem: &str, part: Part) -> Result<(), OptionsError> {
    let found = pem.len();
    if found > MAX_PEM { Err(OptionsError::Length { part, found }) } else { Ok(()) }
}

fn by_identity(error: &rustls::Error) -> OptionsError {
    match error {
        rustls::Error::InconsistentKeys(_) => OptionsError::Mismatch,
        rustls::Error::InvalidCertificate(_) => {
            OptionsError::Certificate { part: Part::Certificate, number: 1 }
        }
        _ => OptionsError::Key,
    }
}

/// What is shown to a receiver that asks for a certificate; that it asked is noted.
#[derive(Debug)]
struct Shown(Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        note_asked();
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

/// rustls asks for what it remembers of a server when a handshake begins, and nothing else of ours does at that moment:
/// it is how a handshake's time is told from that of the connection under it.
struct Sessions(ClientSessionMemoryCache);

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(server_name, group);
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        note_handshake();
        self.0.kx_hint(server_name)
    }

    fn set_tls12_session(&self, server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(server_name, value);
    }

    fn tls12_session(&self, server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.0.tls12_session(server_name)
    }

    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        self.0.remove_tls12_session(server_name);
    }

    fn insert_tls13_ticket(&self, server_name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(server_name, value);
    }

    fn take_tls13_ticket(&self, server_name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.take_tls13_ticket(server_name)
    }
}

#[cfg(test)]
mod tests;
