//! Names of files, as they are kept: whatever a client says, a name is one part of a path that people can read.

/// Bytes of a name.
const LONGEST: usize = 255;
/// Bytes of an ending that a shortened name keeps.
const LONGEST_ENDING: usize = 16;

/// The name without folders, control characters and signs that turn the direction of writing; `file` where nothing
/// is left.
#[must_use]
pub fn cleaned(said: &str) -> String {
    let last = said.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control() && !turns(*c)).collect();
    // Both at once: behind the dots there may be spaces, and the other way round.
    let plain = plain.trim_matches(|c: char| c == '.' || c.is_whitespace());
    if plain.is_empty() { "file".to_owned() } else { shortened(plain) }
}

/// The ending of a name in lower case, without its dot.
#[must_use]
pub fn ending(name: &str) -> Option<String> {
    let (stem, ending) = name.rsplit_once('.')?;
    (!stem.is_empty() && !ending.is_empty()).then(|| ending.to_lowercase())
}

/// A sign that makes what follows be read in another direction: `photo\u{202e}gpj.exe` looks like a picture.
const fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// At most so many bytes, its ending kept.
fn shortened(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if ending.len() <= LONGEST_ENDING => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let end = stem.floor_char_boundary(LONGEST - ending.len());
    format!("{}{ending}", stem.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_one_part_of_a_path() {
        let table = [
            ("photo.JPG", "photo.JPG"),
            ("../../etc/passwd", "passwd"),
            (r"C:\Users\ada\bill.pdf", "bill.pdf"),
            ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            (".htaccess", "htaccess"),
            ("..", "file"),
            ("", "file"),
            ("a/", "file"),
            ("größe .txt. ", "größe .txt"),
            (". a", "a"),
            ("a\u{2003}. .", "a"),
        ];
        for (said, kept) in table {
            assert_eq!(cleaned(said), kept, "{said}");
        }
        let long = cleaned(&format!("{}.png", "ü".repeat(300)));
        assert!(long.len() <= LONGEST && long.ends_with("ü.png"), "{long}");
    }

    #[test]
    fn endings_are_read_in_lower_case() {
        let table =
            [("a.PNG", Some("png")), ("a.tar.gz", Some("gz")), ("a", None), ("a.", None), (".a", None)];
        for (name, read) in table {
            assert_eq!(ending(name).as_deref(), read, "{name}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_said_a_name_can_be_kept(said in any::<String>()) {
            let kept = cleaned(&said);
            prop_assert!(!kept.is_empty() && kept.len() <= LONGEST);
            prop_assert!(!kept.contains(['/', '\\', '\0', '\n']) && kept != ".." && !kept.starts_with('.'));
            prop_assert_eq!(cleaned(&kept), kept);
        }
    }
}
