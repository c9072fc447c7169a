//! Names of the rooms that sockets join. Every name begins with the org, so no room spans two of them.
//! Clients never see these names.

/// Everyone in the org.
pub(super) fn org(org: &str) -> String {
    format!("org:{}", escape(org))
}

/// Every tab and device of one person (contract §5.1).
pub(super) fn identity(org: &str, role: &str, email: &str) -> String {
    format!("identity:{}:{role}:{email}", escape(org))
}

/// Keeps an org with a colon in its name from reaching into another's rooms.
fn escape(org: &str) -> String {
    org.replace('%', "%25").replace(':', "%3A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_two_orgs_share_a_room(
            a in "[a:%3A25]{0,6}",
            b in "[a:%3A25]{0,6}",
            x in "[a:%]{0,6}",
            y in "[a:%]{0,6}",
        ) {
            prop_assume!(a != b);
            prop_assert_ne!(org(&a), org(&b));
            prop_assert_ne!(identity(&a, "agent", &x), identity(&b, "agent", &y));
        }
    }
}
