use proptest::prelude::*;

use super::*;
use crate::webhook::breaker::BreakerSettings;

const SECOND: Duration = Duration::from_secs(1);

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn delivery(n: u8) -> DeliveryId {
    DeliveryId::from_bytes([n; 16])
}

fn state(concurrency: usize) -> DestinationState {
    let breaker = BreakerSettings { failures: 3, pause: SECOND, ..BreakerSettings::default() };
    let mut state = DestinationState::new(Allowed { concurrency, rate: None }, breaker);
    state.handle(Input::Fetched(Vec::new(), false), at(0));
    state
}

fn attempts(effects: &[Effect]) -> Vec<(DeliveryId, bool)> {
    let attempt = |effect: &Effect| match effect {
        Effect::Attempt(id, _, probe) => Some((*id, *probe)),
        _ => None,
    };
    effects.iter().filter_map(attempt).collect()
}

fn settled(n: u8, probe: bool, next: Option<u64>, report: Report) -> Input {
    Input::Settled(Ended { id: delivery(n), spot: Spot::Due(at(0)), probe, next: next.map(at), report })
}

#[test]
fn while_the_breaker_is_open_only_probes_go_and_then_a_drain_begins() {
    let mut state = state(8);
    for n in 0..8 {
        state.handle(Input::Added(Spot::Due(at(0)), delivery(n)), at(0));
    }
    let mut opened = Vec::new();
    for n in 0..8 {
        opened.extend(state.handle(settled(n, false, Some(5_000 + u64::from(n)), Report::Failed), at(10)));
    }
    assert!(opened.iter().any(|effect| matches!(effect, Effect::Turned(Turn::Opened, _))));
    state.handle(Input::Added(Spot::Due(at(20)), delivery(20)), at(20));
    assert_eq!(attempts(&state.handle(Input::Tick, at(900))), []);
    assert_eq!(attempts(&state.handle(Input::Tick, at(1_010))), [(delivery(20), true)]);
    assert_eq!(attempts(&state.handle(Input::Tick, at(9_000))), [], "one probe at a time");
    let effects = state.handle(settled(20, true, None, Report::Took), at(9_000));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Turned(Turn::Closed, _))));
    assert_eq!(attempts(&effects).len(), 1, "the drain begins with one");
}

#[test]
fn nothing_is_sent_while_it_is_held() {
    let mut state = state(2);
    let allowed = Allowed { concurrency: 2, rate: None };
    state.handle(Input::Configured(allowed, true), at(0));
    let effects = state.handle(Input::Added(Spot::Due(at(0)), delivery(1)), at(0));
    assert_eq!(attempts(&effects), []);
    assert_eq!(attempts(&state.handle(Input::Configured(allowed, false), at(5))), [(delivery(1), false)]);
}

#[test]
fn a_receiver_that_asks_for_rest_gets_it_for_everything_it_is_owed() {
    let mut state = state(1);
    state.handle(Input::Added(Spot::Due(at(0)), delivery(1)), at(0));
    state.handle(Input::Added(Spot::Due(at(0)), delivery(2)), at(0));
    let effects = state.handle(settled(1, false, Some(60_000), Report::Throttled(Some(at(60_000)))), at(1));
    assert_eq!(attempts(&effects), []);
    assert!(effects.contains(&Effect::WakeIn(Duration::from_millis(59_999))));
    assert_eq!(attempts(&state.handle(Input::Tick, at(60_000))), [(delivery(2), false)]);
}

proptest! {
    #[test]
    fn no_more_than_allowed_go_at_once_and_each_only_when_due(
        allowed in 1_usize..5,
        steps in proptest::collection::vec((0_u8..3, 0_u8..20, 0_u64..200), 1..200),
    ) {
        let mut state = state(allowed);
        let mut under_way: Vec<(DeliveryId, Spot)> = Vec::new();
        let (mut now, mut next) = (0, 0_u8);
        for (what, which, wait) in steps {
            now += wait;
            let effects = match what {
                0 => {
                    next = next.wrapping_add(1);
                    state.handle(Input::Added(Spot::Due(at(now + u64::from(which))), delivery(next)), at(now))
                }
                1 if !under_way.is_empty() => {
                    let (id, spot) = under_way.remove(usize::from(which) % under_way.len());
                    let took = which % 2 == 0;
                    let (next, report) = if took { (None, Report::Took) } else { (Some(at(now + 50)), Report::Failed) };
                    state.handle(Input::Settled(Ended { id, spot, probe: false, next, report }), at(now))
                }
                _ => state.handle(Input::Tick, at(now)),
            };
            for effect in effects {
                if let Effect::Attempt(id, Spot::Due(due), _) = effect {
                    prop_assert!(due <= at(now));
                    prop_assert!(!under_way.iter().any(|(other, _)| *other == id));
                    under_way.push((id, Spot::Due(due)));
                }
            }
            prop_assert!(under_way.len() <= allowed);
        }
    }
}
