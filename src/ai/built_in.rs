//! The small agent that answers where an organisation has connected no model. It is none itself, and says so: it looks
//! through the organisation's own records for the words of the question, and says what it finds, and where.

use std::sync::Arc;

use appengine_actors::ids::Datatype;
use appengine_actors::machine::Machine;
use appengine_actors::record::model::Record;
use appengine_actors::record::search::{Asked, Search, texts};
use appengine_actors::rights::collections::{self, Act};
use appengine_actors::session::stream::model::{Finish, Message, ModelError, Piece, Prompt};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::asker;
use super::models::BUILT_IN;
use crate::auth::role::Permission;

/// Records that an answer names.
const MOST: usize = 3;
/// Letters that are shown of a record.
const SHOWN: usize = 300;
/// Fields that a record is called by, the first that it has.
const NAMES: [&str; 7] = ["title", "name", "fullName", "subject", "question", "email", "slug"];

const INTRODUCTION: &str =
    "I am this server's built-in search, and no language model: I look through this organisation's records.";
const HOW_TO_CONNECT: &str = "For real answers, connect a model: `POST /upstream/save-integration` with the type `openai` or `anthropic`.";

/// What the records say.
pub(super) fn answer(machine: Arc<Machine>, prompt: Prompt) -> BoxStream<'static, Result<Piece, ModelError>> {
    let runtime = Handle::current();
    // It looks at thousands of records: no thread that serves others waits for that.
    let found = spawn_blocking(move || {
        runtime.block_on(async {
            match search(&machine, &prompt).await {
                Ok(text) => said(&text, &prompt),
                Err(error) => vec![Err(error)],
            }
        })
    });
    let found = found.map(|found| {
        found.unwrap_or_else(|error| {
            let message = format!("look through the records: {error}");
            vec![Err(ModelError { code: "unavailable", message, retryable: true })]
        })
    });
    Box::pin(found.into_stream().flat_map(stream::iter))
}

/// An answer, word by word, as a model would say it.
fn said(text: &str, prompt: &Prompt) -> Vec<Result<Piece, ModelError>> {
    let mut pieces = vec![Piece::Model(BUILT_IN.to_owned())];
    pieces.extend(text.split_inclusive(' ').map(|word| Piece::Text(word.to_owned())));
    // It has no tokens: words stand for them.
    let count = |text: &str| text.split_whitespace().count() as u64;
    pieces.push(Piece::Usage { input: count(question(prompt)), output: count(text) });
    pieces.push(Piece::Finish(Finish::Stop));
    pieces.into_iter().map(Ok).collect()
}

fn question(prompt: &Prompt) -> &str {
    let words = prompt.messages.iter().rev().find_map(|message| match message {
        Message::User { text, .. } => Some(text.as_str()),
        _ => None,
    });
    words.unwrap_or_default()
}

async fn search(machine: &Machine, prompt: &Prompt) -> Result<String, ModelError> {
    let question = question(prompt);
    let Some(caller) = asker::caller(&prompt.org, &prompt.by) else {
        let message = "answer: nobody knows who asks".to_owned();
        return Err(ModelError { code: "no_caller", message, retryable: false });
    };
    let wanted = Asked::of(question);
    if wanted.is_empty() {
        let ask = "Ask me about something by its own words, such as a name or a topic.";
        return Ok(format!("{INTRODUCTION} {ask} {HOW_TO_CONNECT}"));
    }
    let is_source = |datatype: &Datatype| prompt.sources.iter().any(|source| source == datatype.as_str());
    let rights = caller.rights();
    let within = |datatype: &Datatype| {
        let is_open = is_source(datatype) || collections::check(rights, datatype, Act::Read).is_ok();
        // Whoever has named sources wants answers out of these.
        is_open && (prompt.sources.is_empty() || is_source(datatype))
    };
    let visible = |record: &Record| {
        is_source(&record.datatype)
            || caller.owns(record) && rights.may_on(&record.datatype, &record.meta, Permission::Read)
    };
    let search = Search {
        org: &prompt.org,
        words: question,
        within: &within,
        visible: &visible,
        most: MOST,
        budget: machine.house.settings.query_documents,
    };
    let found = machine.records.search(&search).await.map_err(|error| {
        let message = format!("look through the records: {error}");
        ModelError { code: "unavailable", message, retryable: true }
    })?;
    if found.hits.is_empty() {
        let looked = match found.looked {
            0 => "there is nothing that I may show you".to_owned(),
            looked => format!("none of {looked} records has words of it"),
        };
        return Ok(format!("{INTRODUCTION} I found nothing about that: {looked}. {HOW_TO_CONNECT}"));
    }
    let entries = found.hits.iter().map(|hit| entry(&hit.record, &wanted));
    let bound = if found.more { " I did not look at all of them." } else { "" };
    Ok(format!("{INTRODUCTION}{bound} This fits best:\n\n{}", entries.collect::<Vec<_>>().join("\n")))
}

/// What is said of a record: what it is called, where it is, and the sentence that fits best.
fn entry(record: &Record, wanted: &Asked) -> String {
    let name = NAMES.iter().find_map(|field| record.data.get(*field)?.as_str());
    let name = name.unwrap_or(record.sk.as_str());
    let mut best: (usize, String) = (0, String::new());
    texts(&record.data, &mut |text| {
        for sentence in text.split_inclusive(['.', '!', '?', '\n']) {
            let sentence = sentence.trim();
            let fits = wanted.fits(sentence);
            if fits > best.0 {
                best = (fits, sentence.to_owned());
            }
        }
    });
    let (_, sentence) = best;
    let shown: String = sentence.chars().take(SHOWN).collect();
    let says = if shown.is_empty() || shown == name { String::new() } else { format!(": {shown}") };
    format!("- {name} ({} {}){says}", record.datatype, record.sk)
}
