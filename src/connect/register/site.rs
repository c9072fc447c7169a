//! An integration, as its vendor's interface is to know it.

use appengine_actors::inbound::integration::{Credentials, Integration};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};
use url::Url;

/// The address that a vendor is to call for an integration: ours, or the one that leads to it.
#[must_use]
pub fn webhook_url(public: &str, integration: &Integration) -> String {
    let setting = |name: &str| integration.settings.get(name).and_then(Value::as_str);
    if let Some(url) = setting("url") {
        return url.to_owned();
    }
    let token = setting("path_token").map_or_else(String::new, |token| format!("/{token}"));
    format!("{public}/connect/webhook/{}/{}{token}", integration.vendor, integration.id)
}

/// What the vendors' files read of an integration's settings; each reads its own.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// Mailgun: the sending domain.
    pub domain: Option<String>,
    /// Mailgun: where that domain is.
    pub region: Option<Region>,
    /// Twilio: the only number that is led to us, or its SID.
    pub phone_number: Option<String>,
    /// Meta: the only kinds of objects that are subscribed to.
    pub objects: Option<Vec<String>>,
    /// Twitch: the user whose channel it is.
    pub broadcaster_id: Option<String>,
    /// Twitch: the user who reads that channel for us, where it is not its own.
    pub user_id: Option<String>,
    /// A provider of language models: where its interface is, if not at its own address.
    #[serde(deserialize_with = "read_address")]
    pub base_url: Option<Url>,
    /// A provider of language models: which model answers.
    pub model: Option<String>,
    /// A provider of language models: how it is spoken to.
    pub protocol: Option<Protocol>,
}

fn read_address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(from)?;
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let wrong = || de::Error::custom("must be an address, such as http://127.0.0.1:11434/v1");
    url.map(Some).ok_or_else(wrong)
}

/// How a provider of language models is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// OpenAI's Chat Completions.
    #[serde(rename = "openai")]
    OpenAi,
    /// OpenAI's Responses.
    #[serde(rename = "openai-responses")]
    OpenAiResponses,
    /// Anthropic's Messages.
    Anthropic,
}

/// Where Mailgun keeps a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// In the United States.
    Us,
    /// In the European Union.
    Eu,
}

/// All that a vendor's file decides by.
pub struct Site {
    /// The address that the vendor is to call.
    pub address: String,
    /// What is kept sealed of the integration.
    pub credentials: Credentials,
    /// Its settings.
    pub settings: Map<String, Value>,
    /// A random secret, for where a new one of ours is needed.
    pub fresh: String,
    /// Whether what leads to another address now may be led to ours.
    pub replace: bool,
    /// The token that the vendor has given for this.
    pub token: String,
}

impl Site {
    /// What the interface is called with, by its name in any spelling; empty where there is none.
    pub fn api(&self, name: &str) -> &str {
        let found = self.credentials.api.iter().find(|(known, _)| is_same_name(known, name));
        found.and_then(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// A setting, by its name in the store; empty where there is none.
    pub fn setting(&self, name: &str) -> &str {
        self.settings.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// What the vendor signs with; empty where there is none.
    pub fn secret(&self) -> &str {
        self.credentials.secrets.first().map_or("", String::as_str)
    }

    /// Whether all of these are there.
    ///
    /// # Errors
    /// What is to be saved first.
    pub fn needs(&self, needs: &[(&str, &str)], what: &str) -> Result<(), String> {
        let missing: Vec<_> = needs.iter().filter(|(_, found)| found.is_empty()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = missing.iter().map(|(name, _)| format!("`{name}`")).collect();
        Err(format!("the integration has no {}: save {what} first", names.join(" and ")))
    }

    /// Words without any of the secrets.
    pub fn redacted(&self, words: &str) -> String {
        let of_api = self.credentials.api.values().filter_map(Value::as_str);
        let secrets = self.credentials.secrets.iter().map(String::as_str);
        let all = of_api.chain(secrets).chain([self.fresh.as_str(), self.token.as_str()]);
        // What is shorter is no secret, and would take words apart.
        let all = all.filter(|secret| secret.len() >= 8);
        all.fold(words.to_owned(), |words, secret| words.replace(secret, "••••••••"))
    }
}

fn is_same_name(one: &str, other: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    letters(one) == letters(other)
}

#[cfg(test)]
mod tests {
    use crate::connect::register::testing::site;

    #[test]
    fn credentials_are_found_in_any_spelling_and_never_told() {
        let site = site(&[("API_KEY", "sk_test_0123456789"), ("user", "ann")], &["whsec_0123456789"]);
        assert_eq!((site.api("apiKey"), site.api("apikeys")), ("sk_test_0123456789", ""));
        assert_eq!(site.secret(), "whsec_0123456789");
        let words = "ann: no such key sk_test_0123456789, whsec_0123456789, fresh-0123456789";
        assert_eq!(site.redacted(words), "ann: no such key ••••••••, ••••••••, ••••••••");
        let missing = site.needs(&[("apiKey", site.api("apiKey")), ("domain", "")], "the sending domain");
        assert_eq!(missing.unwrap_err(), "the integration has no `domain`: save the sending domain first");
    }
}
