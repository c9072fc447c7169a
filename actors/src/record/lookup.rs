//! Look-ups that are no lists: which collections an organisation has, and which records have an e-mail.
//! Each reads an index and little else.

use super::find::COUNTED;
use super::model::{EMAIL_FIELD, Record};
use super::place::Flags;
use super::service::{Read, Records};
use crate::ids::{Datatype, OrgId};
use crate::keys::{self, TimeOrder};
use crate::store::{Scan, StoreError, Versioned, after_prefix, decode};

/// Collections that are named at most.
pub const MOST_COLLECTIONS: usize = 1_000;
/// Index entries read at once.
const CHUNK: usize = 1_000;

/// A collection that has records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Its name.
    pub datatype: Datatype,
    /// Its records that are not deleted, as far as they were counted.
    pub count: u64,
    /// Whether there may be more than `count`.
    pub count_is_lower_bound: bool,
}

impl Records {
    /// The collections of an organisation by name, each counted up to [`COUNTED`] and all of them together
    /// up to `budget`. Those whose records are all deleted are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn collections(&self, org: &OrgId, budget: usize) -> Result<Vec<Collection>, StoreError> {
        let all = keys::all_records(org);
        let mut next = Scan::prefix(all.clone(), 1).keys_only();
        let (mut found, mut left) = (Vec::new(), budget);
        while found.len() < MOST_COLLECTIONS {
            let Some((key, _)) = self.store.scan(next.clone()).await?.into_iter().next() else { break };
            let datatype = datatype_of(&all, &key)
                .ok_or_else(|| StoreError::Corrupt("a record's key names no collection".into()))?;
            // On to the first record of the next collection, over all of this one.
            next.from = after_prefix(&keys::records(org, &datatype));
            let (count, count_is_lower_bound) = self.count(org, &datatype, &mut left).await?;
            if count > 0 || count_is_lower_bound {
                found.push(Collection { datatype, count, count_is_lower_bound });
            }
        }
        Ok(found)
    }

    async fn count(
        &self,
        org: &OrgId,
        datatype: &Datatype,
        left: &mut usize,
    ) -> Result<(u64, bool), StoreError> {
        let mut scan = Scan::prefix(keys::records_by_time(org, datatype, TimeOrder::Created), CHUNK);
        let (mut count, mut looked) = (0, 0);
        loop {
            scan.limit = CHUNK.min(*left).min(COUNTED - looked);
            if scan.limit == 0 {
                return Ok((count, true));
            }
            let entries = self.store.scan(scan.clone()).await?;
            let there = entries.iter().filter(|(_, entry)| !Flags::from_bytes(&entry.value).deleted);
            count += there.count() as u64;
            looked += entries.len();
            *left -= entries.len();
            match entries.last() {
                Some((last, _)) if entries.len() == scan.limit => scan = scan.after(last),
                _ => return Ok((count, false)),
            }
        }
    }

    /// The records with an e-mail in `data.email`, whatever its case, that are not deleted: at most `most`,
    /// those that were written last first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn with_email(
        &self,
        org: &OrgId,
        datatype: &Datatype,
        email: &str,
        most: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let email = email.trim().to_lowercase();
        let found = self.with(org, datatype, (EMAIL_FIELD, &email), most).await?;
        let records = found.into_iter().map(|read| read.record);
        // An array of addresses is nobody's own, and the e-mail may have changed between the two reads.
        Ok(records.filter(|record| record.email().as_deref() == Some(&email)).collect())
    }

    /// The records with a value in an indexed field, as [`Record::found_by`] spells both, that are not deleted: at most
    /// `most`, those that were written last first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn with(
        &self,
        org: &OrgId,
        datatype: &Datatype,
        (field, value): (&str, &str),
        most: usize,
    ) -> Result<Vec<Read>, StoreError> {
        let scan = Scan::prefix(keys::records_with(org, datatype, field, value), most).keys_only();
        let entries = self.store.scan(scan).await?;
        let ids = entries.iter().filter_map(|(key, _)| keys::trailing_record_id(key));
        let wanted = ids.map(|sk| keys::record(org, datatype, &sk)).collect();
        let found = self.store.get_many(wanted).await?.into_iter().flatten();
        let read = |found: Versioned| Ok(Read { record: decode(&found.value)?, version: found.version });
        let mut found = found.map(read).collect::<Result<Vec<_>, StoreError>>()?;
        found.retain(|read| !read.record.is_deleted());
        found.sort_by_key(|read| std::cmp::Reverse(read.record.modified));
        Ok(found)
    }
}

/// The collection that a key under `all` belongs to.
fn datatype_of(all: &[u8], key: &[u8]) -> Option<Datatype> {
    let rest = key.strip_prefix(all)?;
    // No name has a zero byte, so the first one ends it.
    let end = rest.iter().position(|byte| *byte == 0)?;
    Datatype::new(std::str::from_utf8(rest.get(..end)?).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;
    use serde_json::json;

    use super::*;
    use crate::bus::change::{Change, ChangeError, Receipt};
    use crate::clock::{Stamp, Timestamp};
    use crate::ids::RecordId;
    use crate::ports::Publisher;
    use crate::store::{Batch, Store, encode};
    use crate::testkit::{ManualClock, MemoryStore};

    struct Nobody;

    impl Publisher for Nobody {
        fn commit(&self, _: OrgId, _: Change) -> BoxFuture<'static, Result<Receipt, ChangeError>> {
            Box::pin(std::future::ready(Err(ChangeError::Condition)))
        }
    }

    /// Records as the bus would have written them: `(org, datatype, sk, state, e-mail)`.
    fn records(rows: &[(&str, &str, &str, &str, &str)]) -> Records {
        let store = MemoryStore::default();
        for (at, (org, datatype, sk, state, email)) in rows.iter().enumerate() {
            let stamp = Stamp::first_of(Timestamp::from_millis(at as u64 + 1));
            let record = Record {
                sk: RecordId::new(sk).unwrap(),
                org: OrgId::new(org).unwrap(),
                datatype: Datatype::new(datatype).unwrap(),
                version: 0,
                state: (*state).to_owned(),
                created: stamp,
                modified: stamp,
                author: None,
                modified_by: None,
                create_hash: None,
                data: json!({"email": email}).as_object().cloned().unwrap(),
                meta: serde_json::Map::new(),
            };
            let (org, datatype, sk) = (&record.org, &record.datatype, &record.sk);
            let mut batch = Batch::default();
            batch.put(keys::record(org, datatype, sk), encode(&record).unwrap());
            let place = keys::record_by_time(org, datatype, TimeOrder::Created, stamp, sk);
            batch.put(place, Flags::of(&record).to_bytes());
            let email = record.email().unwrap();
            batch.put(keys::record_with(org, datatype, EMAIL_FIELD, &email, sk), Vec::new());
            store.commit(batch).now_or_never().unwrap().unwrap();
        }
        Records::new(Arc::new(store), Arc::new(ManualClock::default()), Arc::new(Nobody))
    }

    fn org(text: &str) -> OrgId {
        OrgId::new(text).unwrap()
    }

    fn counted(records: &Records, budget: usize) -> Vec<(String, u64, bool)> {
        let found = records.collections(&org("a"), budget).now_or_never().unwrap().unwrap();
        found.into_iter().map(|c| (c.datatype.to_string(), c.count, c.count_is_lower_bound)).collect()
    }

    #[test]
    fn collections_are_those_of_the_organisation_that_have_records() {
        let records = records(&[
            ("a", "contact", "1", "new", "x@y.z"),
            ("a", "contact", "2", "new", "x@y.z"),
            ("a", "contact_note", "1", "new", "x@y.z"),
            ("a", "lead", "1", "deleted", "x@y.z"),
            ("a", "ticket", "1", "deleted", "x@y.z"),
            ("a", "ticket", "2", "new", "x@y.z"),
            ("a.b", "foreign", "1", "new", "x@y.z"),
            ("b", "foreign", "1", "new", "x@y.z"),
        ]);
        let all = [("contact", 2, false), ("contact_note", 1, false), ("ticket", 1, false)];
        assert_eq!(counted(&records, 100), all.map(|(name, n, more)| (name.to_owned(), n, more)));
        let bounded = counted(&records, 1);
        assert_eq!(bounded.first(), Some(&("contact".to_owned(), 1, true)));
        assert_eq!(bounded.get(1), Some(&("contact_note".to_owned(), 0, true)));
    }

    #[test]
    fn an_email_is_found_in_any_case_and_never_in_another_collection() {
        let records = records(&[
            ("a", "contact", "1", "new", "Ada@Example.com"),
            ("a", "contact", "2", "new", "ada@example.com "),
            ("a", "contact", "3", "deleted", "ada@example.com"),
            ("a", "lead", "4", "new", "ada@example.com"),
            ("b", "contact", "5", "new", "ada@example.com"),
        ]);
        let contact = Datatype::new("contact").unwrap();
        let a = org("a");
        let found = records.with_email(&a, &contact, " ADA@example.com", 10).now_or_never();
        let found = found.unwrap().unwrap();
        assert_eq!(found.iter().map(|record| record.sk.as_str()).collect::<Vec<_>>(), ["2", "1"]);
    }
}
