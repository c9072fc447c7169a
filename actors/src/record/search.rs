//! Full-text search over records: those that have words of a question, the rarest words counting most (Okapi BM25). It
//! looks at every record that may be seen, so it is bounded by how many that are.

use std::collections::HashSet;

use serde_json::Value;

use super::model::Record;
use super::service::Records;
use crate::ids::{Datatype, OrgId};
use crate::keys;
use crate::store::{Pages, Scan, StoreError, decode};

/// Records read at once.
const PAGE: usize = 200;
/// Words of a question that are looked for.
const MOST_WORDS: usize = 32;
/// Letters of a word that count.
const MOST_LETTERS: usize = 64;
/// Records that are held against each other: of more that have a word, the first count.
const MOST_CANDIDATES: usize = 5_000;
/// How much another occurrence of a word counts, and how much the length of a text: the usual constants.
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// Words that say nothing of what a text is about, in the languages that ask most.
const STOP: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "could", "did", "do", "does", "for",
    "from", "give", "had", "has", "have", "how", "i", "if", "in", "is", "it", "its", "know", "me", "my",
    "no", "not", "of", "on", "or", "our", "please", "say", "she", "he", "should", "show", "so", "some",
    "tell", "that", "the", "their", "them", "then", "there", "these", "they", "this", "to", "us", "was",
    "we", "were", "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "with", "would",
    "you", "your", "about", "any", "all", "am",
];

/// What is looked for.
pub struct Search<'a> {
    /// Whose records.
    pub org: &'a OrgId,
    /// The question.
    pub words: &'a str,
    /// The collections that are looked at.
    pub within: &'a (dyn Fn(&Datatype) -> bool + Send + Sync),
    /// The records that may be seen.
    pub visible: &'a (dyn Fn(&Record) -> bool + Send + Sync),
    /// Records that are wanted.
    pub most: usize,
    /// Records that may be looked at.
    pub budget: usize,
}

/// A record that has words of the question.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The record.
    pub record: Record,
    /// How well it fits: only good for comparing hits of one search.
    pub score: f64,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The records that fit best, the best first.
    pub hits: Vec<Hit>,
    /// How many records were looked at.
    pub looked: usize,
    /// Whether there were more than may be looked at.
    pub more: bool,
}

impl Records {
    /// The records that fit a question best.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn search(&self, search: &Search<'_>) -> Result<Found, StoreError> {
        let mut ranking = Ranking::new(search.words);
        let mut found = Found::default();
        if ranking.is_empty() {
            return Ok(found);
        }
        for collection in self.collections(search.org, search.budget).await? {
            if !(search.within)(&collection.datatype) {
                continue;
            }
            let scan = Scan::prefix(keys::records(search.org, &collection.datatype), PAGE);
            let mut pages = Pages::of(&*self.store, scan);
            while let Some(page) = pages.next().await? {
                for (_, read) in page {
                    if found.looked >= search.budget {
                        found.more = true;
                        found.hits = ranking.best(search.most);
                        return Ok(found);
                    }
                    found.looked += 1;
                    let record: Record = decode(&read.value)?;
                    if !record.is_deleted() && (search.visible)(&record) {
                        ranking.meet(record);
                    }
                }
            }
        }
        found.hits = ranking.best(search.most);
        Ok(found)
    }
}

/// Holds texts against a question.
struct Ranking {
    asked: Asked,
    /// In how many texts each is.
    with: Vec<usize>,
    candidates: Vec<Candidate>,
    texts: usize,
    length: usize,
}

struct Candidate {
    record: Record,
    /// How often it has each word.
    counts: Vec<usize>,
    length: usize,
}

impl Ranking {
    fn new(question: &str) -> Self {
        let asked = Asked::of(question);
        let with = vec![0; asked.0.len()];
        Self { asked, with, candidates: Vec::new(), texts: 0, length: 0 }
    }

    const fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    fn meet(&mut self, record: Record) {
        let mut counts = vec![0; self.with.len()];
        let mut length = 0;
        texts(&record.data, &mut |text| {
            for word in words(text) {
                length += 1;
                for (count, wanted) in counts.iter_mut().zip(&self.asked.0) {
                    *count += usize::from(word.is_like(wanted));
                }
            }
        });
        self.texts += 1;
        self.length += length;
        if counts.iter().all(|count| *count == 0) {
            return;
        }
        for (at, count) in counts.iter().enumerate() {
            self.with[at] += usize::from(*count > 0);
        }
        if self.candidates.len() < MOST_CANDIDATES {
            self.candidates.push(Candidate { record, counts, length });
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of records and words")]
    fn best(self, most: usize) -> Vec<Hit> {
        let (texts, mean) = (self.texts as f64, self.length as f64 / self.texts.max(1) as f64);
        let rarity: Vec<f64> = self
            .with
            .iter()
            .map(|with| (1.0 + (texts - *with as f64 + 0.5) / (*with as f64 + 0.5)).ln())
            .collect();
        let score = |of: &Candidate| {
            let long = 1.0 - B + B * of.length as f64 / mean.max(1.0);
            let each = of.counts.iter().zip(&rarity).map(|(count, rarity)| {
                let count = *count as f64;
                rarity * count * (K1 + 1.0) / (count + K1 * long)
            });
            each.sum::<f64>()
        };
        let hits = self.candidates.into_iter().map(|of| (score(&of), of.record));
        let mut hits: Vec<Hit> = hits.map(|(score, record)| Hit { record, score }).collect();
        // Of those that fit alike, the one that was written last.
        hits.sort_by(|one, other| {
            other.score.total_cmp(&one.score).then_with(|| other.record.modified.cmp(&one.record.modified))
        });
        hits.truncate(most);
        hits
    }
}

/// The words of a question that say what it is about, each once.
pub struct Asked(Vec<Word>);

impl Asked {
    /// Those of a question.
    #[must_use]
    pub fn of(question: &str) -> Self {
        let mut seen = HashSet::new();
        let all = words(question).filter(|word| !STOP.contains(&word.whole.as_str()));
        Self(all.filter(|word| seen.insert(word.whole.clone())).take(MOST_WORDS).collect())
    }

    /// Whether it says nothing that can be looked for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many of its words are in a text.
    #[must_use]
    pub fn fits(&self, text: &str) -> usize {
        let words: Vec<Word> = words(text).collect();
        self.0.iter().filter(|wanted| words.iter().any(|word| word.is_like(wanted))).count()
    }
}

/// A word in lower case.
struct Word {
    whole: String,
    /// Bytes of it without its ending.
    stem: usize,
    /// Whether that is enough to know it by.
    is_long: bool,
}

impl Word {
    fn new(text: &str) -> Self {
        let whole: String = text.chars().take(MOST_LETTERS).flat_map(char::to_lowercase).collect();
        let letters = whole.chars().count();
        // Numbers have no endings, and short words are mostly ending.
        let keep =
            if letters < 5 || whole.chars().any(char::is_numeric) { letters } else { letters.max(6) - 2 };
        let stem = whole.char_indices().nth(keep).map_or(whole.len(), |(at, _)| at);
        Self { whole, stem, is_long: keep.min(letters) >= 4 }
    }

    fn stem(&self) -> &str {
        &self.whole[..self.stem]
    }

    /// Whether it is the same as another, or that with another ending.
    fn is_like(&self, wanted: &Self) -> bool {
        self.whole == wanted.whole
            || self.is_long
                && (wanted.is_long && self.stem().starts_with(wanted.stem())
                    || wanted.stem().starts_with(self.stem()))
    }
}

/// The words of a text.
fn words(text: &str) -> impl Iterator<Item = Word> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(Word::new)
}

/// Every text in a record's fields.
pub fn texts(data: &serde_json::Map<String, Value>, meet: &mut dyn FnMut(&str)) {
    for value in data.values() {
        texts_of(value, meet);
    }
}

fn texts_of(value: &Value, meet: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => meet(text),
        Value::Number(number) => meet(&number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, meet)),
        Value::Object(fields) => fields.values().for_each(|value| texts_of(value, meet)),
        Value::Null | Value::Bool(_) => {}
    }
}
