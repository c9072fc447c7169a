//! Who there is: people with an account, by what others call them.

use serde_json::Value;

use super::community::who::Handle;
use super::person::{Person, Side};
use crate::ids::{Datatype, IdError, OrgId, RecordId};
use crate::record::model::Record;
use crate::record::service::{Read, Records};
use crate::store::StoreError;

/// The people of all organisations.
#[derive(Clone)]
pub struct People {
    records: Records,
    staff: Datatype,
    customers: Datatype,
}

impl People {
    /// The people whose records these are.
    ///
    /// # Errors
    /// Never in practice: only if a built-in name broke the rule for names.
    pub fn new(records: Records) -> Result<Self, IdError> {
        Ok(Self { records, staff: Datatype::new("user")?, customers: Datatype::new("customer")? })
    }

    /// Somebody by their address, by `customer:{address}` or `agent:{address}`, or by the id of their record. An
    /// address alone is that of one of the staff before it is a customer's: nobody becomes one of them by saying so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(&self, org: &OrgId, text: &str) -> Result<Option<Person>, StoreError> {
        let text = text.trim();
        if let Some(handle) = Handle::parse(text) {
            return self.by_email(org, handle.side(), handle.email()).await;
        }
        for side in [Side::Agent, Side::Customer] {
            let found = if text.contains('@') {
                self.by_email(org, side, text).await?
            } else {
                let Ok(id) = RecordId::new(text) else { return Ok(None) };
                person(side, self.records.read(org, self.datatype(side), &id).await?)
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Somebody on a side, by their address.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn by_email(&self, org: &OrgId, side: Side, email: &str) -> Result<Option<Person>, StoreError> {
        Ok(person(side, self.records.by_email(org, self.datatype(side), email).await?))
    }

    const fn datatype(&self, side: Side) -> &Datatype {
        match side {
            Side::Agent => &self.staff,
            Side::Customer => &self.customers,
        }
    }
}

fn person(side: Side, found: Option<Read>) -> Option<Person> {
    let record = found?.record;
    if record.is_deleted() {
        return None;
    }
    let email = record.email()?;
    let name = name(&record).unwrap_or_else(|| email.clone());
    Some(Person { side, id: record.sk, email, name, guest: false })
}

/// The name to show.
fn name(record: &Record) -> Option<String> {
    let text = |field: &str| {
        let text = record.data.get(field).and_then(Value::as_str).map(str::trim);
        text.filter(|text| !text.is_empty())
    };
    let both = [text("firstName"), text("lastName")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    text("name").map(str::to_owned).or_else(|| (!both.is_empty()).then_some(both))
}
