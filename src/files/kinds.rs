//! What files are, by the endings of their names: what they are served as, and how what they hold begins.

/// A kind of file.
struct Kind {
    endings: &'static [&'static str],
    mime: &'static str,
    /// How it begins: one of these, each from a place. Nothing is said of a kind that may begin in any way.
    begins: &'static [(usize, &'static [u8])],
}

/// Enough of a file to see what it is.
pub(super) const HEAD: usize = 16;

const ZIP: &[(usize, &[u8])] = &[(0, b"PK\x03\x04"), (0, b"PK\x05\x06")];
const OLE: &[(usize, &[u8])] = &[(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")];
const MPEG_4: &[(usize, &[u8])] = &[(4, b"ftyp")];

/// What files of other endings are served as.
const BYTES: &str = "application/octet-stream";

#[rustfmt::skip]
const KINDS: &[Kind] = &[
    Kind { endings: &["png"], mime: "image/png", begins: &[(0, b"\x89PNG\r\n\x1a\n")] },
    Kind { endings: &["jpg", "jpeg"], mime: "image/jpeg", begins: &[(0, b"\xff\xd8\xff")] },
    Kind { endings: &["gif"], mime: "image/gif", begins: &[(0, b"GIF87a"), (0, b"GIF89a")] },
    Kind { endings: &["webp"], mime: "image/webp", begins: &[(8, b"WEBP")] },
    Kind { endings: &["avif"], mime: "image/avif", begins: MPEG_4 },
    Kind { endings: &["heic"], mime: "image/heic", begins: MPEG_4 },
    Kind { endings: &["pdf"], mime: "application/pdf", begins: &[(0, b"%PDF-")] },
    Kind { endings: &["txt", "md", "log"], mime: "text/plain", begins: &[] },
    Kind { endings: &["csv"], mime: "text/csv", begins: &[] },
    Kind { endings: &["json"], mime: "application/json", begins: &[] },
    Kind { endings: &["rtf"], mime: "application/rtf", begins: &[(0, b"{\\rtf")] },
    Kind { endings: &["zip"], mime: "application/zip", begins: ZIP },
    Kind { endings: &["doc"], mime: "application/msword", begins: OLE },
    Kind { endings: &["xls"], mime: "application/vnd.ms-excel", begins: OLE },
    Kind { endings: &["ppt"], mime: "application/vnd.ms-powerpoint", begins: OLE },
    Kind { endings: &["docx"], mime: "application/vnd.openxmlformats-officedocument.wordprocessingml.document", begins: ZIP },
    Kind { endings: &["xlsx"], mime: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", begins: ZIP },
    Kind { endings: &["pptx"], mime: "application/vnd.openxmlformats-officedocument.presentationml.presentation", begins: ZIP },
    Kind { endings: &["odt"], mime: "application/vnd.oasis.opendocument.text", begins: ZIP },
    Kind { endings: &["ods"], mime: "application/vnd.oasis.opendocument.spreadsheet", begins: ZIP },
    Kind { endings: &["odp"], mime: "application/vnd.oasis.opendocument.presentation", begins: ZIP },
    Kind { endings: &["mp3"], mime: "audio/mpeg", begins: &[(0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xf3"), (0, b"\xff\xf2")] },
    Kind { endings: &["m4a"], mime: "audio/mp4", begins: MPEG_4 },
    Kind { endings: &["ogg"], mime: "audio/ogg", begins: &[(0, b"OggS")] },
    Kind { endings: &["wav"], mime: "audio/wav", begins: &[(8, b"WAVE")] },
    Kind { endings: &["mp4"], mime: "video/mp4", begins: MPEG_4 },
    Kind { endings: &["mov"], mime: "video/quicktime", begins: MPEG_4 },
    Kind { endings: &["webm"], mime: "video/webm", begins: &[(0, b"\x1a\x45\xdf\xa3")] },
];

fn kind_of(ending: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.endings.contains(&ending))
}

/// What files with an ending are served as.
pub(super) fn mime_of(ending: &str) -> &'static str {
    kind_of(ending).map_or(BYTES, |kind| kind.mime)
}

/// Whether what a client says that a file is goes with its ending: a picture is called a picture. Clients call
/// documents by many names, so of these nothing is asked.
pub(super) fn goes_with(ending: &str, declared: &str) -> bool {
    let family = |mime: &str| {
        let family = mime.split('/').next().unwrap_or_default().to_ascii_lowercase();
        Some(family).filter(|family| matches!(family.as_str(), "image" | "audio" | "video"))
    };
    match (family(declared), kind_of(ending).map(|kind| family(kind.mime))) {
        // What is only heard may be called what is seen as well: a voice message in WebM.
        (Some(said), Some(Some(own))) => (said == "image") == (own == "image"),
        (Some(_), Some(None)) => false,
        (None, _) | (_, None) => true,
    }
}

/// Whether what a file holds begins as its ending says.
pub(super) fn begins_as(ending: &str, head: &[u8]) -> bool {
    let begins = kind_of(ending).map_or(&[][..], |kind| kind.begins);
    let fits = |(at, sign): &(usize, &[u8])| head.get(*at..).is_some_and(|rest| rest.starts_with(sign));
    begins.is_empty() || begins.iter().any(fits)
}

/// Whether a browser may show it in place: it can hold nothing that acts in the page's name. Everything else is saved.
#[must_use]
pub fn is_inline(mime: &str) -> bool {
    let shown = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];
    shown.contains(&mime) || matches!(mime, "application/pdf" | "text/plain")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_holds_is_held_against_its_ending() {
        assert!(begins_as("png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"));
        assert!(begins_as("webp", b"RIFF\0\0\0\0WEBPVP8 "));
        assert!(begins_as("txt", b"anything") && begins_as("dwg", b"anything") && begins_as("txt", b""));
        for (ending, head) in [("png", &b"<html>"[..]), ("pdf", b"MZ\x90"), ("jpg", b""), ("webp", b"RIFF")] {
            assert!(!begins_as(ending, head), "{ending}");
        }
    }

    #[test]
    fn a_picture_is_called_a_picture() {
        for (ending, said) in [
            ("png", "image/x-png"),
            ("csv", "application/vnd.ms-excel"),
            ("webm", "audio/webm"),
            ("dwg", "image/x"),
        ] {
            assert!(goes_with(ending, said), "{ending} {said}");
        }
        for (ending, said) in [("pdf", "image/png"), ("mp4", "image/png"), ("png", "video/mp4")] {
            assert!(!goes_with(ending, said), "{ending} {said}");
        }
        assert!(goes_with("png", "application/octet-stream") && goes_with("png", ""));
    }

    #[test]
    fn every_ending_has_one_kind_and_its_signs_are_within_the_head() {
        let mut seen = std::collections::BTreeSet::new();
        for kind in KINDS {
            assert!(kind.endings.iter().all(|ending| seen.insert(*ending)), "{:?}", kind.endings);
            assert!(kind.begins.iter().all(|(at, sign)| at + sign.len() <= HEAD), "{:?}", kind.endings);
        }
        assert_eq!((mime_of("jpeg"), mime_of("svg")), ("image/jpeg", BYTES));
        assert!(is_inline("image/png") && !is_inline("image/svg+xml") && !is_inline(BYTES));
    }
}
