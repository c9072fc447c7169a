//! Connecting a vendor, over HTTP: our address is registered with an interface that speaks as the vendor documents it,
//! the secret comes back, the vendor's calls are taken by it, and nothing is ever registered twice.

use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY};
use aws_lc_rs::rand::SystemRandom;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::handshakes::{moment, second, sha256};
use super::house::House;
use crate::support::in_process::owner;

#[test]
fn stripe_gives_a_secret_once_and_its_calls_are_taken_by_it() {
    let house = House::open();
    let other = |url: &str| json!({"id": url, "url": url, "status": "enabled", "enabled_events": []});
    let others = ["https://a", "https://b", "https://c"].map(other);
    house.vendors.state().registered.insert("stripe", others.to_vec());
    let id = house.save(&json!({"type": "stripe", "credentials": {"apiKey": "sk_test_wrong-key"}}));
    house.refused(&id, "stripe", "failed to list the webhook endpoints: it is answered with status 401: Invalid API Key provided: ••••••••");
    assert_eq!(house.test(&id, "credentials")["ok"], false);
    house.save(&json!({"id": id, "type": "stripe", "credentials": {"apiKey": "sk_test_right"}}));
    assert_eq!(house.test(&id, "credentials"), json!({"vendor": "stripe", "ok": true, "account": "acct_1"}));
    assert_eq!(house.test(&id, "webhook")["registered"], false);

    let report = house.registered(&id, &[]);
    assert_eq!(report["vendorWebhookId"], "we_1");
    let url = report["webhookUrl"].as_str().unwrap();
    assert!(url.ends_with(&format!("/connect/webhook/stripe/{id}")));
    assert!(
        !report.to_string().contains("whsec_of")
            && !house.config("stripe", &id).to_string().contains("whsec_of")
    );
    let now = second();
    let body = r#"{"id":"evt_1","type":"invoice.paid","data":{"object":{}}}"#;
    let signed = |secret: &str| format!("t={now},v1={}", sha256(secret, &format!("{now}.{body}")));
    assert_eq!(house.call("stripe", &id, &[("Stripe-Signature", &signed("whsec_wrong"))], body).status, 400);
    assert_eq!(
        house.call("stripe", &id, &[("Stripe-Signature", &signed("whsec_of_we_1"))], body).status,
        200
    );
    assert_eq!(house.calls(), 1);

    // Again, by the contract's other spelling: the same endpoint, with its events brought up to date.
    house.vendors.state().registered.get_mut("stripe").unwrap()[3]["enabled_events"] =
        json!(["charge.refunded"]);
    let again = house.post(&format!("/upstream/call/{id}/register"), &json!({"replace": false})).expect(200);
    assert_eq!((&again["registered"], &again["vendorWebhookId"]), (&json!(true), &json!("we_1")));
    assert_eq!(house.vendors.registered("stripe").len(), 4);
    let standing = house.test(&id, "webhook");
    assert_eq!((&standing["registered"], &standing["enabled"]), (&json!(true), &json!(true)));
    assert!(standing["events"].as_array().unwrap().contains(&json!("invoice.paid")), "{standing:#}");

    // Somebody has made the endpoint anew by hand: nobody has its secret, so it is replaced.
    house.vendors.state().registered.get_mut("stripe").unwrap()[3]["id"] = "we_by_hand".into();
    assert_eq!(house.registered(&id, &[])["vendorWebhookId"], "we_2");
    assert_eq!(house.vendors.registered("stripe").len(), 4);
    assert_eq!(
        house.call("stripe", &id, &[("Stripe-Signature", &signed("whsec_of_we_2"))], body).status,
        200
    );

    let shut = house.shut_down(&id);
    assert_eq!(shut["unregistered"], true, "{shut:#}");
    assert_eq!(house.vendors.registered("stripe"), others);
    assert_eq!(
        house.call("stripe", &id, &[("Stripe-Signature", &signed("whsec_of_we_2"))], body).status,
        401
    );
    house.refused(&id, "stripe", "save it with `active: true` first");
    assert_eq!(house.shut_down(&id)["unregistered"], false);
}

#[test]
fn one_errand_at_a_time_and_nobody_elses() {
    let house = House::open();
    let id = house.save(&json!({"type": "stripe", "credentials": {"apiKey": "sk_test_right"}}));
    let stranger = house.server.token(&owner("other"));
    for path in ["register/{}", "call/{}/register", "test/{}/credentials", "test/{}/webhook", "shutdown/{}"] {
        let path = format!("/upstream/{}", path.replace("{}", &id));
        assert_eq!(house.server.call_as(&stranger, "POST", &path).send().status, 404, "{path}");
    }
    assert!(house.vendors.state().asked.is_empty());
    let second = house.server.call_as(&house.token, "POST", &format!("/upstream/register/{id}"));
    house.vendors.state().meanwhile = Some(second);
    house.registered(&id, &[]);
    let answered = house.vendors.state().answered.take().unwrap();
    answered.assert_problem(409, "registration_under_way");
    assert_eq!(house.vendors.registered("stripe").len(), 1);
    house.registered(&id, &[]);
}

#[test]
fn paypal_gives_the_id_that_calls_are_checked_by() {
    let house = House::open();
    let credentials = json!({"clientId": "client", "clientSecret": "wrong-secret-of-it"});
    let id = house.save(&json!({"type": "paypal", "credentials": credentials}));
    house.refused(
        &id,
        "paypal",
        "get an access token: it is answered with status 401: Client Authentication failed",
    );
    house.save(&json!({"id": id, "type": "paypal", "credentials": {"clientSecret": "secret-of-the-client"}}));
    assert_eq!(house.test(&id, "credentials")["ok"], true);
    assert_eq!(house.registered(&id, &[])["vendorWebhookId"], "WH-1");
    assert_eq!(house.config("paypal", &id)["settings"]["webhookId"], "WH-1");
    house.vendors.state().registered.get_mut("paypal").unwrap()[0]["event_types"] = json!([]);
    assert_eq!(house.registered(&id, &[])["vendorWebhookId"], "WH-1");
    let webhooks = house.vendors.registered("paypal");
    assert_eq!((webhooks.len(), webhooks[0]["event_types"].as_array().unwrap().len()), (1, 17));
    assert_eq!(house.shut_down(&id)["unregistered"], true);
    assert!(house.vendors.registered("paypal").is_empty());
}

#[test]
fn sendgrid_gives_a_public_key() {
    let house = House::open();
    let id = house.save(&json!({"type": "sendgrid", "credentials": {"apiKey": "SG.wrong-key"}}));
    house.refused(&id, "sendgrid", "status 401: The provided authorization grant is invalid");
    house.save(&json!({"id": id, "type": "sendgrid", "credentials": {"apiKey": "SG.right"}}));
    assert_eq!(house.test(&id, "credentials")["ok"], true);
    for _ in 0..2 {
        assert_eq!(house.registered(&id, &[])["vendorWebhookId"], "sg-1");
    }
    assert_eq!(
        (house.vendors.registered("sendgrid").len(), house.config("sendgrid", &id)["publicKeys"].as_u64()),
        (1, Some(1))
    );
    let now = second().to_string();
    let body = r#"[{"event":"delivered","sg_event_id":"e1","email":"ann@example.com"}]"#;
    let state = house.vendors.state();
    let signed =
        state.key.as_ref().unwrap().sign(&SystemRandom::new(), format!("{now}{body}").as_bytes()).unwrap();
    drop(state);
    let signed = STANDARD.encode(signed.as_ref());
    let headers = [
        ("X-Twilio-Email-Event-Webhook-Timestamp", now.as_str()),
        ("X-Twilio-Email-Event-Webhook-Signature", signed.as_str()),
    ];
    assert_eq!(house.call("sendgrid", &id, &headers, body).status, 200);
    assert_eq!(house.call("sendgrid", &id, &headers, &body.replace("ann", "bob")).status, 401);
    assert_eq!(house.shut_down(&id)["unregistered"], true);
    assert!(house.vendors.registered("sendgrid").is_empty());
}

#[test]
fn mailgun_gives_its_signing_key_and_keeps_the_addresses_of_others() {
    let house = House::open();
    let of = |id: &str, urls: &[&str]| json!({"id": id, "urls": urls});
    let others = vec![of("opened", &["https://a"]), of("clicked", &["https://a", "https://b", "https://c"])];
    house.vendors.state().registered.insert("mailgun", others.clone());
    let id = house.save(&json!({"type": "mailgun", "credentials": {"apiKey": "key-wrong-one"}}));
    house.refused(&id, "mailgun", "the integration has no `domain`");
    house.save(&json!({"id": id, "type": "mailgun", "settings": {"domain": "mg.example.com"}}));
    house.refused(&id, "mailgun", "status 401: Invalid private key");
    house.save(&json!({"id": id, "type": "mailgun", "credentials": {"apiKey": "key-right"}}));
    assert_eq!(house.test(&id, "credentials")["account"], "mg.example.com");
    let report = house.registered(&id, &["clicked"]);
    house.registered(&id, &["clicked"]);
    assert_eq!(house.vendors.registered("mailgun").len(), 8);
    assert_eq!(
        house.vendors.registered("mailgun")[0],
        of("opened", &["https://a", report["webhookUrl"].as_str().unwrap()])
    );
    assert_eq!(house.config("mailgun", &id)["secrets"], 1);
    let now = second().to_string();
    let code = sha256("signing-key-of-mailgun", &format!("{now}token-1"));
    let body = json!({"signature": {"timestamp": now, "token": "token-1", "signature": code}, "event-data": {"event": "opened", "id": "e"}});
    assert_eq!(
        house.call("mailgun", &id, &[("Content-Type", "application/json")], &body.to_string()).status,
        200
    );
    assert_eq!(house.calls(), 1);
    assert_eq!(house.shut_down(&id)["unregistered"], true);
    assert_eq!(house.vendors.registered("mailgun"), others);
}

#[test]
fn twilios_free_numbers_are_led_to_us_and_others_when_asked() {
    let house = House::open();
    let number = |sid: &str, phone: &str, voice: &str| json!({"sid": sid, "phone_number": phone, "voice_url": voice, "sms_url": "", "status_callback": ""});
    let numbers = vec![number("PN1", "+15550001", ""), number("PN2", "+15550002", "https://other")];
    house.vendors.state().registered.insert("twilio", numbers);
    let credentials = json!({"accountSid": "AC1", "authToken": "wrong-token"});
    let id = house.save(&json!({"type": "TwilioProvider", "credentials": credentials}));
    house.refused(&id, "twilio", "list the telephone numbers: it is answered with status 401: Authenticate");
    house.save(&json!({"id": id, "type": "twilio", "credentials": {"secrets": ["token-of-twilio"]}}));
    assert_eq!(house.test(&id, "credentials")["account"], "Shop");
    let url = house.registered(&id, &["+15550002"])["webhookUrl"].as_str().unwrap().to_owned();
    let numbers = house.vendors.registered("twilio");
    assert_eq!((&numbers[0]["sms_url"], &numbers[1]["voice_url"]), (&json!(url), &json!("https://other")));

    let form = "CallSid=CA1&CallStatus=ringing&Direction=inbound&From=%2B1555";
    let key = hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"token-of-twilio");
    let code =
        hmac::sign(&key, format!("{url}CallSidCA1CallStatusringingDirectioninboundFrom+1555").as_bytes());
    let code = STANDARD.encode(code.as_ref());
    let headers =
        [("Content-Type", "application/x-www-form-urlencoded"), ("X-Twilio-Signature", code.as_str())];
    assert_eq!(house.call("twilio", &id, &headers, form).status, 200);

    let report = house.post(&format!("/upstream/register/{id}"), &json!({"replace": true})).expect(200);
    assert_eq!(house.vendors.registered("twilio")[1]["voice_url"], json!(url), "{report:#}");
    assert_eq!(house.shut_down(&id)["unregistered"], true);
    assert!(
        house
            .vendors
            .registered("twilio")
            .iter()
            .all(|number| number["voice_url"] == "" && number["sms_url"] == "")
    );
}

#[test]
fn metas_handshake_comes_during_the_registration() {
    let house = House::open();
    let credentials = json!({"appId": "42", "appSecret": "secret-that-is-wrong"});
    let id = house.save(&json!({"type": "meta", "credentials": credentials}));
    house.refused(&id, "meta", "Invalid OAuth access token signature.");
    house.save(&json!({"id": id, "type": "meta", "credentials": {"secrets": ["secret-of-the-app"]}}));
    // Where the handshake fails, the token that was made for it goes.
    house.save(&json!({"id": id, "type": "meta", "settings": {"url": format!("http://{}/health/nowhere", house.server.address)}}));
    house.refused(&id, "meta", "(#2200) Callback verification failed");
    house.save(&json!({"id": id, "type": "meta", "settings": {"url": null}}));

    house.vendors.state().registered.insert(
        "meta",
        vec![json!({"object": "page", "callback_url": "https://other", "active": true, "fields": []})],
    );
    let report = house.registered(&id, &["page"]);
    assert_eq!(report["vendorWebhookId"], "42");
    let token = house.config("meta", &id)["settings"]["verifyToken"].clone();
    assert!(token.as_str().unwrap().len() > 40);
    house.post(&format!("/upstream/register/{id}"), &json!({"replace": true})).expect(200);
    house.registered(&id, &[]);
    assert_eq!(house.vendors.registered("meta").len(), 3);
    assert_eq!(house.config("meta", &id)["settings"]["verifyToken"], token);
    let body = r#"{"object":"page","entry":[]}"#;
    let code = format!("sha256={}", sha256("secret-of-the-app", body));
    assert_eq!(house.call("meta", &id, &[("X-Hub-Signature-256", &code)], body).status, 200);
    assert_eq!(house.test(&id, "webhook")["registrations"].as_array().unwrap().len(), 3);
    assert_eq!(house.shut_down(&id)["unregistered"], true);
    assert!(house.vendors.registered("meta").is_empty());
}

#[test]
fn twitchs_handshakes_are_answered_by_a_secret_of_ours() {
    let house = House::open();
    let credentials = json!({"clientId": "client", "clientSecret": "wrong-secret"});
    let body = json!({"type": "twitch", "credentials": credentials, "settings": {"broadcasterId": "7"}});
    let id = house.save(&body);
    house.refused(
        &id,
        "twitch",
        "get an app access token: it is answered with status 403: invalid client secret",
    );
    house.save(&json!({"id": id, "type": "twitch", "credentials": {"clientSecret": "secret-of-twitch"}}));
    assert_eq!(house.test(&id, "credentials")["account"], "client");
    for _ in 0..2 {
        // Chat needs the consent of a user, which this app does not have.
        house.registered(&id, &["channel.chat.message"]);
        assert_eq!(house.vendors.registered("twitch").len(), 4);
        assert_eq!(house.config("twitch", &id)["secrets"], 1);
    }
    // One that Twitch has given up is made again; the challenge is answered by the secret that was kept.
    house.vendors.state().registered.get_mut("twitch").unwrap()[0]["status"] =
        "notification_failures_exceeded".into();
    house.registered(&id, &["channel.chat.message"]);
    let standing = house.test(&id, "webhook");
    assert!(
        standing["registrations"].as_array().unwrap().iter().all(|of| of["enabled"] == true),
        "{standing:#}"
    );
    let (now, secret) = (moment(), house.vendors.state().secret.clone());
    let body = r#"{"subscription":{"type":"stream.online"},"event":{"id":"1"}}"#;
    let call = |secret: &str| {
        let code = format!("sha256={}", sha256(secret, &format!("m-1{now}{body}")));
        let headers = [
            ("Twitch-Eventsub-Message-Id", "m-1"),
            ("Twitch-Eventsub-Message-Timestamp", now.as_str()),
            ("Twitch-Eventsub-Message-Type", "notification"),
            ("Twitch-Eventsub-Message-Signature", code.as_str()),
        ];
        house.call("twitch", &id, &headers, body).status
    };
    assert_eq!((call("another-secret"), call(&secret), house.calls()), (403, 204, 1));
    assert_eq!(house.shut_down(&id)["unregistered"], true);
    assert!(house.vendors.registered("twitch").is_empty());
}

#[test]
fn slacks_manifest_gets_the_address() {
    let house = House::open();
    let manifest = json!({"display_information": {"name": "a"}, "oauth_config": {"scopes": {"bot": ["app_mentions:read"]}}});
    house.vendors.state().registered.insert("slack", vec![manifest]);
    let credentials = json!({"appId": "A1", "configToken": "xoxe.xoxp-wrong"});
    let id = house.save(&json!({"type": "slack", "credentials": credentials}));
    house.refused(&id, "slack", "the integration has no `signingSecret`");
    house.save(&json!({"id": id, "type": "slack", "credentials": {"signingSecret": "not-signing-of-slack"}}));
    house.refused(&id, "slack", "export the app's manifest: it is answered with `invalid_auth`");
    house.save(&json!({"id": id, "type": "slack", "credentials": {"configToken": "xoxe.xoxp-right"}}));
    house.refused(&id, "slack", "`invalid_manifest`: Your URL didn't respond");
    house.save(&json!({"id": id, "type": "slack", "credentials": {"signingSecret": "signing-of-slack"}}));
    for _ in 0..2 {
        assert_eq!(house.registered(&id, &[])["vendorWebhookId"], "A1");
    }
    let events = &house.vendors.registered("slack")[0]["settings"]["event_subscriptions"]["bot_events"];
    assert_eq!(*events, json!(["app_mention", "app_uninstalled", "tokens_revoked"]));
    assert_eq!(house.test(&id, "credentials")["account"], "Our team");
    assert_eq!(house.shut_down(&id)["unregistered"], true);
}

#[test]
fn a_vendor_without_such_an_interface_gives_instructions() {
    let house = House::open();
    let id = house.save(&json!({"type": "zendesk", "credentials": {"signingSecret": "s"}}));
    house.refused(&id, "zendesk", "it has none for this, or none that is known here");
    assert_eq!(house.test(&id, "credentials")["ok"], Value::Null);
    let standing = house.test(&id, "webhook");
    assert!(standing["registered"].is_null() && standing["instructions"].is_string(), "{standing:#}");
    let shut = house.shut_down(&id);
    assert!(shut["unregistered"] == false && shut["why"].is_string(), "{shut:#}");
    let types =
        house.server.call_as(&house.token, "GET", "/upstream/integration-types/paypal").send().expect(200);
    assert_eq!(types["registersWith"], json!(["clientId", "clientSecret"]));
}
