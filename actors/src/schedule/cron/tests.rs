use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn cron(text: &str) -> Cron {
    Cron::parse(text).unwrap_or_else(|error| panic!("{text} {error}"))
}

fn at(text: &str) -> DateTime {
    text.parse().unwrap()
}

/// The first moments that a pattern matches, from 2026 on.
fn first(text: &str, count: usize) -> Vec<String> {
    let cron = cron(text);
    let mut from = at("2026-01-01T00:00:00");
    let mut found = Vec::new();
    while found.len() < count {
        let next = cron.next(from).unwrap();
        found.push(next.to_string());
        from = next.checked_add(jiff::Span::new().seconds(1)).unwrap();
    }
    found
}

#[test]
fn patterns_mean_what_cron_means() {
    for (text, expected) in [
        ("0 9 * * MON", vec!["2026-01-05T09:00:00", "2026-01-12T09:00:00"]),
        ("0 9 * * mon-fri", vec!["2026-01-01T09:00:00", "2026-01-02T09:00:00", "2026-01-05T09:00:00"]),
        ("*/15 * * * *", vec!["2026-01-01T00:00:00", "2026-01-01T00:15:00"]),
        ("5/20 8 * * *", vec!["2026-01-01T08:05:00", "2026-01-01T08:25:00", "2026-01-01T08:45:00"]),
        (
            "10-30/10 8 1 JAN,jul *",
            vec!["2026-01-01T08:10:00", "2026-01-01T08:20:00", "2026-01-01T08:30:00", "2026-07-01T08:10:00"],
        ),
        (
            "*/20 30 12 * * *",
            vec!["2026-01-01T12:30:00", "2026-01-01T12:30:20", "2026-01-01T12:30:40", "2026-01-02T12:30:00"],
        ),
        // Either day will do where both are restricted, and both must hold where one begins with a star.
        ("0 0 13 * FRI", vec!["2026-01-02T00:00:00", "2026-01-09T00:00:00", "2026-01-13T00:00:00"]),
        ("0 0 */2 * SUN", vec!["2026-01-11T00:00:00", "2026-01-25T00:00:00"]),
        ("0 0 L * *", vec!["2026-01-31T00:00:00", "2026-02-28T00:00:00"]),
        ("0 0 ? * TUE#2", vec!["2026-01-13T00:00:00", "2026-02-10T00:00:00"]),
        ("0 0 * * 5L", vec!["2026-01-30T00:00:00", "2026-02-27T00:00:00"]),
        ("0 0 29 2 *", vec!["2028-02-29T00:00:00", "2032-02-29T00:00:00"]),
        ("0 0 29 2 */7", vec!["2032-02-29T00:00:00"]),
        ("0 0 * * 7", vec!["2026-01-04T00:00:00"]),
        ("0 0 * * SAT-SUN", vec!["2026-01-03T00:00:00", "2026-01-04T00:00:00", "2026-01-10T00:00:00"]),
        ("0 0 * * FRI-MON/3", vec!["2026-01-02T00:00:00", "2026-01-05T00:00:00"]),
        ("@hourly", vec!["2026-01-01T00:00:00", "2026-01-01T01:00:00"]),
        ("@Daily", vec!["2026-01-01T00:00:00", "2026-01-02T00:00:00"]),
        ("@weekly", vec!["2026-01-04T00:00:00"]),
        ("@monthly", vec!["2026-01-01T00:00:00", "2026-02-01T00:00:00"]),
        ("@yearly", vec!["2026-01-01T00:00:00", "2027-01-01T00:00:00"]),
        ("  0   0\t1 1 * ", vec!["2026-01-01T00:00:00"]),
    ] {
        assert_eq!(first(text, expected.len()), expected, "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_named_with_what_can() {
    for (text, expected) in [
        ("", "has 0 fields; expected five"),
        ("* * * *", "has 4 fields"),
        ("* * * * * * *", "has 7 fields"),
        ("60 * * * *", "minute: `60` is not understood; expected 0 to 59"),
        ("* 24 * * *", "hour: `24` is not understood; expected 0 to 23"),
        ("* * 0 * *", "day of month: `0` is not understood; expected 1 to 31"),
        ("* * * 13 *", "month: `13` is not understood; expected 1 to 12 or `JAN` to `DEC`"),
        ("* * * * 8", "day of week: `8` is not understood; expected 0 to 7 or `SUN` to `SAT`"),
        ("* * * * MONDAY", "day of week: `MONDAY`"),
        ("a * * * * *", "second: `a`"),
        ("0 22-2 * * *", "hour: `22-2` runs backwards; write `22-23,0-2`"),
        ("*/0 * * * *", "minute: `*/0` has no step from 1 to 59"),
        ("*/x * * * *", "minute: `*/x` has no step"),
        ("1,,2 * * * *", "minute: `` is not understood"),
        ("-1 * * * *", "minute: `-1`"),
        ("+1 * * * *", "minute: `+1`"),
        ("* * 15W * *", "day of month: `15W`"),
        ("0 0 * * MON#6", "day of week: `MON#6` has no number from 1 to 5"),
        ("0 0 31 2 *", "matches no date"),
        ("0 0 30,31 FEB *", "matches no date"),
        ("@reboot", "is `@reboot`; expected five or six fields"),
    ] {
        let error = Cron::parse(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
    assert_eq!(Cron::parse(&"1,".repeat(200)), Err(CronError::Long));
}

/// One field, and the numbers that it stands for by the words of the manual.
fn field(least: u32, most: u32) -> impl Strategy<Value = (String, BTreeSet<u32>)> {
    let number = least..=most;
    prop_oneof![
        2 => Just(("*".to_owned(), (least..=most).collect())),
        2 => number.clone().prop_map(|n| (n.to_string(), BTreeSet::from([n]))),
        2 => (2..=most.min(20)).prop_map(move |step| {
            (format!("*/{step}"), (least..=most).filter(|n| (n - least).is_multiple_of(step)).collect())
        }),
        2 => (number.clone(), number, 1..6_u32).prop_map(|(a, b, step)| {
            let (from, to) = (a.min(b), a.max(b));
            (format!("{from}-{to}/{step}"), (from..=to).filter(|n| (n - from).is_multiple_of(step)).collect())
        }),
    ]
}

fn is_open(field: &str) -> bool {
    field.starts_with('*')
}

proptest! {
    #[test]
    fn the_next_match_is_the_first_second_by_second(
        second in field(0, 59), minute in field(0, 59), hour in field(0, 23),
        (day, month, weekday) in (field(1, 31), field(1, 12), field(0, 6)),
        start in 0..86_400_i64 * 800,
    ) {
        let text = [&second.0, &minute.0, &hour.0, &day.0, &month.0, &weekday.0].map(String::as_str).join(" ");
        let wanted = |at: DateTime| {
            let has = |set: &BTreeSet<u32>, number: i8| set.contains(&u32::try_from(number).unwrap());
            let (of_month, of_week) =
                (has(&day.1, at.day()), has(&weekday.1, at.weekday().to_sunday_zero_offset()));
            let open = is_open(&day.0) || is_open(&weekday.0);
            has(&second.1, at.second())
                && has(&minute.1, at.minute())
                && has(&hour.1, at.hour())
                && has(&month.1, at.month())
                && if open { of_month && of_week } else { of_month || of_week }
        };
        let start = at("2026-01-01T00:00:00").checked_add(jiff::Span::new().seconds(start)).unwrap();
        let Ok(cron) = Cron::parse(&text) else {
            // No month among those named has such a day.
            prop_assert!(day.1.iter().all(|day| *day > 28), "{text}");
            return Ok(());
        };
        let next = cron.next(start).unwrap();
        prop_assert!(wanted(next) && cron.matches(next), "{text}: {next}");
        // Nothing in between: as far back as can be walked in a moment.
        for back in 1..4_000 {
            let before = next.checked_sub(jiff::Span::new().seconds(back)).unwrap();
            if before < start {
                break;
            }
            prop_assert!(!wanted(before), "{text}: {before} comes before {next}");
        }
        for step in 0..4_000 {
            let after = start.checked_add(jiff::Span::new().seconds(step)).unwrap();
            if after >= next {
                break;
            }
            prop_assert!(!wanted(after), "{text}: {after} comes before {next}");
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-0-9*/,#LW?@A-Za-z ]{0,40}") {
        if let Ok(cron) = Cron::parse(&text) {
            let spelled = cron.as_str().to_owned();
            prop_assert_eq!(Cron::parse(&spelled), Ok(cron));
        }
    }
}
