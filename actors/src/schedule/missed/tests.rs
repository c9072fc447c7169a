use proptest::prelude::*;
use serde_json::json;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn timing(spec: serde_json::Value) -> Timing {
    serde_json::from_value(spec).unwrap()
}

/// All steps of a schedule at one moment: the occurrences, and what is left at the end.
fn steps(
    timing: &Timing,
    missed: Missed,
    limit: u32,
    due: Timestamp,
    now: Timestamp,
) -> (Vec<Occurrence>, Step) {
    let (mut found, mut taken) = (Vec::new(), 0_u64);
    let (mut due, mut owed_until, mut unsaid) = (due, None, 0);
    loop {
        let step = Owed { timing, missed, limit, due, owed_until, unsaid }.step(now);
        found.extend(step.occurrence);
        taken += step.left_out;
        match step.next {
            Some(next) if next <= now => (due, owed_until, unsaid) = (next, step.owed_until, step.unsaid),
            _ => return (found, Step { left_out: taken, ..step }),
        }
    }
}

fn told(found: &[Occurrence]) -> Vec<(String, u64)> {
    let time = |at: Timestamp| at.to_string().replace("2026-01-01T", "").replace(":00.000Z", "");
    found.iter().map(|one| (time(one.scheduled_at), one.missed)).collect()
}

#[test]
fn each_choice_does_what_it_says_after_three_hours_down() {
    let hourly = timing(json!({"cron": "0 * * * *"}));
    let (due, now) = (at("2026-01-01T10:00:00Z"), at("2026-01-01T12:30:00Z"));
    let all = |missed, limit| told(&steps(&hourly, missed, limit, due, now).0);
    let one = |time: &str, missed| (time.to_owned(), missed);
    assert_eq!(all(Missed::Skip, 100), []);
    assert_eq!(all(Missed::Once, 100), [one("12:00", 2)]);
    assert_eq!(all(Missed::All, 100), [one("10:00", 0), one("11:00", 0), one("12:00", 0)]);
    assert_eq!(all(Missed::All, 2), [one("11:00", 1), one("12:00", 0)], "the latest of them");
    for missed in [Missed::Skip, Missed::Once, Missed::All] {
        let (found, last) = steps(&hourly, missed, 100, due, now);
        assert_eq!(last.next, Some(at("2026-01-01T13:00:00Z")));
        assert_eq!(found.len() as u64 + last.left_out, 3, "each time happened or was left out");
    }
    let skipped = steps(&hourly, Missed::Skip, 100, due, now).1;
    assert_eq!((skipped.unsaid, skipped.left_out), (3, 3), "the next one will tell");
}

#[test]
fn what_is_a_minute_late_is_not_missed() {
    let hourly = timing(json!({"cron": "0 * * * *"}));
    let due = at("2026-01-01T10:00:00Z");
    for (now, happens) in [("2026-01-01T10:01:00Z", true), ("2026-01-01T10:01:00.001Z", false)] {
        let (found, _) = steps(&hourly, Missed::Skip, 100, due, at(now));
        assert_eq!(found.len(), usize::from(happens), "{now}");
    }
    // Missed times are told of by the one that is not, which stands for them where once is enough.
    let now = at("2026-01-01T12:00:30Z");
    for missed in [Missed::Skip, Missed::Once] {
        assert_eq!(told(&steps(&hourly, missed, 100, due, now).0), [("12:00".to_owned(), 2)]);
    }
}

#[test]
fn a_single_time_that_was_missed_happens_once_or_never() {
    let once = timing(json!({"at": "2026-01-01T10:00:00Z"}));
    let (due, now) = (at("2026-01-01T10:00:00Z"), at("2026-06-01T00:00:00Z"));
    for (missed, times) in [(Missed::Skip, 0), (Missed::Once, 1), (Missed::All, 1)] {
        let (found, last) = steps(&once, missed, 1, due, now);
        assert_eq!((found.len(), last.next), (times, None), "{missed:?}");
    }
}

#[test]
fn a_year_of_seconds_costs_no_year() {
    for spec in [json!({"every": "1s"}), json!({"cron": "* * * * * *"}), json!({"cron": "* * 3 * * *"})] {
        let seconds = timing(spec);
        let (due, now) = (at("2025-01-01T03:00:00Z"), at("2026-01-01T05:00:00Z"));
        let due = seconds.next_after(due).unwrap();
        let step = |missed| {
            Owed { timing: &seconds, missed, limit: 1_000, due, owed_until: None, unsaid: 0 }.step(now)
        };
        let all = step(Missed::All);
        let first = all.occurrence.unwrap();
        assert!(now.since(first.scheduled_at) < Duration::from_secs(86_400));
        assert_eq!(seconds.upcoming(first.scheduled_at, 998).len(), 998);
        assert!(all.owed_until.unwrap() < now);
        let once = step(Missed::Once).occurrence.unwrap();
        assert!(once.missed >= 1_000, "counted so far: {}", once.missed);
        assert!(step(Missed::Skip).next.unwrap() > now.minus(GRACE));
    }
}

proptest! {
    #[test]
    fn steps_are_those_of_the_list(
        every in 1..200_u64, missed in proptest::sample::select(vec![Missed::Skip, Missed::Once, Missed::All]),
        limit in 1..40_u32, begin in 0..500_u64, down in 0..8_000_u64,
    ) {
        let timing = timing(json!({"every": format!("{every}s"), "anchor": "1970-01-01T00:00:00Z"}));
        let second = |n: u64| Timestamp::from_millis(n * 1_000);
        let due = timing.next_after(second(begin)).unwrap();
        let now = due.plus(Duration::from_secs(down));
        let all: Vec<Timestamp> =
            std::iter::successors(Some(due), |last| timing.next_after(*last)).take_while(|at| *at <= now).collect();
        let (gone, late): (Vec<Timestamp>, Vec<Timestamp>) = all.iter().partition(|at| now.since(**at) > GRACE);
        prop_assume!(gone.len() <= COUNTED);
        let kept: Vec<Timestamp> = match missed {
            Missed::Skip => Vec::new(),
            Missed::Once if late.is_empty() => gone.last().copied().into_iter().collect(),
            Missed::Once => Vec::new(),
            Missed::All => gone.iter().rev().take(limit as usize).rev().copied().collect(),
        };
        let left_out = (gone.len() - kept.len()) as u64;
        let expected: Vec<Timestamp> = kept.into_iter().chain(late).collect();
        let (found, last) = steps(&timing, missed, limit, due, now);
        let times: Vec<Timestamp> = found.iter().map(|one| one.scheduled_at).collect();
        prop_assert_eq!(&times, &expected);
        let untold = if found.is_empty() { last.unsaid } else { 0 };
        prop_assert_eq!(last.left_out, left_out);
        prop_assert_eq!(found.iter().map(|one| one.missed).sum::<u64>() + untold, left_out);
        prop_assert!(found.iter().skip(1).all(|one| one.missed == 0), "it is told once, and first");
        prop_assert_eq!(last.next, timing.next_after(now));
    }
}
