//! Mail that a flow orders, from the step to whoever brings it away.

use std::sync::{Arc, Mutex};

use appengine_actors::flow::run::RunStatus;
use appengine_actors::mail::{KIND, Mail, MailError, MailWork, Mailer, Sent};
use appengine_actors::queue::worker::Handlers;
use appengine_actors::testkit::probe::until;
use appengine_actors::testkit::{Setup, TestHouse};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

/// Takes every mail, and at first says so often that it cannot.
#[derive(Clone, Default)]
pub struct Post {
    pub asked: Arc<Mutex<Vec<Mail>>>,
    away: usize,
}

impl Mailer for Post {
    fn send(&self, mail: Mail) -> BoxFuture<'static, Result<Sent, MailError>> {
        let mut asked = self.asked.lock().unwrap();
        asked.push(mail);
        let answer = if asked.len() <= self.away {
            Err(MailError::NotNow("reach anybody".into()))
        } else {
            Ok(Sent { message_id: "<x@y>".into(), reply: "250 ok".into() })
        };
        Box::pin(std::future::ready(answer))
    }
}

pub fn house(post: &Post) -> TestHouse {
    let work = MailWork(Some(Arc::new(post.clone())));
    Setup { handlers: Handlers::default().with(KIND, work), ..Setup::default() }.start()
}

/// Runs the action for a new contact; how its run ended.
async fn run(house: &TestHouse, contact: Value, config: Value) -> Result<Value, String> {
    let flow = house.short_flow("contact.created", json!([{"type": "send_email", "config": config}])).await;
    house.create("contact", contact).await;
    let (run, mut steps) = house.ended_run(&flow).await;
    let step = steps.remove(0);
    if run.status == RunStatus::Completed { Ok(step.output) } else { Err(step.error.unwrap()) }
}

#[actix::test]
async fn the_contact_gets_it_and_it_keeps_its_id_from_one_attempt_to_the_next() {
    let post = Post { away: 1, ..Post::default() };
    let house = house(&post);
    let contact = json!({"email": "ada@example.com", "name": "Ada"});
    let config = json!({"subject": "Hello {{contact.name}}", "body": "It is {{contact.name}}."});
    let output = run(&house, contact, config).await.unwrap();
    until("the first attempt", async || (post.asked.lock().unwrap().len() == 1).then_some(())).await;
    house.advance(std::time::Duration::from_secs(60)).await;
    let asked = until("the second", async || {
        let asked = post.asked.lock().unwrap();
        (asked.len() == 2).then(|| asked.clone())
    })
    .await;
    assert_eq!(asked[0], asked[1], "it is the same mail");
    assert_eq!((asked[0].to.as_str(), asked[0].subject.as_str()), ("ada@example.com", "Hello Ada"));
    assert_eq!((asked[0].text.as_str(), asked[0].html.as_deref()), ("It is Ada.", None));
    assert_eq!(output, json!({"jobIds": [asked[0].id]}));
}

#[actix::test]
async fn each_receiver_gets_one_and_nobody_two() {
    let post = Post::default();
    let house = house(&post);
    let to = "{{contact.emails}}, bob@example.com";
    let contact = json!({"email": "a@example.com", "emails": "a@example.com, bob@example.com"});
    let long = "x".repeat(300);
    let config = json!({"to": to, "subject": long, "body": "x", "html": "<b>x</b>"});
    let output = run(&house, contact, config).await.unwrap();
    assert_eq!(output["jobIds"].as_array().unwrap().len(), 2);
    let asked = until("both", async || {
        let asked = post.asked.lock().unwrap();
        (asked.len() == 2).then(|| asked.clone())
    })
    .await;
    let mut to: Vec<&str> = asked.iter().map(|mail| mail.to.as_str()).collect();
    to.sort_unstable();
    assert_eq!(to, ["a@example.com", "bob@example.com"]);
    assert!(asked.iter().all(|mail| mail.subject.len() == 255 && mail.html.is_some()));
}

#[actix::test]
async fn a_step_that_could_send_nothing_fails_and_says_why() {
    let cases = [
        (json!({"name": "Ada"}), json!({"subject": "s", "body": "b"}), "no contact with an e-mail address"),
        (
            json!({"email": "ada@example.com", "other": "not an address"}),
            json!({"to": "{{contact.other}}", "subject": "s", "body": "b"}),
            "names `not an address`, which is no e-mail address",
        ),
        (
            json!({"email": "ada@example.com", "name": "Ada\nBcc: eve@example.com"}),
            json!({"subject": "{{contact.name}}", "body": "b"}),
            "subject: has control characters",
        ),
        (
            json!({"email": "ada@example.com", "long": "x".repeat(40_000)}),
            json!({"subject": "s", "body": "{{contact.long}} {{contact.long}}"}),
            "order a mail of",
        ),
    ];
    for (contact, config, why) in cases {
        let post = Post::default();
        let house = house(&post);
        let failed = run(&house, contact, config).await.unwrap_err();
        assert!(failed.contains(why), "{failed}");
        assert!(post.asked.lock().unwrap().is_empty());
    }
}
