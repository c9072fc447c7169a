use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// How many requests begin within a time, if as many as may do.
fn begun(pace: &mut Pace, from: u64, to: u64) -> usize {
    let (mut now, mut count) = (from, 0);
    while now < to {
        match pace.wait(at(now)) {
            None => {
                pace.began();
                count += 1;
                if count > 1_000_000 {
                    break;
                }
            }
            Some(wait) => now += u64::try_from(wait.as_millis()).unwrap().max(1),
        }
    }
    count
}

#[test]
fn a_rate_is_kept_to_with_a_second_to_burst() {
    let mut pace = Pace::new(Allowed { concurrency: 8, rate: Some(5.0) });
    assert_eq!(begun(&mut pace, 0, 10), 5);
    assert_eq!(begun(&mut pace, 10, 10_000), 49);
    let mut slow = Pace::new(Allowed { concurrency: 8, rate: Some(0.1) });
    assert_eq!(begun(&mut slow, 0, 30_001), 4, "one now, and one each ten seconds");
}

#[test]
fn a_drain_begins_slowly_and_doubles() {
    let mut pace = Pace::new(Allowed { concurrency: 8, rate: None });
    pace.drain(at(0));
    assert_eq!(pace.at_once(), 1);
    let seconds: Vec<usize> = (0..5).map(|n| begun(&mut pace, n * 1_000, (n + 1) * 1_000)).collect();
    assert!(seconds[0] <= 10, "{seconds:?}");
    assert!(seconds.windows(2).all(|pair| pair[1] > pair[0] && pair[1] < pair[0] * 3), "{seconds:?}");
    assert_eq!(pace.wait(at(20_000)), None);
    pace.began();
    assert_eq!(pace.wait(at(20_000)), None, "the drain is over");
}

#[test]
fn too_much_halves_what_goes_at_once_and_rest_is_kept() {
    let mut pace = Pace::new(Allowed { concurrency: 8, rate: None });
    pace.throttled(Some(at(5_000)));
    assert_eq!((pace.at_once(), pace.wait(at(1_000))), (4, Some(Duration::from_secs(4))));
    pace.throttled(Some(at(2_000)));
    assert_eq!((pace.at_once(), pace.wait(at(4_999))), (2, Some(Duration::from_millis(1))));
    (0..10).for_each(|_| pace.throttled(None));
    assert_eq!((pace.at_once(), pace.wait(at(5_000))), (1, None));
    (0..100).for_each(|_| pace.succeeded());
    assert_eq!(pace.at_once(), 8);
    pace.allow(Allowed { concurrency: 3, rate: None });
    assert_eq!(pace.at_once(), 3);
    pace.allow(Allowed { concurrency: 20, rate: None });
    assert_eq!(pace.at_once(), 20);
}

proptest! {
    #[test]
    fn a_rate_is_never_broken_over_any_time(rate in 0.2_f64..200.0, times in proptest::collection::vec(0_u64..5_000, 1..60)) {
        let mut pace = Pace::new(Allowed { concurrency: 8, rate: Some(rate) });
        let (mut now, mut count) = (0, 0_u32);
        for pause in times {
            now += pause;
            while pace.wait(at(now)).is_none() {
                pace.began();
                count += 1;
            }
            let allowed = f64::from(u32::try_from(now).unwrap()).mul_add(rate / 1_000.0, rate.max(1.0));
            prop_assert!(f64::from(count) <= allowed + 1e-3, "{count} in {now} ms at {rate} a second");
        }
    }
}
