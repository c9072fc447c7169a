use proptest::prelude::*;
use serde_json::json;

use super::*;

const MIDDLE: f64 = 0.5;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn all(backoff: &Backoff, random: f64) -> Vec<Duration> {
    (1..).map_while(|made| backoff.delay(made, random)).collect()
}

#[test]
fn the_webhook_schedule_is_the_contracts() {
    let expected = ["5s", "30s", "2m", "10m", "30m", "2h", "5h", "10h", "10h"]
        .map(|text| duration::parse(text).unwrap());
    let backoff = Backoff::webhook();
    assert_eq!(all(&backoff, MIDDLE), expected);
    assert_eq!(backoff.attempts(), 10);
    assert_eq!(backoff.delay(1, 0.0), Some(seconds(4)));
    assert_eq!(backoff.delay(1, 1.0), Some(seconds(6)));
    assert_eq!(Backoff::try_from(Form::from(backoff.clone())), Ok(backoff));
}

#[test]
fn the_first_attempt_is_due_at_once() {
    assert_eq!(Backoff::webhook().delay(0, 1.0), Some(Duration::ZERO));
}

#[test]
fn an_exponential_curve_doubles_up_to_its_ceiling() {
    let curve = Curve::Exponential { first: seconds(1), factor: 2.0, max: seconds(5) };
    let backoff = Backoff::new(curve, 6, 0.0).unwrap();
    assert_eq!(all(&backoff, MIDDLE), [1, 2, 4, 5, 5].map(seconds));
}

#[test]
fn a_fixed_curve_repeats_and_one_attempt_means_no_delay() {
    let backoff = |attempts| Backoff::new(Curve::Fixed { every: seconds(3) }, attempts, 0.0).unwrap();
    assert_eq!(all(&backoff(4), MIDDLE), [3, 3, 3].map(seconds));
    assert_eq!(all(&backoff(1), MIDDLE), []);
    assert_eq!(all(&Backoff::schedule(vec![], 0.0).unwrap(), MIDDLE), []);
}

#[test]
fn attempts_cut_a_schedule_short_and_survive_being_stored() {
    let curve = Curve::Schedule { delays: [1, 2, 3].map(seconds).to_vec() };
    let backoff = Backoff::new(curve, 2, 0.0).unwrap();
    assert_eq!(all(&backoff, MIDDLE), [seconds(1)]);
    let stored: Backoff = serde_json::from_str(&serde_json::to_string(&backoff).unwrap()).unwrap();
    assert_eq!(all(&stored, MIDDLE), [seconds(1)]);
}

#[test]
fn reads_and_writes_human_forms() {
    for form in [
        json!({"kind": "exponential", "first": "1s", "factor": 2.0, "max": "1h", "attempts": 8, "jitter": 0.1}),
        json!({"kind": "fixed", "every": "30s", "attempts": 3, "jitter": 0.0}),
        json!({"kind": "schedule", "delays": ["5s", "2m"], "jitter": 0.2}),
    ] {
        let backoff: Backoff = serde_json::from_value(form.clone()).unwrap();
        assert_eq!(serde_json::to_value(backoff).unwrap(), form);
    }
    let plain: Backoff = serde_json::from_value(json!({"kind": "schedule", "delays": [5, 30]})).unwrap();
    assert_eq!(all(&plain, 0.9), [seconds(5), seconds(30)]);
}

#[test]
fn refuses_bad_values_by_name() {
    let fixed =
        |attempts, jitter| json!({"kind": "fixed", "every": "1s", "attempts": attempts, "jitter": jitter});
    let exponential = |first: &str, factor: f64| json!({"kind": "exponential", "first": first, "factor": factor, "max": "1h", "attempts": 3});
    for (form, named) in [
        (fixed(0, 0.0), "attempts to 0"),
        (fixed(101, 0.0), "attempts to 101"),
        (fixed(1, 1.1), "jitter to 1.1"),
        (fixed(1, -0.1), "jitter to -0.1"),
        (exponential("1s", 0.5), "factor to 0.5"),
        (exponential("1s", 101.0), "factor to 101"),
        (exponential("2h", 2.0), "first above its max"),
        (json!({"kind": "schedule", "delays": ["1s", "31d"]}), "delays[1] to 31d"),
        (json!({"kind": "schedule", "delays": vec![1; 100]}), "100 back-off delays"),
        (json!({"kind": "schedule", "delays": [], "attempts": 3}), "attempts"),
        (json!({"kind": "fixed", "every": "1s", "attempts": 3, "first": "1s"}), "first"),
        (json!({"kind": "linear"}), "linear"),
    ] {
        let error = serde_json::from_value::<Backoff>(form).unwrap_err().to_string();
        assert!(error.contains(named), "{error} should name {named}");
    }
    assert!(matches!(Backoff::schedule(vec![], f64::NAN), Err(BackoffError::Jitter(_))));
}

proptest! {
    #[test]
    fn jitter_stays_within_its_fraction(plain in 0u64..86_400, jitter in 0.0..=1.0f64, random in 0.0..=1.0f64) {
        let backoff = Backoff::schedule(vec![seconds(plain)], jitter).unwrap();
        let found = backoff.delay(1, random).unwrap().as_secs_f64();
        let plain = plain as f64;
        prop_assert!(found >= plain * (1.0 - jitter) - 1e-6 && found <= plain * (1.0 + jitter) + 1e-6);
    }

    #[test]
    fn an_exponential_curve_never_shrinks_nor_passes_its_ceiling(
        first in 0u64..1_000, factor in 1.0..=100.0f64, more in 0u64..100_000, attempts in 1..=MAX_ATTEMPTS,
    ) {
        let max = seconds(first + more);
        let curve = Curve::Exponential { first: seconds(first), factor, max };
        let delays = all(&Backoff::new(curve, attempts, 0.0).unwrap(), MIDDLE);
        prop_assert_eq!(delays.len() as u32, attempts - 1);
        prop_assert!(delays.is_sorted());
        prop_assert!(delays.iter().all(|delay| *delay <= max));
    }

    #[test]
    fn nothing_panics(made: u32, random: f64, factor: f64, attempts: u32, jitter: f64, first: u64, max: u64) {
        let curve = Curve::Exponential { first: Duration::from_secs(first), factor, max: Duration::from_secs(max) };
        let backoff = Backoff::new(curve, attempts, jitter).unwrap_or_else(|_| Backoff::webhook());
        let limit = MAX_DELAY * 2;
        prop_assert!(backoff.delay(made, random).is_none_or(|delay| delay <= limit));
    }
}
