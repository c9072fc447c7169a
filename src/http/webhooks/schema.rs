//! What the API document says of endpoints.

use appengine_actors::ids::EndpointId;
use appengine_actors::webhook::endpoint::MOST_CONCURRENT;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

use crate::http::repository::schema::{
    Any, any_of, anything, closed, described, list, map, moment, named, object, of, one_of, or_null, schemas,
    text, whole,
};
use crate::http::route::{id, kind};

schemas! {
    /// An endpoint: where webhooks go, which, and how.
    EndpointBody uses [] is closed(wishes()).required("url").into(), like [
        {"url": "https://receiver.example/hooks", "events": ["contact.*", "order.paid"]},
        {
            "url": "https://receiver.example/vip", "description": "Large orders, in order", "events": ["order.*"],
            "filter": {"data.total": {"$gte": 100}}, "headers": {"x-team": "sales"}, "fifo": "key",
            "fifoKey": "data.customerId", "rateLimit": 10, "concurrency": 2, "retrySchedule": [5, 30, 300],
            "template": {"text": "{{data.customerId}} paid {{data.total}}"},
        },
    ];

    /// What changes of an endpoint: what is not named stays, null takes away.
    EndpointPatch uses [] is closed(wishes()).into(), like [{"events": ["order.*"], "rateLimit": null}];

    /// An endpoint as it is.
    Endpoint uses [] is {
        let health = closed([
            ("breaker", one_of(["closed", "open"])),
            ("failingSince", or_null(moment())),
            ("nextProbeAt", or_null(moment())),
        ]);
        let told = [
            ("id", id(EndpointId::PREFIX)),
            ("orgId", of(Type::String)),
            ("secret", described(of(Type::String), "Shown once: when it is made, and when it is replaced.")),
            ("publicKeys", list(of(Type::String)).into()),
            ("secretExpiresAt", or_null(moment())),
            ("disabledReason", or_null(of(Type::String))),
            ("stoppedAt", or_null(moment())),
            ("health", health.into()),
            ("createdAt", moment()),
            ("updatedAt", moment()),
        ];
        let told = told.into_iter().chain(wishes().into_iter().filter(|(name, _)| *name != "secret"));
        told.fold(object(), |object, (name, schema)| object.property(name, schema)).required("id").into()
    };

    /// A page of endpoints.
    EndpointPage uses [Endpoint] is object()
        .property("data", list(named::<Endpoint>())).required("data")
        .into();

    /// A new secret.
    RotateBody uses [] is closed([
        ("secret", described(or_null(secret()), "One of your own choice; a random one if left out.")),
        (
            "overlapSeconds",
            described(or_null(whole(0, 2_592_000)), "How long the old one signs too; a day if left out."),
        ),
    ]).into(), like [{"overlapSeconds": 3600}];

    /// What is sent again.
    ReplayBody uses [] is {
        let outcomes = ["delivered", "failed", "dead", "discarded", "missed"];
        closed([
            ("endpointId", described(or_null(id(EndpointId::PREFIX)), "To this endpoint; to all if left out.")),
            ("events", described(or_null(patterns()), "Events that match one of these; all if left out.")),
            ("key", described(or_null(text(r"^[\x21-\x7e]{1,256}$")), "Events about this record.")),
            ("from", described(or_null(moment()), "Events of this time or later.")),
            ("to", described(or_null(moment()), "Events of this time or earlier; now if left out.")),
            (
                "outcome",
                described(
                    or_null(list(one_of(outcomes)).min_items(Some(1)).into()),
                    "What became of them; any if left out. `missed` was never owed.",
                ),
            ),
            ("rate", described(or_null(number(0.01, 5_000.0)), "Deliveries a second; 100 if left out.")),
            ("dryRun", described(of(Type::Boolean), "Count only.")),
        ]).into()
    }, like [
        {"events": ["order.*"], "outcome": ["dead", "missed"], "from": "2026-01-01T00:00:00Z", "dryRun": true},
    ];

    /// Since when what failed or was missed is sent.
    RecoverBody uses [] is closed([
        ("since", moment()),
        ("until", described(or_null(moment()), "Now if left out.")),
        ("rate", described(or_null(number(0.01, 5_000.0)), "Deliveries a second; 100 if left out.")),
        ("dryRun", described(of(Type::Boolean), "Count only.")),
    ]).required("since").into(), like [{"since": "2026-01-01T00:00:00Z"}];

    /// Which event a test shows.
    TestBody uses [] is closed([
        ("event", described(or_null(kind()), "Its sample is sent; `webhook.test` if left out.")),
        ("data", described(or_null(object().into()), "Sent instead of the sample.")),
    ]).into(), like [{"event": "contact.created"}];
}

fn tls() -> Any {
    let pem = || or_null(of(Type::String));
    closed([("ca", pem()), ("clientCertificate", pem()), ("clientKey", pem())]).into()
}

fn secret() -> Any {
    text("^whsec_[A-Za-z0-9+/]{43}=$")
}

fn number(least: f64, most: f64) -> Any {
    let number = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Number));
    number.minimum(Some(least)).maximum(Some(most)).into()
}

fn patterns() -> Any {
    let pattern = text(r"^(\*|[A-Za-z0-9_-]{1,40}(\.[A-Za-z0-9_-]{1,20}){0,3}(\.\*)?)$");
    list(pattern).min_items(Some(1)).max_items(Some(100)).into()
}

/// What somebody may want of an endpoint.
fn wishes() -> [(&'static str, Any); 17] {
    let pauses = list(number(0.0, 2_592_000.0)).max_items(Some(100)).into();
    let concurrency = whole(1, u32::try_from(MOST_CONCURRENT).unwrap_or(u32::MAX));
    let header = text(r"^[\x21-\x7e]{0,200}$");
    let short =
        |most| -> Any { ObjectBuilder::new().schema_type(Type::String).max_length(Some(most)).into() };
    let optional = |schema: Any, means: &str| described(or_null(schema), means);
    [
        (
            "url",
            described(of(Type::String), "Where requests go: https, or http where the operator allows it."),
        ),
        ("description", or_null(short(1_000))),
        (
            "events",
            optional(patterns(), "Patterns of events: `order.paid`, `order.*` or `*`; all if left out."),
        ),
        ("filter", optional(object().into(), "A query over `{event, orgId, timestamp, data}`.")),
        ("headers", optional(map("^x-[a-z]{1,20}$", header).into(), "Sent beside those of every webhook.")),
        (
            "template",
            optional(
                any_of([object().into(), short(10_000), list(anything()).into()]),
                "The body instead of the usual one, with placeholders such as `{{data.email}}`.",
            ),
        ),
        ("rateLimit", optional(number(0.001, 10_000.0), "Requests a second.")),
        ("concurrency", optional(concurrency, "Requests at once.")),
        ("fifo", optional(one_of(["none", "endpoint", "key"]), "Which deliveries keep their order.")),
        (
            "fifoKey",
            optional(
                text(r"^data(\.[A-Za-z_][A-Za-z0-9_]{0,30}){1,4}$"),
                "Where the key is that `fifo: \"key\"` orders by; the record's id if left out.",
            ),
        ),
        ("retrySchedule", optional(pauses, "Seconds between attempts; the installation's if left out.")),
        (
            "signatures",
            optional(
                list(one_of(["v1", "v1a"])).min_items(Some(1)).into(),
                "`v1` (HMAC-SHA256, the secret), `v1a` (Ed25519, the public keys) or both; `v1` if left out.",
            ),
        ),
        ("compression", optional(one_of(["none", "gzip"]), "What is done to bodies, after they are signed.")),
        (
            "tls",
            optional(tls(), "Whom to trust instead of the usual authorities, and what to show (mTLS); PEM."),
        ),
        ("metadata", optional(object().into(), "Anything of yours.")),
        ("status", optional(one_of(["enabled", "paused", "disabled"]), "`enabled` if left out.")),
        ("secret", optional(secret(), "A signing secret of your own choice; a random one if left out.")),
    ]
}
