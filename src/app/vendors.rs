//! From the configuration to what takes vendors' calls.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use appengine_actors::machine::Machine;
use appengine_actors::webhook::transport::Transport;

use crate::auth::sealing::RootSecret;
use crate::config::Config;
use crate::connect::api::Api;
use crate::connect::certificates::FetchedCertificates;
use crate::connect::oauth::{self, Connections};
use crate::connect::receiver::Receiver;
use crate::http::connect::PublicUrl;
use crate::sync::driver::{Driver, SavedTokens};
use crate::sync::tokens::FreshTokens;

/// What takes vendors' calls.
///
/// # Errors
/// When a file of certificates cannot be read.
pub(super) fn receiver(
    config: &Config,
    machine: &Arc<Machine>,
    transport: Arc<dyn Transport>,
) -> anyhow::Result<Receiver> {
    let read = |key: &str, path: &std::path::Path| match path.as_os_str().is_empty() {
        true => Ok(None),
        false => {
            let read = std::fs::read_to_string(path);
            read.map(Some).with_context(|| format!("failed to read vendors.{key}, {}", path.display()))
        }
    };
    let anchors = read("trust_anchors", &config.vendors.trust_anchors)?.unwrap_or_else(built_in);
    let intermediates = read("intermediates", &config.vendors.intermediates)?.unwrap_or_default();
    let clock = machine.house.clock.clone();
    let certificates = FetchedCertificates::new(transport, clock, anchors, intermediates);
    Ok(Receiver::new(machine.clone(), certificates, config.auth.default_org.parse()?))
}

/// What connects vendors by OAuth 2. The states that it gives out are signed by the data folder's secret.
///
/// # Errors
/// When no key can be had from the secret.
pub(super) fn connections(
    config: &Config,
    machine: &Arc<Machine>,
    root: &RootSecret,
    api: Api,
    public: &PublicUrl,
) -> anyhow::Result<Connections> {
    let (key, trusted) = (root.connecting_key()?, &config.server.cors_origins);
    Ok(Connections::new(machine, api, key, public.0.clone(), trusted))
}

/// What calls vendors' own interfaces.
pub(super) fn api(config: &Config, transport: Arc<dyn Transport>) -> Api {
    Api::new(transport, config.vendors.base_urls.clone())
}

/// Listings are read by tokens that are renewed in time.
pub(super) fn read_listings(driver: &Driver, machine: &Arc<Machine>, api: Api) {
    let (house, integrations) = (machine.house.clone(), machine.inbound.integrations.clone());
    let saved = SavedTokens(integrations.clone());
    let renewed = oauth::Tokens::new(house, integrations, api);
    driver.take_tokens(Arc::new(FreshTokens { renewed, saved }));
}

/// Those whom browsers trust, as PEM text.
fn built_in() -> String {
    let pem = |der: &rustls_pki_types::CertificateDer<'_>| {
        use base64::Engine;
        let body = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    };
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(pem).collect()
}

/// The address that vendors know.
pub(super) fn public_url(config: &Config, bound: SocketAddr) -> PublicUrl {
    PublicUrl(config.server.base_url(bound))
}
