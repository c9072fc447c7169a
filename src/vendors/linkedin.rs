//! LinkedIn: `X-LI-Signature`, an HMAC-SHA256 in hexadecimal digits by the client secret over the text `hmacsha256=` and
//! the body. The handshake is a GET, again and again, that wants the same code over its `challengeCode`. (LinkedIn,
//! "Webhook Validation".)

use serde_json::{Value, json};

use super::call::Call;
use super::keys::{Keys, Secret};
use super::told::{Told, id, items, millis, text, value};
use super::verdict::{Part, Refusal, Reply, Stop, Verified};
use super::{Around, Vendor, mac};

const SIGNATURE: &str = "X-LI-Signature";
/// What is signed before the body, and what some calls have before the signature too.
const PREFIX: &str = "hmacsha256=";

/// LinkedIn.
pub struct LinkedIn;

impl Vendor for LinkedIn {
    fn name(&self) -> &'static str {
        "linkedin"
    }

    fn verify(&self, call: &Call, keys: &Keys, _: &Around<'_>) -> Result<Verified, Stop> {
        if keys.secrets.is_empty() {
            return Err(Refusal::no_keys("the app's client secret").into());
        }
        if call.method == "GET" {
            return Ok(handshake(call, keys).map_err(|refusal| refusal.status(400))?);
        }
        let header = call.headers.one(SIGNATURE).ok_or_else(|| Refusal::no_header(SIGNATURE))?;
        let code = mac::from_hex::<32>(header.strip_prefix(PREFIX).unwrap_or(header)).ok_or_else(|| {
            let expected = format!("64 hexadecimal digits in `{SIGNATURE}`");
            Refusal::new(Part::Format, expected, "something else", "the call is not from LinkedIn")
        })?;
        if !mac::is_any(mac::SHA256, &keys.secrets, &[PREFIX.as_bytes(), &call.body], &[code]) {
            let scheme = "HMAC-SHA256 over `hmacsha256=` and the body";
            return Err(Refusal::no_match(scheme, keys.secrets.len()).into());
        }
        // Each notification has its own id; what comes again has the same ones.
        Ok(Verified::call(mac::sha256_hex(&call.body)))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        let Some(body) = call.json() else { return Vec::new() };
        match text(&body, "/type").as_deref() {
            Some("ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS") => {
                items(&body, "/notifications").filter_map(action).collect()
            }
            Some("LEAD_ACTION") => lead(&body).into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// The challenge is signed by the secret that signs calls. Only a UUID is: for somebody who could choose the text, the
/// answer would be the signature of a call.
fn handshake(call: &Call, keys: &Keys) -> Result<Verified, Refusal> {
    let challenge = call.query_value("challengeCode").filter(|code| is_uuid(code)).ok_or_else(|| {
        let cause = "somebody has opened the address by hand, or wants something signed";
        Refusal::new(Part::Handshake, "a UUID in `challengeCode`", "none", cause)
    })?;
    let secret = keys.secrets.iter().map(Secret::expose).find(|secret| !secret.is_empty());
    let secret = secret.ok_or_else(|| Refusal::no_keys("the app's client secret"))?;
    let response = mac::hex(&mac::code(mac::SHA256, secret.as_bytes(), &[challenge.as_bytes()]));
    let answer = json!({"challengeCode": challenge, "challengeResponse": response});
    Ok(Verified::handshake(Reply::json(&answer)))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    let is_hex = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(is_hex)
}

/// What somebody did with what an organisation posted.
#[must_use]
pub fn action(of: &Value) -> Option<Told> {
    let kind = match text(of, "/action")?.as_str() {
        "COMMENT" | "ADMIN_COMMENT" => "social.comment",
        "SHARE_MENTION" => "social.mention",
        "SHARE" => "social.post",
        "LIKE" => "social.reaction",
        _ => return None,
    };
    let is_comment = kind == "social.comment";
    let made = value(of, "/generatedActivity");
    // What was made is beside it in full, under a name of what it is.
    let full = ["/comment", "/share", "/like"].iter().find_map(|what| {
        of.pointer("/decoratedGeneratedActivity").and_then(|decorated| decorated.pointer(what))
    });
    let full = full.unwrap_or(&Value::Null);
    let is_new_post = matches!(kind, "social.post" | "social.mention");
    let told = Told::new(kind, id(of, "/notificationId")?, of)
        .at(millis(of, "/lastModifiedAt"))
        .with("vendorEvent", value(of, "/action"))
        .with("own", of["action"] == "ADMIN_COMMENT")
        .with("accountId", value(of, "/organizationalEntity"))
        .with("postId", if is_new_post { made.clone() } else { value(of, "/sourcePost") })
        .with("sharedPostId", if is_new_post { value(of, "/sourcePost") } else { Value::Null })
        .with("commentId", if is_comment { made } else { Value::Null })
        .with("authorId", value(full, "/owner"))
        .with("text", text(full, "/text").or_else(|| text(full, "/message/text")));
    Some(told)
}

/// A form was filled in. Its answers are not in it: they have to be asked for, by the response's id.
fn lead(of: &Value) -> Option<Told> {
    if text(of, "/leadAction")? != "CREATED" {
        return None;
    }
    let response = text(of, "/leadGenFormResponse")?;
    let told = Told::new("lead.created", response.as_str(), of)
        .at(millis(of, "/occurredAt"))
        .with("vendorEvent", "LEAD_ACTION")
        .with("leadId", response)
        .with("formId", value(of, "/leadGenForm"))
        .with(
            "accountId",
            ["/owner/organization", "/owner/sponsoredAccount"].iter().find_map(|at| text(of, at)),
        );
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::testing::{around, call, told_by};

    #[test]
    fn nothing_but_a_uuid_is_signed() {
        let keys = Keys { secrets: vec![Secret::new("secret".to_owned())], ..Keys::default() };
        let is_signed = |code: &str| {
            let call = call("GET", &format!("/linkedin?challengeCode={code}"), &[], "");
            LinkedIn.verify(&call, &keys, &around()).is_ok()
        };
        assert!(is_signed("890e4665-4dfe-4ab1-b689-ed553bceeed0"));
        for wrong in
            ["", "hmacsha256%3D%7B%7D", "890e4665-4dfe-4ab1-b689", "890e46654dfe-4ab1-b689-ed553bceeed0-"]
        {
            assert!(!is_signed(wrong), "{wrong}");
        }
    }

    #[test]
    fn each_action_is_understood_and_has_its_own_id() {
        let table = [
            ("COMMENT", Some("social.comment")),
            ("ADMIN_COMMENT", Some("social.comment")),
            ("SHARE_MENTION", Some("social.mention")),
            ("SHARE", Some("social.post")),
            ("LIKE", Some("social.reaction")),
            ("COMMENT_EDIT", None),
            ("COMMENT_DELETE", None),
        ];
        let notification = |action: &str, id: usize| {
            json!({"notificationId": id, "action": action, "sourcePost": "urn:li:share:1",
                "generatedActivity": "urn:li:comment:2", "lastModifiedAt": 1_790_000_000_000_u64,
                "decoratedGeneratedActivity": {"comment": {"owner": "urn:li:person:a", "text": "hi"}}})
        };
        let all: Vec<_> =
            table.iter().enumerate().map(|(at, (action, _))| notification(action, at)).collect();
        let told = told_by(
            &LinkedIn,
            &json!({"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "notifications": all}),
        );
        let expected: Vec<_> = table.iter().filter_map(|(_, ours)| *ours).collect();
        assert_eq!(told.iter().map(|told| told.kind).collect::<Vec<_>>(), expected);
        assert_eq!((told[0].id.as_str(), told[4].id.as_str()), ("0", "4"));
        let comment = &told[0].data;
        assert_eq!(
            (&comment["postId"], &comment["commentId"]),
            (&json!("urn:li:share:1"), &json!("urn:li:comment:2"))
        );
        assert_eq!((&comment["authorId"], &comment["text"]), (&json!("urn:li:person:a"), &json!("hi")));
    }

    #[test]
    fn a_lead_is_told_when_it_is_new() {
        let lead = |action: &str| {
            let body = json!({"type": "LEAD_ACTION", "leadAction": action, "leadGenFormResponse": "urn:li:leadGenFormResponse:1"});
            told_by(&LinkedIn, &body).first().map(|told| (told.kind, told.id.clone()))
        };
        assert_eq!(lead("CREATED"), Some(("lead.created", "urn:li:leadGenFormResponse:1".to_owned())));
        assert_eq!(lead("DELETED"), None);
    }
}
