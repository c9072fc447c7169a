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
use crate::connect::confirm::Confirmations;
use crate::connect::declared;
use crate::connect::oauth::{self, Connections};
use crate::connect::receiver::Receiver;
use crate::connect::translator::Vendors;
use crate::http::connect::PublicUrl;
use crate::sync::driver::{Driver, SavedTokens};
use crate::sync::tokens::FreshTokens;
use crate::vendors::certificate::{self, Trust};

/// What takes vendors' calls.
///
/// # Errors
/// When a file of certificates cannot be read.
pub(super) fn receiver(config: &Config, machine: &Arc<Machine>, api: Api) -> anyhow::Result<Receiver> {
    let read = |key: &str, path: &std::path::Path| match path.as_os_str().is_empty() {
        true => Ok(None),
        false => {
            let failed = || format!("failed to read vendors.{key}, {}", path.display());
            let text = std::fs::read_to_string(path).with_context(failed)?;
            certificate::read(&text)
                .map(Some)
                .context("it is no PEM text of certificates")
                .with_context(failed)
        }
    };
    // Without a file those are trusted whom browsers trust.
    let anchors = read("trust_anchors", &config.vendors.trust_anchors)?;
    let anchors = anchors.unwrap_or_else(|| webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec());
    let intermediates = read("intermediates", &config.vendors.intermediates)?.unwrap_or_default();
    let (clock, trust) = (machine.house.clock.clone(), Trust::new(&anchors, intermediates));
    let certificates = FetchedCertificates::new(api, clock, trust);
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

/// Events that a vendor's signature does not vouch for are asked for.
pub(super) fn confirm(translator: &Vendors, machine: &Arc<Machine>, api: Api) {
    let (integrations, clock) = (machine.inbound.integrations.clone(), machine.house.clock.clone());
    translator.take_confirmations(Confirmations::new(integrations, api, clock));
}

/// Makes the store say what the configuration says of vendors.
///
/// # Errors
/// When it cannot be written.
pub(super) async fn declare(config: &Config, machine: &Arc<Machine>) -> anyhow::Result<()> {
    let declared = declared::read(config.vendors.keys.expose());
    let declared = declared.map_err(|wrong| anyhow::anyhow!("{} {}", wrong.path, wrong.message))?;
    let (org, now) = (config.auth.default_org.parse()?, machine.house.clock.now());
    let kept = declared::keep(&machine.inbound.integrations, &org, now, &declared).await;
    kept.map_err(|error| anyhow::anyhow!("failed to keep vendors.keys: {error}"))
}

/// The address that vendors know.
pub(super) fn public_url(config: &Config, bound: SocketAddr) -> PublicUrl {
    PublicUrl(config.server.base_url(bound))
}
