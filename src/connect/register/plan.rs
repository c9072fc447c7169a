//! What each vendor's file says of its interface, without calling it: which call comes next, and what the answers mean.

use appengine_actors::webhook::transport::Method;
use serde_json::Value;

use super::site::Site;
use crate::connect::api::{ApiCall, ApiReply};

/// A vendor whose own interface takes our address. Nothing in here waits, draws or remembers: the same integration and
/// the same answers always lead to the same next call.
pub trait Registrar: Sync {
    /// The vendor's name: `stripe`.
    fn vendor(&self) -> &'static str;

    /// The names of the credentials that the interface is called with.
    fn credentials(&self) -> &'static [&'static str];

    /// Whether all is there that the interface is called with.
    ///
    /// # Errors
    /// What is to be saved first.
    fn ready(&self, site: &Site) -> Result<(), String>;

    /// The call whose answer has an `access_token`, where the vendor wants one for all others.
    fn token(&self, _site: &Site) -> Option<Ask> {
        None
    }

    /// A call that changes nothing and needs the credentials; and where its answer says whose they are.
    fn account(&self, site: &Site) -> (Ask, &'static str);

    /// The call for the next page of what is registered; none behind the last one.
    fn list(&self, site: &Site, before: Option<&Value>) -> Option<Ask>;

    /// What the pages say is registered: ours, and what stands in its way.
    fn found(&self, site: &Site, pages: &[Value]) -> Vec<Found>;

    /// What has to be stored before the first change, since the vendor calls us during it.
    ///
    /// # Errors
    /// Why the address cannot be registered.
    fn before(&self, _site: &Site, _found: &[Found]) -> Result<Keep, String> {
        Ok(Keep::default())
    }

    /// The next change, after the answers to those before it; none when all is as it should be.
    ///
    /// # Errors
    /// Why the address cannot be registered.
    fn change(&self, site: &Site, found: &[Found], done: &[Answer]) -> Result<Option<Step>, String>;

    /// What came of the changes.
    ///
    /// # Errors
    /// What is missing in the answers.
    fn outcome(&self, site: &Site, found: &[Found], done: &[Answer]) -> Result<Outcome, String>;

    /// The calls that take our address away.
    fn removal(&self, site: &Site, found: &[Found]) -> Vec<Ask>;

    /// What an answer says was wrong; some vendors say it with status 200.
    fn complaint(&self, reply: &ApiReply) -> Option<String> {
        (!reply.is_ok()).then(|| said(reply))
    }
}

/// A call of an interface.
pub struct Ask {
    /// What it does, as it stands after "failed to".
    pub what: String,
    /// Whose interface: a name of `api::BASES`.
    pub base: &'static str,
    /// The call; its address is only the path.
    pub call: ApiCall,
    /// What the call is about, where others go on although it fails: a number, a kind of event.
    pub part: Option<String>,
}

impl Ask {
    /// A call that all depends on.
    pub fn new(what: impl Into<String>, base: &'static str, call: ApiCall) -> Self {
        Self { what: what.into(), base, call, part: None }
    }

    /// The others go on although it fails.
    pub fn part(self, part: impl Into<String>) -> Self {
        Self { part: Some(part.into()), ..self }
    }
}

/// A change that is due.
pub enum Step {
    /// By a call.
    Ask(Ask),
    /// Not made, on purpose.
    Left {
        /// What is left as it is.
        part: String,
        /// Why.
        why: String,
    },
}

/// What came of a change.
#[derive(Clone, Default)]
pub struct Answer {
    /// What it was about, where others go on without it.
    pub part: Option<String>,
    /// The answer's JSON; null where there is none.
    pub body: Value,
    /// Why it was not made.
    pub failure: Option<String>,
}

/// Something that is registered with the vendor.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The vendor's id of it.
    pub id: String,
    /// Whether it leads to our address.
    pub is_ours: bool,
    /// Whether the vendor calls it.
    pub is_enabled: bool,
    /// The vendor's words for what it is called for.
    pub events: Vec<String>,
    /// The whole of it, as the vendor says it.
    pub raw: Value,
}

/// What is to be stored of an integration. What is not in it stays as it is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keep {
    /// What the vendor signs with from now on.
    pub secret: Option<String>,
    /// What its calls are checked by from now on.
    pub public_key: Option<String>,
    /// Settings, by their names in the store.
    pub settings: Vec<(&'static str, String)>,
}

impl Keep {
    /// A secret.
    pub fn secret(secret: impl Into<String>) -> Self {
        Self { secret: Some(secret.into()), ..Self::default() }
    }

    /// A setting.
    pub fn setting(name: &'static str, value: impl Into<String>) -> Self {
        Self { settings: vec![(name, value.into())], ..Self::default() }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What came of a registration.
#[derive(Default)]
pub struct Outcome {
    /// The vendor's id of it, where there is one.
    pub id: Option<String>,
    /// What is to be stored of the answers.
    pub keep: Keep,
}

/// A call without a body.
pub fn call(method: Method, path: impl Into<String>) -> ApiCall {
    ApiCall::new(method, path.into())
}

/// A part of a path or a query that is somebody's text.
pub fn escaped(text: &str) -> String {
    let escape = |text: String, byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            text + &char::from(byte).to_string()
        }
        _ => text + &format!("%{byte:02X}"),
    };
    text.bytes().fold(String::new(), escape)
}

/// A text in an answer; empty where there is none.
pub fn text(of: &Value, at: &str) -> String {
    match of.pointer(at) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// The entries of a list in an answer.
pub fn items<'v>(of: &'v Value, at: &str) -> impl Iterator<Item = &'v Value> {
    of.pointer(at).and_then(Value::as_array).into_iter().flatten()
}

/// The texts of a list in an answer: its entries, or a field of each.
pub fn texts(of: &Value, list: &str, at: &str) -> Vec<String> {
    items(of, list).map(|item| text(item, at)).filter(|text| !text.is_empty()).collect()
}

/// Where vendors say in words what was wrong.
const WORDS: [&str; 6] = [
    "/error/message",
    "/errors/0/message",
    "/error_description",
    "/details/0/description",
    "/message",
    "/error",
];

/// What an answer says was wrong: the status, and the vendor's own words, or the beginning of what it sent instead.
pub fn said(reply: &ApiReply) -> String {
    let body = reply.json();
    let words = WORDS.iter().map(|at| text(&body, at)).find(|words| !words.is_empty());
    let Some(words) = words else { return reply.complaint() };
    let words: String = words.chars().take(300).collect();
    format!("it is answered with status {}: {words}", reply.status)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_vendor_says_is_passed_on() {
        let said = |body: &str| {
            let body = Bytes::copy_from_slice(body.as_bytes());
            said(&ApiReply { status: 401, headers: Vec::new(), body })
        };
        let words = "it is answered with status 401: No";
        for body in [
            r#"{"error": {"message": "No"}}"#,
            r#"{"errors": [{"message": "No"}]}"#,
            r#"{"error": "invalid_client", "error_description": "No"}"#,
            r#"{"code": 20003, "message": "No"}"#,
            "No",
        ] {
            assert_eq!(said(body), words, "{body}");
        }
        assert!(said(&"a".repeat(10_000)).len() < 400);
        assert!(said(&json!({"message": "a".repeat(10_000)}).to_string()).len() < 400);
    }

    #[test]
    fn texts_of_people_stay_one_part_of_a_path() {
        assert_eq!(escaped("mg.example.com"), "mg.example.com");
        assert_eq!(escaped("a/../b?c=é"), "a%2F..%2Fb%3Fc%3D%C3%A9");
    }
}
