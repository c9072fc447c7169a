//! The moment at which a token left, within its own text: nanoseconds on this process's clock, so that whoever reads a
//! token knows what became of it without another word, and without its JSON.

use std::io::Write;
use std::time::Duration;

/// What a moment begins with. Nothing else that is sent has it.
const MARK: u8 = b'@';
/// Its digits, so that every token is as long as the others: they count a day.
const DIGITS: usize = 14;

/// A moment that is to be filled in.
pub fn blank() -> String {
    format!("{}{}", char::from(MARK), "0".repeat(DIGITS))
}

/// Where the digits of the moment begin in a text that has one.
pub fn place(text: &[u8]) -> Option<usize> {
    text.iter().position(|byte| *byte == MARK).map(|at| at + 1)
}

/// Writes a moment at its place.
pub fn fill(text: &mut [u8], place: usize, moment: Duration) {
    if let Some(mut digits) = text.get_mut(place..place + DIGITS) {
        // It is as long as what it takes the place of.
        let _ = write!(digits, "{:014}", moment.as_nanos());
    }
}

/// Finds the moments in bytes as they come, also those that are cut in two.
#[derive(Debug, Default)]
pub struct Moments {
    /// Digits of a moment that are still to come.
    left: usize,
    nanos: u64,
}

impl Moments {
    /// Those that end within these bytes.
    pub fn read(&mut self, bytes: &[u8], mut found: impl FnMut(Duration)) {
        let mut rest = bytes;
        loop {
            if self.left == 0 {
                let Some(at) = place(rest) else { return };
                rest = rest.get(at..).unwrap_or_default();
                (self.left, self.nanos) = (DIGITS, 0);
            }
            let (digits, behind) = rest.split_at(self.left.min(rest.len()));
            for digit in digits {
                self.nanos = self.nanos.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0')));
            }
            self.left -= digits.len();
            rest = behind;
            if self.left > 0 {
                return;
            }
            found(Duration::from_nanos(self.nanos));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_found_wherever_they_are_cut() {
        let moments = [1_u64, 20_000_000_123, 3].map(Duration::from_nanos);
        let mut text = Vec::new();
        for moment in moments {
            let mut token = format!("data: {{\"content\":\" {}\"}}\n\n", blank()).into_bytes();
            let place = place(&token).unwrap();
            fill(&mut token, place, moment);
            text.extend(token);
        }
        for size in 1..=text.len() {
            let (mut reading, mut found) = (Moments::default(), Vec::new());
            text.chunks(size).for_each(|bytes| reading.read(bytes, |moment| found.push(moment)));
            assert_eq!(found, moments, "in pieces of {size}");
        }
    }
}
