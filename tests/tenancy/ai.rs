//! The routes of answers of language models, and calls that reach for A's.

use serde_json::json;

use crate::cases::{Case, Proof, finds, reads, writes};
use crate::house::House;
use crate::planted::Planted;
use crate::support::in_process::{Server, customer, owner};

/// The cases.
pub fn cases(a: &Planted) -> Vec<Case> {
    let id = a.get("ai_stream");
    let results = json!({"results": [{"id": "call_1", "output": 1}]});
    let remembered = json!({"toolName": "server.memory.store", "args": {"key": "colour", "value": "green"}});
    let assistant = a.get("ai_assistant");
    let changes = |method| Case::new(Proof::Writes, method, "/ai/assistants/{id}");
    let stream = |path| Case::new(Proof::Stream, "GET", path).at(&[id]);
    vec![
        writes("/ai/agent/stream").with(&[], json!({"message": "Hello"})),
        writes("/ai/chat").with(&[], json!({"message": "Hello"})),
        writes("/ai/agent/chat").with(&[], json!({"message": "Hello"})),
        finds("/ai/stream/{streamId}/stop").at(&[id]),
        Case::new(Proof::Own, "POST", "/ai/stream/{streamId}/tool-results").with(&[id], results),
        Case::new(Proof::Own, "GET", "/ai/thread/{conversationId}").at(&["shared"]),
        reads("/ai/mcp/tools").at(&[]),
        reads("/ai/usage").at(&[]),
        reads("/ai/assistants").at(&[]),
        reads("/ai/assistants/{id}").at(&[assistant]),
        writes("/ai/assistants").with(&[], json!({"name": "clerk", "sk": assistant})),
        changes("PUT").with(&[assistant], json!({"name": "clerk"})),
        changes("PATCH").with(&[assistant], json!({"title": "Clerk"})),
        changes("DELETE").at(&[assistant]),
        writes("/ai/mcp/execute").with(&[], remembered),
        stream("/ai/stream/{streamId}"),
        stream("/ai/agent/stream/{streamId}"),
    ]
}

impl Planted {
    /// An answer, and what a conversation remembers of it.
    pub fn ai(&mut self, server: &Server) {
        let question = self.mark("ai_question");
        let body = json!({"message": question, "conversationId": "shared"});
        let asked = server.call_as(&self.token, "POST", "/ai/chat").json(&body).send().expect(200);
        self.keep("ai_stream", &asked["streamId"]);
        let name = self.mark("ai_assistant_name");
        let assistant = json!({"name": name, "description": "You help."});
        let made = server.call_as(&self.token, "POST", "/ai/assistants").json(&assistant).send().expect(201);
        self.keep("ai_assistant", &made["sk"]);
        // It cannot be reached, and is named all the same.
        let name = self.mark("ai_tools");
        let tools = json!({"type": "mcp", "name": name, "settings": {"baseUrl": "http://127.0.0.1:9/mcp"}});
        server.call_as(&self.token, "POST", "/upstream/save-integration").json(&tools).send().expect(200);
    }
}

#[test]
fn an_answer_is_told_to_those_of_its_organisation_alone() {
    let house = House::open();
    let id = house.a.get("ai_stream");
    let read = |org: &str, path: &str| {
        let token = house.server.token(&owner(org));
        house.server.call_as(&token, "GET", &format!("{path}/{id}")).send()
    };
    for path in ["/ai/stream", "/ai/agent/stream"] {
        let answer = read(&house.a.org, path);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(String::from_utf8_lossy(&answer.bytes()).contains("\"type\":\"end\""), "{answer:?}");
        let answer = read("outsider", path);
        assert_eq!(answer.status, 404, "{answer:?}");
        let nobody = house.server.call("GET", &format!("{path}/{id}")).send();
        assert_eq!(nobody.status, 401, "{nobody:?}");
    }
    // Of their own organisation, a customer is told what they have asked themselves.
    let customer = house.server.token(&customer(&house.a.org, "eve@example.com"));
    assert_eq!(house.server.call_as(&customer, "GET", &format!("/ai/stream/{id}")).send().status, 404);
}
