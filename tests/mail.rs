//! Mail as an operator and a receiver meet it: the real binary, and a mail server that speaks SMTP.

#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod support;

use serde_json::{Value, json};
use support::binary::{House, Server};
use support::client::Client;
use support::smtp::{MailServer, Speaks, Taken, Twist};

const FROM: &str = "Acme <no-reply@acme.example>";

/// A house whose mail goes to this server, and that tries again soon.
fn house(mail: &MailServer, security: &str) -> House {
    let authority = House::new();
    let path = authority.beside("authority.pem");
    std::fs::write(&path, &mail.authority).unwrap();
    authority
        .with("MAIL__HOST", "localhost")
        .with("MAIL__PORT", &mail.address.port().to_string())
        .with("MAIL__SECURITY", security)
        .with("MAIL__FROM", FROM)
        .with("MAIL__CA_FILE", &path.display().to_string())
        .with("QUEUES__BACKOFF_FIRST", "10ms")
        .with("QUEUES__ATTEMPTS", "3")
}

/// A server, who owns it, and its folder, which goes when this does.
fn serve(house: House) -> (Server, Client, House) {
    let server = house.start();
    let ada = house.owner(&server);
    (server, ada, house)
}

/// Asks for a mail; its job's id.
fn ask(ada: &Client, to: &str) -> String {
    let mail = json!({"to": to, "subject": "Your order", "text": "It is on its way.\n.\nBye."});
    let body = json!({"name": "send_mail", "payload": mail});
    let job = ada.post("/queues/notification/jobs", &body, 201).json();
    job["id"].as_str().unwrap().to_owned()
}

/// A job as soon as nothing more happens to it.
fn ended(ada: &Client, id: &str) -> Value {
    ada.until(&format!("/monitoring/jobs/{id}"), |job| {
        matches!(job["state"].as_str(), Some("completed" | "failed")).then(|| job.clone())
    })
}

/// The text of a mail without what makes it fit for the way.
fn told(mail: &Taken) -> String {
    mail.text.split_once("\r\n\r\n").unwrap().1.replace("\r\n", "\n")
}

fn assert_failed(job: &Value, attempts: u64, reason: &str, words: &[&str]) {
    assert_eq!((&job["state"], &job["attempts"]), (&json!("failed"), &json!(attempts)), "{job:#}");
    assert_eq!(job["failedReason"], reason, "{job:#}");
    let told = job["lastError"].as_str().unwrap();
    for words in words {
        assert!(told.contains(words), "`{words}` is not in {told}");
    }
}

#[test]
fn a_flow_sends_a_mail_to_each_receiver_signed_in_and_over_tls() {
    let mail = MailServer::with(Speaks::StartTls, Some(("acme", "pass word")));
    let house = house(&mail, "starttls").with("MAIL__USER", "acme").with("MAIL__PASSWORD", "pass word");
    let (_server, ada, _house) = serve(house);
    let config = json!({
        "to": ["{{contact.email}}", "sales@acme.example"], "subject": "Grüße, {{contact.name}}",
        "body": "Hello {{contact.name}}", "html": "<p>Hello <b>{{contact.name}}</b></p>",
    });
    let flow = json!({
        "name": "Welcome", "trigger": {"type": "contact.created"},
        "actions": [{"type": "send_email", "config": config}],
    });
    let flow = ada.post("/automation/flows/create", &flow, 201).json();
    let contact = json!({"data": {"email": "grace@example.com", "name": "Grace"}});
    ada.post("/repository/create/contact", &contact, 201);
    let mut taken = mail.wait_for(2);
    taken.sort_by(|one, other| one.to.cmp(&other.to));
    let receivers: Vec<&str> = taken.iter().map(|mail| mail.to[0].as_str()).collect();
    assert_eq!(receivers, ["grace@example.com", "sales@acme.example"]);
    for mail in &taken {
        assert_eq!((mail.user.as_deref(), mail.over_tls), (Some("acme"), true));
        assert_eq!((mail.from.as_str(), mail.hello.as_str()), ("no-reply@acme.example", "acme.example"));
        assert!(mail.header("From").contains("<no-reply@acme.example>"), "{}", mail.text);
        assert!(mail.header("Content-Type").starts_with("multipart/alternative"), "{}", mail.text);
        assert!(mail.header("Subject").starts_with("=?utf-8?"), "{}", mail.text);
        assert!(mail.text.contains("Hello Grace") && mail.text.contains("<b>Grace</b>"), "{}", mail.text);
    }
    let path = format!("/automation/executions?automationId={}", flow["id"].as_str().unwrap());
    let run = ada.until(&path, |runs| {
        let run = &runs["data"][0];
        (run["status"] == "completed").then(|| run["id"].as_str().unwrap().to_owned())
    });
    let run = ada.get(&format!("/automation/executions/{run}"), 200).json();
    let ids = &run["steps"][0]["output"]["jobIds"];
    for (index, id) in ids.as_array().unwrap().iter().enumerate() {
        let id = id.as_str().unwrap();
        let job = ended(&ada, id);
        assert_eq!((&job["state"], &job["queue"]), (&json!("completed"), &json!("notification")), "{job:#}");
        let message_id = format!("<{id}@acme.example>");
        assert_eq!(job["result"]["messageId"], message_id);
        assert_eq!(job["result"]["reply"], "250 2.0.0 it is mine as number 7");
        assert!(taken.iter().any(|mail| mail.header("Message-ID") == message_id), "mail {index}");
    }
}

#[test]
fn a_mail_that_is_not_taken_now_is_sent_again_as_the_same_mail() {
    let mail = MailServer::with(Speaks::Tls, None);
    let (_server, ada, _house) = serve(house(&mail, "tls"));
    mail.script([Twist::Say("RCPT", "450-4.2.1 not\r\n450 4.2.1 yet"), Twist::HangUp]);
    let id = ask(&ada, "grace@example.com");
    let taken = mail.wait_for(1).remove(0);
    let job = ended(&ada, &id);
    assert_eq!((&job["state"], &job["attempts"]), (&json!("completed"), &json!(3)), "{job:#}");
    assert!(taken.over_tls);
    assert_eq!(taken.header("Message-ID"), format!("<{id}@acme.example>"));
    assert!(told(&taken).starts_with("It is on its way.\n.\nBye."), "{}", taken.text);
    let message_id = mail.wait_cut().text;
    assert!(taken.text.starts_with(&message_id), "what was cut off was the beginning of the same mail");
    assert_eq!(mail.taken(), 1);
}

#[test]
fn a_mail_that_the_server_refuses_is_not_tried_again() {
    let mail = MailServer::open();
    let (_server, ada, _house) = serve(house(&mail, "none"));
    mail.script([Twist::Say("RCPT", "550-5.1.1 there is nobody\r\n550 5.1.1 of that name")]);
    let job = ended(&ada, &ask(&ada, "nobody@example.com"));
    let words = "it said 550 5.1.1 there is nobody of that name";
    assert_failed(&job, 1, "fatal", &["failed to send the mail by localhost:", words]);
    // One refusal is of one mail.
    assert_eq!(ended(&ada, &ask(&ada, "grace@example.com"))["state"], "completed");
}

#[test]
fn a_server_that_is_not_there_or_says_nothing_is_tried_again() {
    let mail = MailServer::open();
    let (_server, ada, _house) = serve(house(&mail, "none").with("MAIL__TIMEOUT", "1s"));
    mail.script([Twist::Silent, Twist::Say("EHLO", "421 4.3.2 going down"), Twist::Silent]);
    let job = ended(&ada, &ask(&ada, "grace@example.com"));
    assert_failed(&job, 3, "exhausted", &["did not take it in 1s"]);
}

#[test]
fn nothing_is_said_in_the_clear_where_tls_was_asked_for() {
    let users = Some(("acme", "pass word"));
    let signed = |house: House| house.with("MAIL__USER", "acme").with("MAIL__PASSWORD", "pass word");
    let plain = MailServer::with(Speaks::Plain, users);
    let (_server, ada, _house) = serve(signed(house(&plain, "starttls")));
    let job = ended(&ada, &ask(&ada, "grace@example.com"));
    assert_failed(&job, 1, "fatal", &["failed to secure the connection to localhost:", "STARTTLS"]);
    // One that nobody vouches for: the authority is another one.
    let stranger = MailServer::with(Speaks::StartTls, users);
    let mut untrusted = signed(house(&stranger, "starttls"));
    let path = untrusted.beside("other.pem");
    std::fs::write(&path, &plain.authority).unwrap();
    untrusted = untrusted.with("MAIL__CA_FILE", &path.display().to_string());
    let (_server, ada, _house) = serve(untrusted);
    let job = ended(&ada, &ask(&ada, "grace@example.com"));
    assert_failed(&job, 3, "exhausted", &["failed to secure the connection to localhost:", "certificate"]);
    for said in [plain.said(), stranger.said()] {
        assert!(said.iter().all(|line| !line.starts_with("AUTH") && !line.starts_with("MAIL")), "{said:?}");
    }
}

#[test]
fn a_wrong_password_is_told_and_the_password_is_not() {
    let mail = MailServer::with(Speaks::StartTls, Some(("acme", "right")));
    let house = house(&mail, "starttls").with("MAIL__USER", "acme").with("MAIL__PASSWORD", "wr0ng-one");
    let (server, ada, _house) = serve(house);
    let job = ended(&ada, &ask(&ada, "grace@example.com"));
    assert_failed(&job, 1, "fatal", &["failed to sign in at localhost:", "it said 535 5.7.8 who are you?"]);
    server.terminate();
    let ended = server.wait();
    assert!(!job.to_string().contains("wr0ng-one") && !ended.err.contains("wr0ng-one"), "{}", ended.err);
}

#[test]
fn without_a_mail_server_a_job_says_what_to_set() {
    let (_server, ada, _house) = serve(House::new());
    let job = ended(&ada, &ask(&ada, "grace@example.com"));
    assert_failed(&job, 1, "fatal", &["failed to send the mail", "set mail.host and mail.from"]);
}

#[test]
fn a_payload_that_is_no_mail_is_refused_with_all_that_is_wrong() {
    let mail = MailServer::open();
    let (_server, ada, _house) = serve(house(&mail, "none"));
    let payload =
        json!({"to": "grace@example.com\r\nRCPT TO:<eve@example.com>", "subject": "a\nBcc: eve@example.com"});
    let body = json!({"name": "send_mail", "payload": payload});
    let job = ada.post("/queues/notification/jobs", &body, 201).json();
    let job = ended(&ada, job["id"].as_str().unwrap());
    let words = ["to: is no e-mail address", "subject: has control characters", "text: is missing"];
    assert_failed(&job, 1, "fatal", &words);
    assert!(mail.said().is_empty(), "nothing went to the mail server: {:?}", mail.said());
}

#[test]
fn a_flow_that_could_send_no_mail_is_refused() {
    let (_server, ada, _house) = serve(House::new());
    let action = json!({"type": "send_email", "config": {"to": "grace", "subject": "a\nb", "text": "x"}});
    let flow = json!({"name": "x", "trigger": {"type": "contact.created"}, "actions": [action]});
    let refused = ada.post("/automation/flows/create", &flow, 400).json();
    let told = refused["problems"].as_array().unwrap().iter().map(|problem| {
        format!("{}: {}", problem["path"].as_str().unwrap(), problem["message"].as_str().unwrap())
    });
    let told: Vec<String> = told.collect();
    assert_eq!(told.len(), 4, "{told:?}");
    for words in ["to: names `grace`", "subject: has control", "text: is unknown", "body: is missing"] {
        let words = format!("actions[0].config.{words}");
        assert!(told.iter().any(|told| told.starts_with(&words)), "`{words}` is not in {told:?}");
    }
}

/// Killed when the mail server has the mail and has not said so: nobody can know whether it was taken, so it is
/// sent again, and is recognised by its id.
#[test]
fn after_a_kill_the_same_mail_is_sent_again() {
    let mail = MailServer::open();
    let house = house(&mail, "none");
    let (server, ada, house) = serve(house);
    mail.script([Twist::Hold]);
    let id = ask(&ada, "grace@example.com");
    let before = mail.wait_cut();
    server.kill();
    mail.release();
    let (_server, ada, _house) = serve(house);
    assert_eq!(ended(&ada, &id)["state"], "completed");
    let taken = mail.wait_for(2);
    assert_eq!(taken[0], before, "the first was the server's by then");
    assert_eq!(taken[1].text, before.text, "the second is the same, to the last letter");
}
