//! A record: the contract's BaseModel (§3.1). Application fields live under `data` only; the rest is
//! kept by this program or passed through. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock::Stamp;
use crate::ids::{Datatype, OrgId, RecordId};

/// The states that a record may be in (contract §3.1).
pub const STATES: [&str; 14] = [
    "draft",
    "new",
    "active",
    "pending",
    "inprogress",
    "reviewed",
    "approved",
    "published",
    "completed",
    "hold",
    "rejected",
    "cancelled",
    "archived",
    DELETED,
];

/// The state of a record that was deleted softly: lists leave it out unless asked for it.
pub const DELETED: &str = "deleted";

/// Root fields that a client may set beside `data`; they are stored and returned as they are.
pub const CLIENT_FIELDS: [&str; 16] = [
    "name",
    "state",
    "subschema",
    "workflow",
    "post",
    "style",
    "publishedDate",
    "requiredRole",
    "notes",
    "rules",
    "stats",
    "share",
    "owner",
    "crm_agent",
    "search",
    "client",
];

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The contract's `sk`: its id in every route.
    pub sk: RecordId,
    /// The contract's `pk`: whose it is.
    pub org: OrgId,
    /// Its collection.
    pub datatype: Datatype,
    /// 0 when created, one more with each write.
    pub version: u64,
    /// One of [`STATES`].
    pub state: String,
    /// When it was created.
    pub created: Stamp,
    /// When it was last written.
    pub modified: Stamp,
    /// Who created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Who wrote it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_by: Option<String>,
    /// Digest of the create that made it, so that an exact repeat is noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_hash: Option<String>,
    /// The application's fields.
    pub data: Map<String, Value>,
    /// Those of [`CLIENT_FIELDS`] that were set.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub meta: Map<String, Value>,
}

impl Record {
    /// The BaseModel as clients see it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut body = self.meta.clone();
        let own = json!({
            "pk": self.org, "sk": self.sk, "datatype": self.datatype, "version": self.version,
            "state": self.state, "createdate": self.created.time(), "modifydate": self.modified.time(),
            "isNew": false,
        });
        if let Value::Object(own) = own {
            body.extend(own);
        }
        let optional = [
            ("author", &self.author),
            ("modified_by", &self.modified_by),
            ("create_hash", &self.create_hash),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                body.insert(name.to_owned(), Value::String(value.clone()));
            }
        }
        body.insert("data".to_owned(), Value::Object(self.data.clone()));
        Value::Object(body)
    }

    /// Whether it was deleted softly.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.state == DELETED
    }

    /// The e-mail in `data.email` as it is indexed: the one application field with an index.
    #[must_use]
    pub fn email(&self) -> Option<String> {
        self.data.get("email").and_then(Value::as_str).and_then(indexed_email)
    }

    /// The e-mail that nobody else of its datatype may have while it stands; a deleted record keeps none.
    #[must_use]
    pub fn unique_email(&self) -> Option<String> {
        self.email().filter(|_| !self.is_deleted() && email_is_unique(&self.datatype))
    }

    /// Every value by which it is found without looking at other records: the field, as queries spell it, and the
    /// value as the index does.
    #[must_use]
    pub fn found_by(&self) -> BTreeSet<(&'static str, String)> {
        let text = |field: &str| self.data.get(field).and_then(Value::as_str);
        let phone = match self.datatype.as_str() {
            "contact" | "customer" => text("phone").and_then(indexed_phone),
            _ => None,
        };
        let message = match self.datatype.as_str() {
            "broadcast_delivery" => text("messageId").filter(|id| !id.is_empty() && id.len() <= LONGEST_ID),
            _ => None,
        };
        let emails = self.emails().into_iter().map(|email| (EMAIL_FIELD, email));
        let phone = phone.map(|phone| (PHONE_FIELD, phone));
        let message = message.map(|id| (MESSAGE_FIELD, id.to_owned()));
        emails.chain(phone).chain(message).collect()
    }

    /// Every e-mail by which a query for `data.email` finds it: an array matches by each of its elements.
    #[must_use]
    pub fn emails(&self) -> BTreeSet<String> {
        let values = match self.data.get("email") {
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        values.iter().filter_map(Value::as_str).filter_map(indexed_email).collect()
    }
}

/// The longest e-mail that is indexed (RFC 3696 allows 254 characters); longer texts are no addresses.
const LONGEST_EMAIL: usize = 320;

/// An e-mail as the index spells it; none for texts that it does not hold.
#[must_use]
pub fn indexed_email(text: &str) -> Option<String> {
    let email = text.trim().to_lowercase();
    (!email.is_empty() && email.len() <= LONGEST_EMAIL).then_some(email)
}

/// The longest id of a message that is indexed.
const LONGEST_ID: usize = 320;

/// A telephone number as the index spells it: its digits, with a `+` where it begins with one or with `00`. None for
/// texts that are no number.
#[must_use]
pub fn indexed_phone(text: &str) -> Option<String> {
    let text = text.trim().strip_prefix("tel:").unwrap_or(text.trim());
    let is_global = text.starts_with('+') || text.starts_with("00");
    let number = text.strip_prefix("00").unwrap_or(text);
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '/' | '(' | ')');
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    // E.164 has up to 15 digits; shorter ones than these are no subscriber's.
    let fits = (5..=15).contains(&digits.len()) && number.chars().all(is_part);
    fits.then(|| if is_global { format!("+{digits}") } else { digits })
}

/// The field of people's telephone numbers, as queries spell it.
pub const PHONE_FIELD: &str = "data.phone";

/// The field of the vendor's id of a message that was sent, as queries spell it.
pub const MESSAGE_FIELD: &str = "data.messageId";

/// The field that [`Record::email`] reads, as queries spell it.
pub const EMAIL_FIELD: &str = "data.email";

/// Whether no two records of a datatype may share an e-mail: those that people sign in with.
#[must_use]
pub fn email_is_unique(datatype: &Datatype) -> bool {
    matches!(datatype.as_str(), "user" | "customer")
}

/// The datatype that a client's spelling stands for (contract §13.12).
///
/// # Errors
/// Says the rule when the text is no datatype's name.
pub fn datatype(text: &str) -> Result<Datatype, crate::ids::IdError> {
    Datatype::new(if text == "chat-config" { "chat_config" } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn numbers_are_found_however_they_are_written() {
        for same in ["+49 30 123-456", "+4930123456", "0049 (30) 123456", "tel:+4930123456"] {
            assert_eq!(indexed_phone(same).as_deref(), Some("+4930123456"), "{same}");
        }
        for none in ["", "+", "1234", "call me", "12345678901234567", "ä12345"] {
            assert_eq!(indexed_phone(none), None, "{none}");
        }
    }

    #[test]
    fn clients_see_the_contracts_base_model() {
        let record = Record {
            sk: RecordId::new("contact-abc").unwrap(),
            org: OrgId::new("my-org").unwrap(),
            datatype: Datatype::new("contact").unwrap(),
            version: 3,
            state: "new".into(),
            created: Stamp::first_of(Timestamp::from_millis(0)),
            modified: Stamp::first_of(Timestamp::from_millis(1)),
            author: Some("ada".into()),
            modified_by: None,
            create_hash: None,
            data: json!({"email": " Ada@Example.com "}).as_object().cloned().unwrap(),
            meta: json!({"owner": {"id": "1"}}).as_object().cloned().unwrap(),
        };
        let expected = json!({
            "pk": "my-org", "sk": "contact-abc", "datatype": "contact", "version": 3, "state": "new",
            "createdate": "1970-01-01T00:00:00.000Z", "modifydate": "1970-01-01T00:00:00.001Z",
            "isNew": false, "author": "ada", "owner": {"id": "1"}, "data": {"email": " Ada@Example.com "},
        });
        assert_eq!(record.to_json(), expected);
        assert_eq!(record.email().as_deref(), Some("ada@example.com"));
    }
}
