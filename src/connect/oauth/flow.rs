//! The steps of connecting a vendor, and of disconnecting it.

use std::sync::Arc;

use appengine_actors::ids::{IntegrationId, OrgId};
use appengine_actors::inbound::integration::{Credentials, Integration};
use appengine_actors::machine::Machine;
use tracing::{info, warn};

use super::answers::{Denied, Granted, is_word};
use super::client::Client;
use super::error::ConnectError;
use super::requests::{Consent, Requests};
use super::return_url::ReturnUrls;
use super::state::{Pending, States};
use super::tokens::{Failed, Tokens};
use super::vendors::{ALL, OAuthVendor, oauth_of};
use super::{pkce, scopes};
use crate::auth::link_key::LinkKey;
use crate::connect::api::Api;
use crate::connect::types::type_of;

/// Characters of a code.
const LONGEST_CODE: usize = 8_192;

/// Connects vendors by OAuth 2.
pub struct Connections {
    tokens: Tokens,
    states: States,
    return_urls: ReturnUrls,
    public_url: String,
}

/// What somebody wants to connect.
pub struct Begun {
    /// Where they agree.
    pub auth_url: String,
    /// What comes back.
    pub state: String,
}

/// What a vendor sends people back with.
#[derive(Default)]
pub struct Returned {
    /// The code, if they agreed.
    pub code: Option<String>,
    /// The state that they were sent with.
    pub state: Option<String>,
    /// The vendor's word for why there is no code.
    pub error: Option<String>,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished {
    /// Where the browser goes.
    pub return_url: Option<String>,
    /// Why it is not connected, as a word; none where it is.
    pub failed: Option<String>,
}

/// What came of disconnecting.
pub struct Disconnected {
    /// The integration, which takes no more calls.
    pub integration: Integration,
    /// Its credentials, the tokens gone.
    pub credentials: Credentials,
    /// Whether the vendor knows; none where there was nothing to tell it, or no way to.
    pub revoked: Option<bool>,
}

impl Connections {
    /// Connects the vendors of a machine; people come back to `public_url`, and go on to one of `return_urls`.
    #[must_use]
    pub fn new(
        machine: &Arc<Machine>,
        api: Api,
        key: LinkKey,
        public_url: String,
        trusted: &[String],
    ) -> Self {
        let (house, publisher) = (machine.house.clone(), machine.publisher.clone());
        Self {
            tokens: Tokens::new(house.clone(), machine.inbound.integrations.clone(), api),
            states: States::new(house, publisher, key),
            return_urls: ReturnUrls::new(&public_url, trusted),
            public_url,
        }
    }

    /// Begins to connect what is called so: a vendor, `<vendor>-provider`, or an integration's id.
    ///
    /// # Errors
    /// When it cannot be connected, or what is asked for cannot be.
    pub async fn begin(
        &self,
        org: &OrgId,
        by: &str,
        name: &str,
        asked: &str,
        return_url: Option<&str>,
    ) -> Result<Begun, ConnectError> {
        let (of, id) = self.find(org, name).await?;
        let credentials = self.tokens.integrations.credentials(org, id).await?;
        let client = client(of, id, &credentials)?;
        let wrong = |path, why| ConnectError::Wrong { path, why };
        let scopes = scopes::read(of, asked).map_err(|why| wrong("scopes", why))?;
        let return_url = return_url.map(|url| self.return_urls.read(url)).transpose();
        let return_url = return_url.map_err(|why| wrong("returnUrl", why.to_owned()))?;
        let verifier = of.pkce.then(pkce::random);
        let pending = Pending { integration: id, return_url, verifier, by: by.to_owned() };
        let state = self.states.give(org, of.vendor, &pending).await?;
        let auth_url = Requests { of, client: &client, api: &self.tokens.api }.consent(&Consent {
            scopes: &scopes,
            redirect: &self.redirect(of),
            state: &state,
            verifier: pending.verifier.as_deref(),
        });
        Ok(Begun { auth_url, state })
    }

    /// Ends what was begun, with what the vendor sends somebody back with.
    ///
    /// # Errors
    /// When the state is not good: then nobody knows where the browser belongs.
    pub async fn finish(&self, vendor: &str, returned: Returned) -> Result<Finished, ConnectError> {
        let of = type_of(vendor).and_then(|of| oauth_of(of.vendor));
        let of = of.ok_or_else(|| no_vendor(vendor))?;
        let (org, pending) =
            self.states.take(of.vendor, returned.state.as_deref().unwrap_or_default()).await?;
        let code = match (returned.error, returned.code) {
            (Some(error), _) => Err(if is_word(&error) { error } else { "refused".to_owned() }),
            (None, Some(code)) if !code.is_empty() && code.len() <= LONGEST_CODE => Ok(code),
            (None, _) => Err("no_code".to_owned()),
        };
        let done = match code {
            Ok(code) => self.connect(of, &org, &pending, &code).await,
            Err(word) => Err(word),
        };
        let (id, by) = (pending.integration, &pending.by);
        match &done {
            Ok(()) => info!(%org, integration = %id, vendor = of.vendor, by, "a vendor was connected"),
            Err(why) => {
                warn!(%org, integration = %id, vendor = of.vendor, by, why, "a vendor was not connected");
            }
        }
        Ok(Finished { return_url: pending.return_url, failed: done.err() })
    }

    /// Has tokens given for a code and keeps them. What is wrong is told as a word.
    async fn connect(
        &self,
        of: &'static OAuthVendor,
        org: &OrgId,
        pending: &Pending,
        code: &str,
    ) -> Result<(), String> {
        let id = pending.integration;
        let ours = |error: &dyn std::fmt::Display| {
            warn!(%org, integration = %id, %error, "what a vendor gave could not be kept");
            "not_kept".to_owned()
        };
        // Nobody renews what is about to be replaced.
        let _turn = self.tokens.turn(id).await.map_err(|error| ours(&error))?;
        let credentials =
            self.tokens.integrations.credentials(org, id).await.map_err(|error| ours(&error))?;
        let client = client(of, id, &credentials).map_err(|_| "client_missing".to_owned())?;
        let requests = Requests { of, client: &client, api: &self.tokens.api };
        let call = requests.of_code(code, &self.redirect(of), pending.verifier.as_deref());
        let mut tokens = self.tokens.ask(of, call).await.map_err(|failed| word(&failed))?;
        if let Some(call) = requests.longer(&tokens) {
            let longer = self.tokens.ask(of, call).await.map_err(|failed| word(&failed))?;
            tokens = longer.after(tokens);
        }
        let now = self.tokens.house.clock.now();
        let edit = |integration: &mut Integration, credentials: &mut Credentials| {
            tokens.keep(credentials);
            (integration.active, integration.by, integration.updated_at) = (true, pending.by.clone(), now);
        };
        let kept = self.tokens.integrations.edit(org, id, &["integration.updated"], edit).await;
        kept.map(|_| ()).map_err(|error| ours(&error))
    }

    /// Gives an integration's tokens back and forgets them; its calls are not taken any more.
    ///
    /// # Errors
    /// When there is no such integration, or it cannot be written. That a vendor cannot be told is none.
    pub async fn disconnect(
        &self,
        org: &OrgId,
        by: &str,
        id: IntegrationId,
    ) -> Result<Disconnected, ConnectError> {
        let _turn = self.tokens.turn(id).await?;
        let before = self.tokens.integrations.get(org, id).await?;
        let credentials = self.tokens.integrations.credentials(org, id).await?;
        let revoked = self.revoke(&before, &credentials).await;
        let integration = self.tokens.forget(org, id, by, &["integration.updated"]).await?;
        let credentials = self.tokens.integrations.credentials(org, id).await?;
        Ok(Disconnected { integration, credentials, revoked })
    }

    async fn revoke(&self, integration: &Integration, credentials: &Credentials) -> Option<bool> {
        let of = oauth_of(&integration.vendor)?;
        let client = Client::of(of, credentials).ok()?;
        let tokens = Granted::kept(credentials)?;
        let call = Requests { of, client: &client, api: &self.tokens.api }.revocation(&tokens)?;
        let told = self.tokens.api.send(call).await;
        let done = told.as_ref().is_ok_and(|reply| reply.is_ok() && reply.json()["ok"] != false);
        if !done {
            let why = told.map_or_else(|error| error.why, |reply| format!("status {}", reply.status));
            warn!(org = %integration.org_id, integration = %integration.id, vendor = of.vendor, why,
                "a vendor was not told that its tokens are not to be good any more");
        }
        Some(done)
    }

    /// The integration of a name, and its vendor's OAuth 2.
    async fn find(
        &self,
        org: &OrgId,
        name: &str,
    ) -> Result<(&'static OAuthVendor, IntegrationId), ConnectError> {
        if let Ok(id) = name.parse::<IntegrationId>() {
            let found = self.tokens.integrations.get(org, id).await?;
            return Ok((oauth_of(&found.vendor).ok_or_else(|| no_vendor(&found.vendor))?, id));
        }
        let of = type_of(name).and_then(|of| oauth_of(of.vendor)).ok_or_else(|| no_vendor(name))?;
        let all = self.tokens.integrations.of(org).await?;
        let mut own: Vec<_> = all.into_iter().filter(|found| found.vendor == of.vendor).collect();
        // The one of the vendor's name is the usual one; else the oldest.
        own.sort_by_key(|found| found.name != of.vendor);
        own.first().map(|found| (of, found.id)).ok_or(ConnectError::NotSaved(of.vendor))
    }

    /// Where a vendor sends people back to: what its own pages are told, letter by letter.
    fn redirect(&self, of: &OAuthVendor) -> String {
        format!("{}/connect/oauth2callback/{}", self.public_url, of.vendor)
    }
}

fn client(of: &OAuthVendor, id: IntegrationId, credentials: &Credentials) -> Result<Client, ConnectError> {
    Client::of(of, credentials).map_err(|credential| ConnectError::NoClient {
        vendor: of.vendor,
        id,
        credential,
    })
}

fn no_vendor(name: &str) -> ConnectError {
    let known: Vec<&str> = ALL.iter().map(|of| of.vendor).collect();
    ConnectError::NoVendor { name: name.chars().take(64).collect(), known: known.join(", ") }
}

/// The word for it that a page is told.
fn word(failed: &Failed) -> String {
    match failed {
        Failed::Denied(Denied::Gone(word) | Denied::Refused(word)) => word.clone(),
        Failed::Unanswered(_) => "no_answer".to_owned(),
    }
}
