//! The first use of a token: who it stands for, looked up or made. A token of a session stands while the
//! session does. Any other stands for itself: its organisation and person come to be, as its claims say.

use appengine_actors::ids::RecordId;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::error::AccountError;
use super::person::{NewPerson, Standing};
use super::sessions::Sessions;
use super::{Accounts, TRIES, sessions_key};
use crate::auth::gate::People;
use crate::auth::principal::{Kind, Principal};
use crate::auth::refusal::Refusal;
use crate::auth::seen::Known;

impl People for Accounts {
    fn ensure<'a>(&'a self, principal: &'a Principal) -> BoxFuture<'a, Result<Known, Refusal>> {
        Box::pin(async move {
            let found = self.find_or_make(principal).await;
            found.map_err(|error| match error {
                AccountError::Refused(refusal) => refusal,
                error => {
                    tracing::error!(org = %principal.org, %error, "failed to look up who is asking");
                    Refusal::Unavailable
                }
            })
        })
    }
}

impl Accounts {
    async fn find_or_make(&self, principal: &Principal) -> Result<Known, AccountError> {
        let (org, kind) = (&principal.org, principal.kind);
        let as_claimed = |id| Known { id, roles: principal.roles.clone() };
        let known = match kind {
            Kind::App => self.app(org, &principal.id).await?.map(|_| as_claimed(principal.id.clone())),
            _ if principal.session.is_some() => {
                let person = self.by_id(org, kind, &principal.id).await?;
                person.map(|person| Known { roles: person.roles(), id: person.record.sk })
            }
            _ => self.person_of(principal).await?.map(as_claimed),
        };
        let known = known.ok_or(Refusal::TokenRevoked)?;
        let key = sessions_key(org, kind, &known.id);
        let sessions = self.read::<Sessions>(key).await?.0.unwrap_or_default();
        if sessions.hold(principal, self.parts.clock.now()) {
            Ok(known)
        } else {
            Err(Refusal::TokenRevoked.into())
        }
    }

    /// The record of the person of a token that stands for itself. It names them by address first: the id in
    /// it was made up where nobody could look, so that `appengine token` works beside a running server.
    async fn person_of(&self, principal: &Principal) -> Result<Option<RecordId>, AccountError> {
        let (org, kind) = (&principal.org, principal.kind);
        let address = principal.email.as_deref().filter(|_| kind != Kind::Guest);
        // The address of somebody who was deleted is free for others, and a token of theirs is not those others'.
        if let Some(email) = address
            && self.deleted_since(org, kind, email, principal.issued_at).await?
        {
            return Ok(None);
        }
        for _ in 0..TRIES {
            // Read once: another first use may take the address between two looks at it.
            let holder = match address {
                Some(email) => self.holder(org, kind, email).await?,
                None => None,
            };
            if let Some(holder) = &holder
                && let Some(person) = self.by_id(org, kind, holder).await?
            {
                return Ok(Some(person.record.sk));
            }
            if let Some(record) = self.record(org, kind, &principal.id).await? {
                return Ok((!record.is_deleted()).then_some(record.sk));
            }
            if holder.is_some() {
                // Their record was deleted just now: what was taken away does not come back by a token.
                return Ok(None);
            }
            match self.make(org, &from_claims(principal)).await {
                Ok(person) => return Ok(Some(person.record.sk)),
                // Another request with such a token came first.
                Err(AccountError::EmailTaken) => {}
                Err(AccountError::Change(appengine_actors::bus::change::ChangeError::Exists(_))) => {}
                Err(error) => return Err(error),
            }
        }
        Err(AccountError::Contended)
    }
}

fn from_claims(principal: &Principal) -> NewPerson {
    let mut profile = Map::new();
    if let Some(email) = &principal.email {
        profile.insert("email".into(), Value::String(email.clone()));
    }
    profile.insert("name".into(), Value::String(principal.name.clone()));
    NewPerson {
        kind: principal.kind,
        id: Some(principal.id.clone()),
        profile,
        password: None,
        standing: Standing::Given(principal.roles.clone()),
        sessions: None,
        may_found: true,
        by: None,
    }
}
