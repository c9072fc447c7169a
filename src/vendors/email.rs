//! The one address of three mail vendors: whose a call is, by its shape. The shape only says by whose rules it is to be
//! checked; one that could be of two is nobody's.

use super::call::Call;
use super::mailgun::{Mailgun, Sent};
use super::sendgrid::{self, SendGrid};
use super::ses::{self, Ses};
use super::{Vendor, told};

/// The mail vendor of a call; none if it has no vendor's shape, or that of more than one.
#[must_use]
pub fn whose(call: &Call) -> Option<&'static dyn Vendor> {
    let has = |name: &str| call.headers.all().any(|(found, _)| found.eq_ignore_ascii_case(name));
    let sent = Sent::of(call);
    let is_sendgrid = has(sendgrid::SIGNATURE);
    let is_ses = has(ses::TYPE)
        || has(ses::RAW)
        || matches!(&sent, Some(Sent::Json(body)) if body.get("SigningCertURL").is_some());
    let is_mailgun = sent.is_some_and(|sent| {
        let has = |name: &str| told::text(sent.signature(), name).is_some();
        has("/token") && has("/signature")
    });
    match (is_sendgrid, is_ses, is_mailgun) {
        (true, false, false) => Some(&SendGrid),
        (false, true, false) => Some(&Ses),
        (false, false, true) => Some(&Mailgun),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::testing::call;

    #[test]
    fn a_call_is_of_the_vendor_whose_shape_it_has() {
        let sendgrid: (&str, &str) = ("X-Twilio-Email-Event-Webhook-Signature", "MEUC");
        let sns: (&str, &str) = ("X-Amz-Sns-Message-Type", "Notification");
        let form: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
        let mailgun = r#"{"signature":{"token":"t","timestamp":"1","signature":"s"}}"#;
        let both = r#"{"signature":{"token":"t","signature":"s"},"SigningCertURL":"https://a"}"#;
        type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, Option<&'a str>);
        let table: [Row<'_>; 16] = [
            (&[sendgrid], "[]", Some("sendgrid")),
            (&[sendgrid], "", Some("sendgrid")),
            (&[sns], r#"{"Type":"Notification"}"#, Some("ses-sns")),
            (&[("x-amz-sns-rawdelivery", "true")], "{}", Some("ses-sns")),
            (&[], r#"{"SigningCertURL":"https://a"}"#, Some("ses-sns")),
            (&[], mailgun, Some("mailgun")),
            (&[form], "token=t&signature=s&timestamp=1", Some("mailgun")),
            (&[form], "token=t&timestamp=1", None),
            (&[], "token=t&signature=s&timestamp=1", None),
            (&[], r#"{"signature":{"signature":"s"}}"#, None),
            (&[], r#"{"signature":"s","token":"t"}"#, None),
            (&[], "[]", None),
            (&[], "", None),
            (&[sendgrid, sns], "[]", None),
            (&[sendgrid], mailgun, None),
            (&[], both, None),
        ];
        for (headers, body, vendor) in table {
            let found = whose(&call("POST", "/", headers, body)).map(Vendor::name);
            assert_eq!(found, vendor, "{headers:?} {body}");
        }
    }
}
