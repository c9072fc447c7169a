//! Amazon SES, which tells over SNS: a message in JSON with `Signature`, RSA in base64 over some of its fields, by the
//! certificate at `SigningCertURL`. `SignatureVersion` 1 is SHA-1 and the usual one, 2 is SHA-256. (Amazon, "Verifying the
//! signatures of Amazon SNS messages", "Examples of event data that Amazon SES publishes".)
//!
//! A genuine signature does not say that a message is for us: anybody may have a topic of theirs call us. So the topics
//! that may call are set, and no other is confirmed.

use std::time::Duration;

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters,
};
use serde_json::Value;

use super::call::Call;
use super::certificate::{TrustedKey, foreign_address, plain_address};
use super::keys::Keys;
use super::told::{Told, text};
use super::verdict::{Part, Refusal, Reply, Stop, Verified};
use super::{Around, Vendor, age, mac, ses_events};

/// What SNS calls the kind of a message by, too.
pub const TYPE: &str = "x-amz-sns-message-type";
/// What SNS marks a message by that it sends without its envelope, and so without a signature.
pub const RAW: &str = "x-amz-sns-rawdelivery";

/// SNS sends again for an hour at most and sets no limit itself.
const OLDEST: Duration = Duration::from_secs(2 * 60 * 60);
const NOTIFIED: [&str; 6] = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
const SUBSCRIBED: [&str; 7] =
    ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

/// Amazon SES, over SNS.
pub struct Ses;

impl Vendor for Ses {
    fn name(&self) -> &'static str {
        "ses-sns"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        let message = Message::of(call, keys)?;
        if message.kind == Kind::Subscription {
            return message.handshake(keys, around).map_err(|stop| stop.status(403));
        }
        message.check(keys, around)?;
        Ok(Verified::call(message.field("MessageId")?))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        let Some(body) = call.json() else { return Vec::new() };
        let is_notification = text(&body, "/Type").as_deref() == Some("Notification");
        let Some((id, message)) = text(&body, "/MessageId").zip(text(&body, "/Message")) else {
            return Vec::new();
        };
        // The first message after subscribing is plain text, and means nothing.
        match serde_json::from_str(&message) {
            Ok(event) if is_notification => ses_events::told(&id, &event),
            _ => Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Notification,
    Subscription,
    /// That a subscription has ended. It could be confirmed again by the same kind of address, which nobody has asked for.
    Unsubscription,
}

/// A message, its kind and its topic known to be right.
struct Message {
    body: Value,
    kind: Kind,
}

impl Message {
    fn of(call: &Call, keys: &Keys) -> Result<Self, Refusal> {
        let topics = &keys.settings.topic_arns;
        if topics.is_empty() {
            return Err(Refusal::no_keys("the SNS topics that may call (`arn:aws:sns:…`)"));
        }
        if call.headers.one(RAW) == Some("true") {
            let cause = "the subscription has raw message delivery enabled: disable it";
            let expected = "a message of SNS with its signature";
            return Err(Refusal::new(Part::Format, expected, "one delivered raw, which has none", cause));
        }
        let body = call.json().filter(Value::is_object).ok_or_else(|| {
            let cause = "the call is not from SNS, or something on the way takes the body for itself";
            Refusal::new(Part::Body, "a message of SNS as JSON", "something else", cause)
        })?;
        let kind = match body["Type"].as_str() {
            Some("Notification") => Kind::Notification,
            Some("SubscriptionConfirmation") => Kind::Subscription,
            Some("UnsubscribeConfirmation") => Kind::Unsubscription,
            _ => return Err(malformed("a kind of message in `Type`")),
        };
        if call.headers.all().any(|(name, value)| name == TYPE && body["Type"] != value) {
            return Err(malformed(&format!("the same kind of message in `Type` and in `{TYPE}`")));
        }
        let message = Self { body, kind };
        let topic = message.field("TopicArn")?;
        if !topics.iter().any(|known| known == topic) {
            let cause = "the topic is missing in the settings, or somebody has subscribed this address to a topic of \
                         theirs";
            let refusal =
                Refusal::new(Part::Recipient, "one of the topics that may call", "another one", cause);
            return Err(refusal.status(403));
        }
        Ok(message)
    }

    fn field(&self, name: &str) -> Result<&str, Refusal> {
        self.body[name].as_str().ok_or_else(|| malformed(&format!("a text in `{name}`")))
    }

    /// What confirms a subscription: an address that is to be read.
    fn handshake(&self, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        self.check(keys, around)?;
        let url = self.field("SubscribeURL")?;
        if !plain_address(url).is_some_and(|url| is_host(url.host_str())) {
            return Err(foreign_address("a `SubscribeURL` of SNS", url).into());
        }
        Ok(Verified::Handshake { reply: Reply::empty(200), visit: Some(url.to_owned()) })
    }

    /// Whether it is signed, and of the present.
    fn check(&self, keys: &Keys, around: &Around<'_>) -> Result<(), Stop> {
        self.check_signature(around)?;
        let sent = self.field("Timestamp")?.parse();
        let sent = sent.map_err(|_| malformed("a time as RFC 3339 in `Timestamp`"))?;
        Ok(age::within(sent, around.now, keys.settings.tolerance(OLDEST))?)
    }

    fn check_signature(&self, around: &Around<'_>) -> Result<(), Stop> {
        let algorithm: &'static RsaParameters = match self.field("SignatureVersion")? {
            "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            "2" => &RSA_PKCS1_2048_8192_SHA256,
            _ => return Err(malformed("1 or 2 in `SignatureVersion`").into()),
        };
        let signature =
            mac::from_base64(self.field("Signature")?).ok_or_else(|| malformed("base64 in `Signature`"))?;
        let signed = self.signed()?;
        let url = self.field("SigningCertURL")?;
        if !is_certificate_address(url) {
            return Err(foreign_address("https://sns.<region>.amazonaws.com/….pem", url).into());
        }
        let key = TrustedKey::at(url, around, |name| name == "sns.amazonaws.com")?;
        if !key.has_signed(algorithm, signed.as_bytes(), &signature) {
            let cause = "something changed the body on its way, or the call is not from SNS";
            let expected = "RSA over the message's fields";
            return Err(Refusal::new(Part::Signature, expected, "another signature", cause).into());
        }
        Ok(())
    }

    /// What is signed: the names and values of the fields, each on a line of its own.
    fn signed(&self) -> Result<String, Refusal> {
        let names: &[&str] = if self.kind == Kind::Notification { &NOTIFIED } else { &SUBSCRIBED };
        let mut signed = String::new();
        for name in names {
            // A subject is signed where there is one, even if it is empty.
            if *name == "Subject" && self.body.get("Subject").is_none_or(Value::is_null) {
                continue;
            }
            signed.extend([name, "\n", self.field(name)?, "\n"]);
        }
        Ok(signed)
    }
}

fn malformed(expected: &str) -> Refusal {
    let cause = "the call is not from SNS, or something changes the body on its way";
    Refusal::new(Part::Format, expected, "something else", cause)
}

fn is_certificate_address(text: &str) -> bool {
    let is_pem = |url: &url::Url| url.path().ends_with(".pem") && url.query().is_none();
    plain_address(text).is_some_and(|url| is_host(url.host_str()) && is_pem(&url))
}

/// `sns.<region>.amazonaws.com`, or the same in China.
fn is_host(host: Option<&str>) -> bool {
    let region = host.and_then(|host| host.strip_prefix("sns.")).and_then(|rest| {
        rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn"))
    });
    let is_label = |label: &str| label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    region.is_some_and(|region| region.len() >= 3 && is_label(region))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
    use rustls_pki_types::PrivateKeyDer;
    use rustls_pki_types::pem::PemObject;
    use serde_json::json;

    use super::*;
    use crate::vendors::captured::Captured;
    use crate::vendors::keys::Settings;
    use crate::vendors::testing::{call, now, told_by};

    /// A captured call, by its name.
    fn captured(name: &str) -> Value {
        let all = include_str!("../../tests/vectors/vendors.json");
        let all: Vec<Value> = serde_json::from_str(all).unwrap();
        all.into_iter().find(|one| one["id"] == name).unwrap()
    }

    /// What comes of a captured call with another body.
    fn verdict(mut of: Value, body: &Value) -> (&'static str, Value) {
        of["headers"] = json!({});
        of["body"] = mac::base64(body.to_string().as_bytes()).into();
        let line = serde_json::from_value::<Captured>(of).unwrap().check(now()).unwrap();
        (line.verdict, line.response.unwrap_or_default()["status"].clone())
    }

    fn body(of: &Value) -> Value {
        serde_json::from_slice(&mac::from_base64(of["body"].as_str().unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn the_version_says_by_which_digest_a_message_is_signed() {
        // This one has the signature of a message of version 1.
        let call = captured("ses-sns/version-flipped");
        let mut message = body(&call);
        for (version, verdict_of_it) in
            [("1", ("accept", 200)), ("2", ("reject", 401)), ("3", ("reject", 401))]
        {
            message["SignatureVersion"] = version.into();
            let (found, status) = verdict(call.clone(), &message);
            assert_eq!((found, status.as_u64()), (verdict_of_it.0, Some(verdict_of_it.1)), "{version}");
        }
    }

    #[test]
    fn the_end_of_a_subscription_is_taken_and_nothing_is_read_for_it() {
        let key = captured("ses-sns/notification-v2-delivery")["private_key_pem"].clone();
        let key = PrivateKeyDer::from_pem_slice(key.as_str().unwrap().as_bytes()).unwrap();
        let key = RsaKeyPair::from_pkcs8(key.secret_der()).unwrap();
        let call = captured("ses-sns/subscription-confirmation");
        let mut message = body(&call);
        message["Type"] = "UnsubscribeConfirmation".into();
        assert_eq!(verdict(call.clone(), &message), ("reject", json!(401)));
        let signed = Message { body: message.clone(), kind: Kind::Unsubscription }.signed().unwrap();
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        message["Signature"] = mac::base64(&signature).into();
        assert_eq!(verdict(call, &message), ("accept", json!(200)));
    }

    #[test]
    fn a_confirmation_that_is_not_genuine_is_forbidden() {
        let call = captured("ses-sns/subscription-confirmation");
        let mut message = body(&call);
        assert_eq!(verdict(call.clone(), &message), ("handshake", json!(200)));
        message["Token"] = "another".into();
        assert_eq!(verdict(call, &message), ("reject", json!(403)));
    }

    #[test]
    fn addresses_are_of_sns_alone() {
        assert!(is_certificate_address(
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem"
        ));
        assert!(is_certificate_address("https://sns.cn-north-1.amazonaws.com.cn/a.pem"));
        for wrong in [
            "https://sns.us-east-1.amazonaws.com/a.txt",
            "https://sns.us-east-1.amazonaws.com/a?b.pem",
            "https://sns.us-east-1.amazonaws.com/a.pem?b",
            "https://sns.us.east.amazonaws.com/a.pem",
            "https://sns.us.amazonaws.com/a.pem",
            "https://sns.amazonaws.com/a.pem",
            "https://sns.us-east-1.amazonaws.com.attacker.test/a.pem",
            "https://attacker.test/sns.us-east-1.amazonaws.com/a.pem",
            "https://sns.us-east-1.amazonaws.com@attacker.test/a.pem",
            "https://sqs.us-east-1.amazonaws.com/a.pem",
        ] {
            assert!(!is_certificate_address(wrong), "{wrong}");
        }
    }

    #[test]
    fn what_is_read_before_the_signature_is_read_strictly() {
        let settings = Settings { topic_arns: vec!["arn:aws:sns:a".to_owned()], ..Settings::default() };
        let keys = Keys { settings, ..Keys::default() };
        let part = |headers: &[(&str, &str)], body: &Value| {
            Message::of(&call("POST", "/", headers, &body.to_string()), &keys)
                .err()
                .map(|refusal| refusal.part)
        };
        let message = json!({"Type": "Notification", "TopicArn": "arn:aws:sns:a"});
        assert_eq!(part(&[], &message), None);
        assert_eq!(part(&[(TYPE, "Notification")], &message), None);
        assert_eq!(part(&[(TYPE, "UnsubscribeConfirmation")], &message), Some(Part::Format));
        assert_eq!(part(&[(RAW, "true")], &message), Some(Part::Format));
        assert_eq!(part(&[], &json!([])), Some(Part::Body));
        assert_eq!(part(&[], &json!({"Type": "Notification", "TopicArn": 1})), Some(Part::Format));
        let foreign = json!({"Type": "Notification", "TopicArn": "arn:aws:sns:b"});
        assert_eq!(part(&[], &foreign), Some(Part::Recipient));
        let none = Message::of(&call("POST", "/", &[], "{}"), &Keys::default()).err();
        assert_eq!(none.map(|refusal| refusal.part), Some(Part::Configuration));
    }

    #[test]
    fn what_is_signed_is_in_the_order_of_amazon() {
        let body = json!({
            "Type": "UnsubscribeConfirmation", "TopicArn": "t", "Token": "k", "Timestamp": "s", "SubscribeURL": "u",
            "MessageId": "i", "Message": "m", "Subject": "not signed",
        });
        let signed = Message { body, kind: Kind::Unsubscription }.signed().unwrap();
        assert_eq!(
            signed,
            "Message\nm\nMessageId\ni\nSubscribeURL\nu\nTimestamp\ns\nToken\nk\nTopicArn\nt\nType\nUnsubscribeConfirmation\n"
        );
    }

    #[test]
    fn only_a_notification_that_holds_an_event_means_something() {
        let event =
            json!({"eventType": "Send", "mail": {"messageId": "m", "destination": ["a@b"]}}).to_string();
        let told = |kind: &str, message: &str| {
            told_by(&Ses, &json!({"Type": kind, "MessageId": "i", "Message": message})).len()
        };
        assert_eq!(told("Notification", &event), 1);
        assert_eq!(told("SubscriptionConfirmation", &event), 0);
        assert_eq!(
            told("Notification", "Successfully validated SNS topic for Amazon SES event publishing."),
            0
        );
        for body in [json!(null), json!([]), json!({"Type": "Notification", "Message": 1})] {
            assert!(told_by(&Ses, &body).is_empty(), "{body}");
        }
    }
}
