//! The `options` of a `find`: page, order, fields, and the older names for the same (contract §3.2).
//! Every name is known or refused; what has no effect here is still checked.

use serde_json::{Map, Value};

use super::fields::whole;
use super::problem::{Problem, Problems, kind};
use super::{Path, Projection, Sort};

const KNOWN: &str = "page, pageSize, sort, sortType, select, includeFields, excludeFields, maskFields, modelState, lastItem, \
                     limit, skip, enrich, refresh, random";
const DEFAULT_PAGE_SIZE: u64 = 50;
const MAX_PAGE_SIZE: u64 = 1_000;
/// Documents that may be skipped to reach a page; each costs as much as one that is shown.
const MAX_OFFSET: u64 = 1_000_000;
const MAX_FIELDS: usize = 200;
const MAX_STATES: usize = 20;
const MAX_TEXT: usize = 512;

/// Parsed options. A name with the value null counts as not given.
///
/// | option | meaning |
/// |---|---|
/// | `page`, `pageSize` | from 1; 1 to 1000, default 50 |
/// | `skip`, `limit` | older: documents to leave out instead of `page`; the same as `pageSize` |
/// | `sort`, `sortType` | see `Sort` |
/// | `select`, `includeFields` | paths to show (the same thing; together they add up); see `Projection` |
/// | `excludeFields`, `maskFields` | paths to leave out, to show as dots |
/// | `modelState` | one `state` or an array of them |
/// | `lastItem` | the cursor of the page before, carried as it is |
/// | `enrich`, `refresh` | booleans without effect: an embedded store has nothing to join or to refresh |
/// | `random` | true: one page drawn at random from all that match; excludes an order and a place in it |
#[derive(Debug, Clone)]
pub struct Options {
    /// The page asked for, from 1; 1 as well if `skip` was given.
    pub page: u64,
    /// Documents on a page, 1 to 1000.
    pub page_size: u64,
    /// Documents to leave out before the page.
    pub offset: u64,
    /// The order; empty if none was asked for.
    pub sort: Sort,
    /// The fields to show.
    pub projection: Projection,
    /// The values of `state` to show; empty: all.
    pub states: Vec<String>,
    /// The cursor after which the page begins.
    pub last_item: Option<String>,
    /// Whether to draw the page at random: the source of randomness is the caller's.
    pub random: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            page: 1,
            page_size: DEFAULT_PAGE_SIZE,
            offset: 0,
            sort: Sort::default(),
            projection: Projection::default(),
            states: Vec::new(),
            last_item: None,
            random: false,
        }
    }
}

impl Options {
    /// Reads an options object; null is the same as none.
    ///
    /// # Errors
    /// Every problem found, up to 20, with paths that begin with `options`.
    pub fn parse(value: &Value) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader { given: None, problems: Problems::default() };
        match value {
            Value::Null => return Ok(Self::default()),
            Value::Object(fields) => reader.given = Some(fields),
            other => reader.problems.add("options", format_args!("must be an object, not {}", kind(other))),
        }
        let options = reader.options();
        reader.problems.or(options)
    }

    /// Whether `modelState` lets this document through.
    pub fn admits(&self, document: &Value) -> bool {
        let state = || document.get("state").and_then(Value::as_str);
        self.states.is_empty() || state().is_some_and(|state| self.states.iter().any(|known| known == state))
    }
}

struct Reader<'o> {
    given: Option<&'o Map<String, Value>>,
    problems: Problems,
}

impl<'o> Reader<'o> {
    fn options(&mut self) -> Options {
        for name in self.given.into_iter().flat_map(Map::keys) {
            if !KNOWN.split(", ").any(|known| known == name) {
                self.problems
                    .add(&format!("options.{name}"), format_args!("unknown option: known are {KNOWN}"));
            }
        }
        let (page, page_size, offset) = self.place();
        let options = Options {
            page,
            page_size,
            offset,
            sort: self.sort(),
            projection: self.projection(),
            states: self.states(),
            last_item: self.get("lastItem").and_then(|value| self.text("options.lastItem", value)),
            random: self.flag("random"),
        };
        self.flag("enrich");
        self.flag("refresh");
        if options.random && (offset > 0 || options.last_item.is_some() || !options.sort.is_empty()) {
            self.problems.add("options.random", "excludes sort, lastItem, skip and pages after the first");
        }
        options
    }

    fn get(&self, name: &str) -> Option<&'o Value> {
        self.given?.get(name).filter(|value| !value.is_null())
    }

    fn place(&mut self) -> (u64, u64, u64) {
        let page = self.number("page", 1, u64::MAX);
        let size = self.number("pageSize", 1, MAX_PAGE_SIZE);
        let limit = self.number("limit", 1, MAX_PAGE_SIZE);
        let skip = self.number("skip", 0, MAX_OFFSET);
        if size.is_some() && limit.is_some() && size != limit {
            self.problems
                .add("options.limit", "differs from pageSize, which is the same thing: give one of them");
        }
        if page.is_some_and(|page| page > 1) && skip.is_some() {
            self.problems.add("options.skip", "counts documents where page counts pages: give one of them");
        }
        let page = page.unwrap_or(1);
        let size = size.or(limit).unwrap_or(DEFAULT_PAGE_SIZE);
        let offset = skip.unwrap_or(page.saturating_sub(1).saturating_mul(size));
        if offset > MAX_OFFSET {
            self.problems.add(
                "options.page",
                format_args!("begins after {MAX_OFFSET} documents: narrow the query or use lastItem"),
            );
        }
        (page, size, offset)
    }

    fn number(&mut self, name: &str, least: u64, most: u64) -> Option<u64> {
        let value = self.get(name)?;
        let found = whole(value).filter(|number| (least..=most).contains(number));
        if found.is_none() {
            let at = format!("options.{name}");
            match most {
                u64::MAX => self.problems.add(&at, format_args!("must be a whole number from {least}")),
                _ => self.problems.add(&at, format_args!("must be a whole number from {least} to {most}")),
            }
        }
        found
    }

    fn flag(&mut self, name: &str) -> bool {
        let Some(value) = self.get(name) else {
            return false;
        };
        value.as_bool().unwrap_or_else(|| {
            self.problems
                .add(&format!("options.{name}"), format_args!("must be true or false, not {}", kind(value)));
            false
        })
    }

    fn sort(&mut self) -> Sort {
        let sort_type = self.get("sortType");
        let Some(sort) = self.get("sort") else {
            if sort_type.is_some() {
                self.problems.add("options.sortType", "needs a field name in sort");
            }
            return Sort::default();
        };
        Sort::parse_at("options.sort", sort, sort_type).unwrap_or_else(|problems| {
            self.problems.extend(problems);
            Sort::default()
        })
    }

    fn projection(&mut self) -> Projection {
        let mut include = self.paths("select");
        include.extend(self.paths("includeFields"));
        Projection::new(&include, &self.paths("excludeFields"), &self.paths("maskFields"))
    }

    fn paths(&mut self, name: &str) -> Vec<Path> {
        let at = format!("options.{name}");
        let texts = self.texts(&at, name, MAX_FIELDS);
        let mut paths = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            match Path::parse(text) {
                Ok(path) => paths.push(path),
                Err(error) => self.problems.add(&format!("{at}[{index}]"), error),
            }
        }
        paths
    }

    fn states(&mut self) -> Vec<String> {
        match self.get("modelState") {
            Some(one @ Value::String(_)) => self.text("options.modelState", one).into_iter().collect(),
            _ => self.texts("options.modelState", "modelState", MAX_STATES),
        }
    }

    fn texts(&mut self, at: &str, name: &str, most: usize) -> Vec<String> {
        match self.get(name) {
            None => Vec::new(),
            Some(Value::Array(items)) if items.len() <= most => {
                let items = items.iter().enumerate();
                items.filter_map(|(index, item)| self.text(&format!("{at}[{index}]"), item)).collect()
            }
            Some(Value::Array(_)) => {
                self.problems.add(at, format_args!("has more than {most} entries"));
                Vec::new()
            }
            Some(other) => {
                self.problems.add(at, format_args!("must be an array of strings, not {}", kind(other)));
                Vec::new()
            }
        }
    }

    fn text(&mut self, at: &str, value: &Value) -> Option<String> {
        match value.as_str() {
            Some(text) if !text.is_empty() && text.len() <= MAX_TEXT => Some(text.to_owned()),
            Some(_) => {
                self.problems.add(at, format_args!("must have 1 to {MAX_TEXT} bytes"));
                None
            }
            None => {
                self.problems.add(at, format_args!("must be a string, not {}", kind(value)));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
