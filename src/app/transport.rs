//! From the configuration to how requests leave.

use std::sync::Arc;

use anyhow::Context;
use appengine_actors::webhook::transport::Transport;

use crate::config::Config;
use crate::outbound::http::{HttpOptions, HttpTransport};

/// Bytes of a vendor's answer that are read: a page of what was posted there.
const VENDORS_ANSWER: usize = 4 * 1024 * 1024;

/// What calls vendors' own interfaces.
///
/// # Errors
/// When what is configured cannot work.
pub(super) fn to_vendors(config: &Config) -> anyhow::Result<Arc<dyn Transport>> {
    build(config, VENDORS_ANSWER, VENDORS_ANSWER)
}

/// What sends webhooks.
///
/// # Errors
/// When what is configured cannot work.
pub(super) fn transport(config: &Config) -> anyhow::Result<Arc<dyn Transport>> {
    build(config, config.webhooks.response_keep.as_usize(), config.webhooks.response_max.as_usize())
}

/// What asks providers of language models.
///
/// # Errors
/// When what is configured cannot work.
pub(super) fn to_models(config: &Config) -> anyhow::Result<HttpTransport> {
    build_one(config, 0, 0)
}

fn build(config: &Config, keep: usize, read: usize) -> anyhow::Result<Arc<dyn Transport>> {
    Ok(Arc::new(build_one(config, keep, read)?))
}

fn build_one(config: &Config, keep: usize, read: usize) -> anyhow::Result<HttpTransport> {
    let proxy = match config.webhooks.proxy.expose() {
        "" => None,
        // The text itself may hold a password.
        url => Some(url.parse().ok().context("failed to read webhooks.proxy: it is no URL")?),
    };
    HttpTransport::new(&HttpOptions {
        proxy,
        open_subnets: config.webhooks.allow_networks.clone(),
        plain_http: true,
        keep,
        read,
        ..HttpOptions::default()
    })
    .context("failed to set up what sends requests")
}
