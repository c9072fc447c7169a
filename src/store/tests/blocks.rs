use std::collections::BTreeMap;

use appengine_actors::store::{Key, Versioned};
use proptest::prelude::*;

use crate::store::blocks::{self, Edit};
use crate::store::sled::Engine;

/// A round of carrying: what each key shall hold, or nothing.
type Round = BTreeMap<Vec<u8>, Option<(u64, usize)>>;

/// Few letters, so that rounds meet the same keys again.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(&[0_u8, 1, b'a', b'b', 0xff][..]), 0..5)
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let value = prop::option::weighted(0.7, (any::<u64>(), 0_usize..3000));
    prop::collection::vec(prop::collection::btree_map(key(), value, 0..60), 1..6)
}

fn edits(round: &Round) -> impl Iterator<Item = Edit> {
    round.iter().map(|(key, value)| {
        let found = value.map(|(version, size)| Versioned { version, value: vec![7; size].into() });
        (key.clone().into(), found)
    })
}

fn carry(engine: &Engine, round: &Round, most: usize) {
    let mut edits = edits(round).peekable();
    while let Some(changes) = engine.read(|view| blocks::merge(view, &mut edits, most)).unwrap() {
        engine.apply(changes).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn blocks_hold_what_a_map_holds(
        rounds in rounds(), most in 1_usize..40, from in key(), to in key(), descending: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(folder.path(), 1 << 20).unwrap();
        let mut model = BTreeMap::<Key, Versioned>::new();
        for round in rounds {
            carry(&engine, &round, most);
            for (key, found) in edits(&round) {
                match found {
                    Some(found) => model.insert(key.to_vec(), found),
                    None => model.remove(&key[..]),
                };
            }
            for key in round.keys().chain([&from, &to]) {
                let found = engine.read(|view| blocks::get(view, key)).unwrap();
                prop_assert_eq!(found.as_ref(), model.get(key));
            }
            let mut expected: Vec<_> =
                model.iter().filter(|(key, _)| **key >= from && **key < to).map(|(k, v)| (k.clone(), v.clone())).collect();
            if descending {
                expected.reverse();
            }
            let found = engine.read(|view| blocks::range(view, (&from, &to), descending, true).collect::<Result<Vec<_>, _>>());
            prop_assert_eq!(found.unwrap(), expected);
        }
        prop_assert_eq!(engine.read(blocks::is_empty).unwrap(), model.is_empty());
        engine.close();
    }
}

/// A block that is divided between two looks of a reader shows nothing twice and leaves nothing out.
#[test]
fn a_walk_meets_each_entry_once_while_blocks_are_divided() {
    for descending in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(folder.path(), 1 << 20).unwrap();
        let entry = |n: u32| (n.to_be_bytes().to_vec(), Some((1, 500)));
        carry(&engine, &(0..40).step_by(2).map(entry).collect(), 40);
        let walked = engine.read(|view| {
            let mut walk = blocks::range(view, (&[], &[0xff]), descending, false);
            let mut walked: Vec<_> = walk.by_ref().take(3).map(|found| found.unwrap().0).collect();
            // Keys beside those that were walked already, so that their blocks are divided anew.
            carry(&engine, &(0..40).filter(|n| n % 2 == 1).map(entry).collect(), 40);
            walked.extend(walk.map(|found| found.unwrap().0));
            Ok(walked)
        });
        let walked = walked.unwrap();
        let mut sorted = walked.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), walked.len(), "nothing twice");
        let old = (0..40_u32).step_by(2).filter(|n| sorted.contains(&n.to_be_bytes().to_vec())).count();
        assert_eq!(old, 20, "what was there all the time is met");
        engine.close();
    }
}
