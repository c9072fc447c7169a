use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;
use crate::ids::{QueueName, RecordId, RunId};
use crate::queue::job::{JobDraft, Task};

/// The job that came as number `n`.
fn job(n: u64, org: &str, key: &str, priority: i32) -> Job {
    let now = Timestamp::from_millis(1_000 + n);
    let task = Task::RunFlow { flow: RecordId::new("f").unwrap(), run: RunId::new(now) };
    let key = (!key.is_empty()).then(|| key.to_owned());
    let draft =
        JobDraft { key, priority, ..JobDraft::new(JobId::new(now), QueueName::new("q").unwrap(), task) };
    draft.into_job(OrgId::new(org).unwrap(), now, 1)
}

fn held(org: &str, key: Option<&str>) -> Held {
    Held { org: OrgId::new(org).unwrap(), key: key.map(str::to_owned) }
}

fn named(job: &Job) -> String {
    let key = job.key.as_deref().unwrap_or("-");
    format!("{}/{key}/{}", job.org_id, job.place - 1_000)
}

fn drain(lines: &mut Lines) -> Vec<String> {
    std::iter::from_fn(|| lines.pop()).map(|job| named(&job)).collect()
}

#[test]
fn organisations_take_turns_and_so_do_their_keys() {
    let mut lines = Lines::unread(0, Shares::default());
    for n in 0..4 {
        lines.add(job(n, "a", "k", 0));
    }
    lines.add(job(4, "a", "l", 0));
    lines.add(job(5, "b", "", 0));
    assert_eq!(lines.count(), 6);
    assert_eq!(drain(&mut lines), ["a/k/0", "b/-/5", "a/l/4", "a/k/1", "a/k/2", "a/k/3"]);
    assert_eq!(lines.count(), 0);
    assert!(lines.orgs.is_empty() && lines.turns.is_empty() && lines.lines == 0, "nothing is left behind");
}

#[test]
fn the_most_urgent_of_an_organisation_go_first_and_are_in_nobody_elses_way() {
    let mut lines = Lines::unread(0, Shares::default());
    for (n, priority) in [(0, 5), (1, 0), (2, -7), (3, i32::MAX), (4, i32::MIN)] {
        lines.add(job(n, "a", "", priority));
    }
    lines.add(job(5, "b", "", 9));
    assert_eq!(drain(&mut lines), ["a/-/4", "b/-/5", "a/-/2", "a/-/1", "a/-/0", "a/-/3"]);
}

#[test]
fn who_comes_late_waits_one_turn_and_not_for_the_flood() {
    let mut lines = Lines::unread(0, Shares::default());
    (0..900).for_each(|n| lines.add(job(n, "flood", "", 0)));
    (0..500).for_each(|_| _ = lines.pop());
    lines.add(job(1_000, "late", "", 0));
    let next: Vec<_> = (0..2).filter_map(|_| lines.pop()).map(|job| job.org_id.to_string()).collect();
    assert!(next.contains(&"late".to_owned()), "{next:?}");
    lines.add(job(1_001, "flood", "late", 0));
    let next: Vec<_> = (0..2).filter_map(|_| lines.pop()).filter_map(|job| job.key).collect();
    assert_eq!(next, ["late"]);
}

#[test]
fn who_is_paused_waits_and_the_others_go_on() {
    let mut lines = Lines::unread(0, Shares::default());
    lines.set_paused(held("a", None), true);
    lines.set_paused(held("b", Some("k")), true);
    for (n, (org, key)) in [("a", ""), ("b", "k"), ("b", "l")].into_iter().enumerate() {
        lines.add(job(n as u64, org, key, 0));
    }
    assert_eq!(drain(&mut lines), ["b/l/2"]);
    lines.set_paused(held("a", None), false);
    lines.set_paused(held("b", Some("k")), false);
    assert_eq!(drain(&mut lines), ["a/-/0", "b/k/1"]);
}

#[test]
fn shares_bound_what_runs_at_once() {
    let mut lines = Lines::unread(0, Shares { org: 2, key: 1 });
    for (n, key) in ["k", "k", "l", "m", ""].into_iter().enumerate() {
        lines.add(job(n as u64, "a", key, 0));
    }
    let take = |lines: &mut Lines| {
        let job = lines.pop()?;
        lines.began(&job);
        Some(job)
    };
    let (first, second) = (take(&mut lines).unwrap(), take(&mut lines).unwrap());
    assert_eq!((named(&first).as_str(), named(&second).as_str()), ("a/k/0", "a/l/2"));
    assert!(take(&mut lines).is_none(), "two of one organisation");
    lines.ended(&second);
    assert_eq!(named(&take(&mut lines).unwrap()), "a/m/3", "one of k runs already");
    lines.ended(&first);
    let names: Vec<_> = std::iter::from_fn(|| take(&mut lines).inspect(|job| lines.ended(job)))
        .map(|job| named(&job))
        .collect();
    assert_eq!(names, ["a/-/4", "a/k/1"]);
}

#[test]
fn what_is_in_the_store_is_found_by_a_survey_and_read_by_the_page() {
    let mut lines = Lines::unread(3, Shares::default());
    assert_eq!(lines.count(), 3);
    assert_eq!(lines.wants_survey(), Some(None));
    assert_eq!(lines.wants_survey(), None, "once at a time");
    let (urgent, other) = (job(0, "a", "k", -1), job(1, "a", "l", 0));
    lines.surveyed(vec![LineId::of(&urgent), LineId::of(&other)], false);
    assert!(lines.pop().is_none());
    let wanted = lines.wanted();
    assert_eq!(wanted.iter().map(|wanted| &wanted.line).collect::<Vec<_>>(), [&LineId::of(&urgent)]);
    lines.page(&LineId::of(&urgent), [urgent.clone()], false);
    assert_eq!(named(&lines.pop().unwrap()), "a/k/0");
    assert!(lines.pop().is_none());
    assert_eq!(lines.wanted().len(), 1);
    lines.page(&LineId::of(&other), [other], false);
    assert_eq!(lines.count(), 1, "now everything is known");
    assert_eq!(named(&lines.pop().unwrap()), "a/l/1");
}

#[test]
fn more_lines_than_are_held_are_met_later() {
    let mut lines = Lines::unread(0, Shares::default());
    let all = MOST_LINES as u64 + 100;
    (0..all).for_each(|n| lines.add(job(n, "a", &format!("k{n}"), 0)));
    assert_eq!(lines.count(), all);
    let mut seen: u64 = std::iter::from_fn(|| lines.pop()).count() as u64;
    assert_eq!(seen, MOST_LINES as u64);
    // What is left is in the store alone.
    assert_eq!(lines.wants_survey(), Some(None));
    let left: Vec<_> = (seen..all).map(|n| job(n, "a", &format!("k{n}"), 0)).collect();
    lines.surveyed(left.iter().map(LineId::of).collect(), false);
    while seen < all {
        match lines.pop() {
            Some(_) => seen += 1,
            None => {
                let wanted = lines.wanted();
                assert!(!wanted.is_empty(), "{seen}");
                for Wanted { line, .. } in wanted {
                    lines.page(&line, left.iter().filter(|job| LineId::of(job) == line).cloned(), false);
                }
            }
        }
    }
    assert_eq!(lines.count(), 0);
}

proptest! {
    /// However jobs come, nobody is passed over: an organisation waits at most one turn of every other.
    #[test]
    fn nobody_waits_for_more_than_one_turn_of_every_other(
        jobs in prop::collection::vec((0..4_usize, 0..3_usize), 1..80), taken in prop::collection::vec(any::<bool>(), 0..80),
    ) {
        let mut lines = Lines::unread(0, Shares::default());
        let mut waiting: HashMap<String, u64> = HashMap::new();
        let mut passed: HashMap<String, HashMap<String, u32>> = HashMap::new();
        let mut taken = taken.into_iter();
        let mut serve = |lines: &mut Lines, waiting: &mut HashMap<String, u64>| {
            let Some(job) = lines.pop() else { return false };
            let served = job.org_id.to_string();
            *waiting.get_mut(&served).unwrap() -= 1;
            passed.remove(&served);
            for (org, _) in waiting.iter().filter(|(org, left)| **left > 0 && **org != served) {
                let times = passed.entry(org.clone()).or_default().entry(served.clone()).or_default();
                *times += 1;
                assert!(*times <= 2, "{served} went {times} times before {org}");
            }
            true
        };
        for (n, (org, key)) in jobs.into_iter().enumerate() {
            let org = format!("o{org}");
            lines.add(job(n as u64, &org, &format!("k{key}"), 0));
            *waiting.entry(org).or_default() += 1;
            if taken.next().unwrap_or_default() {
                serve(&mut lines, &mut waiting);
            }
        }
        while serve(&mut lines, &mut waiting) {}
        prop_assert!(waiting.values().all(|left| *left == 0));
    }
}
