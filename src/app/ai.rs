//! From the configuration to what answers prompts.

use crate::ai::asked::Limits;
use crate::ai::models::Models;
use crate::config::Config;
use crate::connect::api::Api;

/// What answers prompts.
///
/// # Errors
/// When what is configured cannot work.
pub(super) fn models(config: &Config, api: Api) -> anyhow::Result<Models> {
    let limits =
        Limits { first: config.ai.first_token_timeout.get(), between: config.ai.token_timeout.get() };
    Ok(Models::new(super::transport::to_models(config)?, api, limits))
}
