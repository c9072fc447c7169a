//! The routes of communities, under both spellings, and calls that reach for A's groups, messages and people.

use serde_json::json;

use crate::cases::{Case, Proof};
use crate::planted::Planted;

/// The cases. Where the second spelling finds done what the first one did, the first has shown that it changes
/// something, and what is proved of both is that others see and change nothing.
pub fn cases(a: &Planted) -> Vec<Case> {
    let spelled = [("/client/community", "said_again", true), ("/community", "said_too", false)];
    let cases: Vec<_> = spelled.into_iter().flat_map(|spelling| of(a, spelling)).collect();
    // What puts people out of the group stands last.
    let ends = |case: &Case| {
        case.path.ends_with("/leave") || case.path.contains("/members") && case.method == "DELETE"
    };
    let (last, others) = cases.into_iter().partition::<Vec<_>, _>(ends);
    others.into_iter().chain(last).collect()
}

fn of(a: &Planted, (prefix, gone, first): (&str, &str, bool)) -> Vec<Case> {
    let (group, email, said) = (a.get("group"), a.get("email"), a.get("said"));
    let case = |proof, method, path: &str| {
        // As long as the test runs there are as many of these as there are routes.
        Case::new(proof, method, Box::leak(format!("{prefix}{path}").into_boxed_str()))
    };
    let reads = |path| case(Proof::Reads, "GET", path);
    let writes = |method, path| case(Proof::Writes, method, path);
    let own = |method, path| case(Proof::Own, method, path);
    vec![
        writes("POST", "/messages").with(&[], json!({"to": email, "content": "hello"})),
        reads("/messages/threads").at(&[]),
        own("GET", "/messages/unread-count").at(&[]),
        reads("/messages/thread/{userId}").at(&[email]).at(&[a.get("person")]).asking(&[email], "limit=1"),
        own("POST", "/messages/thread/{userId}/read").at(&[email]),
        own("POST", "/messages/read").with(&[], json!({"messageIds": [said, a.get("direct")]})),
        writes("PATCH", "/messages/{id}").with(&[said], json!({"content": format!("changed at {prefix}")})),
        writes("POST", "/react").with(&[], json!({"target": said, "type": "like"})),
        writes("DELETE", "/messages/{id}").at(&[a.get(gone)]),
        writes("POST", "/groups").with(&[], json!({"name": "a group"})),
        reads("/groups").at(&[]).asking(&[], "which=open").asking(&[], "which=all&limit=500"),
        reads("/groups/{groupId}").at(&[group]),
        writes("PATCH", "/groups/{groupId}").with(&[group], json!({"description": format!("at {prefix}")})),
        own("POST", "/groups/{groupId}/join").at(&[group]),
        writes("POST", "/groups/{groupId}/messages")
            .with(&[group], json!({"content": "hi", "replyTo": said})),
        reads("/groups/{groupId}/messages").at(&[group]).asking(&[group], "after=0&limit=200"),
        own("POST", "/groups/{groupId}/read").at(&[group]),
        own("POST", "/groups/{groupId}/members").with(&[group], json!({"email": email})),
        writes("PATCH", "/groups/{groupId}/members/{email}").with(&[group, email], json!({"muted": first})),
        own("DELETE", "/groups/{groupId}/members/{email}").at(&[group, email]),
        own("POST", "/groups/{groupId}/leave").at(&[group]),
        own("POST", "/blocks").with(&[], json!({"email": email})),
        own("GET", "/blocks").at(&[]),
        own("DELETE", "/blocks/{email}").at(&[email]),
        writes("POST", "/reports")
            .with(&[], json!({"reportedId": said, "reason": "spam", "details": format!("at {prefix}")})),
    ]
}
