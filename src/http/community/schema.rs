//! What the API document says of communities.

use appengine_actors::ids::MessageId;
use appengine_actors::session::community::group::MOST_MEMBERS;
use appengine_actors::session::community::rules::{
    MOST_ADDED, MOST_ADDRESS, MOST_ATTACHMENTS, MOST_CLIENT_ID, MOST_CONTENT, MOST_DESCRIPTION,
    MOST_MENTIONS, MOST_NAME, MOST_READ,
};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::people::{MOST_DETAILS, REASONS};
use crate::http::repository::schema::{
    Any, closed, count, list, moment, named, object, of, one_of, or_null, schemas,
};
use crate::http::route::{id, whole};

schemas! {
    /// Something to be said to somebody.
    DirectBody uses [] is closed(
        word().into_iter().chain([("to", who())]),
    ).required("to").into();

    /// Something to be said in a group.
    WordBody uses [] is closed(word()).into();

    /// What a message says instead.
    EditBody uses [] is closed([("content", content())]).required("content").into();

    /// Messages that are read.
    ReadBody uses [] is closed([
        ("messageIds", list(id(MessageId::PREFIX)).min_items(Some(1)).max_items(Some(MOST_READ)).into()),
    ]).required("messageIds").into();

    /// A feeling about a message, to be there, or no longer where it is.
    ReactBody uses [] is closed([
        ("target", id(MessageId::PREFIX)), ("targetType", or_null(one_of(["message"]))), ("type", letters(1, 32)),
    ]).required("target").required("type").into();

    /// A group to be made. Whoever makes it looks after it.
    GroupBody uses [MemberDraft] is closed(
        settings().into_iter().chain([("name", letters(1, MOST_NAME)), ("members", people())]),
    ).required("name").into(), like [{
        "name": "Dog owners", "description": "All about dogs.", "type": "public", "maxMembers": 100,
    }];

    /// What changes of a group.
    GroupPatch uses [] is closed(
        settings().into_iter().chain([
            ("name", or_null(letters(1, MOST_NAME))), ("status", or_null(one_of(["active", "archived"]))),
        ]),
    ).into();

    /// Somebody who is to be in a group.
    MemberDraft uses [] is closed([
        ("email", who()), ("role", one_of(["member", "admin"])),
    ]).required("email").into();

    /// Those who are to be in a group: one, or several.
    MembersBody uses [MemberDraft] is closed([
        ("email", or_null(who())), ("role", one_of(["member", "admin"])), ("members", people()),
    ]).into();

    /// What somebody is in a group from now on.
    MemberPatch uses [] is closed([
        ("role", or_null(one_of(["member", "admin"]))), ("muted", or_null(of(Type::Boolean))), ("mutedUntil", or_null(moment())),
    ]).into();

    /// Whom nothing is to be heard of.
    BlockBody uses [] is closed([("email", who())]).required("email").into();

    /// What is wrong with somebody, or with what they said.
    ReportBody uses [] is closed([
        ("reportedId", who()), ("reason", one_of(REASONS)),
        ("details", letters(0, MOST_DETAILS)), ("context", object().into()),
    ]).required("reportedId").required("reason").into(), like [
        {"reportedId": "eve@example.com", "reason": "spam", "details": "The same words, over and over."},
    ];

    /// Part of a history, oldest first; `next` is where it goes on.
    MessagePage uses [] is closed([
        ("data", list(object().into()).into()), ("pageSize", count()), ("hasNext", of(Type::Boolean)),
        ("next", or_null(count())), ("reads", list(object().into()).into()), ("seq", count()),
        ("gap", of(Type::Boolean)),
    ]).required("data").required("pageSize").required("hasNext").required("next").into();

    /// The people with whom somebody speaks, the latest first.
    Threads uses [] is list(closed([
        ("conversationId", of(Type::String)), ("peer", of(Type::String)), ("peerInfo", object().into()),
        ("lastMessage", or_null(object().into())), ("unreadCount", count()), ("seq", count()),
    ]).required("peer").required("unreadCount").into()).into();

    /// A page of groups.
    GroupPage uses [] is closed([
        ("data", list(object().into()).into()), ("total", count()), ("page", count()), ("pageSize", count()),
        ("hasNext", of(Type::Boolean)),
    ]).required("data").required("total").into();

    /// Those of whom somebody hears nothing.
    BlockList uses [] is closed([
        ("data", list(object().into()).into()), ("total", count()),
    ]).required("data").required("total").into();
}

fn letters(least: usize, most: usize) -> Any {
    let text = ObjectBuilder::new().schema_type(Type::String);
    text.min_length(Some(least)).max_length(Some(most)).into()
}

/// Somebody: an address, `customer:` or `agent:` and an address, or the id of a record.
fn who() -> Any {
    letters(1, MOST_ADDRESS)
}

fn content() -> Any {
    letters(1, MOST_CONTENT)
}

fn word() -> [(&'static str, Any); 6] {
    let file = closed([
        ("url", letters(1, 1_024)),
        ("type", or_null(letters(0, 1_024))),
        ("name", or_null(letters(0, 1_024))),
        ("size", or_null(count())),
    ]);
    let kinds = ["text", "image", "file", "audio", "link", "contact"];
    [
        ("content", letters(0, MOST_CONTENT)),
        ("contentType", one_of(kinds)),
        ("attachments", list(file.required("url").into()).max_items(Some(MOST_ATTACHMENTS)).into()),
        ("replyTo", or_null(id(MessageId::PREFIX))),
        ("mentions", list(who()).max_items(Some(MOST_MENTIONS)).into()),
        ("clientId", or_null(letters(1, MOST_CLIENT_ID))),
    ]
}

fn settings() -> [(&'static str, Any); 5] {
    [
        ("description", or_null(letters(0, MOST_DESCRIPTION))),
        ("type", or_null(one_of(["public", "private"]))),
        ("page", or_null(letters(0, MOST_NAME))),
        ("onlyAdminsPost", or_null(of(Type::Boolean))),
        ("maxMembers", or_null(whole(1, MOST_MEMBERS))),
    ]
}

fn people() -> Any {
    list(named::<MemberDraft>()).max_items(Some(MOST_ADDED)).into()
}
