//! The routes of vendors, and calls that reach for A's integrations and for what vendors told A.

use aws_lc_rs::hmac;
use serde_json::json;

use crate::cases::{Case, Proof, finds, reads, writes};
use crate::planted::Planted;
use crate::support::in_process::Server;

/// Where vendors call: nothing that is not signed gets in, whoever's integration it names.
const FOR_VENDORS: [&str; 10] = [
    "/storefront/stripe/webhook",
    "/storefront/paypal/webhook",
    "/broadcast/email/webhook",
    "/phone/webhook",
    "/ivr/incoming",
    "/connect/webhook/twilio/voice",
    "/connect/webhook/twilio/sms",
    "/connect/webhook/twilio/status",
    "/connect/webhook/twilio/ivr-menu",
    "/connect/webhook/twilio/ivr-ai-transfer",
];

/// The cases.
pub fn cases(a: &Planted) -> Vec<Case> {
    let (id, call, victim) = (a.get("integration"), a.get("call"), a.get("integration_victim"));
    let registered = a.get("registered");
    let connected = a.get("connected");
    let forged = "code=c&state=WyJteS1vcmciLDQwMDAwMDAwMDAwMDAsIngiXQ.forged";
    let captured = json!({"headers": {"X-GitHub-Event": "push"}, "body": "e30="});
    let mut cases = vec![
        Case::new(Proof::Shared, "GET", "/upstream/integration-types").at(&[]),
        Case::new(Proof::Shared, "GET", "/upstream/integration-types/{type}").at(&["github"]),
        reads("/upstream/active").at(&[]),
        reads("/upstream/active/{type}").at(&["github"]),
        reads("/upstream/get-config").at(&[]),
        reads("/upstream/get-config/{type}").at(&["github"]),
        reads("/upstream/get-config/{type}/{configId}").at(&["github", id]),
        reads("/upstream/calls").at(&[]).asking(&[], "vendor=github&pageSize=500"),
        reads("/upstream/calls/{id}").at(&[call]),
        Case::new(Proof::Own, "GET", "/upstream/sync").at(&[]),
        Case::new(Proof::Own, "POST", "/upstream/sync/{id}").at(&[id]),
        Case::new(Proof::Own, "POST", "/upstream/test/{integration}/verify").with(&[id], captured),
        finds("/upstream/register/{id}").at(&[registered]).with(&[registered], json!({"replace": true})),
        finds("/upstream/call/{integration}/register").at(&[registered]),
        finds("/upstream/test/{integration}/credentials").at(&[registered]),
        finds("/upstream/test/{integration}/webhook").at(&[registered]),
        Case::new(Proof::Writes, "GET", "/upstream/connect/{vendor}").at(&["x"]),
        Case::new(Proof::Writes, "GET", "/connect/{vendor}/auth-url").at(&["x"]),
        writes("/upstream/call/{integration}/get-auth-url").at(&["x-provider"]).at(&[connected]),
        Case::new(Proof::Entrance, "GET", "/connect/oauth2callback/{vendor}").asking(&["x"], forged),
        writes("/upstream/disconnect/{id}").at(&[connected]),
        writes("/upstream/save-integration")
            .with(&[], json!({"id": id, "type": "github", "credentials": {"webhookSecret": "another"}})),
        writes("/upstream/calls/{id}/replay").at(&[call]),
        writes("/upstream/shutdown/{id}").at(&[registered]),
        Case::new(Proof::Writes, "DELETE", "/upstream/integrations/{id}").at(&[victim]),
    ];
    for method in ["POST", "GET"] {
        let entrance = |path| Case::new(Proof::Entrance, method, path);
        let of = format!("orgid={}", a.org);
        cases.extend(FOR_VENDORS.map(|path| entrance(path).at(&[]).asking(&[], &of)));
        cases.extend([
            entrance("/connect/webhook/{vendor}").asking(&["github"], &of),
            entrance("/connect/webhook/{vendor}/{serviceId}").at(&["github", id]),
            entrance("/connect/webhook/{vendor}/{serviceId}/{token}").at(&["github", id, "token"]),
            entrance("/sync/social/webhook/{vendor}").asking(&["github"], &of),
            entrance("/sync/social/webhook/{vendor}/{rest}").at(&["github", id]),
            entrance("/phone/webhook/{kind}").asking(&["sms"], &of),
        ]);
    }
    cases
}

impl Planted {
    /// An integration, a call by it, and an integration that is to be taken away.
    pub fn vendors(&mut self, server: &Server) {
        let secret = self.mark("vendor_secret");
        for name in ["integration", "integration_victim"] {
            let body = json!({
                "type": "github", "name": self.mark(name), "credentials": {"webhookSecret": secret},
            });
            let saved = self.post(server, "/upstream/save-integration", &body);
            self.keep(name, &saved["id"]);
        }
        // One whose interface does not take addresses: nothing leaves this machine.
        let other = self.mark("secret");
        let body = json!({"type": "zendesk", "name": self.mark("vendor"), "credentials": {"secret": other}});
        let saved = self.post(server, "/upstream/save-integration", &body);
        self.keep("registered", &saved["id"]);
        let app = json!({"clientId": self.mark("client"), "clientSecret": self.mark("client_secret")});
        let saved =
            self.post(server, "/upstream/save-integration", &json!({"type": "x", "credentials": app}));
        self.keep("connected", &saved["id"]);
        let body =
            json!({"action": "opened", "repository": {"full_name": self.mark("repository")}}).to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let code = hmac::sign(&key, body.as_bytes());
        let code: String = code.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let call = server.call("POST", &format!("/connect/webhook/github/{}", self.get("integration")));
        let call =
            call.header("x-github-event", "issues").header("x-github-delivery", &self.mark("delivery"));
        let answer = call.header("x-hub-signature-256", &format!("sha256={code}")).body(body).send();
        assert_eq!(answer.status, 200, "{answer:?}");
        let call = self.read(server, "/upstream/calls")["data"][0]["id"].clone();
        self.keep("call", &call);
    }
}
