//! Signing up, in and out, refreshing, changing a password: contract §2.1. A sign-up is one commit; a
//! refresh replaces the token it was had for; whoever signs out is out at once, here and at the gate.

use appengine_actors::ids::OrgId;
use appengine_actors::store::{Batch, StoreError, encode};
use serde_json::Value;

use super::answer::{SignedIn, Whoami};
use super::bodies;
use super::error::AccountError;
use super::person::{Account, NewPerson, Person, Standing};
use super::sessions::{RefreshToken, Rotation, Sessions, Ticket};
use super::{Accounts, account_key, reset_key, sessions_key};
use crate::auth::input::Invalid;
use crate::auth::principal::{Kind, Principal};
use crate::auth::refusal::Refusal;
use crate::auth::role::Permission;
use crate::auth::token::Use;

impl Accounts {
    /// `POST /profile/user/signup`, `/profile/customer/signup`: makes the person and signs them in. Where
    /// sign-ups are open, the organisation comes to be with its first person, who owns it if staff; in one
    /// that is there already, staff begin as `User`.
    ///
    /// # Errors
    /// 400 for a body that cannot be used, 403 where this is closed, 409 for an address that is taken.
    pub async fn sign_up(&self, org: &OrgId, kind: Kind, body: &Value) -> Result<SignedIn, AccountError> {
        let asked = bodies::SignUp::read(body)?;
        let open = self.parts.rules.open_sign_up;
        if !kind.signs_in() {
            return Err(Refusal::Forbidden(Permission::Create).into());
        }
        if kind == Kind::User && !open {
            return Err(AccountError::SignUpClosed);
        }
        if !open && !self.org_exists(org).await? {
            return Err(AccountError::UnknownOrg);
        }
        // Saves hashing for nothing; the commit is what decides.
        if self.holder(org, kind, &asked.email).await?.is_some() {
            return Err(AccountError::EmailTaken);
        }
        let password = self.parts.passwords.hash(&asked.password).await?;
        let mut sessions = Sessions::default();
        let ticket = sessions.open(self.parts.clock.now(), self.parts.rules.refresh_life);
        let new = NewPerson {
            kind,
            id: None,
            profile: asked.profile,
            password: Some(password),
            standing: Standing::SignedUp,
            sessions: Some(sessions),
            may_found: open,
            by: None,
        };
        let person = self.make(org, &new).await?;
        self.signed_in(&person, ticket)
    }

    /// `POST /profile/user/signin`, `/profile/customer/signin`.
    ///
    /// # Errors
    /// 400 for a body that cannot be used, 401 for a wrong address or password, 503 when too many sign in.
    pub async fn sign_in(&self, org: &OrgId, kind: Kind, body: &Value) -> Result<SignedIn, AccountError> {
        let asked = bodies::SignIn::read(body)?;
        let person = self.by_email(org, kind, &asked.email).await?;
        let account = person.as_ref().and_then(|person| person.account.as_ref());
        let hash = account.and_then(|account| account.password.as_deref());
        let right = self.parts.passwords.verify(&asked.password, hash).await?;
        let person = person.filter(|_| right).ok_or(AccountError::WrongCredentials)?;
        self.begin(org, &person).await
    }

    /// `POST /profile/user/refresh`, `/profile/customer/refresh`: another access token, and the refresh
    /// token that must be used next time. One that was used before ends its session.
    ///
    /// # Errors
    /// 400 for a body that cannot be used, 401 for a refresh token that is not good.
    pub async fn refresh(&self, org: &OrgId, kind: Kind, body: &Value) -> Result<SignedIn, AccountError> {
        let refuse = || AccountError::InvalidRefreshToken;
        let shown = RefreshToken::decode(bodies::refresh_token(body)?).ok_or_else(refuse)?;
        if shown.kind != kind {
            return Err(refuse());
        }
        let person = self.by_id(org, kind, &shown.id).await?.ok_or_else(refuse)?;
        let (now, life) = (self.parts.clock.now(), self.parts.rules.refresh_life);
        let rotate = |sessions: &mut Sessions| sessions.rotate(&shown.ticket, now, life);
        match self.with_sessions(org, kind, &shown.id, rotate).await? {
            Rotation::Renewed(ticket) => self.signed_in(&person, ticket),
            Rotation::Reused => {
                tracing::warn!(%org, person = %shown.id, "a refresh token was used twice; its session has ended");
                Err(refuse())
            }
            Rotation::Unknown => Err(refuse()),
        }
    }

    /// `GET /profile/logout`: ends the token's session, or the token itself where it has none.
    ///
    /// # Errors
    /// 400 for an API key, which is not signed in.
    pub async fn sign_out(&self, principal: &Principal) -> Result<(), AccountError> {
        if principal.scopes.is_some() {
            let problem = "is an API key, which cannot sign out; switch it off instead";
            return Err(Invalid::new("x-api-key", problem).into());
        }
        let now = self.parts.clock.now();
        let close = |sessions: &mut Sessions| sessions.close(principal, now);
        self.with_sessions(&principal.org, principal.kind, &principal.id, close).await
    }

    /// `POST /profile/customer/password/change` and the same for users: `{oldPassword, newPassword}`.
    /// All other sessions end.
    ///
    /// # Errors
    /// 400 for a body that cannot be used, 401 for a wrong old password.
    pub async fn change_password(&self, principal: &Principal, body: &Value) -> Result<(), AccountError> {
        let asked = bodies::PasswordChange::read(body)?;
        let (org, kind, id) = (&principal.org, principal.kind, &principal.id);
        if !kind.signs_in() {
            return Err(Refusal::Forbidden(Permission::Update).into());
        }
        let person = self.by_id(org, kind, id).await?.ok_or(AccountError::WrongCredentials)?;
        let hash = person.account.as_ref().and_then(|account| account.password.as_deref());
        if !self.parts.passwords.verify(&asked.old, hash).await? {
            return Err(AccountError::WrongCredentials);
        }
        let password = Some(self.parts.passwords.hash(&asked.new).await?);
        let account = Account { password, roles: person.roles(), changed: self.parts.clock.now() };
        let sessions_key = sessions_key(org, kind, id);
        let (sessions, sessions_are) = self.read::<Sessions>(sessions_key.clone()).await?;
        let mut sessions = sessions.unwrap_or_default();
        sessions.close_others(principal.session.as_deref());
        let key = account_key(org, kind, id);
        let mut batch = Batch::default();
        batch.expect(key.clone(), person.account_is).put(key, encode(&account)?);
        // A token that was sent for a forgotten password is of no use any more.
        batch.delete(reset_key(org, kind, id));
        batch.expect(sessions_key.clone(), sessions_are).put(sessions_key, encode(&sessions)?);
        match self.parts.store.commit(batch).await {
            Ok(()) => {
                self.parts.seen.forget(org, kind, id);
                Ok(())
            }
            Err(StoreError::Conflict { .. }) => Err(AccountError::Contended),
            Err(error) => Err(error.into()),
        }
    }

    /// `GET /profile/whoami`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn whoami(&self, principal: &Principal) -> Result<Whoami, AccountError> {
        let person = match principal.kind {
            Kind::App => None,
            kind => self.record(&principal.org, kind, &principal.id).await?,
        };
        Ok(Whoami { principal: principal.clone(), person })
    }

    /// Signs in by a link's token, `{token}`: once.
    ///
    /// # Errors
    /// 401 for a token that was not made for this, has expired or was used before.
    pub async fn sign_in_by_link(&self, body: &Value) -> Result<SignedIn, AccountError> {
        let now = self.parts.clock.now();
        let shown = self.parts.tokens.verify_for(Use::SignInLink, bodies::link_token(body)?, now)?;
        let found = self.by_id(&shown.org, shown.kind, &shown.id).await?;
        let person = found.ok_or(Refusal::TokenRevoked)?;
        let life = self.parts.rules.refresh_life;
        let take =
            |sessions: &mut Sessions| sessions.take_once(&shown, now).then(|| sessions.open(now, life));
        let ticket = self.with_sessions(&shown.org, shown.kind, &shown.id, take).await?;
        self.signed_in(&person, ticket.ok_or(Refusal::TokenRevoked)?)
    }

    async fn begin(&self, org: &OrgId, person: &Person) -> Result<SignedIn, AccountError> {
        let (now, life) = (self.parts.clock.now(), self.parts.rules.refresh_life);
        let open = |sessions: &mut Sessions| sessions.open(now, life);
        let ticket = self.with_sessions(org, person.kind, &person.record.sk, open).await?;
        self.signed_in(person, ticket)
    }

    fn signed_in(&self, person: &Person, ticket: Ticket) -> Result<SignedIn, AccountError> {
        let (now, life) = (self.parts.clock.now(), self.parts.rules.access_life);
        let identity = person.identity(Some(ticket.session.clone()));
        let refresh = RefreshToken { kind: person.kind, id: person.record.sk.clone(), ticket };
        Ok(SignedIn {
            kind: person.kind,
            person: person.record.clone(),
            token: self.parts.tokens.sign(&identity, life, now)?,
            refresh_token: Some(refresh.encode()),
        })
    }
}
