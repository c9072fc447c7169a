//! The part of the table that is about records: `/repository` and `/dynamic-query`, with its other name.

use serde_json::{Value, json};

use crate::cases::{Case, Proof, finds, reads, writes};
use crate::planted::Planted;

/// The cases of both chapters.
pub fn cases(a: &Planted) -> Vec<Case> {
    let chapters = [read_one(a), lists(a), changes(a), queries(a), queried_changes(a), deletions(a)];
    chapters.into_iter().flatten().collect()
}

fn read_one(a: &Planted) -> Vec<Case> {
    let (contact, email) = (a.get("contact"), a.get("email"));
    let long = format!("{}%2Fcontact%2F{contact}", a.org);
    vec![
        reads("/repository/get/{datatype}/{id}")
            .at(&["contact", contact])
            .asking(&["contact", contact], "en=true")
            .at(&["automation", a.get("flow")])
            .at(&["customer", a.get("person")]),
        reads("/repository/find-any-id/{datatype}/{id}")
            .at(&["contact", contact])
            .at(&["contact", &long])
            .at(&["customer", email])
            .asking(&["contact", contact], "en=true"),
        reads("/repository/find-any-id/{datatype}/{org}/{of}/{id}")
            .at(&["contact", &a.org, "contact", contact]),
        reads("/repository/isunique")
            .asking(&[], &format!("datatype=customer&attribute=data.email&value={email}"))
            .asking(&[], &format!("datatype=contact&attribute=data.text&value={}", a.get("contact_text"))),
        reads("/repository/collections").at(&[]),
        reads("/repository/collection").at(&[]),
    ]
}

/// Queries that may be thought to lead out of one's own organisation.
fn queries_of(a: &Planted) -> Vec<Value> {
    vec![
        json!({}),
        json!({"pk": a.org}),
        json!({"sk": a.get("contact")}),
        json!({"$or": [{"pk": a.org}, {"pk": {"$ne": "nobody"}}]}),
        json!({"data.text": a.get("contact_text")}),
        json!({"data.text": {"$regex": "."}}),
    ]
}

fn lists(a: &Planted) -> Vec<Case> {
    let text = a.get("contact_text");
    let mut find = finds("/repository/find/{datatype}");
    let mut aggregate = finds("/repository/aggregate/{datatype}");
    for query in queries_of(a) {
        aggregate = aggregate.with(&["contact"], json!([{"$match": query}, {"$sort": {"modifydate": 1}}]));
        find = find.with(&["contact"], json!({"query": query, "options": {"pageSize": 1000}}));
    }
    let since = json!({"modifydate": {"$gte": "2000-01-01T00:00:00Z"}});
    vec![
        find.with(
            &["contact"],
            json!({"query": since, "options": {"sort": {"modifydate": -1}, "pageSize": 100}}),
        ),
        reads("/repository/find-page-data/{datatype}")
            .at(&["contact"])
            .asking(&["contact"], "p=1&ps=1000&en=true"),
        reads("/repository/activities/get").at(&[]).asking(&[], "page=1&pageSize=1000"),
        reads("/repository/find-by-attribute/{datatype}/{attribute}/{value}").at(&["contact", "text", text]),
        reads("/repository/query/{datatype}/{attribute}/{value}").at(&["contact", "data.text", text]),
        finds("/repository/search/{datatype}").with(&["contact"], json!({"keyword": text})),
        reads("/repository/search/{datatype}").asking(&["contact"], &format!("keyword={text}")),
        aggregate.with(&["contact"], json!([{"$group": {"_id": "$data.text", "n": {"$sum": 1}}}])),
    ]
}

fn changes(a: &Planted) -> Vec<Case> {
    let (contact, data) = (a.get("contact"), json!({"text": "taken over"}));
    let taken = json!({"sk": contact, "pk": a.org, "data": data});
    let new = json!({"datatype": "contact", "isNew": true, "data": {"text": "new"}});
    let named = json!({"datatype": "note", "isNew": true, "pk": a.org, "data": {"text": "named"}});
    let put = Case::new(Proof::Writes, "PUT", "/repository/create");
    vec![
        put.with(&[], new.clone()),
        writes("/repository/create")
            .with(&[], named)
            .with(&[], json!({"datatype": "note", "isNew": true, "data": {}})),
        writes("/repository/create/{datatype}").with(&["contact"], json!({"data": {"text": "another"}})),
        writes("/repository/update/{datatype}/{id}")
            .with(&["contact", contact], json!({"data": data}))
            .with(&["contact", contact], taken.clone()),
        writes("/repository/update/{id_or_datatype}")
            .with(&["contact"], taken)
            .with(&[contact], json!({"datatype": "contact", "data": data})),
        writes("/repository/update-partial/{datatype}/{id}")
            .with(&["contact", contact], json!({"data.text": "partly taken over"}))
            .with(&["contact", contact], json!({"data.more.deep": a.org})),
    ]
}

/// Under both names of a query.
fn both(calls: &[Value], [name, alias]: [&'static str; 2], make: fn(&'static str) -> Case) -> Vec<Case> {
    let with = |path| calls.iter().cloned().fold(make(path), |case, body| case.with(&[], body));
    vec![with(name), with(alias)]
}

fn queries(a: &Planted) -> Vec<Case> {
    let each = |make: &dyn Fn(&Value) -> Value| queries_of(a).iter().map(make).collect::<Vec<_>>();
    let find = each(&|query| json!({"collection": "contact", "filter": query}));
    let count = find.clone();
    let aggregate = each(&|query| json!({"collection": "contact", "pipeline": [{"$match": query}]}));
    let distinct = each(&|query| json!({"collection": "contact", "field": "data.text", "filter": query}));
    [
        both(&find, ["/dynamic-query/find", "/mongodb/find"], finds),
        both(&find, ["/dynamic-query/findOne", "/mongodb/findOne"], finds),
        both(&aggregate, ["/dynamic-query/aggregate", "/mongodb/aggregate"], finds),
        both(&count, ["/dynamic-query/count", "/mongodb/count"], finds),
        both(&distinct, ["/dynamic-query/distinct", "/mongodb/distinct"], finds),
    ]
    .concat()
}

fn queried_changes(a: &Planted) -> Vec<Case> {
    let contact = json!({"sk": a.get("contact")});
    let filters = [contact, json!({"pk": a.org, "data.email": {"$exists": false}})];
    let each = |make: &dyn Fn(&Value) -> Value| filters.iter().map(make).collect::<Vec<_>>();
    let document = |n: u64| json!({"pk": a.org, "data": {"text": n}});
    let one = [json!({"collection": "note", "document": document(1)})];
    let many = [json!({"collection": "note", "documents": [document(2), document(3)]})];
    let set = json!({"$set": {"data.by": a.org}});
    let update = each(&|filter| json!({"collection": "contact", "filter": filter, "update": set}));
    let count = json!({"$inc": {"data.count": 1}});
    let updates = each(&|filter| json!({"collection": "contact", "filter": filter, "update": count}));
    let with = json!({"data": {"text": "replaced"}});
    let replace = each(&|filter| json!({"collection": "contact", "filter": filter, "replacement": with}));
    let bulk = each(&|filter| {
        json!({"collection": "contact", "operations": [
            {"updateMany": {"filter": filter, "update": count}}, {"insertOne": {"document": document(4)}},
        ]})
    });
    [
        both(&one, ["/dynamic-query/insertOne", "/mongodb/insertOne"], writes),
        both(&many, ["/dynamic-query/insertMany", "/mongodb/insertMany"], writes),
        both(&update, ["/dynamic-query/updateOne", "/mongodb/updateOne"], writes),
        both(&updates, ["/dynamic-query/updateMany", "/mongodb/updateMany"], writes),
        both(&replace, ["/dynamic-query/replaceOne", "/mongodb/replaceOne"], writes),
        both(&bulk, ["/dynamic-query/bulkWrite", "/mongodb/bulkWrite"], writes),
    ]
    .concat()
}

/// What is deleted by one call cannot be by the next: each has a record of its own.
fn deletions(a: &Planted) -> Vec<Case> {
    let case = |path, n: usize| {
        let filter = |at: usize| json!({"collection": "note", "filter": {"sk": a.victims[at]}});
        writes(path).with(&[], filter(n)).with(&[], filter(n + 1))
    };
    vec![
        Case::new(Proof::Writes, "DELETE", "/repository/delete/{datatype}/{id}")
            .at(&["note", &a.victims[0]])
            .asking(&["note", &a.victims[1]], "hard=true"),
        writes("/repository/delete/{datatype}").with(&["note"], json!([a.victims[2], a.victims[3]])),
        case("/dynamic-query/deleteOne", 4),
        case("/mongodb/deleteOne", 6),
        case("/dynamic-query/deleteMany", 8),
        case("/mongodb/deleteMany", 10),
    ]
}
