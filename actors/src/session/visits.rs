//! The pages that visitors come by: each is a record (`web_visit`) and the event `page.visited`, in one commit.

use std::sync::Arc;

use serde_json::{Map, json};

use super::person::Person;
use super::presence::Page;
use crate::bus::change::{Change, ChangeError};
use crate::clock::Clock;
use crate::event::{EventDraft, EventKind, EventKindError};
use crate::ids::{Datatype, EventId, IdError, OrgId};
use crate::ports::Publisher;
use crate::record::service::{NewRecord, Records};
use crate::store::StoreError;

/// Bytes of a page's address and title.
pub const MOST_TEXT: usize = 2_048;

/// Writes visits.
#[derive(Clone)]
pub struct Visits {
    records: Records,
    publisher: Arc<dyn Publisher>,
    clock: Arc<dyn Clock>,
    datatype: Datatype,
}

impl Visits {
    /// Writes them through a publisher.
    ///
    /// # Errors
    /// Never in practice: only if a built-in name broke the rule for names.
    pub fn new(
        records: Records,
        publisher: Arc<dyn Publisher>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, IdError> {
        Ok(Self { records, publisher, clock, datatype: Datatype::new("web_visit")? })
    }

    /// Somebody is on a page.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn visit(
        &self,
        org: &OrgId,
        who: &Person,
        device: Option<&str>,
        page: &Page,
    ) -> Result<(), ChangeError> {
        let told = json!({
            "url": page.url, "title": page.title, "referrer": page.referrer, "email": who.email, "name": who.name,
            "customerId": who.id, "guest": who.guest, "deviceId": device, "timestamp": page.at,
        });
        let data = told.as_object().cloned().unwrap_or_default();
        let (datatype, meta) = (self.datatype.clone(), Map::new());
        let new = NewRecord { datatype, sk: None, data, meta, once: false };
        let write = self.records.plan_create(org, new, Some(&who.email));
        let kind = EventKind::new("page.visited");
        let kind = kind.map_err(|error: EventKindError| StoreError::Corrupt(error.to_string()))?;
        let event = EventDraft { id: EventId::new(self.clock.now()), kind, data: told, occurred_at: None };
        let by = Some(who.email.clone());
        let change = Change { by, writes: vec![write], events: vec![event], ..Change::default() };
        self.publisher.commit(org.clone(), change).await?;
        Ok(())
    }
}
