//! The one address of four mail vendors: whose a call is, by its shape. The shape only says by whose rules it is to be
//! checked; one that could be of two is nobody's.

use super::call::Call;
use super::mailgun::{Mailgun, Sent};
use super::resend::{self, Resend};
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
    let is_resend = has(resend::SIGNATURE);
    let found: [(bool, &'static dyn Vendor); 4] =
        [(is_sendgrid, &SendGrid), (is_ses, &Ses), (is_mailgun, &Mailgun), (is_resend, &Resend)];
    let mut found = found.into_iter().filter(|(is_theirs, _)| *is_theirs).map(|(_, vendor)| vendor);
    found.next().filter(|_| found.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::testing::call;

    #[test]
    fn a_call_is_of_the_vendor_whose_shape_it_has() {
        let sendgrid: (&str, &str) = ("X-Twilio-Email-Event-Webhook-Signature", "MEUC");
        let sns: (&str, &str) = ("X-Amz-Sns-Message-Type", "Notification");
        let svix: (&str, &str) = ("svix-signature", "v1,AAAA");
        let form: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
        let mailgun = r#"{"signature":{"token":"t","timestamp":"1","signature":"s"}}"#;
        let both = r#"{"signature":{"token":"t","signature":"s"},"SigningCertURL":"https://a"}"#;
        type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, Option<&'a str>);
        let table: [Row<'_>; 18] = [
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
            (&[svix], "{}", Some("resend")),
            (&[svix], mailgun, None),
            (&[], both, None),
        ];
        for (headers, body, vendor) in table {
            let found = whose(&call("POST", "/", headers, body)).map(Vendor::name);
            assert_eq!(found, vendor, "{headers:?} {body}");
        }
    }
}
