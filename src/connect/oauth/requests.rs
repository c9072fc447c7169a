//! What is asked of a vendor: where people agree, and the calls for tokens. Nothing is sent here.

use appengine_actors::webhook::transport::Method;
use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;

use super::answers::Granted;
use super::client::Client;
use super::pkce;
use super::vendors::{ClientAuth, OAuthVendor, Place, Refresh, Revoke, Which};
use crate::connect::api::{Api, ApiCall};

/// In an interface's address, what stands for a customer's own part of it.
const TENANT: &str = "{tenant}";

/// A vendor's interface, as one client uses it.
pub(super) struct Requests<'a> {
    /// What the vendor's OAuth 2 is like.
    pub of: &'a OAuthVendor,
    /// Whoever asks.
    pub client: &'a Client,
    /// Where interfaces are.
    pub api: &'a Api,
}

/// What somebody is to agree to.
pub(super) struct Consent<'a> {
    /// The scopes, as the vendor writes them.
    pub scopes: &'a str,
    /// Where the vendor sends people back to.
    pub redirect: &'a str,
    /// What comes back with them.
    pub state: &'a str,
    /// The secret of PKCE; only its digest is told.
    pub verifier: Option<&'a str>,
}

impl Requests<'_> {
    fn at(&self, Place(interface, path): Place) -> String {
        format!("{}{path}", self.api.base(interface).replace(TENANT, &self.client.tenant))
    }

    /// The address at which people agree.
    pub(super) fn consent(&self, consent: &Consent<'_>) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("response_type", "code").append_pair(self.of.id_name, &self.client.id);
        query.append_pair("redirect_uri", consent.redirect);
        if !consent.scopes.is_empty() {
            query.append_pair("scope", consent.scopes);
        }
        query.append_pair("state", consent.state);
        if let Some(verifier) = consent.verifier {
            query.append_pair("code_challenge", &pkce::challenge(verifier));
            query.append_pair("code_challenge_method", "S256");
        }
        query.extend_pairs(self.of.extra);
        // Some readers of queries take a plus for itself.
        format!("{}?{}", self.at(self.of.authorize), query.finish().replace('+', "%20"))
    }

    /// Asks for the tokens of a code.
    pub(super) fn of_code(&self, code: &str, redirect: &str, verifier: Option<&str>) -> ApiCall {
        let mut fields = vec![("grant_type", "authorization_code"), ("code", code)];
        if self.of.redirect_with_code {
            fields.push(("redirect_uri", redirect));
        }
        fields.extend(verifier.map(|verifier| ("code_verifier", verifier)));
        self.as_client(self.of.token, &fields)
    }

    /// Asks for new tokens; none where the vendor has no way to.
    pub(super) fn renewal(&self, tokens: &Granted) -> Option<ApiCall> {
        match self.of.refresh {
            Refresh::Never => None,
            Refresh::Token => {
                let refresh = tokens.refresh.as_deref()?;
                let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
                Some(self.as_client(self.of.token, &fields))
            }
            Refresh::Exchange => Some(self.exchange(&tokens.access)),
        }
    }

    /// Gives a token for one that lives longer, where the vendor's first one lives for an hour.
    pub(super) fn longer(&self, tokens: &Granted) -> Option<ApiCall> {
        (self.of.refresh == Refresh::Exchange).then(|| self.exchange(&tokens.access))
    }

    fn exchange(&self, access: &str) -> ApiCall {
        let fields = [("grant_type", "fb_exchange_token"), ("fb_exchange_token", access)];
        self.as_client(self.of.token, &fields)
    }

    /// Gives the tokens back; none where the vendor has no way to.
    pub(super) fn revocation(&self, tokens: &Granted) -> Option<ApiCall> {
        let bare = |method, place| ApiCall::new(method, self.at(place)).header("accept", "application/json");
        let (access, id) = (tokens.access.as_str(), (self.of.id_name, self.client.id.as_str()));
        Some(match self.of.revoke {
            Revoke::Never => return None,
            Revoke::Form(place, which) => {
                let refresh = tokens.refresh.as_deref().filter(|_| which == Which::Refresh);
                let hint = if refresh.is_some() { "refresh_token" } else { "access_token" };
                let fields = [("token", refresh.unwrap_or(access)), ("token_type_hint", hint)];
                // The vendors that want JSON for tokens give them back another way.
                self.as_client(place, &fields)
            }
            Revoke::Public(place) => bare(Method::Post, place).form([id, ("token", access)]),
            Revoke::Post(place) => bare(Method::Post, place).bearer(access),
            Revoke::Delete(place) => bare(Method::Delete, place).bearer(access),
            Revoke::DeleteBy(place, name) => bare(Method::Delete, place).header(name, access),
            Revoke::DeleteRefresh(place) => {
                let refresh = tokens.refresh.as_deref()?;
                let url = format!("{}{}", self.at(place), escaped(refresh));
                ApiCall::new(Method::Delete, url)
            }
            Revoke::DeleteGrant(place) => {
                let url = self.at(place).replace("{client}", &escaped(&self.client.id));
                let call = ApiCall::new(Method::Delete, url).basic(&self.client.id, &self.client.secret);
                call.json(&json!({ "access_token": access }))
            }
            Revoke::Account(place) => {
                let account = tokens.account.as_deref()?;
                bare(Method::Post, place).bearer(&self.client.secret).form([id, ("stripe_user_id", account)])
            }
        })
    }

    /// A call by which the client proves that it is itself.
    fn as_client(&self, place: Place, fields: &[(&str, &str)]) -> ApiCall {
        let call = ApiCall::new(Method::Post, self.at(place)).header("accept", "application/json");
        let (id, secret) = (self.client.id.as_str(), self.client.secret.as_str());
        let fields = fields.iter().copied();
        match self.of.client {
            ClientAuth::Form => call.form(fields.chain([(self.of.id_name, id), ("client_secret", secret)])),
            ClientAuth::SecretOnly => call.form(fields.chain([("client_secret", secret)])),
            ClientAuth::Basic => call.basic(id, secret).form(fields),
            ClientAuth::Json => {
                let all = fields.chain([(self.of.id_name, id), ("client_secret", secret)]);
                let body: Map<String, Value> =
                    all.map(|(name, value)| (name.to_owned(), value.into())).collect();
                call.json(&Value::Object(body))
            }
        }
    }
}

/// A text as one part of a path.
fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests;
