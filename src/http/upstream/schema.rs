//! Bodies of the chapter, and what the API document says of them.

use appengine_actors::ids::IntegrationId;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::sync::SyncBody;

/// How a vendor is connected. What is left out stays as it was.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({
    "type": "stripe", "name": "Shop", "credentials": {"webhookSecret": "whsec_0123456789abcdef"},
    "publicConfig": {"currency": "eur"},
})))]
pub struct SaveBody {
    /// The integration to change; without it, the one of the same type and name, or a new one.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^int_[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
    pub id: Option<IntegrationId>,
    /// The vendor: `stripe`, or as older clients say `StripeProvider`.
    #[serde(rename = "type")]
    #[schema(min_length = 1, max_length = 64)]
    pub kind: String,
    /// What people call it; the vendor's name if not given.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Secrets and keys by their names. A new signing secret is tried before those that it replaces, of which the
    /// last three are kept; `secrets` replaces all of them.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub credentials: Map<String, Value>,
    /// The same, as older clients say.
    #[serde(default)]
    #[schema(ignore)]
    pub config: Map<String, Value>,
    /// What else calls are checked by, such as PayPal's `webhookId`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub settings: Map<String, Value>,
    /// What every client may know.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub public_config: Option<Map<String, Value>>,
    /// How its listings are read, of a social network.
    #[serde(default)]
    pub sync: Option<SyncBody>,
    /// Whether its calls are taken; they are if nothing is said.
    #[serde(default)]
    pub active: Option<bool>,
}

/// An integration, without its secrets.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
pub struct IntegrationReply {
    /// Its id.
    id: String,
    /// The vendor.
    r#type: String,
    /// What people call it.
    name: String,
    /// Whether its calls are taken.
    active: bool,
    /// What the vendor is for.
    category: Option<String>,
    /// What else calls are checked by.
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
    /// What every client may know.
    #[schema(value_type = Object)]
    public_config: Map<String, Value>,
    /// How its listings are read; nothing where nobody has set it.
    #[schema(value_type = Option<Object>)]
    sync: Option<Map<String, Value>>,
    /// How many secrets it has.
    secrets: u32,
    /// How many public keys of the vendor's it has.
    public_keys: u32,
    /// The names of what its API is called with.
    credentials: Vec<String>,
    /// The address that the vendor is to call.
    webhook_url: String,
    /// Where the address is entered, and where the secret is found.
    instructions: Option<String>,
    /// When it was set up.
    created_at: String,
    /// When it was changed last.
    updated_at: String,
    /// Who did so.
    by: String,
}
