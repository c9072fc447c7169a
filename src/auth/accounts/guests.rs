//! Guests: end users who say who they are and are taken at their word, so their word opens nobody's
//! account. Their records are of a datatype of their own, where an address may occur many times.

use appengine_actors::ids::OrgId;
use serde_json::Value;

use super::Accounts;
use super::answer::SignedIn;
use super::bodies;
use super::error::AccountError;
use super::person::{NewPerson, Standing};
use crate::auth::principal::Kind;

impl Accounts {
    /// `POST /profile/customer/register-guest`: `{email, name?, phone?}` gives `{token, guest}`. The token
    /// lives as long as others do, and there is no refresh: a guest registers again.
    ///
    /// # Errors
    /// 400 for a body that cannot be used, 403 for an organisation that is not there and may not be founded.
    pub async fn register_guest(&self, org: &OrgId, body: &Value) -> Result<SignedIn, AccountError> {
        let asked = bodies::Guest::read(body)?;
        let new = NewPerson {
            kind: Kind::Guest,
            id: None,
            profile: asked.profile,
            password: None,
            standing: Standing::SignedUp,
            sessions: None,
            may_found: self.parts.rules.open_sign_up,
            by: None,
        };
        let guest = self.make(org, &new).await?;
        let (now, life) = (self.parts.clock.now(), self.parts.rules.access_life);
        let token = self.parts.tokens.sign(&guest.identity(None), life, now)?;
        Ok(SignedIn { kind: Kind::Guest, person: guest.record, token, refresh_token: None })
    }
}
