use super::*;
use crate::clock::Timestamp;
use crate::store::after_prefix;

fn org_id(text: &str) -> OrgId {
    OrgId::new(text).unwrap()
}

#[test]
fn no_organisation_reaches_into_another_or_into_the_system() {
    let contact = Datatype::new("contact").unwrap();
    let (a, b) = (org_id("a"), org_id("a.b"));
    let end = after_prefix(&all_records(&a));
    let foreign = record(&b, &contact, &RecordId::new("x").unwrap());
    assert!(!(all_records(&a)..end).contains(&foreign));
    assert!(OrgId::new("\u{1}").is_err());
}

#[test]
fn a_text_is_never_a_prefix_of_another() {
    let datatype = Datatype::new("contact").unwrap();
    let short = records_with(&org_id("a"), &datatype, "email", "x");
    let longer = record_with(&org_id("a"), &datatype, "email", "xy", &RecordId::new("1").unwrap());
    let hostile = record_with(&org_id("a"), &datatype, "email", "x\0y", &RecordId::new("1").unwrap());
    assert!(!longer.starts_with(&short));
    assert!(!hostile.starts_with(&short));
}

#[test]
fn places_in_time_sort_by_time_and_read_back() {
    let (org, datatype) = (org_id("a"), Datatype::new("contact").unwrap());
    let sk = RecordId::new("contact-1").unwrap();
    let at = |ms| Stamp::first_of(Timestamp::from_millis(ms));
    let early = record_by_time(&org, &datatype, TimeOrder::Modified, at(255), &sk);
    let late = record_by_time(&org, &datatype, TimeOrder::Modified, at(256), &sk);
    assert!(early < late);
    let prefix = records_by_time(&org, &datatype, TimeOrder::Modified);
    assert_eq!(parse_record_by_time(&prefix, &late), Some((at(256), sk)));
}

#[test]
fn nodes_read_back_from_effects() {
    let now = Timestamp::from_millis(5);
    let (cause, effect_node) = (Node::Event(EventId::new(now)), Node::Delivery(DeliveryId::new(now)));
    assert_eq!(parse_effect(&effect(&org_id("a"), cause, effect_node)), Some(effect_node));
}
