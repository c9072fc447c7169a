//! The files of this repository, read once, and what in them is code of the product.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// Folders that hold nothing of ours.
const PASSED_OVER: [&str; 6] = ["target", "node_modules", ".git", ".venv", "data", "proptest-regressions"];
/// What is text of ours.
const KINDS: [&str; 10] = ["rs", "md", "toml", "mjs", "js", "css", "html", "sh", "py", ""];

/// A file of the repository.
pub struct File {
    /// From the root, with slashes.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// Every text file, in the order of their paths.
pub static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let mut files = Vec::new();
    walk(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
});

/// Modules that only tests are built with: `a/b.rs` stands for itself, `a/b/` for what is below.
static TEST_MODULES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let below = |file: &File, name: String| {
        let (folder, own) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let folder = match own {
            "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
            own => format!("{folder}/{}", own.trim_end_matches(".rs")),
        };
        [format!("{folder}/{name}.rs"), format!("{folder}/{name}/")]
    };
    let files = FILES.iter().filter(|file| file.path.ends_with(".rs"));
    files
        .flat_map(|file| test_modules(&file.text).into_iter().flat_map(move |name| below(file, name)))
        .collect()
});

impl File {
    /// Whether it is Rust that ends up in the program.
    pub fn is_product(&self) -> bool {
        let place = ["src/", "actors/src/"].iter().any(|place| self.path.starts_with(place));
        let tests = || TEST_MODULES.iter().any(|module| self.path.starts_with(module.as_str()));
        place && self.path.ends_with(".rs") && !self.path.contains("/testkit/") && !tests()
    }

    /// Its lines with their numbers, without comments and without test modules.
    pub fn code(&self) -> Vec<(usize, &str)> {
        let mut code = Vec::new();
        let mut lines = self.text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            let bare = line.trim_start();
            if bare.starts_with("//") {
                continue;
            }
            if bare != "#[cfg(test)]" {
                code.push((index + 1, line));
                continue;
            }
            // The item that the attribute is on: one line, or up to the brace at its own depth.
            let depth = line.len() - bare.len();
            let ends = |line: &str| {
                line.len() - line.trim_start().len() == depth && line.trim_start().starts_with('}')
            };
            if lines
                .by_ref()
                .find(|(_, line)| !line.trim_start().starts_with("#["))
                .is_some_and(|(_, line)| line.ends_with('{'))
            {
                lines.by_ref().find(|(_, line)| ends(line));
            }
        }
        code
    }

    /// `path:line`.
    pub fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

/// The product's Rust files below a place.
pub fn product(place: &str) -> impl Iterator<Item = &'static File> {
    FILES.iter().filter(move |file| file.path.starts_with(place) && file.is_product())
}

/// The file with this path.
///
/// # Panics
/// When there is none.
#[track_caller]
pub fn file(path: &str) -> &'static File {
    let found = FILES.iter().find(|file| file.path == path);
    found.unwrap_or_else(|| panic!("{path} is missing"))
}

/// The file with this path as TOML.
#[track_caller]
pub fn toml(path: &str) -> toml::Table {
    file(path).text.parse().expect("it was built from")
}

/// The cells of the rows of all Markdown tables in a text, without their heads, and without backticks.
pub fn rows(markdown: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = markdown.lines().map(str::trim).collect();
    let is_rule =
        |line: &str| line.starts_with('|') && line.contains("--") && !line.contains(char::is_alphanumeric);
    let cells = |line: &str| {
        let inner = line.trim_matches('|').replace("\\|", "\u{1}");
        inner.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
    };
    let head = |index: usize| lines.get(index + 1).is_some_and(|next| is_rule(next));
    let rows = lines
        .iter()
        .enumerate()
        .filter(|(index, line)| line.starts_with('|') && !is_rule(line) && !head(*index));
    rows.map(|(_, line)| cells(line)).collect()
}

/// What stands between backticks.
pub fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The part of a Markdown text under a heading, down to the next one of the same or a higher level.
#[track_caller]
pub fn section<'t>(markdown: &'t str, heading: &str) -> &'t str {
    let start = markdown.find(heading).unwrap_or_else(|| panic!("there is no heading `{heading}`"));
    let level = heading.chars().take_while(|c| *c == '#').count();
    let text = &markdown[start..];
    let ends = |line: &str| {
        let hashes = line.chars().take_while(|c| *c == '#').count();
        hashes > 0 && hashes <= level && line.chars().nth(hashes) == Some(' ')
    };
    let mut fenced = false;
    let mut length = 0;
    for (index, line) in text.lines().enumerate() {
        fenced ^= line.starts_with("```");
        if index > 0 && !fenced && ends(line) {
            break;
        }
        length += line.len() + 1;
    }
    &text[..length.min(text.len())]
}

/// Whether a line names something: the word stands there by itself, not within a longer one.
pub fn names(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + word.len()..].chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

fn walk(folder: &Path, path: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        if entry.file_type().expect("a type").is_dir() {
            if !PASSED_OVER.contains(&name.as_str()) {
                walk(&entry.path(), &path, files);
            }
            continue;
        }
        let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
        if KINDS.contains(&kind) || name == "Cargo.lock" {
            // What is no text is nothing to read here.
            files.extend(fs::read_to_string(entry.path()).ok().map(|text| File { path, text }));
        }
    }
}

/// Names of the modules that a file declares for tests only.
fn test_modules(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let declared = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]").filter_map(|pair| {
        let name = pair[1].strip_suffix(';')?;
        Some(name.rsplit_once("mod ")?.1.to_owned())
    });
    declared.collect()
}

#[test]
fn code_is_read_without_comments_and_tests() {
    let text = "use a;\n// b\n#[cfg(test)]\nmod c;\nfn d() {\n}\n#[cfg(test)]\nmod tests {\n    fn e() {\n    }\n}\nfn f();\n";
    let file = File { path: "src/x.rs".into(), text: text.into() };
    let code: Vec<&str> = file.code().into_iter().map(|(_, line)| line).collect();
    assert_eq!(code, ["use a;", "fn d() {", "}", "fn f();"]);
    assert_eq!(test_modules(text), ["c"]);
}

#[test]
fn words_are_found_by_themselves_only() {
    assert!(names("use actix::Actor;", "actix"));
    assert!(!names("use actix_web::web;", "actix"));
    assert!(!names("compassled", "sled"));
}

#[test]
fn tables_are_read_by_their_cells() {
    let rows = rows("| a | b |\n|---|:--|\n| `x` | y \\| z |\n\ntext\n");
    assert_eq!(rows, [["`x`", "y | z"]]);
}

#[test]
fn a_section_ends_where_the_next_one_begins() {
    let text = "# A\n## B\nb\n```sh\n# no heading\n```\n### C\nc\n## D\nd\n";
    assert_eq!(section(text, "## B"), "## B\nb\n```sh\n# no heading\n```\n### C\nc\n");
}
