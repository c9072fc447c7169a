use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn settings() -> BreakerSettings {
    BreakerSettings {
        failures: 3,
        after: SECOND * 60,
        pause: SECOND,
        longest_pause: SECOND * 4,
        disable_after: SECOND * 100,
    }
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_millis(second * 1_000)
}

fn delivery(n: u8) -> DeliveryId {
    DeliveryId::from_bytes([n; 16])
}

#[test]
fn one_delivery_that_fails_by_its_schedule_opens_nothing() {
    let mut breaker = Breaker::new(settings());
    for second in 0..600 {
        assert_eq!(breaker.failed(delivery(1), false, at(second)), None);
    }
    assert_eq!(breaker.failed(delivery(2), false, at(600)), Some(Turn::Opened));
}

#[test]
fn many_deliveries_open_it_and_a_success_between_them_does_not() {
    let mut breaker = Breaker::new(settings());
    assert_eq!(breaker.failed(delivery(1), false, at(0)), None);
    assert_eq!(breaker.failed(delivery(2), false, at(0)), None);
    assert_eq!(breaker.succeeded(), None);
    assert_eq!(breaker.failed(delivery(3), false, at(0)), None);
    assert_eq!(breaker.failed(delivery(3), false, at(0)), None);
    assert_eq!(breaker.failed(delivery(1), false, at(0)), None);
    assert_eq!(breaker.failed(delivery(2), false, at(0)), Some(Turn::Opened));
    assert_eq!(breaker.admits(at(0)), Admission::At(at(1)));
}

#[test]
fn probes_go_one_at_a_time_and_further_apart_until_one_succeeds() {
    let mut breaker = Breaker::new(settings());
    (1..=3).for_each(|n| _ = breaker.failed(delivery(n), false, at(0)));
    let mut now = 0;
    for pause in [1, 2, 4, 4] {
        assert_eq!(breaker.admits(at(now)), Admission::At(at(now + pause)));
        now += pause;
        assert_eq!(breaker.admits(at(now)), Admission::Probe);
        breaker.probe_began();
        assert_eq!(breaker.admits(at(now + 50)), Admission::AfterProbe);
        assert_eq!(breaker.failed(delivery(9), false, at(now)), None, "it had begun before");
        assert_eq!(breaker.failed(delivery(1), true, at(now)), Some(Turn::StaysOpen));
    }
    breaker.probe_began();
    breaker.learned_nothing(true);
    assert_eq!(breaker.admits(at(now + 4)), Admission::Probe, "our own trouble is no answer");
    assert_eq!(breaker.succeeded(), Some(Turn::Closed));
    assert_eq!((breaker.admits(at(now)), breaker.health()), (Admission::Yes, Health::default()));
}

#[test]
fn it_gives_up_after_its_time_and_a_restart_does_not_begin_that_anew() {
    let mut breaker = Breaker::new(settings());
    (1..=3).for_each(|n| _ = breaker.failed(delivery(n), false, at(0)));
    let mut later = Breaker::new(settings());
    later.restore(breaker.health());
    assert_eq!(later.admits(at(99)), Admission::Probe);
    later.probe_began();
    assert_eq!(later.failed(delivery(1), true, at(99)), Some(Turn::StaysOpen));
    later.probe_began();
    assert_eq!(later.failed(delivery(1), true, at(100)), Some(Turn::GivesUp));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(u64),
    Begin,
    Fail(u8),
    Succeed,
    Nothing,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_u64..8).prop_map(Step::Wait),
        Just(Step::Begin),
        (0_u8..6).prop_map(Step::Fail),
        Just(Step::Succeed),
        Just(Step::Nothing),
    ]
}

/// What the breaker is to be, said in the simplest way: a list of what happened since the last success.
#[derive(Default)]
struct Model {
    failures: Vec<(u8, u64)>,
    opened: Option<u64>,
    probes: Vec<u64>,
    probing: bool,
}

impl Model {
    fn next_probe(&self) -> Option<u64> {
        let since = self.probes.last().copied().or(self.opened)?;
        Some(since + [1, 2, 4][self.probes.len().min(2)])
    }
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(steps in proptest::collection::vec(step(), 1..200)) {
        let mut breaker = Breaker::new(settings());
        let mut model = Model::default();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Wait(seconds) => now += seconds,
                Step::Begin => if breaker.admits(at(now)) == Admission::Probe {
                    breaker.probe_began();
                    model.probing = true;
                },
                Step::Fail(n) => {
                    let probe = model.probing;
                    let turn = breaker.failed(delivery(n), probe, at(now));
                    model.failures.push((n, now));
                    let first = model.failures[0].1;
                    let expected = if model.opened.is_some() {
                        if probe {
                            model.probes.push(now);
                            model.probing = false;
                            Some(if now - first >= 100 { Turn::GivesUp } else { Turn::StaysOpen })
                        } else { None }
                    } else {
                        let distinct: BTreeSet<u8> = model.failures.iter().map(|(n, _)| *n).collect();
                        let long = distinct.len() > 1 && model.failures.len() >= 5 && now - first >= 60;
                        (distinct.len() >= 3 || long).then(|| { model.opened = Some(now); Turn::Opened })
                    };
                    prop_assert_eq!(turn, expected);
                }
                Step::Succeed => {
                    let turn = breaker.succeeded();
                    prop_assert_eq!(turn, model.opened.map(|_| Turn::Closed));
                    model = Model::default();
                }
                Step::Nothing => {
                    breaker.learned_nothing(model.probing);
                    model.probing = false;
                }
            }
            let expected = match model.next_probe() {
                None => Admission::Yes,
                Some(_) if model.probing => Admission::AfterProbe,
                Some(due) if due <= now => Admission::Probe,
                Some(due) => Admission::At(at(due)),
            };
            prop_assert_eq!(breaker.admits(at(now)), expected);
        }
    }
}
