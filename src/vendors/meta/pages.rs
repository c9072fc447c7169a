//! What Facebook's pages and Instagram's accounts tell: posts, comments, mentions, reactions, messages.

use serde_json::Value;

use crate::vendors::told::{Told, id, millis, seconds, text, value};

/// Something on a page's feed. What was changed or taken away is nothing new.
pub fn feed(entry: &Value, of: &Value) -> Option<Told> {
    if text(of, "/verb")? != "add" {
        return None;
    }
    let (kind, id) = match text(of, "/item")?.as_str() {
        "post" | "status" | "photo" | "video" => ("social.post", text(of, "/post_id")?),
        "comment" => ("social.comment", text(of, "/comment_id")?),
        "reaction" | "like" => ("social.reaction", reaction(of)?),
        _ => return None,
    };
    let told = on_page(Told::new(kind, id, of), entry, of)
        .with("vendorEvent", "feed")
        .with("item", value(of, "/item"))
        .with("reaction", value(of, "/reaction_type"));
    Some(told)
}

/// Somebody's reaction to something has no id of its own: these make one.
fn reaction(of: &Value) -> Option<String> {
    let to = text(of, "/comment_id").or_else(|| text(of, "/post_id"))?;
    let by = author(of)?;
    let what = text(of, "/reaction_type").unwrap_or_else(|| "like".to_owned());
    let when = id(of, "/created_time").unwrap_or_default();
    Some(format!("reaction:{to}:{by}:{what}:{when}"))
}

/// A page was mentioned. The post is also told to the page that it is on, under its id alone.
pub fn page_mention(entry: &Value, of: &Value) -> Option<Told> {
    if text(of, "/verb").is_some_and(|verb| verb != "add") {
        return None;
    }
    let of_what = text(of, "/comment_id").or_else(|| text(of, "/post_id"))?;
    let told = Told::new("social.mention", format!("mention:{of_what}"), of);
    Some(on_page(told, entry, of).with("vendorEvent", "mention"))
}

fn author(of: &Value) -> Option<String> {
    id(of, "/from/id").or_else(|| id(of, "/sender_id"))
}

fn on_page(told: Told, entry: &Value, of: &Value) -> Told {
    let (page, by) = (id(entry, "/id"), author(of));
    told.at(seconds(of, "/created_time").or_else(|| seconds(entry, "/time")))
        .with("network", "facebook")
        .with("own", by.is_some() && by == page)
        .with("accountId", page)
        .with("postId", value(of, "/post_id"))
        .with("commentId", value(of, "/comment_id"))
        .with("parentId", value(of, "/parent_id"))
        .with("authorId", by)
        .with("authorName", text(of, "/from/name").or_else(|| text(of, "/sender_name")))
        .with("text", value(of, "/message"))
        .with("url", text(of, "/post/permalink_url").or_else(|| text(of, "/link")))
}

/// A comment on a picture or in a live video.
pub fn instagram_comment(entry: &Value, field: &str, of: &Value) -> Option<Told> {
    let (account, by) = (id(entry, "/id"), id(of, "/from/id"));
    let told = Told::new("social.comment", text(of, "/id")?, of)
        .at(seconds(entry, "/time"))
        .with("vendorEvent", field)
        .with("network", "instagram")
        .with("own", by.is_some() && by == account)
        .with("accountId", account)
        .with("postId", value(of, "/media/id"))
        .with("commentId", value(of, "/id"))
        .with("parentId", value(of, "/parent_id"))
        .with("authorId", by)
        .with("authorName", value(of, "/from/username"))
        .with("text", value(of, "/text"));
    Some(told)
}

/// A mention in a comment, or else under a picture. Who wrote what is not in it: that has to be asked for.
pub fn instagram_mention(entry: &Value, of: &Value) -> Option<Told> {
    let of_what = text(of, "/comment_id").or_else(|| text(of, "/media_id"))?;
    let told = Told::new("social.mention", format!("mention:{of_what}"), of)
        .at(seconds(entry, "/time"))
        .with("vendorEvent", "mentions")
        .with("network", "instagram")
        .with("accountId", id(entry, "/id"))
        .with("postId", value(of, "/media_id"))
        .with("commentId", value(of, "/comment_id"));
    Some(told)
}

/// Something that somebody wrote to us. What we have written comes back as an echo, which is not told: a flow that
/// answers would answer itself.
pub fn message(network: &'static str, of: &Value) -> Option<Told> {
    let message = of.get("message")?;
    let is = |name: &str| message.get(name).and_then(Value::as_bool).unwrap_or_default();
    if is("is_echo") || is("is_deleted") {
        return None;
    }
    let told = Told::new("social.message", text(message, "/mid")?, of)
        .at(millis(of, "/timestamp"))
        .with("vendorEvent", "messages")
        .with("network", network)
        .with("accountId", id(of, "/recipient/id"))
        .with("messageId", value(message, "/mid"))
        .with("authorId", id(of, "/sender/id"))
        .with("from", id(of, "/sender/id"))
        .with("to", id(of, "/recipient/id"))
        .with("text", value(message, "/text"));
    Some(told)
}
