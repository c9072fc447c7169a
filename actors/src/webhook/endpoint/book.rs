//! The endpoints of all organisations, for those who register them. Every change is one commit with the event that
//! tells of it, and the bus knows of it before this returns.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::draft::Draft;
use super::index::ABOUT;
use super::secrets::{Kept, forget, keep, kept};
use super::sign::{fresh, secret_of, sign_with};
use super::{Endpoint, EndpointStatus};
use crate::bus::change::{Change, ChangeError, EndpointWrite};
use crate::clock::Timestamp;
use crate::event::{EventDraft, EventKind};
use crate::form::problem::Problem;
use crate::house::House;
use crate::ids::{EndpointId, EventId, OrgId};
use crate::keys;
use crate::list::{Listed, Slice};
use crate::ports::Publisher;
use crate::store::{Pages, Scan, StoreError, decode};
use crate::webhook::breaker::Health;
use crate::webhook::health::health_of;
use crate::webhook::signature::keys::SigningKey;

/// Endpoints that an organisation may have.
pub const MOST: usize = 10_000;
/// How long an old secret signs beside the new one where nothing else is asked for.
pub const OVERLAP: Duration = Duration::from_hours(24);
/// Endpoints read at once.
const PAGE: usize = 500;

/// Why nothing was done with an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It cannot be what was asked for: every problem there is.
    #[error("take the endpoint: {} problems", .0.len())]
    Invalid(Vec<Problem>),
    /// There is no such endpoint.
    #[error("find the endpoint {0}")]
    Missing(EndpointId),
    /// The organisation has too many.
    #[error(
        "register the endpoint: this organisation has {MOST}, which is the most it may have; delete some first"
    )]
    TooMany,
    /// It could not be written.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for EndpointError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// An endpoint as its owner sees it.
#[derive(Clone)]
pub struct Shown {
    /// It.
    pub endpoint: Endpoint,
    /// Its headers with their values.
    pub headers: Vec<(String, String)>,
    /// The public halves of the keys that it is signed with.
    pub public_keys: Vec<String>,
    /// Until when an old secret signs too.
    pub secret_expires_at: Option<Timestamp>,
    /// How its receiver is.
    pub health: Health,
}

/// What somebody wants of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Be sent to.
    Enable,
    /// Be sent to no more.
    Disable,
    /// Be sent to later.
    Pause,
}

/// All endpoints.
#[derive(Clone)]
pub struct Endpoints {
    house: Arc<House>,
    publisher: Arc<dyn Publisher>,
}

impl Endpoints {
    /// The endpoints of a machine.
    #[must_use]
    pub const fn new(house: Arc<House>, publisher: Arc<dyn Publisher>) -> Self {
        Self { house, publisher }
    }

    /// Registers an endpoint; it listens before this returns. Its secret is shown this once.
    ///
    /// # Errors
    /// When it cannot be, or cannot be written.
    pub async fn create(
        &self,
        org: &OrgId,
        body: &Value,
        by: &str,
    ) -> Result<(Shown, Option<String>), EndpointError> {
        let draft = self.draft(body, None)?;
        let count = Scan::prefix(keys::endpoints(org), MOST).keys_only();
        if self.house.store.scan(count).await?.len() >= MOST {
            return Err(EndpointError::TooMany);
        }
        let now = self.house.clock.now();
        let mut kept = Kept::new(headers(&draft, &[]), draft.client_key.clone().flatten());
        let endpoint = made(&draft, (EndpointId::new(now), org, now));
        self.check_tls(&endpoint, &kept)?;
        let secret = sign_with(&mut kept, &draft, now)?;
        self.write(&endpoint, None, Some(&kept), ("created", by)).await?;
        Ok((shown(endpoint, &kept, Health::default(), now), secret))
    }

    /// Changes an endpoint: what `body` does not name stays when it is a `patch`, and is as if never given when not.
    ///
    /// # Errors
    /// When there is none, or it cannot be so, or cannot be written.
    pub async fn change(
        &self,
        (org, id): (&OrgId, EndpointId),
        body: &Value,
        patch: bool,
        by: &str,
    ) -> Result<(Shown, Option<String>), EndpointError> {
        let (before, version) = self.read(org, id).await?;
        let mut kept = self.kept(org, id).await?;
        let draft = self.draft(body, patch.then_some(&before))?;
        kept.headers = headers(&draft, &kept.headers);
        kept.client_key = draft.client_key.clone().and_then(|key| key.or(kept.client_key.take()));
        let now = self.house.clock.now();
        let secret = sign_with(&mut kept, &draft, now)?;
        let mut after = Endpoint { created_at: before.created_at, ..made(&draft, (id, org, now)) };
        if draft.status.is_none_or(|status| status == before.status) {
            after.status = before.status;
            after.disabled_reason.clone_from(&before.disabled_reason);
            after.stopped_at = before.stopped_at;
        }
        self.check_tls(&after, &kept)?;
        self.write(&after, Some(version), Some(&kept), ("updated", by)).await?;
        Ok((self.shown(after, &kept).await?, secret))
    }

    /// Removes an endpoint. What it is still owed is discarded.
    ///
    /// # Errors
    /// When there is none, or it cannot be written.
    pub async fn delete(&self, org: &OrgId, id: EndpointId, by: &str) -> Result<(), EndpointError> {
        let (endpoint, version) = self.read(org, id).await?;
        let mut change = Change { by: Some(by.to_owned()), ..Change::default() };
        forget(&mut change.extra, org, id);
        change.events.extend(event("deleted", &endpoint, None, self.house.clock.now()));
        change.endpoints.push(EndpointWrite { endpoint, read_version: Some(version), removed: true });
        self.publisher.commit(org.clone(), change).await?;
        Ok(())
    }

    /// Lets an endpoint be sent to, or not.
    ///
    /// # Errors
    /// When there is none, or it cannot be written.
    pub async fn set(
        &self,
        org: &OrgId,
        id: EndpointId,
        wish: Wish,
        by: &str,
    ) -> Result<Shown, EndpointError> {
        let (mut endpoint, version) = self.read(org, id).await?;
        let kept = self.kept(org, id).await?;
        let (status, verb) = match wish {
            Wish::Enable => (EndpointStatus::Enabled, "enabled"),
            Wish::Disable => (EndpointStatus::Disabled, "disabled"),
            Wish::Pause => (EndpointStatus::Paused, "paused"),
        };
        if endpoint.status != status {
            stand(&mut endpoint, status, self.house.clock.now());
            if wish == Wish::Disable {
                endpoint.disabled_reason = Some(format!("disabled by {by}"));
            }
            self.write(&endpoint, Some(version), None, (verb, by)).await?;
        }
        self.shown(endpoint, &kept).await
    }

    /// Signs with new keys, and with the old ones for so long. A new secret is shown this once.
    ///
    /// # Errors
    /// When there is none, the secret is none, or it cannot be written.
    pub async fn rotate(
        &self,
        (org, id): (&OrgId, EndpointId),
        secret: Option<&str>,
        overlap: Duration,
        by: &str,
    ) -> Result<(Shown, Option<String>), EndpointError> {
        let (mut endpoint, version) = self.read(org, id).await?;
        let mut kept = self.kept(org, id).await?;
        let now = self.house.clock.now();
        let keys = match secret {
            Some(secret) => vec![
                SigningKey::parse(secret)
                    .map_err(|error| invalid("secret", format!("cannot be used: failed to {error}")))?,
            ],
            None => endpoint.signatures.iter().map(|kind| fresh(*kind)).collect::<Result<_, _>>()?,
        };
        if keys.iter().any(|key| !endpoint.signatures.contains(&key.kind())) {
            return Err(invalid(
                "secret",
                "is of a kind that the endpoint's `signatures` do not name".to_owned(),
            ));
        }
        keys.iter().for_each(|key| kept.rotate(key, overlap, now));
        endpoint.updated_at = now;
        self.write(&endpoint, Some(version), Some(&kept), ("updated", by)).await?;
        Ok((self.shown(endpoint, &kept).await?, secret_of(&keys)))
    }

    /// One endpoint.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn get(&self, org: &OrgId, id: EndpointId) -> Result<Shown, EndpointError> {
        let (endpoint, _) = self.read(org, id).await?;
        let kept = self.kept(org, id).await?;
        self.shown(endpoint, &kept).await
    }

    /// The endpoints of an organisation, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, org: &OrgId, slice: Slice) -> Result<Listed<Endpoint>, EndpointError> {
        let mut listed = Listed::new(slice);
        let mut pages = Pages::of(&*self.house.store, Scan::prefix(keys::endpoints(org), PAGE).descending());
        while let Some(page) = pages.next().await? {
            for (_, found) in &page {
                listed.meet(decode(&found.value)?);
            }
        }
        Ok(listed)
    }

    /// What is shown of an endpoint.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn look(&self, endpoint: Endpoint) -> Result<Shown, EndpointError> {
        let kept = self.kept(&endpoint.org_id, endpoint.id).await?;
        self.shown(endpoint, &kept).await
    }

    async fn shown(&self, endpoint: Endpoint, kept: &Kept) -> Result<Shown, EndpointError> {
        let health = health_of(self.house.store.as_ref(), &endpoint.id.to_string()).await?;
        Ok(shown(endpoint, kept, health, self.house.clock.now()))
    }

    /// The same check as when it is sent to.
    fn check_tls(&self, endpoint: &Endpoint, kept: &Kept) -> Result<(), EndpointError> {
        let options = endpoint.tls(kept.client_key.as_deref());
        let checked = self.house.transport.check_tls(&options);
        checked.map_err(|error| invalid("tls", format!("cannot be used: failed to {error}")))
    }

    fn draft(&self, body: &Value, before: Option<&Endpoint>) -> Result<Draft, EndpointError> {
        Draft::read(body, before, self.house.transport.as_ref()).map_err(EndpointError::Invalid)
    }

    /// The endpoint, and the store's version of it.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn read(&self, org: &OrgId, id: EndpointId) -> Result<(Endpoint, u64), EndpointError> {
        let found = self.house.store.get(keys::endpoint(org, id)).await?;
        let found = found.ok_or(EndpointError::Missing(id))?;
        Ok((decode(&found.value)?, found.version))
    }

    async fn kept(&self, org: &OrgId, id: EndpointId) -> Result<Kept, EndpointError> {
        kept(&self.house, org, id).await?.ok_or(EndpointError::Missing(id))
    }

    async fn write(
        &self,
        endpoint: &Endpoint,
        read_version: Option<u64>,
        kept: Option<&Kept>,
        (verb, by): (&str, &str),
    ) -> Result<(), EndpointError> {
        let mut change = Change { by: Some(by.to_owned()), ..Change::default() };
        if let Some(kept) = kept {
            keep(&mut change.extra, &self.house, (&endpoint.org_id, endpoint.id), kept)?;
        }
        change.events.extend(event(verb, endpoint, None, self.house.clock.now()));
        change.endpoints.push(EndpointWrite { endpoint: endpoint.clone(), read_version, removed: false });
        self.publisher.commit(endpoint.org_id.clone(), change).await?;
        Ok(())
    }
}

/// The event that tells of an endpoint, with what else is to be told.
pub(in crate::webhook) fn event(
    verb: &str,
    endpoint: &Endpoint,
    more: Option<Value>,
    now: Timestamp,
) -> Option<EventDraft> {
    let kind = EventKind::new(&format!("webhook.endpoint.{verb}")).ok()?;
    let mut data = json!({
        ABOUT: endpoint.id, "url": endpoint.url, "description": endpoint.description, "events": endpoint.events,
        "status": endpoint.status, "disabledReason": endpoint.disabled_reason,
    });
    if let (Some(fields), Some(Value::Object(more))) = (data.as_object_mut(), more) {
        fields.extend(more);
    }
    Some(EventDraft { id: EventId::new(now), kind, data, occurred_at: None })
}

fn made(draft: &Draft, (id, org, now): (EndpointId, &OrgId, Timestamp)) -> Endpoint {
    let mut endpoint = Endpoint {
        id,
        org_id: org.clone(),
        url: draft.url.clone(),
        description: draft.description.clone(),
        events: draft.events.clone(),
        filter: draft.filter.clone(),
        header_names: draft.headers.iter().map(|(name, _)| name.clone()).collect(),
        template: draft.template.clone(),
        rate_limit: draft.rate_limit,
        concurrency: draft.concurrency,
        fifo: draft.fifo,
        fifo_key: draft.fifo_key.clone(),
        retry_schedule: draft.retry_schedule.clone(),
        signatures: draft.signatures.clone(),
        compression: draft.compression,
        ca: draft.ca.clone(),
        client_certificate: draft.client_certificate.clone(),
        status: EndpointStatus::Enabled,
        disabled_reason: None,
        stopped_at: None,
        metadata: draft.metadata.clone(),
        created_at: now,
        updated_at: now,
    };
    stand(&mut endpoint, draft.status.unwrap_or(EndpointStatus::Enabled), now);
    endpoint
}

/// Gives an endpoint a status.
pub(in crate::webhook) fn stand(endpoint: &mut Endpoint, status: EndpointStatus, now: Timestamp) {
    endpoint.status = status;
    endpoint.disabled_reason = None;
    endpoint.stopped_at = (status != EndpointStatus::Enabled).then_some(now);
    endpoint.updated_at = now;
}

fn invalid(path: &str, message: String) -> EndpointError {
    EndpointError::Invalid(vec![Problem { path: path.to_owned(), message, forbidden: false }])
}

fn shown(endpoint: Endpoint, kept: &Kept, health: Health, now: Timestamp) -> Shown {
    let public_keys =
        kept.signing(now).iter().filter_map(SigningKey::public).map(|key| key.to_string()).collect();
    let (headers, secret_expires_at) = (kept.headers.clone(), kept.overlap_ends(now));
    Shown { endpoint, headers, public_keys, secret_expires_at, health }
}

/// The headers with their values, those that stay out of what there was.
fn headers(draft: &Draft, before: &[(String, String)]) -> Vec<(String, String)> {
    let old = |name: &str| {
        before.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone())
    };
    let headers = draft.headers.iter();
    headers.filter_map(|(name, value)| Some((name.clone(), value.clone().or_else(|| old(name))?))).collect()
}
