use super::*;

#[test]
fn a_run_knows_the_event_its_data_and_the_contact() {
    let data = json!({
        "sk": "contact-abc", "datatype": "contact", "version": 0, "createdate": NOW,
        "data": {"email": "ada@example.com", "firstName": "Ada", "lastName": "Lovelace", "tags": "vip, eu", "source": "form"},
    });
    let event = event("my-org", "contact.created", data.clone());
    let found = variables("contact_created", &event);
    let expected = json!({
        "sk": "contact-abc", "datatype": "contact", "version": 0, "createdate": NOW, "data": data["data"],
        "event": {"id": event.id, "event": "contact.created", "orgId": "my-org", "timestamp": NOW, "data": data},
        "currentTime": NOW,
        "contact": {
            "id": "contact-abc", "email": "ada@example.com", "firstName": "Ada", "lastName": "Lovelace",
            "tags": ["vip", "eu"], "source": "form", "createdAt": NOW,
        },
        "triggerResult": {
            "triggerType": "contact_created", "event": "contact.created", "contactId": "contact-abc",
            "contactEmail": "ada@example.com", "contactName": "Ada Lovelace", "source": "form",
        },
    });
    assert_eq!(Value::Object(found), expected);
}

#[test]
fn each_family_adds_its_own_variables() {
    let record = json!({"sk": "o-1", "datatype": "order", "data": {"state": "paid", "sum": 5}});
    let previous = json!({"sk": "o-1", "datatype": "order", "data": {"state": "open", "sum": 5}});
    let visited = json!({"url": "/a", "email": "ada@example.com"});
    let table = [
        (
            "tag.added",
            json!({"contactId": "c", "tag": "vip"}),
            "tagEvent",
            json!({"contactId": "c", "tag": "vip"}),
        ),
        (
            "tag.added",
            json!({"tags": ["vip", "eu"]}),
            "tagEvent",
            json!({"tag": "vip", "tags": ["vip", "eu"]}),
        ),
        (
            "page.visited",
            visited.clone(),
            "pageVisit",
            json!({"url": "/a", "email": "ada@example.com", "timestamp": NOW}),
        ),
        ("page.visited", visited, "contact", json!({"email": "ada@example.com"})),
        (
            "email.opened",
            json!({"id": "m", "campaignId": 7}),
            "emailEvent",
            json!({"id": "m", "campaignId": 7}),
        ),
        (
            "appointment.booked",
            json!({"sk": "r", "datatype": "reservation", "data": {"time": "10:00"}}),
            "appointment",
            json!({"id": "r", "time": "10:00"}),
        ),
        (
            "collection-update",
            json!({"orgid": "a", "data": record}),
            "change",
            json!({"operation": "update", "datatype": "order", "record": record}),
        ),
        (
            "collection-update",
            json!({"orgid": "a", "data": record, "previous": previous, "changedFields": ["data.state"]}),
            "change",
            json!({
                "operation": "update", "datatype": "order", "record": record, "previous": previous,
                "changedFields": ["data.state"],
            }),
        ),
        ("order.paid", json!({"amount": 5}), "amount", json!(5)),
        (
            "contact.created",
            json!({"contact": {"id": "c", "name": "Ada"}}),
            "contact",
            json!({"id": "c", "name": "Ada", "tags": []}),
        ),
        (
            "collection-create",
            json!({"orgid": "a", "data": {"sk": "c", "datatype": "customer", "data": {"email": "e"}}}),
            "contact",
            json!({"id": "c", "email": "e", "tags": []}),
        ),
    ];
    for (kind, data, name, expected) in table {
        let found = variables("event", &event("a", kind, data));
        assert_eq!(found.get(name), Some(&expected), "{kind} {name}");
    }
}
