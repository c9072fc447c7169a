use proptest::prelude::*;

use super::*;

const LIFE: Duration = Duration::from_secs(100);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_750_000_000_000 + seconds * 1_000)
}

fn principal(session: Option<&str>, token_id: &str) -> Principal {
    Principal {
        org: appengine_actors::ids::OrgId::new("o").unwrap(),
        id: RecordId::new("user-1").unwrap(),
        email: None,
        name: "Ada".into(),
        kind: Kind::User,
        roles: Vec::new(),
        scopes: None,
        rate_limits: None,
        token_id: token_id.into(),
        session: session.map(str::to_owned),
        issued_at: at(0),
        expires_at: at(50),
    }
}

fn lasts(sessions: &Sessions, ticket: &Ticket, now: Timestamp) -> bool {
    sessions.hold(&principal(Some(&ticket.session), "t"), now)
}

#[test]
fn each_refresh_gives_another_secret_for_the_same_session() {
    let mut sessions = Sessions::default();
    let mut ticket = sessions.open(at(0), LIFE);
    for n in 1..10 {
        let Rotation::Renewed(next) = sessions.rotate(&ticket, at(n * 60), LIFE) else { panic!("{n}") };
        assert_eq!(next.session, ticket.session);
        assert_ne!(next.secret, ticket.secret);
        ticket = next;
    }
    assert!(lasts(&sessions, &ticket, at(600)), "each refresh prolongs it");
    assert_eq!(sessions.rotate(&ticket, at(641), LIFE), Rotation::Unknown, "and no other does");
}

#[test]
fn a_secret_used_twice_ends_its_session_and_no_other() {
    let mut sessions = Sessions::default();
    let (first, other) = (sessions.open(at(0), LIFE), sessions.open(at(0), LIFE));
    let Rotation::Renewed(second) = sessions.rotate(&first, at(1), LIFE) else { panic!() };
    let Rotation::Renewed(third) = sessions.rotate(&second, at(2), LIFE) else { panic!() };
    assert_eq!(sessions.rotate(&first, at(3), LIFE), Rotation::Reused);
    assert_eq!(sessions.rotate(&third, at(4), LIFE), Rotation::Unknown);
    assert!(!lasts(&sessions, &third, at(4)) && lasts(&sessions, &other, at(4)));
}

#[test]
fn the_session_unused_longest_makes_room() {
    let mut sessions = Sessions::default();
    let tickets: Vec<Ticket> = (0..MAX_OPEN).map(|n| sessions.open(at(n as u64), LIFE)).collect();
    let Rotation::Renewed(kept) = sessions.rotate(&tickets[0], at(50), LIFE) else { panic!() };
    let newest = sessions.open(at(51), LIFE);
    assert_eq!(sessions.open.len(), MAX_OPEN);
    assert!(lasts(&sessions, &kept, at(52)) && lasts(&sessions, &newest, at(52)));
    assert!(!lasts(&sessions, &tickets[1], at(52)));
}

#[test]
fn a_token_without_a_session_can_be_given_back_until_it_expires_anyway() {
    let mut sessions = Sessions::default();
    let (mine, other) = (principal(None, "one"), principal(None, "two"));
    sessions.close(&mine, at(0));
    assert!(!sessions.hold(&mine, at(1)) && sessions.hold(&other, at(1)));
    sessions.open(at(60), LIFE);
    assert!(sessions.revoked.is_empty(), "what has expired is not kept");
}

#[test]
fn tokens_given_back_are_bounded_and_the_first_to_end_makes_room() {
    let mut sessions = Sessions::default();
    for n in 0..=MAX_REVOKED {
        let mut principal = principal(None, &format!("{n}{}", "x".repeat(8_000)));
        principal.expires_at = at(1_000 - n as u64);
        sessions.close(&principal, at(0));
    }
    assert_eq!(sessions.revoked.len(), MAX_REVOKED);
    assert!(sessions.revoked.iter().any(|revoked| revoked.ends == at(1_000)));
    assert!(serde_json::to_vec(&sessions).unwrap().len() < 64 * 1024);
}

#[test]
fn a_token_that_works_once_works_once() {
    let mut sessions = Sessions::default();
    let link = principal(None, "link");
    assert!(sessions.take_once(&link, at(0)));
    assert!(!sessions.take_once(&link, at(1)));
}

#[test]
fn no_secret_is_kept() {
    let mut sessions = Sessions::default();
    let ticket = sessions.open(at(0), LIFE);
    let kept = serde_json::to_string(&sessions).unwrap();
    assert!(!kept.contains(&ticket.secret) && kept.contains(&ticket.session));
    assert_eq!(serde_json::from_str::<Sessions>(&kept).unwrap(), sessions);
}

/// What can happen to somebody's sessions.
#[derive(Debug, Clone)]
enum Step {
    Open,
    /// Refresh with one of all tickets ever given, the latest of its session or not.
    Refresh(prop::sample::Index),
    Wait(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Open),
        3 => any::<prop::sample::Index>().prop_map(Step::Refresh),
        1 => (0u8..60).prop_map(Step::Wait),
    ]
}

proptest! {
    /// The model: a ticket is good if it is the latest of a session in which nothing was used twice and
    /// which was used less than its life ago.
    #[test]
    fn a_ticket_is_good_once_and_only_while_its_session_lasts(steps in prop::collection::vec(step(), 1..60)) {
        let mut sessions = Sessions::default();
        let mut given: Vec<Ticket> = Vec::new();
        let mut good: std::collections::BTreeMap<String, (String, u64)> = std::collections::BTreeMap::new();
        let mut now = 0;
        for step in steps {
            good.retain(|_, (_, used)| *used + LIFE.as_secs() > now);
            match step {
                Step::Wait(seconds) => now += u64::from(seconds),
                Step::Open if good.len() < MAX_OPEN => {
                    let ticket = sessions.open(at(now), LIFE);
                    good.insert(ticket.session.clone(), (ticket.secret.clone(), now));
                    given.push(ticket);
                }
                Step::Open => {}
                Step::Refresh(_) if given.is_empty() => {}
                Step::Refresh(which) => {
                    let ticket = which.get(&given).clone();
                    let model = good.remove(&ticket.session);
                    match (sessions.rotate(&ticket, at(now), LIFE), model) {
                        (Rotation::Renewed(next), Some((secret, _))) => {
                            prop_assert_eq!(secret, ticket.secret);
                            good.insert(next.session.clone(), (next.secret.clone(), now));
                            given.push(next);
                        }
                        (Rotation::Reused, Some((secret, _))) => prop_assert_ne!(secret, ticket.secret),
                        (Rotation::Unknown, None) => {}
                        (rotation, model) => prop_assert!(false, "{rotation:?} {model:?}"),
                    }
                }
            }
            for ticket in &given {
                let expected = good.get(&ticket.session).is_some_and(|(_, used)| *used + LIFE.as_secs() > now);
                prop_assert_eq!(lasts(&sessions, ticket, at(now)), expected);
            }
        }
    }

    #[test]
    fn a_refresh_token_reads_back_and_no_other_text_is_one(
        id in "[a-z@.|:-]{1,40}", session in "[A-Za-z0-9_-]{22}", secret in "[A-Za-z0-9_-]{43}", text in any::<String>(),
    ) {
        prop_assume!(RecordId::new(&id).is_ok());
        let token = RefreshToken { kind: Kind::Customer, id: RecordId::new(&id).unwrap(), ticket: Ticket { session, secret } };
        prop_assert_eq!(RefreshToken::decode(&token.encode()), Some(token));
        prop_assert_eq!(RefreshToken::decode(&text), None);
        let _ = RefreshToken::decode(&format!("rt_{text}"));
    }
}
