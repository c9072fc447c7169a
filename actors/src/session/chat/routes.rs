//! The line of steps that are to be taken in a conversation, beside the line of what is to be said. Pure.

use super::decision::{Outrun, Route};
use super::model::Chat;
use super::state::Busy;

/// Steps that may wait; further ones are refused until there is room.
const MOST: usize = 256;

/// The steps, and whoever waits for each: `W` is told once it is on the disk.
#[derive(Debug)]
pub struct Routes<W> {
    line: Vec<(Route, W)>,
    writing: Vec<(Route, W)>,
}

impl<W> Default for Routes<W> {
    fn default() -> Self {
        Self { line: Vec::new(), writing: Vec::new() }
    }
}

impl<W> Routes<W> {
    /// Takes a step.
    ///
    /// # Errors
    /// When too many wait.
    pub fn take(&mut self, route: Route, wait: W) -> Result<(), Busy> {
        if self.line.len() >= MOST {
            return Err(Busy);
        }
        self.line.push((route, wait));
        Ok(())
    }

    /// Whether some are being written.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        !self.writing.is_empty()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.line.is_empty() && self.writing.is_empty()
    }

    /// What is to be written now.
    pub fn next_group(&mut self) -> Vec<Route> {
        self.writing = std::mem::take(&mut self.line);
        self.writing.iter().map(|(route, _)| route.clone()).collect()
    }

    /// It is on the disk: what came of each. Returns those who asked.
    pub fn wrote(&mut self, routed: Vec<Result<Chat, Outrun>>) -> Vec<(W, Result<Chat, Outrun>)> {
        let waits = std::mem::take(&mut self.writing).into_iter().map(|(_, wait)| wait);
        waits.zip(routed).collect()
    }

    /// It was not written. Returns those who asked.
    pub fn failed(&mut self) -> Vec<W> {
        std::mem::take(&mut self.writing).into_iter().map(|(_, wait)| wait).collect()
    }

    /// It has to be written again.
    pub fn again(&mut self) {
        let later = std::mem::replace(&mut self.line, std::mem::take(&mut self.writing));
        self.line.extend(later);
    }
}
