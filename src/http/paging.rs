//! Lists by page (contract §1.2) of what is no record: runs, versions, deliveries.

use appengine_actors::list::{Listed, Slice};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::problem::{Detail, Problem};

/// The last page that may be asked for.
pub const LAST_PAGE: u32 = 10_000;
/// Entries of the largest page.
const LARGEST: usize = 500;
/// A moment, as parameters take it.
pub const TIME: &str = r"^(19[7-9][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,3})?Z$";

/// The parameters of a list that is asked for nothing else.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PageParams {
    page: Option<usize>,
    page_size: Option<usize>,
}

impl PageParams {
    /// The page that they ask for.
    ///
    /// # Errors
    /// As [`read`].
    pub fn read(&self) -> Result<Page, Problem> {
        read(self.page, self.page_size)
    }
}

/// A page.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    number: usize,
    size: usize,
}

/// The page that somebody asks for: the first, and 50 entries of it, where they do not say.
///
/// # Errors
/// 400 for numbers that are out of their bounds.
pub fn read(number: Option<usize>, size: Option<usize>) -> Result<Page, Problem> {
    let page = Page { number: number.unwrap_or(1), size: size.unwrap_or(50) };
    let last = LAST_PAGE as usize;
    let bounds = [("page", page.number, last), ("pageSize", page.size, LARGEST)];
    let wrong = bounds.into_iter().filter(|(_, given, most)| !(1..=*most).contains(given));
    let wrong: Vec<Detail> = wrong
        .map(|(name, _, most)| Detail { path: name.to_owned(), message: format!("must be 1 to {most}") })
        .collect();
    if wrong.is_empty() { Ok(page) } else { Err(Problem::invalid("the list cannot be made", wrong)) }
}

impl Page {
    /// Which part of the list it is.
    #[must_use]
    pub const fn slice(self) -> Slice {
        Slice { skip: (self.number - 1).saturating_mul(self.size), limit: self.size }
    }

    /// The answer.
    pub fn envelope<T>(self, listed: &Listed<T>, show: impl Fn(&T) -> Value) -> Value {
        let rows: Vec<Value> = listed.rows.iter().map(show).collect();
        let mut body = json!({
            "data": rows, "total": listed.total, "page": self.number, "pageSize": self.size,
            "hasNext": listed.has_next(),
        });
        if let Some(fields) = body.as_object_mut().filter(|_| listed.total_is_lower_bound) {
            fields.insert("totalIsLowerBound".to_owned(), true.into());
        }
        body
    }
}
