//! From the configuration to files and the links that they are read by.

use std::net::SocketAddr;
use std::sync::Arc;

use appengine_actors::clock::Clock;
use appengine_actors::store::Store;

use crate::auth::sealing::RootSecret;
use crate::config::Config;
use crate::files::{FileLimits, Files, Links};

/// The files.
pub(super) fn files(config: &Config, store: &Arc<dyn Store>, clock: &Arc<dyn Clock>) -> Files {
    let limits = FileLimits {
        bytes: config.files.max_bytes.bytes(),
        per_request: config.files.max_per_request,
        endings: config.files.types.clone(),
        quota: config.files.quota.bytes(),
    };
    Files::new(&config.store.path, store.clone(), clock.clone(), limits)
}

/// What makes links and reads them, signed by the data folder's own secret.
///
/// # Errors
/// When the cryptographic library refuses.
pub(super) fn links(
    config: &Config,
    root: &RootSecret,
    address: SocketAddr,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Links> {
    let base = config.server.base_url(address);
    Ok(Links::new(root.link_key()?, base, config.files.link_ttl.get(), clock.clone()))
}
