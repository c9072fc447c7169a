//! What is asked for: scopes as clients write them.

use super::vendors::OAuthVendor;

/// Characters of all scopes together: they are part of an address.
const LONGEST: usize = 2_000;

/// The scopes of a list that has blanks or commas between them; the vendor's usual ones where it is empty.
///
/// # Errors
/// In words: which of them is none, or that there are too many.
pub(super) fn read(of: &OAuthVendor, given: &str) -> Result<String, String> {
    if given.len() > LONGEST {
        return Err(format!("must have at most {LONGEST} characters"));
    }
    let mut scopes: Vec<&str> = Vec::new();
    for scope in given.split([' ', ',']).filter(|scope| !scope.is_empty()) {
        // RFC 6749 §3.3.
        if !scope.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
            return Err("must be names without quotes, backslashes and letters that are not ASCII".to_owned());
        }
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    let scopes = if scopes.is_empty() { of.scopes } else { &scopes };
    Ok(scopes.join(of.separator))
}

#[cfg(test)]
mod tests {
    use super::super::vendors::oauth_of;
    use super::*;

    #[test]
    fn scopes_are_written_as_the_vendor_has_them() {
        let (slack, x) = (oauth_of("slack").unwrap(), oauth_of("x").unwrap());
        assert_eq!(read(slack, "chat:write users:read,chat:write").unwrap(), "chat:write,users:read");
        assert_eq!(read(x, "tweet.read,users.read").unwrap(), "tweet.read users.read");
        assert_eq!(read(x, " ").unwrap(), "tweet.read users.read dm.read offline.access");
        for wrong in ["a\"b", "a\\b", "é", "a\nb", &"a".repeat(2_001)] {
            assert!(read(x, wrong).is_err(), "{wrong}");
        }
    }
}
