//! Without a provider the server answers out of its own records, and says that this is no language model.

use serde_json::json;

use crate::reader::{Stream, words};
use crate::support::ORG;
use crate::support::client::Client;
use crate::support::in_process::{Server, customer, owner};

#[test]
fn the_first_run_answers_out_of_the_records_that_one_may_read() {
    let server = Server::start();
    let token = server.token(&owner(ORG));
    let client = Client::signed(&format!("http://{}", server.address), ORG, &token);
    for (title, text) in [
        ("Opening hours", "We are open from 9 to 17 on weekdays. On Saturdays we open at 10."),
        ("Shipping", "Parcels leave on the day after the order."),
    ] {
        let article = json!({"datatype": "article", "isNew": true, "data": {"title": title, "text": text}});
        client.post("/repository/create", &article, 201);
    }
    let begun =
        client.post("/ai/agent/stream", &json!({"message": "When do you open on Saturday?"}), 202).json();
    let id = begun["streamId"].as_str().unwrap();
    let address = server.address.to_string();
    let said = words(&Stream::open(&address, &format!("/ai/stream/{id}"), &token, None).rest());
    assert!(said.contains("no language model") && said.contains("On Saturdays we open at 10."), "{said}");
    assert!(said.contains("Opening hours") && !said.contains("Shipping"), "{said}");
    // A customer may not read articles, unless an assistant may tell of them.
    let eve = server.token(&customer(ORG, "eve@example.com"));
    let ask = |body| {
        let answer = server.call_as(&eve, "POST", "/ai/chat").json(&body).send().expect(200);
        answer["content"].as_str().unwrap().to_owned()
    };
    let said = ask(json!({"message": "When do you open on Saturday?"}));
    assert!(!said.contains("10"), "{said}");
    let assistant = json!({"datatype": "ai_assistant", "isNew": true, "data": {
        "name": "helper", "title": "Helper", "status": "active",
        "knowledgeSources": [{"sourceType": "collection", "name": "article"}],
    }});
    let assistant = client.post("/repository/create", &assistant, 201).json();
    let said = ask(json!({"message": "When do you open on Saturday?", "agentId": assistant["sk"]}));
    assert!(said.contains("On Saturdays we open at 10."), "{said}");
    client.post("/ai/chat", &json!({"message": "Hello", "agentId": "nobody"}), 404);
}
