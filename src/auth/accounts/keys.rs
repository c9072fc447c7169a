//! API keys in the store. A key is two things: a record that people see, rename and switch off, and a
//! private value under its digest that says what it may do. The first can only take away.

use appengine_actors::bus::change::{Change, Write};
use appengine_actors::ids::{OrgId, RecordId};
use appengine_actors::keys;
use appengine_actors::record::model::Record;
use appengine_actors::store::{Expect, StoreError, encode};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::Accounts;
use super::apps::maker_is_staff;
use super::error::AccountError;
use super::person::fresh_record;
use crate::auth::api_key::{ACTIVE, ApiKeyRecord, Keys, NewApiKey, mint};
use crate::auth::principal::Principal;
use crate::auth::refusal::Refusal;

impl Accounts {
    /// `POST /api-key/create`: the key's BaseModel, with the key itself in `data.key` this once. The key
    /// has its maker's roles, within its scopes.
    ///
    /// # Errors
    /// 400 for a body that cannot be used, 403 for callers that are not staff, signed in.
    pub async fn create_api_key(&self, maker: &Principal, body: &Value) -> Result<Value, AccountError> {
        maker_is_staff(maker)?;
        let now = self.parts.clock.now();
        let asked = NewApiKey::read(body, now)?;
        let minted = mint();
        let id = RecordId::generate(&self.datatypes.api_key, now);
        let (org, hash) = (&maker.org, keys::private(&maker.org, "apikey", &minted.hash));
        let kept = ApiKeyRecord {
            id: id.clone(),
            name: asked.name.clone(),
            roles: maker.roles.clone(),
            scopes: asked.scopes.clone(),
            rate_limits: asked.rate_limits,
            expires_at: asked.expires_at,
        };
        let shown = asked.shown(&minted.prefix);
        let record = fresh_record(org, &self.datatypes.api_key, id, maker.label(), shown);
        let mut change = Change {
            by: Some(maker.label().to_owned()),
            writes: vec![Write::Create(Box::new(record))],
            ..Change::default()
        };
        change.extra.expect(hash.clone(), Expect::Absent).put(hash, encode(&kept)?);
        let receipt = self.parts.publisher.commit(org.clone(), change).await?;
        let record = receipt.records.first().ok_or(AccountError::Contended)?;
        let mut answer = record.to_json();
        answer["data"]["key"] = json!(minted.key);
        Ok(answer)
    }

    async fn find_key(&self, org: &OrgId, hash: &str) -> Result<Option<ApiKeyRecord>, StoreError> {
        let (kept, _) = self.read::<ApiKeyRecord>(keys::private(org, "apikey", hash)).await?;
        let Some(kept) = kept else { return Ok(None) };
        let record = keys::record(org, &self.datatypes.api_key, &kept.id);
        let (record, _) = self.read::<Record>(record).await?;
        let is_on = |record: &Record| {
            !record.is_deleted() && record.data.get("status").and_then(Value::as_str) == Some(ACTIVE)
        };
        Ok(record.is_some_and(|record| is_on(&record)).then_some(kept))
    }
}

impl Keys for Accounts {
    fn find<'a>(
        &'a self,
        org: &'a OrgId,
        hash: &'a str,
    ) -> BoxFuture<'a, Result<Option<ApiKeyRecord>, Refusal>> {
        Box::pin(async move {
            self.find_key(org, hash).await.map_err(|error| {
                tracing::error!(%org, %error, "failed to find an API key");
                Refusal::Unavailable
            })
        })
    }

    fn count_use(&self, org: &OrgId, id: &RecordId) {
        Self::count_use(self, org, id);
    }
}
