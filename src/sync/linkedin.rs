//! LinkedIn: an organisation's posts, `GET /rest/posts?q=author`, and what others do with them, `GET
//! /rest/organizationalEntityNotifications?q=criteria`, which has the notifications that webhooks have. (LinkedIn, "Posts
//! API", "Organization Social Action Notifications".)

use appengine_actors::webhook::transport::Method;
use serde_json::Value;

use super::adapter::{Adapter, Fault, Place, Read};
use super::cursor::Cursor;
use super::limits::Limits;
use crate::connect::api::{ApiCall, ApiReply};
use crate::vendors::linkedin::action;
use crate::vendors::told::{Told, items, millis, text, value};

/// The month whose interface is spoken.
const VERSION: &str = "202509";
/// What is on a page.
const COUNT: u64 = 100;
const ACTIONS: &str = "List(COMMENT,ADMIN_COMMENT,SHARE_MENTION,SHARE,LIKE)";

/// LinkedIn.
pub struct LinkedIn;

impl Adapter for LinkedIn {
    fn vendor(&self) -> &'static str {
        "linkedin"
    }

    fn interface(&self) -> &'static str {
        "linkedin-api"
    }

    fn follows(&self) -> &'static str {
        "organisations, as numbers or as urn:li:organization:NUMBER"
    }

    fn streams(&self, follow: &str) -> Option<Vec<String>> {
        let id = follow.strip_prefix("urn:li:organization:").unwrap_or(follow);
        let is_id = (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
        is_id.then(|| vec![format!("actions/{id}"), format!("posts/{id}")])
    }

    fn request(&self, at: &Place<'_>, cursor: &Cursor) -> ApiCall {
        let (listing, id) = at.stream.split_once('/').unwrap_or(("posts", at.stream));
        let start = cursor.page().and_then(|page| page.parse::<u64>().ok()).unwrap_or_default();
        let organisation = format!("urn%3Ali%3Aorganization%3A{id}");
        let query = if listing == "actions" {
            // Of its lists and ranges neither the brackets nor the colons are escaped.
            let floor = cursor.floor(at.since, at.now).as_millis();
            let range = format!("(start:{floor},end:{})", at.now.as_millis());
            format!(
                "organizationalEntityNotifications?q=criteria&actions={ACTIONS}&organizationalEntity={organisation}\
                 &timeRange={range}"
            )
        } else {
            format!("posts?q=author&author={organisation}&sortBy=CREATED")
        };
        let call = ApiCall::new(Method::Get, format!("{}/rest/{query}&start={start}&count={COUNT}", at.base));
        let call = call.bearer(at.token).header("linkedin-version", VERSION);
        call.header("x-restli-protocol-version", "2.0.0").header("x-restli-method", "FINDER")
    }

    fn read(&self, at: &Place<'_>, mut cursor: Cursor, reply: &ApiReply) -> Result<Read, Fault> {
        let (listing, id) = at.stream.split_once('/').unwrap_or(("posts", at.stream));
        let body = reply.json();
        let elements = body.get("elements").and_then(Value::as_array).ok_or(Fault::Odd)?;
        let made = |element: &Value| {
            ["/lastModifiedAt", "/publishedAt", "/createdAt"]
                .iter()
                .skip(usize::from(listing == "posts"))
                .find_map(|at| millis(element, at))
        };
        let is_news = |element: &Value| cursor.is_news(made(element), at.since, at.now);
        let told = elements.iter().filter(|element| is_news(element));
        let told =
            told.filter_map(|element| if listing == "posts" { post(id, element) } else { action(element) });
        let mut told: Vec<Told> = told.collect();
        told.sort_by_key(|told| told.at);
        let start = cursor.page().and_then(|page| page.parse::<u64>().ok()).unwrap_or_default();
        let is_full =
            elements.len() as u64 >= COUNT || items(&body, "/paging/links").any(|link| link["rel"] == "next");
        // The notifications of a range have no order; posts are the newest first.
        let is_end =
            elements.is_empty() || listing == "posts" && elements.last().is_some_and(|last| !is_news(last));
        let next = (is_full && !is_end).then(|| (start + elements.len() as u64).to_string());
        elements.iter().for_each(|element| cursor.meet_at(made(element)));
        Ok(cursor.walk(told, next))
    }

    fn limits(&self) -> Limits {
        Limits::RetryAfter
    }
}

/// A post of the organisation's own.
fn post(organisation: &str, of: &Value) -> Option<Told> {
    if of.get("lifecycleState").is_some_and(|state| state != "PUBLISHED") {
        return None;
    }
    let id = text(of, "/id")?;
    let told = Told::new("social.post", id.as_str(), of)
        .at(millis(of, "/publishedAt").or_else(|| millis(of, "/createdAt")))
        .with("vendorEvent", "posts")
        .with("own", true)
        .with("accountId", format!("urn:li:organization:{organisation}"))
        .with("authorId", value(of, "/author"))
        .with("text", value(of, "/commentary"))
        .with("url", format!("https://www.linkedin.com/feed/update/{id}/"))
        .with("postId", id);
    Some(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sync::testing::{at, kinds, page};
    use crate::vendors::testing::told_by;

    #[test]
    fn notifications_are_the_ones_that_a_webhook_has() {
        let at = at("actions/12");
        let call = LinkedIn.request(&at, &Cursor::default());
        assert_eq!(
            call.url,
            "https://api.example/rest/organizationalEntityNotifications?q=criteria&actions=List(COMMENT,ADMIN_COMMENT,\
             SHARE_MENTION,SHARE,LIKE)&organizationalEntity=urn%3Ali%3Aorganization%3A12\
             &timeRange=(start:1789913600000,end:1790000000000)&start=0&count=100"
        );
        assert!(call.headers.contains(&("x-restli-protocol-version".to_owned(), "2.0.0".to_owned())));
        let notification = json!({"notificationId": 1002, "organizationalEntity": "urn:li:organization:12",
            "action": "COMMENT", "sourcePost": "urn:li:share:1", "generatedActivity": "urn:li:comment:(urn:li:activity:1,2)",
            "lastModifiedAt": 1_789_999_990_000_u64});
        let body = json!({"elements": [notification], "paging": {"start": 0, "count": 100, "links": []}});
        let read = LinkedIn.read(&at, Cursor::default(), &page(&body)).unwrap();
        let hook =
            json!({"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "notifications": [notification]});
        assert_eq!(read.told, told_by(&crate::vendors::linkedin::LinkedIn, &hook));
        assert_eq!((read.more, read.cursor.at), (false, Some(1_789_999_990_000)));
        // What may have been listed late is asked for again.
        assert!(LinkedIn.request(&at, &read.cursor).url.contains("(start:1789999400000,"));
    }

    #[test]
    fn posts_are_read_back_to_what_is_known() {
        let at = at("posts/12");
        let post = |id: usize, at: u64| {
            json!({"id": format!("urn:li:share:{id}"), "author": "urn:li:organization:12", "commentary": "hi",
                "createdAt": at, "publishedAt": at, "lifecycleState": "PUBLISHED", "visibility": "PUBLIC"})
        };
        let body = json!({"elements": [post(1, 1_789_999_990_000), post(0, 1_700_000_000_000)],
            "paging": {"start": 0, "count": 2, "links": [{"rel": "next", "href": "/rest/posts?start=2"}]}});
        let read = LinkedIn.read(&at, Cursor::default(), &page(&body)).unwrap();
        assert_eq!((kinds(&read.told), read.more), (vec![("social.post", "urn:li:share:1")], false));
        let news = json!({"elements": [post(2, 1_789_999_991_000)], "paging": {"links": [{"rel": "next"}]}});
        let read = LinkedIn.read(&at, Cursor::default(), &page(&news)).unwrap();
        assert!(read.more && LinkedIn.request(&at, &read.cursor).url.ends_with("&start=1&count=100"));
    }
}
