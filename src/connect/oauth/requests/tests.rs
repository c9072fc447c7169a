//! Every vendor is asked as its own pages say.

use std::collections::BTreeMap;
use std::sync::Arc;

use appengine_actors::webhook::failure::Refused;
use appengine_actors::webhook::send_options::{OptionsError, TlsOptions};
use appengine_actors::webhook::transport::{Attempt, OutboundRequest, Transport};
use futures_util::future::BoxFuture;

use super::super::vendors::{ALL, oauth_of};
use super::*;

/// Nothing is sent here.
struct Nowhere;

impl Transport for Nowhere {
    fn send(&self, _: OutboundRequest) -> BoxFuture<'static, Attempt> {
        Box::pin(std::future::pending())
    }

    fn vet(&self, _: &str) -> Result<(), Refused> {
        Ok(())
    }

    fn check_tls(&self, _: &TlsOptions) -> Result<(), OptionsError> {
        Ok(())
    }
}

fn with<T>(vendor: &str, ask: impl FnOnce(&Requests<'_>) -> T) -> T {
    let api = Api::new(Arc::new(Nowhere), BTreeMap::new());
    let client = Client { id: "id&1".to_owned(), secret: "se cret".to_owned(), tenant: "acme".to_owned() };
    ask(&Requests { of: oauth_of(vendor).unwrap(), client: &client, api: &api })
}

fn consent(vendor: &str) -> String {
    let consent = Consent {
        scopes: "a b",
        redirect: "https://here.example/cb",
        state: "st",
        verifier: oauth_of(vendor).unwrap().pkce.then_some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    };
    with(vendor, |requests| requests.consent(&consent))
}

fn tokens() -> Granted {
    Granted {
        access: "acc".to_owned(),
        refresh: Some("ref/1".to_owned()),
        account: Some("acct_1".to_owned()),
        ..Granted::default()
    }
}

/// Method, address, who is named in the header, and the body.
fn shown(call: &ApiCall) -> String {
    let by = call.headers.iter().filter(|(name, _)| !matches!(&**name, "accept" | "content-type"));
    let by: Vec<String> = by.map(|(name, value)| format!("{name}: {value}")).collect();
    let (by, body) = (by.join(", "), String::from_utf8_lossy(&call.body));
    format!("{:?} {} [{by}] {body}", call.method, call.url)
}

const BASIC: &str = "authorization: Basic aWQmMTpzZSBjcmV0";

#[test]
fn people_are_sent_to_the_vendors_own_pages() {
    let plain = "client_id=id%261&redirect_uri=https%3A%2F%2Fhere.example%2Fcb&scope=a%20b&state=st";
    let pkce = "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    for (vendor, url) in [
        ("meta", format!("https://www.facebook.com/v23.0/dialog/oauth?response_type=code&{plain}")),
        ("linkedin", format!("https://www.linkedin.com/oauth/v2/authorization?response_type=code&{plain}")),
        ("x", format!("https://x.com/i/oauth2/authorize?response_type=code&{plain}&{pkce}")),
        (
            "tiktok",
            format!(
                "https://www.tiktok.com/v2/auth/authorize/?response_type=code&{}",
                plain.replace("client_id", "client_key")
            ),
        ),
        (
            "reddit",
            format!("https://www.reddit.com/api/v1/authorize?response_type=code&{plain}&duration=permanent"),
        ),
        ("stripe", format!("https://connect.stripe.com/oauth/authorize?response_type=code&{plain}")),
        ("shopify", format!("https://acme.myshopify.com/admin/oauth/authorize?response_type=code&{plain}")),
        ("github", format!("https://github.com/login/oauth/authorize?response_type=code&{plain}&{pkce}")),
    ] {
        assert_eq!(consent(vendor), url);
    }
}

#[test]
fn a_verifier_is_in_no_address() {
    for of in &ALL {
        assert!(!consent(of.vendor).contains("dBjft"), "{}", of.vendor);
    }
}

#[test]
fn codes_are_exchanged_as_each_vendor_has_it() {
    let code = "grant_type=authorization_code&code=c%2F1";
    let redirect = "redirect_uri=https%3A%2F%2Fhere.example%2Fcb";
    let client = "client_id=id%261&client_secret=se+cret";
    for (vendor, call) in [
        ("meta", format!("Post https://graph.facebook.com/v23.0/oauth/access_token [] {code}&{redirect}&{client}")),
        ("slack", format!("Post https://slack.com/api/oauth.v2.access [] {code}&{redirect}&{client}")),
        ("stripe", format!("Post https://connect.stripe.com/oauth/token [] {code}&client_secret=se+cret")),
        ("reddit", format!("Post https://www.reddit.com/api/v1/access_token [{BASIC}] {code}&{redirect}")),
        ("pinterest", format!("Post https://api.pinterest.com/v5/oauth/token [{BASIC}] {code}&{redirect}")),
        ("x", format!("Post https://api.x.com/2/oauth2/token [{BASIC}] {code}&{redirect}&code_verifier=v")),
        (
            "tiktok",
            format!(
                "Post https://open.tiktokapis.com/v2/oauth/token/ [] {code}&{redirect}&client_key=id%261&client_secret=se+cret"
            ),
        ),
        ("hubspot", format!("Post https://api.hubapi.com/oauth/v1/token [] {code}&{redirect}&{client}")),
        (
            "zendesk",
            concat!(
                r#"Post https://acme.zendesk.com/oauth/tokens [] {"grant_type":"authorization_code","code":"c/1","#,
                r#""redirect_uri":"https://here.example/cb","code_verifier":"v","client_id":"id&1","client_secret":"se cret"}"#
            )
            .to_owned(),
        ),
    ] {
        let verifier = oauth_of(vendor).unwrap().pkce.then_some("v");
        let asked = with(vendor, |requests| requests.of_code("c/1", "https://here.example/cb", verifier));
        assert_eq!(shown(&asked), call);
    }
}

#[test]
fn tokens_are_renewed_and_given_back_as_each_vendor_has_it() {
    let renewal = |vendor: &str| with(vendor, |asked| asked.renewal(&tokens()).as_ref().map(shown));
    let by_token = "grant_type=refresh_token&refresh_token=ref%2F1";
    let client = "client_id=id%261&client_secret=se+cret";
    assert_eq!(renewal("x").unwrap(), format!("Post https://api.x.com/2/oauth2/token [{BASIC}] {by_token}"));
    assert_eq!(
        renewal("meta").unwrap(),
        format!(
            "Post https://graph.facebook.com/v23.0/oauth/access_token [] grant_type=fb_exchange_token&fb_exchange_token=acc&{client}"
        )
    );
    assert_eq!(
        renewal("twitch").unwrap(),
        format!("Post https://id.twitch.tv/oauth2/token [] {by_token}&{client}")
    );
    assert_eq!(renewal("stripe"), None);
    for (vendor, call) in [
        (
            "x",
            format!("Post https://api.x.com/2/oauth2/revoke [{BASIC}] token=ref%2F1&token_type_hint=refresh_token"),
        ),
        (
            "linkedin",
            format!(
                "Post https://www.linkedin.com/oauth/v2/revoke [] token=acc&token_type_hint=access_token&{client}"
            ),
        ),
        ("twitch", "Post https://id.twitch.tv/oauth2/revoke [] client_id=id%261&token=acc".to_owned()),
        ("slack", "Post https://slack.com/api/auth.revoke [authorization: Bearer acc] ".to_owned()),
        (
            "meta",
            "Delete https://graph.facebook.com/v23.0/me/permissions [authorization: Bearer acc] ".to_owned(),
        ),
        ("hubspot", "Delete https://api.hubapi.com/oauth/v1/refresh-tokens/ref%2F1 [] ".to_owned()),
        (
            "github",
            format!(r#"Delete https://api.github.com/applications/id%261/grant [{BASIC}] {{"access_token":"acc"}}"#),
        ),
        (
            "shopify",
            "Delete https://acme.myshopify.com/admin/api_permissions/current.json [x-shopify-access-token: acc] "
                .to_owned(),
        ),
        (
            "stripe",
            "Post https://connect.stripe.com/oauth/deauthorize [authorization: Bearer se cret] client_id=id%261&stripe_user_id=acct_1"
                .to_owned(),
        ),
    ] {
        assert_eq!(with(vendor, |asked| asked.revocation(&tokens()).as_ref().map(shown)), Some(call));
    }
    assert!(with("pinterest", |asked| asked.revocation(&tokens()).is_none()));
}
