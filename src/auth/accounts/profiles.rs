//! What people change of their own record. Neither their address nor their roles are among it: the one opens
//! what names it, the other is for others to give.

use appengine_actors::record::model::Record;
use appengine_actors::record::service::{Origin, WriteError};
use serde_json::Value;

use super::Accounts;
use super::bodies;
use super::error::AccountError;
use crate::auth::principal::{Kind, Principal};
use crate::auth::refusal::Refusal;
use crate::auth::role::Permission;

impl Accounts {
    /// `POST /profile/customer/update`: `{firstName?, lastName?, name?, phone?}`.
    ///
    /// # Errors
    /// 400 for a body that cannot be used, 403 for callers who are no customers.
    pub async fn update_profile(&self, who: &Principal, body: &Value) -> Result<Record, AccountError> {
        let fields = bodies::own_profile(body)?;
        if who.kind != Kind::Customer {
            return Err(Refusal::Forbidden(Permission::Update).into());
        }
        // As the routes of records name an end user.
        let origin = Origin { by: Some(who.id.to_string()), ..Origin::default() };
        let edit = |record: &mut Record| {
            record.data.extend(fields.clone());
            Ok(())
        };
        let at = (self.datatype(who.kind), &who.id);
        let written = self.records().update(&who.org, at, None, &origin, edit).await;
        written.map_err(|error| match error {
            WriteError::Change(error) => error.into(),
            _ => Refusal::TokenRevoked.into(),
        })
    }
}
