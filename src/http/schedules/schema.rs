//! What the API document says of schedules. Which patterns, time zones and moments there are is in no schema: their
//! reader lists everything wrong at once.

use appengine_actors::ids::ScheduleId;
use appengine_actors::queue::task::LONGEST_KIND;
use appengine_actors::schedule::draft::{LONGEST_KEY, LONGEST_NAME};
use appengine_actors::schedule::missed::{MOST_MISSED, Missed};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::{MOST, STATUSES};
use crate::http::repository::schema::{
    Any, any_of, closed, count, described, list, moment, named, object, of, one_of, or_null, schemas,
};
use crate::http::route::{id, kind, whole};

schemas! {
    /// A schedule: when, by one of `cron`, `every` and `at`, and what.
    ScheduleBody uses [ScheduleAction] is closed(
        timing().into_iter().chain([("name", name()), ("action", named::<ScheduleAction>())]).chain(missed()),
    ).required("name").required("action").into(), like [
        {
            "name": "Invoices of the month", "cron": "0 9 1 * *", "timezone": "Europe/Berlin",
            "action": {"type": "event", "event": "invoice.due", "data": {"list": "all"}},
            "missed": "all", "missedLimit": 12,
        },
        {"name": "Heartbeat", "every": "30s", "action": {"type": "event", "event": "heartbeat"}, "missed": "skip"},
        {
            "name": "Nightly report", "cron": "0 3 * * *",
            "action": {"type": "job", "queue": "schedule", "name": "report.make", "payload": {"of": "orders"}},
        },
        {"name": "Launch", "at": "2099-04-25T10:00:00Z", "action": {"type": "event", "event": "launch.begun"}},
    ];

    /// What happens at each time: an event is published, an active flow is started, or work is added to a queue.
    ScheduleAction uses [] is any_of([
        closed([("type", one_of(["event"])), ("event", kind()), ("data", or_null(object().into()))])
            .required("type").required("event").into(),
        closed([("type", one_of(["flow"])), ("flowId", of(Type::String)), ("variables", or_null(object().into()))])
            .required("type").required("flowId").into(),
        closed([
            ("type", one_of(["job"])), ("queue", of(Type::String)), ("name", work()),
            ("payload", or_null(object().into())), ("priority", or_null(priority())), ("key", or_null(key())),
            ("maxAttempts", or_null(whole(1, 100))),
        ]).required("type").required("queue").required("name").into(),
    ]);

    /// What changes of a schedule: any of its fields; null takes one away. Another sort of timing takes the place
    /// of the present one.
    SchedulePatch uses [] is closed(
        timing().into_iter().chain([("name", name()), ("action", object().into())]).chain(missed()),
    ).into(), like [{"name": "Invoices of the week", "cron": "0 9 * * MON"}];

    /// When, and how many of its times.
    PreviewBody uses [] is closed(
        timing().into_iter().chain([("count", or_null(whole(1, MOST)))]),
    ).into(), like [{"cron": "*/15 9-17 * * MON-FRI", "timezone": "America/New_York", "count": 5}];

    /// A schedule as it stands.
    ScheduleRow uses [ScheduleAction] is row().into();

    /// A page of schedules.
    SchedulePage uses [ScheduleRow] is closed([
        ("data", list(named::<ScheduleRow>()).into()), ("total", count()), ("page", count()),
        ("pageSize", count()), ("hasNext", of(Type::Boolean)), ("totalIsLowerBound", of(Type::Boolean)),
    ]).required("data").required("total").required("page").required("pageSize").required("hasNext").into();

    /// The times that come next.
    NextRuns uses [] is closed([
        ("timezone", of(Type::String)), ("nextRuns", list(moment()).into()),
    ]).required("timezone").required("nextRuns").into();
}

fn timing() -> [(&'static str, Any); 5] {
    let text = |words| or_null(described(of(Type::String), words));
    [
        (
            "cron",
            text(
                "Minute, hour, day of month, month and day of week, with the second before them if need be.",
            ),
        ),
        ("every", text("A duration such as `15m`: an interval in real time.")),
        ("at", text("A moment, for what happens once.")),
        ("timezone", text("The IANA time zone that `cron` is read in; UTC if left out.")),
        ("anchor", text("A moment that `every` is counted from; when it was created, if left out.")),
    ]
}

fn missed() -> [(&'static str, Any); 2] {
    [
        ("missed", or_null(one_of(Missed::ALL.map(|(name, _)| name)))),
        ("missedLimit", or_null(whole(1, MOST_MISSED))),
    ]
}

/// What a kind of work may be called.
fn work() -> Any {
    let name = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Za-z0-9._-]+$"));
    name.max_length(Some(LONGEST_KIND)).into()
}

fn priority() -> Any {
    let number = ObjectBuilder::new().schema_type(Type::Integer);
    number.minimum(Some(i32::MIN)).maximum(Some(i32::MAX)).into()
}

fn key() -> Any {
    ObjectBuilder::new().schema_type(Type::String).max_length(Some(LONGEST_KEY)).into()
}

fn name() -> Any {
    let name = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"\S"));
    name.max_length(Some(LONGEST_NAME)).into()
}

fn row() -> ObjectBuilder {
    let known = [
        ("id", id(ScheduleId::PREFIX)),
        ("name", of(Type::String)),
        ("timezone", of(Type::String)),
        ("action", named::<ScheduleAction>()),
        ("missed", one_of(Missed::ALL.map(|(name, _)| name))),
        ("missedLimit", count()),
        ("status", one_of(STATUSES)),
        ("lastRun", or_null(moment())),
        ("lastScheduledAt", or_null(moment())),
        ("nextRun", or_null(moment())),
        ("nextRuns", list(moment()).into()),
        ("runs", count()),
        ("leftOut", count()),
        ("lastError", or_null(of(Type::String))),
        ("createdAt", moment()),
        ("updatedAt", moment()),
    ];
    known.into_iter().fold(object(), |row, (name, schema)| row.property(name, schema).required(name))
}
