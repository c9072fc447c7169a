//! GitHub: `X-Hub-Signature-256: sha256=…`, an HMAC-SHA256 in hexadecimal digits over the body. (GitHub, "Validating
//! webhook deliveries".)

use super::call::Call;
use super::keys::Keys;
use super::told::{Told, value};
use super::verdict::{Stop, Verified};
use super::{Around, Vendor, hub, mac};

const DELIVERY: &str = "X-GitHub-Delivery";
const EVENT: &str = "X-GitHub-Event";

/// GitHub.
pub struct GitHub;

impl Vendor for GitHub {
    fn name(&self) -> &'static str {
        "github"
    }

    fn verify(&self, call: &Call, keys: &Keys, _: &Around<'_>) -> Result<Verified, Stop> {
        hub::check_sha256(call, keys)?;
        // A delivery that somebody has sent again has the id of the first.
        let id = call.headers.one(DELIVERY).map_or_else(|| mac::sha256_hex(&call.body), str::to_owned);
        Ok(Verified::call(id))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        told(call).into_iter().collect()
    }
}

/// What is told of a repository: each of GitHub's events, by its own name and action.
fn told(call: &Call) -> Option<Told> {
    let body = call.json()?;
    let event = call.headers.one(EVENT)?;
    let kind = match event {
        "push" => "code.pushed",
        "pull_request" => "code.pull_request",
        "issues" => "code.issue",
        "issue_comment" | "commit_comment" | "pull_request_review_comment" => "code.comment",
        "release" => "code.release",
        _ => return None,
    };
    let told = Told::new(kind, call.headers.one(DELIVERY)?, &body)
        .with("vendorEvent", event)
        .with("action", value(&body, "/action"))
        .with("repository", value(&body, "/repository/full_name"))
        .with("sender", value(&body, "/sender/login"));
    Some(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::testing::call;

    #[test]
    fn events_are_understood_and_a_ping_is_not_one() {
        let body = json!({"action": "opened", "repository": {"full_name": "ada/engine"}}).to_string();
        let told = |event: &str| {
            GitHub.translate(&call(
                "POST",
                "/",
                &[("X-GitHub-Event", event), ("X-GitHub-Delivery", "1")],
                &body,
            ))
        };
        assert_eq!(told("issues")[0].kind, "code.issue");
        assert_eq!(told("issues")[0].data["action"], "opened");
        assert!(told("ping").is_empty());
    }
}
