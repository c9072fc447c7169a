//! The integrations of all organisations.

use std::sync::Arc;

use serde_json::json;

use super::integration::{Credentials, Integration};
use super::sync::syncs;
use crate::bus::change::{Change, ChangeError};
use crate::event::{EventDraft, EventKind};
use crate::house::House;
use crate::ids::{EventId, IntegrationId, OrgId};
use crate::keys;
use crate::ports::Publisher;
use crate::store::{Expect, Scan, StoreError, decode, encode};

/// Integrations that an organisation may have.
pub const MOST: usize = 1_000;
/// What the sealed part is kept as.
const PURPOSE: &str = "integration";
/// How often an edit is tried while others write, too.
const TRIES: u32 = 8;

/// Why nothing was done with an integration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntegrationError {
    /// There is no such integration.
    #[error("find the integration {0}")]
    Missing(IntegrationId),
    /// The organisation has too many.
    #[error(
        "save the integration: this organisation has {MOST}, which is the most it may have; shut some down first"
    )]
    TooMany,
    /// It could not be written.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for IntegrationError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// All integrations.
#[derive(Clone)]
pub struct Integrations {
    house: Arc<House>,
    publisher: Arc<dyn Publisher>,
}

impl Integrations {
    /// The integrations of a machine.
    #[must_use]
    pub const fn new(house: Arc<House>, publisher: Arc<dyn Publisher>) -> Self {
        Self { house, publisher }
    }

    /// Keeps an integration, new or changed; the next call is checked by it. Tokens that were renewed since its
    /// credentials were read stay: the older ones are worth nothing any more.
    ///
    /// # Errors
    /// When there are too many, or it cannot be written.
    pub async fn save(
        &self,
        integration: &Integration,
        credentials: &Credentials,
    ) -> Result<(), IntegrationError> {
        let (org, id) = (&integration.org_id, integration.id);
        let before = self.house.store.get(keys::integration(org, id)).await?;
        if before.is_none() && self.house.store.scan(all(org).keys_only()).await?.len() >= MOST {
            return Err(IntegrationError::TooMany);
        }
        let kept = self.credentials(org, id).await?;
        let mut credentials = credentials.clone();
        if kept.read_version.is_some() && kept.read_version != credentials.read_version {
            credentials.take_tokens_of(&kept);
        }
        credentials.read_version = kept.read_version;
        let kind = if before.is_some() { "integration.updated" } else { "integration.created" };
        let mut change = self.told(integration, &[kind]);
        let known = before.as_ref().map(|before| decode::<Integration>(&before.value)).transpose()?;
        self.follow(integration, known.as_ref(), &mut change).await?;
        self.write(change, integration, before.map(|before| before.version), &credentials).await
    }

    /// Has listings read, or no longer, where that was set otherwise.
    async fn follow(
        &self,
        integration: &Integration,
        known: Option<&Integration>,
        change: &mut Change,
    ) -> Result<(), StoreError> {
        let was = known.and_then(Integration::synced);
        match integration.synced() {
            // What was set otherwise is tried at once.
            Some(sync) if was != Some(sync) => {
                syncs::begin(&self.house, integration, integration.updated_at, change).await.map(drop)
            }
            Some(_) => Ok(()),
            None if was.is_some() => syncs::end(&self.house, integration, change).await,
            None => Ok(()),
        }
    }

    /// Changes an integration and its credentials as they are now, and tells of it by events of these kinds. Where
    /// somebody else writes meanwhile, `edit` is asked again with what they wrote.
    ///
    /// # Errors
    /// When there is none, or it cannot be written.
    pub async fn edit(
        &self,
        org: &OrgId,
        id: IntegrationId,
        kinds: &[&str],
        edit: impl Fn(&mut Integration, &mut Credentials) + Send + Sync,
    ) -> Result<Integration, IntegrationError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let found = self.house.store.get(keys::integration(org, id)).await?;
            let found = found.ok_or(IntegrationError::Missing(id))?;
            let known: Integration = decode(&found.value)?;
            let mut integration = known.clone();
            let mut credentials = self.credentials(org, id).await?;
            edit(&mut integration, &mut credentials);
            let mut change = self.told(&integration, kinds);
            self.follow(&integration, Some(&known), &mut change).await?;
            match self.write(change, &integration, Some(found.version), &credentials).await {
                Err(IntegrationError::Change(ChangeError::Condition)) if tries < TRIES => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(integration),
            }
        }
    }

    /// Writes both parts, if each still is what was read.
    async fn write(
        &self,
        mut change: Change,
        integration: &Integration,
        version: Option<u64>,
        credentials: &Credentials,
    ) -> Result<(), IntegrationError> {
        let (org, id) = (&integration.org_id, integration.id);
        let (open, private) = (keys::integration(org, id), keys::private(org, PURPOSE, &id.to_string()));
        let as_read = |version: Option<u64>| version.map_or(Expect::Absent, Expect::Version);
        change.extra.expect(open.clone(), as_read(version));
        change.extra.expect(private.clone(), as_read(credentials.read_version));
        change.extra.put(open, encode(integration)?);
        change.extra.put(keys::integration_org(id), encode(org)?);
        let sealed =
            serde_json::to_string(credentials).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        change.extra.put(private, encode(&self.house.vault.seal(&sealed))?);
        self.publisher.commit(org.clone(), change).await?;
        Ok(())
    }

    /// Takes an integration away, with its secrets.
    ///
    /// # Errors
    /// When there is none, or it cannot be written.
    pub async fn remove(&self, org: &OrgId, id: IntegrationId) -> Result<Integration, IntegrationError> {
        let found = self.house.store.get(keys::integration(org, id)).await?;
        let found = found.ok_or(IntegrationError::Missing(id))?;
        let integration: Integration = decode(&found.value)?;
        let mut change = self.told(&integration, &["integration.deleted"]);
        change.extra.expect(keys::integration(org, id), Expect::Version(found.version));
        change.extra.delete(keys::integration(org, id)).delete(keys::integration_org(id));
        change.extra.delete(keys::private(org, PURPOSE, &id.to_string())).delete(keys::sync_head(org, id));
        for (key, _) in self.house.store.scan(all_of(org, id).keys_only()).await? {
            change.extra.delete(key);
        }
        self.publisher.commit(org.clone(), change).await?;
        Ok(integration)
    }

    /// The change that tells of it. Its secrets are no part of that.
    fn told(&self, integration: &Integration, kinds: &[&str]) -> Change {
        let mut change = Change { by: Some(integration.by.clone()), ..Change::default() };
        for kind in kinds.iter().filter_map(|kind| EventKind::new(kind).ok()) {
            let data = json!({
                "id": integration.id, "integrationId": integration.id, "vendor": integration.vendor,
                "name": integration.name, "active": integration.active,
            });
            let id = EventId::new(self.house.clock.now());
            change.events.push(EventDraft { id, kind, data, occurred_at: None });
        }
        change
    }

    /// An integration of an organisation.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn get(&self, org: &OrgId, id: IntegrationId) -> Result<Integration, IntegrationError> {
        let found = self.house.store.get(keys::integration(org, id)).await?;
        Ok(decode(&found.ok_or(IntegrationError::Missing(id))?.value)?)
    }

    /// The integration of an id, whosever it is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find(&self, id: IntegrationId) -> Result<Option<Integration>, StoreError> {
        let Some(found) = self.house.store.get(keys::integration_org(id)).await? else { return Ok(None) };
        let org: OrgId = decode(&found.value)?;
        let found = self.house.store.get(keys::integration(&org, id)).await?;
        found.map(|found| decode(&found.value)).transpose()
    }

    /// The integrations of an organisation, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of(&self, org: &OrgId) -> Result<Vec<Integration>, StoreError> {
        let found = self.house.store.scan(all(org)).await?;
        found.into_iter().map(|(_, found)| decode(&found.value)).collect()
    }

    /// The sealed part of an integration.
    ///
    /// # Errors
    /// When the store fails, or it was sealed with another key.
    pub async fn credentials(&self, org: &OrgId, id: IntegrationId) -> Result<Credentials, StoreError> {
        credentials(&self.house, org, id).await
    }
}

/// The sealed part of an integration.
pub(super) async fn credentials(
    house: &House,
    org: &OrgId,
    id: IntegrationId,
) -> Result<Credentials, StoreError> {
    let found = house.store.get(keys::private(org, PURPOSE, &id.to_string())).await?;
    let Some(found) = found else { return Ok(Credentials::default()) };
    let sealed: String = decode(&found.value)?;
    let unreadable = || {
        let why =
            "an integration's secrets were sealed with another key; restore the data folder's secret.key";
        StoreError::Corrupt(why.to_owned())
    };
    let plain = house.vault.open(&sealed).ok_or_else(unreadable)?;
    let credentials: Credentials = serde_json::from_str(&plain).map_err(|_| unreadable())?;
    Ok(Credentials { read_version: Some(found.version), ..credentials })
}

/// The integrations of an organisation, oldest first.
pub(super) fn all(org: &OrgId) -> Scan {
    Scan::prefix(keys::integrations(org), MOST)
}

/// The listings of an integration.
pub(super) fn all_of(org: &OrgId, id: IntegrationId) -> Scan {
    Scan::prefix(keys::sync_streams(org, id), MOST)
}
