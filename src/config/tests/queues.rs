//! Queues' own tables, and queues that a file adds.

use super::*;
use crate::config::Growth;

#[test]
fn a_file_adds_queues_and_says_what_each_does_otherwise() {
    let file = r#"
        [queues]
        concurrency = 3
        [queues.custom.reports]
        concurrency = 2
        backoff = "schedule"
        backoff_schedule = ["5s", "1m"]
        rate = 10
        rate_per = "500ms"
        [queues.custom.imports]
        [queues.billing]
        attempts = 9
        timeout = "5m"
    "#;
    let config = layers(file, &[]).expect("valid");
    let queues = &config.queues;
    let names: Vec<&str> = queues.each().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[7..], ["imports", "reports"]);
    let (reports, imports) = (&queues.custom["reports"], &queues.custom["imports"]);
    assert_eq!((queues.concurrency_of("reports"), queues.concurrency_of("imports")), (2, 3));
    assert_eq!((reports.backoff, reports.rate), (Some(Growth::Schedule), Some(10)));
    assert_eq!(reports.backoff_schedule.as_ref().map(Vec::len), Some(2));
    assert_eq!((imports.backoff, imports.attempts), (None, None));
    assert_eq!((queues.billing.attempts, queues.billing.concurrency), (Some(9), 0));
}

#[test]
fn what_makes_no_sense_in_them_is_refused_with_its_line() {
    for (file, said) in [
        ("[queues.custom.reports]\nattempts = 0", "queues.custom.reports.attempts: must be from 1 to 100"),
        ("[queues.billing]\nrate = 0", "queues.billing.rate: must be from 1 to"),
        ("[queues.custom.reports]\nattemps = 5", "attemps"),
        ("[queues.custom.\"a b\"]", "is no name of a queue"),
        ("[queues.custom.billing]", "is one of the seven queues"),
        ("[queues.custom]\nreports = 5", "must be a table"),
        ("[queues.reports]\nattempts = 5", "queues.reports"),
        ("[queues.custom.reports]\nbackoff = \"slow\"", "unknown variant `slow`"),
    ] {
        let problems = layers(file, &[]).expect_err(file).to_string();
        assert!(problems.contains(said) && problems.contains("my.toml:"), "{file}: {problems}");
    }
}
