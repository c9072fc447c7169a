use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Add(u8),
    AddUntold(u8),
    Read(bool),
    Pop,
    Settle(u8, bool),
    StartOver,
    Survey,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..4).prop_map(Step::Add),
        1 => (0_u8..4).prop_map(Step::AddUntold),
        4 => any::<bool>().prop_map(Step::Read),
        3 => Just(Step::Pop),
        3 => (any::<u8>(), any::<bool>()).prop_map(|(n, done)| Step::Settle(n, done)),
        1 => Just(Step::StartOver),
        2 => Just(Step::Survey),
    ]
}

/// The store and whoever carries out what the lines ask for.
#[derive(Default)]
struct World {
    lines: Lines,
    /// Line, place -> delivery and when it is due.
    store: BTreeMap<(String, u64), (DeliveryId, Timestamp)>,
    reads: Vec<Arc<str>>,
    surveys: Vec<Option<Arc<str>>>,
    sent: Vec<First>,
    done: BTreeMap<String, Vec<u64>>,
    now: u64,
}

impl World {
    fn follow(&mut self) {
        self.reads.extend(self.lines.wants_first());
        self.surveys.extend(self.lines.wants_survey());
    }

    fn first(&self, line: &str) -> Option<First> {
        let ((_, stamp), (id, due)) = self.store.range((line.to_owned(), 0)..).next()?;
        let found = self.store.range((line.to_owned(), 0)..).next()?.0.0.as_str();
        (found == line).then(|| First {
            place: LinePlace { key: line.into(), stamp: *stamp, n: 0 },
            id: *id,
            due: *due,
        })
    }

    fn take(&mut self, step: Step) {
        self.now += 1;
        match step {
            Step::Add(n) | Step::AddUntold(n) => {
                let key: Arc<str> = format!("k{n}").into();
                let id = DeliveryId::new(at(self.now));
                self.store.insert((key.to_string(), self.now), (id, at(self.now)));
                if matches!(step, Step::Add(_)) {
                    self.lines.added(&key);
                }
            }
            Step::Read(fails) if !self.reads.is_empty() => {
                let key = self.reads.remove(0);
                if fails { self.lines.read_failed(&key) } else { self.lines.read(&key, self.first(&key)) }
            }
            Step::Survey if !self.surveys.is_empty() => {
                let after = self.surveys.remove(0);
                let lines: std::collections::BTreeSet<String> =
                    self.store.keys().map(|(line, _)| line.clone()).collect();
                let lines =
                    lines.into_iter().filter(|line| after.as_ref().is_none_or(|after| **line > **after));
                let mut lines: Vec<Arc<str>> = lines.map(Into::into).collect();
                let more = lines.len() > 2;
                lines.truncate(2);
                self.lines.surveyed(lines, more);
            }
            Step::Pop if self.lines.next_due().is_some_and(|due| due <= at(self.now)) => {
                self.sent.extend(self.lines.pop());
            }
            Step::Settle(n, done) if !self.sent.is_empty() => {
                let First { place, id, .. } = self.sent.remove(usize::from(n) % self.sent.len());
                let key = (place.key.to_string(), place.stamp);
                if done {
                    self.store.remove(&key);
                    self.done.entry(key.0).or_default().push(key.1);
                    self.lines.settled(place, id, None);
                } else {
                    let due = at(self.now + 2);
                    self.store.insert(key, (id, due));
                    self.lines.settled(place, id, Some(due));
                }
            }
            Step::StartOver => {
                // A read that was asked for before answers all the same.
                self.lines.start_over();
                self.surveys.clear();
            }
            Step::Read(_) | Step::Survey | Step::Pop | Step::Settle(..) => {}
        }
        self.follow();
    }
}

proptest! {
    #[test]
    fn a_line_keeps_its_order_and_nothing_is_left_behind(steps in proptest::collection::vec(step(), 1..300)) {
        let mut world = World::default();
        let added = |world: &World| world.store.len() + world.done.values().map(Vec::len).sum::<usize>();
        for step in steps {
            world.take(step);
            let mut keys: Vec<_> = world.sent.iter().map(|first| first.place.key.clone()).collect();
            keys.sort();
            keys.dedup();
            prop_assert_eq!(keys.len(), world.sent.len(), "two of one line are under way");
        }
        let total = added(&world);
        world.take(Step::StartOver);
        for _ in 0..4 * total + 40 {
            for step in [Step::Survey, Step::Read(false), Step::Pop, Step::Settle(0, true)] {
                world.take(step);
            }
        }
        prop_assert!(world.store.is_empty(), "{:?} are left", world.store);
        for (line, done) in &world.done {
            prop_assert!(done.is_sorted(), "{line}: {done:?}");
        }
    }
}

#[test]
fn more_lines_than_are_held_are_met_when_there_is_room() {
    let mut lines = Lines::default();
    for n in 0..MOST {
        lines.added(&format!("{n:05}").into());
    }
    assert_eq!(lines.wants_first().len(), MOST);
    lines.added(&"late".into());
    assert_eq!((lines.wants_first().len(), lines.wants_survey()), (0, None));
    for n in 0..=MOST / 2 {
        lines.read(&format!("{n:05}").into(), None);
    }
    assert_eq!(lines.wants_survey(), Some(None));
    lines.surveyed(vec!["late".into()], false);
    assert_eq!(lines.wants_first(), ["late".into()]);
}
