//! From the configuration to how requests leave.

use std::sync::Arc;

use anyhow::Context;
use appengine_actors::webhook::transport::Transport;

use crate::config::Config;
use crate::outbound::http::{HttpOptions, HttpTransport};

/// What sends webhooks and reads vendors' certificates.
///
/// # Errors
/// When what is configured cannot work.
pub(super) fn transport(config: &Config) -> anyhow::Result<Arc<dyn Transport>> {
    let proxy = match config.webhooks.proxy.expose() {
        "" => None,
        // The text itself may hold a password.
        url => Some(url.parse().ok().context("failed to read webhooks.proxy: it is no URL")?),
    };
    let transport = HttpTransport::new(&HttpOptions {
        proxy,
        open_subnets: config.webhooks.allow_networks.clone(),
        plain_http: true,
        keep: config.webhooks.response_keep.as_usize(),
        read: config.webhooks.response_max.as_usize(),
        ..HttpOptions::default()
    })
    .context("failed to set up the sender of webhooks")?;
    Ok(Arc::new(transport))
}
