//! From the configuration to what answers prompts.

use crate::ai::asked::Limits;
use crate::ai::connected::Connected;
use crate::ai::models::Models;
use crate::config::Config;
use crate::connect::api::Api;

/// What answers prompts, and the servers whose tools it may use.
///
/// # Errors
/// When what is configured cannot work.
pub(super) fn models(config: &Config, api: Api) -> anyhow::Result<(Models, Connected)> {
    let limits =
        Limits { first: config.ai.first_token_timeout.get(), between: config.ai.token_timeout.get() };
    let transport = super::transport::to_models(config)?;
    let connected = Connected::new(transport.clone());
    Ok((Models::new(transport, api, limits, connected.clone()), connected))
}
