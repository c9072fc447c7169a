//! Tools' names on the wire. Providers take `[A-Za-z0-9_-]{1,64}` only (OpenAI, "Function calling"; Anthropic, "Tool
//! use"), while ours contain dots: `server.memory.store` is `server__memory__store` there.
//!
//! The same prompt always gives the same names, and no two tools of a prompt have the same.

use std::collections::{HashMap, HashSet};

use appengine_actors::session::stream::model::{Message, Prompt};

/// Letters of a name at most.
const MOST: usize = 64;

/// The names of a prompt's tools, both ways.
#[derive(Debug, Default)]
pub struct Names {
    wire: HashMap<String, String>,
    ours: HashMap<String, String>,
}

impl Names {
    /// The names of the tools that may be used, and of those that were.
    #[must_use]
    pub fn of(prompt: &Prompt) -> Self {
        let used = prompt.messages.iter().flat_map(|message| match message {
            Message::Assistant { calls, .. } => calls.as_slice(),
            Message::User { .. } | Message::Tool { .. } => &[],
        });
        let tools = prompt.tools.iter().map(|tool| tool.name.as_str());
        let all: Vec<_> = tools.chain(used.map(|call| call.name.as_str())).collect();
        let kept: HashSet<_> = all.iter().copied().filter(|name| is_fit(name)).collect();
        let mut names = Self::default();
        for ours in all.into_iter().filter(|name| !is_fit(name)) {
            if !names.wire.contains_key(ours) {
                let wire = names.free(ours, &kept);
                names.ours.insert(wire.clone(), ours.to_owned());
                names.wire.insert(ours.to_owned(), wire);
            }
        }
        names
    }

    /// The name on the wire.
    #[must_use]
    pub fn wire<'n>(&'n self, ours: &'n str) -> &'n str {
        self.wire.get(ours).map_or(ours, String::as_str)
    }

    /// Our name. One that a model made up stays as it is.
    #[must_use]
    pub fn ours<'n>(&'n self, wire: &'n str) -> &'n str {
        self.ours.get(wire).map_or(wire, String::as_str)
    }

    /// A name that no other tool has.
    fn free(&self, ours: &str, kept: &HashSet<&str>) -> String {
        let plain = fitted(ours);
        let is_taken = |name: &str| kept.contains(name) || self.ours.contains_key(name);
        if plain.len() <= MOST && !is_taken(&plain) {
            return plain;
        }
        let begin: String = plain.chars().take(MOST - 9).collect();
        let mut mark = mark(ours);
        loop {
            let name = format!("{begin}_{:08x}", mark as u32);
            if !is_taken(&name) {
                return name;
            }
            mark = mark.wrapping_add(1);
        }
    }
}

fn is_fit(name: &str) -> bool {
    (1..=MOST).contains(&name.len()) && name.bytes().all(is_letter)
}

const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn fitted(name: &str) -> String {
    let mut fitted = String::with_capacity(name.len() + 8);
    for letter in name.chars() {
        match letter {
            '.' => fitted.push_str("__"),
            letter if letter.is_ascii() && is_letter(letter as u8) => fitted.push(letter),
            _ => fitted.push('_'),
        }
    }
    if fitted.is_empty() { "tool".to_owned() } else { fitted }
}

/// A number that tells texts apart: FNV-1a.
#[must_use]
pub fn mark(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |mark, byte| (mark ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::wire::testing::{call, prompt, tool};

    #[test]
    fn names_are_fit_and_come_back() {
        let long = "server.".to_owned() + &"x".repeat(90);
        let longer = long.clone() + "y";
        let table = [
            ("server.memory.store", "server__memory__store"),
            ("plain-name_1", "plain-name_1"),
            ("größe messen", "gr__e_messen"),
            ("", "tool"),
            ("a__b", "a__b"),
        ];
        let mut prompt = prompt();
        prompt.tools = table.iter().map(|(ours, _)| tool(ours)).collect();
        prompt.tools.extend([
            tool("a.b"),
            tool(&long),
            tool(&longer),
            tool("größe.messen"),
            tool("grüße messen"),
        ]);
        prompt.messages =
            vec![Message::Assistant { text: String::new(), calls: vec![call("1", "gone.tool", "{}")] }];
        let names = Names::of(&prompt);
        for (ours, wire) in table {
            assert_eq!(names.wire(ours), wire);
        }
        assert_eq!(names.wire("gone.tool"), "gone__tool");
        let mut all = HashSet::new();
        for ours in prompt.tools.iter().map(|tool| tool.name.as_str()).chain(["gone.tool"]) {
            let wire = names.wire(ours);
            assert!(is_fit(wire), "{ours}: {wire}");
            assert!(all.insert(wire.to_owned()), "{ours}: {wire}");
            assert_eq!(names.ours(wire), ours);
            assert_eq!(Names::of(&prompt).wire(ours), wire);
        }
        assert_eq!(names.ours("made.up"), "made.up");
    }
}
