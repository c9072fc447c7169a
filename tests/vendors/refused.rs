//! What an operator learns of calls that are refused: each is in the log, with the part of the scheme that it fails, and
//! in the figures. The secret is in neither.

use serde_json::json;

use crate::support::binary::House;
use crate::support::client::Client;
use crate::support::exchange::Request;
use crate::support::{ADA, ORG};

const SECRET: &str = "whsec_nobody_may_read_this";

#[test]
fn every_refusal_is_logged_with_its_reason_and_counted() {
    let house = House::new().with("VENDORS__KEYS", &format!("stripe.webhookSecret={SECRET}"));
    let token = house.token(&["--org", ORG, "--email", ADA]);
    let server = house.start();
    let calls = |target: &str, headers: &[(&str, &str)]| {
        let call = Request::new(server.address().parse().unwrap(), "POST", target);
        let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
        call.header("content-type", "application/json").body("{}").send().status
    };
    let stamped = [("stripe-signature", "t=1790000000,v1=00")];
    for (target, headers, status, part, vendor) in [
        ("/connect/webhook/stripe", &[][..], 400, "Header", "stripe"),
        ("/storefront/stripe/webhook", &stamped[..], 400, "Format", "stripe"),
        ("/connect/webhook/github", &[][..], 401, "Configuration", "github"),
        ("/broadcast/email/webhook", &[][..], 401, "Format", "email"),
    ] {
        assert_eq!(calls(target, headers), status, "{target}");
        server.logged(&format!("a vendor's call was refused vendor=\"{vendor}\" to=\"{ORG}\" part={part}"));
    }
    let figures = Client::signed(&server.base, ORG, &token).get("/metrics", 200).text;
    for (vendor, count) in [("stripe", 2), ("github", 1), ("email", 1)] {
        let line =
            format!("appengine_vendor_calls_total{{vendor=\"{vendor}\",outcome=\"refused\"}} {count}\n");
        assert!(figures.contains(&line), "{line} is not in:\n{figures}");
    }
    let listed = Client::signed(&server.base, ORG, &token).get("/upstream/calls", 200).json();
    assert_eq!(listed["total"], json!(0), "nothing is kept of them");
    server.terminate();
    let ended = server.wait();
    assert!(!ended.err.contains(SECRET), "{}", ended.err);
}
