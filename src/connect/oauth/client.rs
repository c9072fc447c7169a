//! What an integration is known by at its vendor: the id and the secret of the app that its owners made there.

use std::fmt;

use appengine_actors::inbound::integration::Credentials;

use super::vendors::OAuthVendor;
use crate::connect::types::type_of;

/// An app at a vendor.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Client {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// Which of the vendor's own addresses is its; empty where all have the same.
    pub tenant: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Client {
    /// Reads it out of an integration's credentials.
    ///
    /// # Errors
    /// The name of the credential that is missing, or is wrong.
    pub(super) fn of(of: &OAuthVendor, credentials: &Credentials) -> Result<Self, &'static str> {
        let named_any = |names: &[&'static str]| {
            let found = names.iter().find_map(|name| credentials.api.get(*name)?.as_str());
            found.map(str::to_owned).ok_or_else(|| names.first().copied().unwrap_or_default())
        };
        let tenant = match of.tenant {
            Some(name) => tenant(&named_any(&[name])?).ok_or(name)?,
            None => String::new(),
        };
        let id = named_any(of.ids)?;
        let secret = named_any(of.secrets).or_else(|name| signing(of, credentials).ok_or(name))?;
        Ok(Self { id, secret, tenant })
    }
}

/// The client's secret, where the vendor signs its calls with it: then it was saved as what signs.
fn signing(of: &OAuthVendor, credentials: &Credentials) -> Option<String> {
    let kind = type_of(of.vendor)?;
    let is_same = kind.signs_with.iter().any(|name| *name != "secret" && of.secrets.contains(name));
    credentials.secrets.first().filter(|_| is_same).cloned()
}

/// The first part of a customer's own address at a vendor: `acme` of `acme.example.com`. It becomes part of an address,
/// so it is nothing else than a name.
fn tenant(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_prefix("https://").unwrap_or(&text);
    let name = text.split(['.', '/']).next().unwrap_or_default();
    let fits = (1..=63).contains(&name.len())
        && !name.starts_with('-')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    fits.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::vendors::oauth_of;
    use super::*;

    fn credentials(api: serde_json::Value, secrets: &[&str]) -> Credentials {
        Credentials {
            api: api.as_object().cloned().unwrap(),
            secrets: secrets.iter().map(|secret| (*secret).to_owned()).collect(),
            ..Credentials::default()
        }
    }

    #[test]
    fn a_client_is_read_by_its_vendors_names() {
        let of = |vendor, api, secrets: &[&str]| {
            Client::of(oauth_of(vendor).unwrap(), &credentials(api, secrets)).map(|it| (it.id, it.secret))
        };
        let is = |id: &str, secret: &str| Ok((id.to_owned(), secret.to_owned()));
        assert_eq!(of("x", json!({"clientId": "i", "clientSecret": "s"}), &["consumer"]), is("i", "s"));
        assert_eq!(of("x", json!({"clientId": "i"}), &["consumer"]), Err("clientSecret"));
        assert_eq!(of("linkedin", json!({"clientId": "i"}), &["new", "old"]), is("i", "new"));
        assert_eq!(of("meta", json!({"appId": "i"}), &["app"]), is("i", "app"));
        assert_eq!(of("stripe", json!({"clientId": "ca", "apiKey": "sk"}), &["whsec"]), is("ca", "sk"));
        assert_eq!(of("slack", json!({"clientSecret": "s"}), &[]), Err("clientId"));
        assert_eq!(of("shopify", json!({"clientId": "i"}), &["s"]), Err("shop"));
    }

    #[test]
    fn a_customers_address_is_a_name_and_nothing_else() {
        for text in ["acme", "ACME.myshopify.com", "https://acme.zendesk.com/"] {
            assert_eq!(tenant(text).as_deref(), Some("acme"), "{text}");
        }
        for text in ["", "evil@x", "a b", "-a", "a%2f", "a:80", "https://", &"a".repeat(64)] {
            assert_eq!(tenant(text), None, "{text}");
        }
    }
}
