//! The routes of chats, and calls that reach for A's chats, customers and staff.

use serde_json::json;

use crate::cases::{Case, Proof, reads, writes};
use crate::planted::Planted;

/// The cases.
pub fn cases(a: &Planted) -> Vec<Case> {
    let (chat, email, owner) = (a.get("chat"), a.get("email"), a.get("owner"));
    let waiting = a.get("waiting");
    let own = |method, path| Case::new(Proof::Own, method, path);
    vec![
        reads("/chat/history/{chatId}").at(&[chat]).asking(&[chat], "limit=5"),
        reads("/chat/sessions").at(&[]).asking(&[], "status=open&pageSize=500"),
        reads("/chat/messages/{email}").at(&[email]),
        reads("/chat/messages/{email}/{createdAfter}").at(&[email, "2026-01-31T12:00:00Z"]),
        writes("/chat/live/{chatId}/{userId}").with(&[chat, email], json!({"content": "hello"})),
        writes("/chat/save/{chatId}").with(&[chat], json!({"from": email, "content": "hello"})),
        Case::new(Proof::Writes, "PUT", "/chat/update/{chatId}")
            .with(&[chat], json!({"messageId": a.get("word"), "content": "changed"})),
        reads("/chat/queue").at(&[]).asking(&[], "pageSize=500"),
        reads("/chat/queue/stats").at(&[]),
        reads("/chat/queue/position/{chatId}").at(&[waiting]),
        reads("/chat/decisions/{chatId}").at(&[chat]),
        writes("/chat/agents/{email}/status").with(&[owner], json!({"status": "busy"})),
        own("GET", "/chat/agents/online").at(&[]),
        reads("/chat/agents/{email}/presence").at(&[owner]),
        own("GET", "/chat/customers/online").at(&[]),
        own("GET", "/chat/customers/{email}/journey").at(&[email]),
        own("GET", "/chat/presence/stats").at(&[]),
        Case::new(Proof::Entrance, "GET", "/chat/config/{configId}").at(&["widget"]),
        Case::new(Proof::Entrance, "GET", "/chat/get-profile/{userId}").at(&[a.get("shown")]).at(&[owner]),
        own("GET", "/chat/ice-servers").at(&[]),
        writes("/chat/queue").with(&[], json!({"chatId": waiting, "customerEmail": email, "queue": "other"})),
        writes("/chat/sessions/delete").with(&[], json!({"sessionIds": [chat, waiting, a.get("room")]})),
    ]
}
