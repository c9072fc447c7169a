//! `demo`: every step of the main job is said to work, or which one did not.

use crate::support::binary::House;

#[test]
fn every_step_works_and_nothing_is_left() {
    let house = House::new();
    let temporary = house.beside("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let house = house.with_variable("TMPDIR", &temporary.display().to_string());
    let ended = house.run(&["demo"]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let steps: Vec<&str> = ended.out.lines().filter(|line| line.contains(" ms  ")).collect();
    assert_eq!(steps.len(), 10, "{}", ended.out);
    assert!(steps.iter().all(|step| step.starts_with("  ok ")), "{}", ended.out);
    for step in ["a flow", "a contact", "webhook arrived, verified", "polling", "the trace", "it drained"] {
        assert!(steps.iter().any(|line| line.contains(step)), "{step} is not in {}", ended.out);
    }
    assert!(ended.out.trim_end().contains("Every step worked"), "{}", ended.out);
    assert_eq!(ended.err, "");
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "it takes its folder with it");
}

#[test]
fn a_step_that_fails_is_named_and_so_is_why() {
    let house = House::new();
    let config = house.beside("my.toml");
    // Too few requests for all of its steps.
    std::fs::write(&config, "[limits]\nrequests_per_minute = 1\n").unwrap();
    let ended = house.run(&["demo", "--config", &config.display().to_string()]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.out.contains("  ok ") && !ended.out.contains("Every step worked"), "{}", ended.out);
    assert!(ended.err.contains("/execute was answered 429"), "{}", ended.err);

    std::fs::write(&config, "[limits]\nrequests = 1\n").unwrap();
    let ended = house.run(&["demo", "--config", &config.display().to_string()]);
    crate::assert_refused(&ended, &["my.toml", "limits.requests"]);
}
