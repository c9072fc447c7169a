//! Twilio: the addresses of the account's telephone numbers, for calls, messages and what becomes of calls. Calls are
//! signed by the auth token that the interface is called with. (Twilio API reference, "IncomingPhoneNumber resource".)

use appengine_actors::webhook::transport::Method;
use serde_json::Value;

use super::plan::{Answer, Ask, Found, Outcome, Registrar, Step, call, escaped, items, text};
use super::site::Site;
use crate::connect::api::ApiCall;

/// What a number is called for, where its answer names the address, and what sets it.
const ADDRESSES: [(&str, &str, &str); 3] = [
    ("voice", "voice_url", "VoiceUrl"),
    ("sms", "sms_url", "SmsUrl"),
    ("status", "status_callback", "StatusCallback"),
];
/// What says that something else than an address takes the number's calls or messages.
const APPLICATIONS: [(&str, &str); 3] = [
    ("voice_application_sid", "VoiceApplicationSid"),
    ("sms_application_sid", "SmsApplicationSid"),
    ("trunk_sid", "TrunkSid"),
];
/// Where new numbers lead until somebody sets something.
const DEMO: &str = "https://demo.twilio.com/";
/// Numbers that are changed at once.
const MOST_NUMBERS: usize = 100;

/// Twilio.
pub struct Twilio;

impl Registrar for Twilio {
    fn vendor(&self) -> &'static str {
        "twilio"
    }

    fn credentials(&self) -> &'static [&'static str] {
        &["accountSid", "authToken"]
    }

    fn ready(&self, site: &Site) -> Result<(), String> {
        let needs = [("accountSid", site.api("accountSid")), ("authToken", site.secret())];
        site.needs(&needs, "the account's SID (`AC…`) and its primary auth token")
    }

    fn account(&self, site: &Site) -> (Ask, &'static str) {
        let call = call(Method::Get, format!("{}.json", account(site)));
        (ask(site, "read the account", call), "/friendly_name")
    }

    fn list(&self, site: &Site, before: Option<&Value>) -> Option<Ask> {
        let path = match before {
            None => format!("{}/IncomingPhoneNumbers.json?PageSize=100", account(site)),
            Some(page) => Some(text(page, "/next_page_uri")).filter(|next| next.starts_with('/'))?,
        };
        Some(ask(site, "list the telephone numbers", call(Method::Get, path)))
    }

    fn found(&self, site: &Site, pages: &[Value]) -> Vec<Found> {
        let wanted = site.setting("phone_number");
        let all = pages.iter().flat_map(|page| items(page, "/incoming_phone_numbers"));
        let is_wanted = |number: &&Value| {
            wanted.is_empty() || number["phone_number"] == wanted || number["sid"] == wanted
        };
        let leads = |number: &Value, at: &str| number[at] == *site.address;
        all.filter(is_wanted)
            .map(|number| {
                let events = ADDRESSES.iter().filter(|(_, at, _)| leads(number, at));
                let events: Vec<_> = events.map(|(event, ..)| (*event).to_owned()).collect();
                Found {
                    id: text(number, "/sid"),
                    is_ours: !events.is_empty(),
                    is_enabled: !events.is_empty(),
                    events,
                    raw: number.clone(),
                }
            })
            .collect()
    }

    fn change(&self, site: &Site, found: &[Found], done: &[Answer]) -> Result<Option<Step>, String> {
        if found.is_empty() {
            let whose = match site.setting("phone_number") {
                "" => "the account has no telephone number".to_owned(),
                wanted => format!(
                    "the account has no telephone number `{wanted}`, as the setting `phoneNumber` says"
                ),
            };
            return Err(format!("find a number: {whose}"));
        }
        if found.len() > MOST_NUMBERS {
            let why = format!("the account has more than {MOST_NUMBERS} numbers");
            return Err(format!("choose the numbers: {why}; name one by the setting `phoneNumber`"));
        }
        let due = found.iter().filter(|found| found.events.len() < ADDRESSES.len());
        Ok(due.map(|found| change(site, found)).nth(done.len()))
    }

    fn outcome(&self, _: &Site, found: &[Found], done: &[Answer]) -> Result<Outcome, String> {
        let is_any =
            found.iter().any(|found| found.is_ours) || done.iter().any(|done| done.failure.is_none());
        match done.iter().find_map(|done| done.failure.clone()) {
            Some(why) if !is_any => Err(why),
            _ => Ok(Outcome::default()),
        }
    }

    fn removal(&self, site: &Site, found: &[Found]) -> Vec<Ask> {
        let clear = |found: &Found| {
            let ours = ADDRESSES.iter().filter(|(_, at, _)| found.raw[*at] == *site.address);
            let call = call(Method::Post, path(site, found)).form(ours.map(|(_, _, name)| (*name, "")));
            ask(site, "clear the addresses of the number", call).part(number(found))
        };
        found.iter().filter(|found| found.is_ours).map(clear).collect()
    }
}

fn ask(site: &Site, what: &str, call: ApiCall) -> Ask {
    Ask::new(what, "twilio", call.basic(site.api("accountSid"), site.secret()))
}

fn account(site: &Site) -> String {
    format!("/2010-04-01/Accounts/{}", escaped(site.api("accountSid")))
}

fn path(site: &Site, found: &Found) -> String {
    format!("{}/IncomingPhoneNumbers/{}.json", account(site), escaped(&found.id))
}

fn number(found: &Found) -> String {
    text(&found.raw, "/phone_number")
}

/// What leads a number to us, unless somebody else uses it.
fn change(site: &Site, found: &Found) -> Step {
    if let Some(used) = used(site, found).filter(|_| !site.replace) {
        let why = format!("register it: it leads to {used}; register with `replace: true` to take it over");
        return Step::Left { part: number(found), why };
    }
    let addresses = ADDRESSES.iter().map(|(_, _, name)| (*name, site.address.as_str()));
    let methods = ["VoiceMethod", "SmsMethod", "StatusCallbackMethod"].map(|name| (name, "POST"));
    // An application, or a trunk, would be asked before the address.
    let set = APPLICATIONS.iter().filter(|(at, _)| !text(&found.raw, &format!("/{at}")).is_empty());
    let cleared = set.map(|(_, name)| (*name, ""));
    let call = call(Method::Post, path(site, found)).form(addresses.chain(methods).chain(cleared));
    Step::Ask(ask(site, "set the addresses of the number", call).part(number(found)))
}

/// Where a number leads that is not ours.
fn used(site: &Site, found: &Found) -> Option<String> {
    let addresses = ADDRESSES.iter().map(|(_, at, _)| *at).chain(APPLICATIONS.iter().map(|(at, _)| *at));
    let mut led = addresses.map(|at| text(&found.raw, &format!("/{at}")));
    led.find(|to| !to.is_empty() && *to != site.address && !to.starts_with(DEMO))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::connect::register::testing::{authorization, changes, line, removals, site};

    fn page(site: &Site) -> Value {
        let own = site.address.as_str();
        json!({"next_page_uri": null, "incoming_phone_numbers": [
            {"sid": "PN1", "phone_number": "+15550001", "voice_url": "https://demo.twilio.com/welcome/voice/", "sms_url": ""},
            {"sid": "PN2", "phone_number": "+15550002", "voice_url": "https://other", "sms_url": own},
            {"sid": "PN3", "phone_number": "+15550003", "voice_url": own, "sms_url": own, "status_callback": own},
            {"sid": "PN4", "phone_number": "+15550004", "trunk_sid": "TK1"},
        ]})
    }

    #[test]
    fn pages_are_read_to_their_end() {
        let site = site(&[("accountSid", "AC1")], &["token"]);
        let first = Twilio.list(&site, None).unwrap();
        assert_eq!(line(&first), "Get twilio/2010-04-01/Accounts/AC1/IncomingPhoneNumbers.json?PageSize=100");
        assert_eq!(authorization(&first), "Basic QUMxOnRva2Vu");
        let next = "/2010-04-01/Accounts/AC1/IncomingPhoneNumbers.json?Page=1";
        let next_page = json!({"next_page_uri": next});
        assert_eq!(line(&Twilio.list(&site, Some(&next_page)).unwrap()), format!("Get twilio{next}"));
        for last in [json!({"next_page_uri": null}), json!({"next_page_uri": "@attacker.test/"})] {
            assert!(Twilio.list(&site, Some(&last)).is_none());
        }
    }

    #[test]
    fn free_numbers_are_led_to_us_and_others_only_when_asked() {
        let mut site = site(&[("accountSid", "AC1")], &["token"]);
        let found = Twilio.found(&site, &[page(&site)]);
        let (lines, done) = changes(&Twilio, &site, &found, &[]);
        assert_eq!(lines.len(), 3, "{lines:?}");
        let path = "Post twilio/2010-04-01/Accounts/AC1/IncomingPhoneNumbers";
        assert!(lines[0].starts_with(&format!("{path}/PN1.json VoiceUrl=https%3A%2F%2Fhooks.")), "{lines:?}");
        assert!(
            lines[0].ends_with("&VoiceMethod=POST&SmsMethod=POST&StatusCallbackMethod=POST"),
            "{lines:?}"
        );
        assert!(lines[1].starts_with("left +15550002: register it: it leads to https://other;"), "{lines:?}");
        assert!(lines[2].starts_with("left +15550004: register it: it leads to TK1;"), "{lines:?}");
        assert!(Twilio.outcome(&site, &found, &done).is_ok());
        site.replace = true;
        let (lines, _) = changes(&Twilio, &site, &found, &[]);
        assert!(
            lines[2].starts_with(&format!("{path}/PN4.json Voice")) && lines[2].ends_with("&TrunkSid="),
            "{lines:?}"
        );
        assert_eq!(
            removals(&Twilio, &site, &found),
            [
                format!("{path}/PN2.json SmsUrl="),
                format!("{path}/PN3.json VoiceUrl=&SmsUrl=&StatusCallback=")
            ]
        );
    }

    #[test]
    fn one_number_is_chosen_by_its_setting() {
        let mut site = site(&[("accountSid", "AC1")], &["token"]);
        site.settings.insert("phone_number".to_owned(), "+15550002".into());
        let found = Twilio.found(&site, &[page(&site)]);
        let (lines, done) = changes(&Twilio, &site, &found, &[]);
        assert_eq!((lines.len(), found[0].id.as_str()), (1, "PN2"));
        // It is ours in part, for messages.
        assert!(Twilio.outcome(&site, &found, &done).is_ok());
        let failed = Answer { failure: Some("no".to_owned()), ..Answer::default() };
        assert!(Twilio.outcome(&site, &[], &[failed]).is_err());
        assert!(Twilio.change(&site, &[], &[]).is_err());
    }
}
