//! What the tests of the vendors' files share.

use appengine_actors::inbound::integration::Credentials;
use serde_json::{Map, Value};

use super::plan::{Answer, Ask, Found, Registrar, Step};
use super::site::Site;
use crate::vendors::call::{Call, Headers};

/// An integration with these of its interface and these secrets.
pub fn site(api: &[(&str, &str)], secrets: &[&str]) -> Site {
    let api = api.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    let secrets = secrets.iter().map(|secret| (*secret).to_owned()).collect();
    Site {
        address: "https://hooks.example.test/connect/webhook/v/int_1".to_owned(),
        credentials: Credentials { secrets, api, ..Credentials::default() },
        settings: Map::new(),
        fresh: "fresh-0123456789".to_owned(),
        replace: false,
        token: "token-0123456789".to_owned(),
    }
}

/// A call in one line: its method, its path and its body.
pub fn line(ask: &Ask) -> String {
    let body = String::from_utf8_lossy(&ask.call.body);
    format!("{:?} {}{} {body}", ask.call.method, ask.base, ask.call.url).trim_end().to_owned()
}

/// All changes in lines, each answered with the next of these, or with nothing.
pub fn changes(
    of: &dyn Registrar,
    site: &Site,
    found: &[Found],
    answers: &[Value],
) -> (Vec<String>, Vec<Answer>) {
    let (mut lines, mut done) = (Vec::new(), Vec::new());
    while let Some(step) = of.change(site, found, &done).unwrap() {
        let body = answers.get(done.len()).cloned().unwrap_or_default();
        match step {
            Step::Ask(ask) => {
                lines.push(line(&ask));
                done.push(Answer { part: ask.part, body, failure: None });
            }
            Step::Left { part, why } => {
                lines.push(format!("left {part}: {why}"));
                done.push(Answer { part: Some(part), failure: Some(why), ..Answer::default() });
            }
        }
        assert!(lines.len() < 50, "no end: {lines:?}");
    }
    (lines, done)
}

/// What is done to take the address away, in lines.
pub fn removals(of: &dyn Registrar, site: &Site, found: &[Found]) -> Vec<String> {
    of.removal(site, found).iter().map(line).collect()
}

/// What signs the call.
pub fn authorization(ask: &Ask) -> &str {
    let found = ask.call.headers.iter().find(|(name, _)| name == "authorization");
    found.map_or("", |(_, value)| value)
}

/// Whether a body of a vendor's means anything to us.
pub fn is_understood(vendor: &str, body: &Value) -> bool {
    let vendor = crate::vendors::named(vendor).unwrap();
    let call = Call {
        method: "POST".to_owned(),
        url: "https://hooks.example.test/".to_owned(),
        headers: Headers::new([]),
        body: body.to_string().into_bytes(),
    };
    !vendor.translate(&call).is_empty()
}
