use proptest::prelude::*;

use super::*;

fn cron(text: &str) -> Cron {
    Cron::parse(text).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The moments of a pattern from one moment to another, both left out.
fn between(zone: &str, pattern: &str, from: &str, to: &str) -> Vec<String> {
    let (zone, cron, mut last) = (Zone::parse(zone).unwrap(), cron(pattern), at(from));
    let mut found = Vec::new();
    while let Some(next) = zone.next(&cron, last).filter(|next| *next < at(to)) {
        assert!(next > last);
        found.push(next.to_string().replace(":00.000Z", "Z").replace("2026-", ""));
        last = next;
    }
    found
}

/// Clocks go from 02:00 to 03:00 at 01:00Z of the 29th of March, and back from 03:00 at 01:00Z of the 25th of October.
const BERLIN: &str = "Europe/Berlin";
/// From 02:00 to 03:00 at 07:00Z of the 8th of March, and back from 02:00 to 01:00 at 06:00Z of the 1st of November.
const NEW_YORK: &str = "America/New_York";

#[test]
fn a_time_of_day_that_is_left_out_comes_once_after_the_gap() {
    let spring = |pattern| between(BERLIN, pattern, "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
    assert_eq!(spring("30 2 * * *"), ["03-29T01:00Z", "03-30T00:30Z"]);
    assert_eq!(spring("0 2 * * *"), ["03-29T01:00Z", "03-30T00:00Z"]);
    assert_eq!(spring("0 3 * * *"), ["03-29T01:00Z", "03-30T01:00Z"]);
    assert_eq!(spring("59 1 * * *"), ["03-29T00:59Z", "03-29T23:59Z"]);
    // Several, and one right after: once.
    assert_eq!(
        spring("0,30 2,3 * * *"),
        ["03-29T01:00Z", "03-29T01:30Z", "03-30T00:00Z", "03-30T00:30Z", "03-30T01:00Z", "03-30T01:30Z"]
    );
    let new_york = |pattern| between(NEW_YORK, pattern, "2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z");
    assert_eq!(new_york("30 2 * * *"), ["03-08T07:00Z", "03-09T06:30Z"]);
    assert_eq!(new_york("0 9 * * *"), ["03-07T14:00Z", "03-08T13:00Z"], "nine o'clock stays nine o'clock");
}

#[test]
fn a_time_of_day_that_comes_twice_counts_the_first_time() {
    let autumn = |pattern| between(BERLIN, pattern, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
    assert_eq!(autumn("30 2 * * *"), ["10-25T00:30Z", "10-26T01:30Z"]);
    assert_eq!(autumn("0 2 * * *"), ["10-25T00:00Z", "10-26T01:00Z"]);
    assert_eq!(autumn("0 3 * * *"), ["10-25T02:00Z", "10-26T02:00Z"]);
    let new_york = |pattern| between(NEW_YORK, pattern, "2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z");
    assert_eq!(new_york("30 1 * * *"), ["11-01T05:30Z", "11-02T06:30Z"]);
    // Asked in the second of the two hours: it has been.
    let next = Zone::parse(BERLIN).unwrap().next(&cron("30 2 * * *"), at("2026-10-25T01:10:00Z")).unwrap();
    assert_eq!(next, at("2026-10-26T01:30:00Z"));
}

#[test]
fn what_follows_the_clock_goes_on_with_real_time() {
    let spring = |pattern| between(BERLIN, pattern, "2026-03-29T00:20:00Z", "2026-03-29T02:10:00Z");
    assert_eq!(spring("*/30 * * * *"), ["03-29T00:30Z", "03-29T01:00Z", "03-29T01:30Z", "03-29T02:00Z"]);
    assert_eq!(spring("30 * * * *"), ["03-29T00:30Z", "03-29T01:30Z"]);
    // Two o'clock is left out by the clock, and so by the pattern.
    assert_eq!(
        between(BERLIN, "0 */2 * * *", "2026-03-28T22:30:00Z", "2026-03-29T05:00:00Z"),
        ["03-28T23:00Z", "03-29T02:00Z", "03-29T04:00Z"]
    );
    assert_eq!(spring("* 2 * * *"), [""; 0]);
    let autumn = |pattern| between(BERLIN, pattern, "2026-10-24T23:50:00Z", "2026-10-25T02:10:00Z");
    assert_eq!(
        autumn("*/30 * * * *"),
        ["10-25T00:00Z", "10-25T00:30Z", "10-25T01:00Z", "10-25T01:30Z", "10-25T02:00Z"]
    );
    assert_eq!(autumn("30 * * * *"), ["10-25T00:30Z", "10-25T01:30Z"]);
    assert_eq!(
        between(NEW_YORK, "15 * * * *", "2026-11-01T05:00:00Z", "2026-11-01T08:00:00Z"),
        ["11-01T05:15Z", "11-01T06:15Z", "11-01T07:15Z"]
    );
}

#[test]
fn a_day_that_a_zone_left_out_comes_as_the_next_begins() {
    // Samoa went over the date line: the 30th of December 2011 was none of its days.
    let found = Zone::parse("Pacific/Apia").unwrap().next(&cron("0 12 30 12 *"), at("2011-12-01T00:00:00Z"));
    assert_eq!(found, Some(at("2011-12-30T10:00:00Z")));
}

#[test]
fn zones_go_by_their_iana_names() {
    assert_eq!(Zone::parse("europe/berlin").unwrap().as_str(), BERLIN);
    assert_eq!(Zone::parse("UTC").unwrap().as_str(), "UTC");
    for bad in ["", "Mars/Olympus", "CET-1CEST", "+02:00", "Etc/Unknown", "../etc/passwd", &"x".repeat(500)] {
        let error = Zone::parse(bad).unwrap_err().to_string();
        assert!(error.contains("no IANA time zone; expected a name such as") && error.len() < 200, "{error}");
    }
}

/// The moments of a pattern by walking through real time minute by minute with a clock on the wall.
fn walked(zone: &Zone, cron: &Cron, from: Timestamp, minutes: u64) -> Vec<Timestamp> {
    let minute = |n: u64| Timestamp::from_millis(from.as_millis() + n * 60_000);
    let wall = |moment: Timestamp| zone.rules.to_datetime(moment.to_jiff());
    let (mut found, mut latest) = (Vec::new(), wall(minute(0)));
    for moment in (1..=minutes).map(minute) {
        let shown = wall(moment);
        if cron.follows_clock() {
            found.extend(cron.matches(shown).then_some(moment));
            continue;
        }
        // All that the clock came past since it was furthest; nothing where it went back.
        let mut any = false;
        while latest < shown {
            latest = latest.checked_add(jiff::Span::new().minutes(1)).unwrap();
            any |= cron.matches(latest);
        }
        found.extend(any.then_some(moment));
    }
    found
}

fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => (least..=most).prop_map(|n| n.to_string()),
        2 => (2..=most.min(12)).prop_map(|step| format!("*/{step}")),
        2 => (least..=most, least..=most).prop_map(|(a, b)| format!("{a},{b}")),
        1 => (least..=most, least..=most, 1..7_u32).prop_map(|(a, b, step)| format!("{}-{}/{step}", a.min(b), a.max(b))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn moments_are_those_of_a_walk_through_time(
        minute in field(0, 59), hour in field(0, 4), weekday in field(0, 6),
        // Around the changes of spring and autumn, of zones with an hour, half an hour and none.
        (zone, change) in proptest::sample::select(vec![
            (BERLIN, "2026-03-29T01:00:00Z"), (BERLIN, "2026-10-25T01:00:00Z"),
            (NEW_YORK, "2026-03-08T07:00:00Z"), (NEW_YORK, "2026-11-01T06:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"), ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
            ("Africa/Cairo", "2026-04-23T22:00:00Z"), ("America/Santiago", "2026-09-06T04:00:00Z"),
            ("Asia/Kolkata", "2026-03-29T01:00:00Z"), ("UTC", "2026-03-29T01:00:00Z"),
        ]),
        before in 0..3_000_u64,
    ) {
        let text = format!("{minute} {hour} * * {weekday}");
        let (zone, cron) = (Zone::parse(zone).unwrap(), Cron::parse(&text).unwrap());
        let from = at(change).minus(std::time::Duration::from_secs(before * 60));
        let minutes = before + 3_000;
        let end = Timestamp::from_millis(from.as_millis() + minutes * 60_000);
        let mut found = Vec::new();
        let mut last = from;
        while let Some(next) = zone.next(&cron, last).filter(|next| *next <= end) {
            found.push(next);
            last = next;
        }
        let walked = walked(&zone, &cron, from, minutes);
        // A walk that begins within the repeated hour does not know what came before it.
        let ambiguous = |moment: &&Timestamp| moment.since(from) > std::time::Duration::from_secs(3_600);
        let (found, walked): (Vec<_>, Vec<_>) =
            (found.iter().filter(ambiguous).collect(), walked.iter().filter(ambiguous).collect());
        prop_assert_eq!(found, walked, "{} in {:?} from {}", text, zone, from);
    }
}
