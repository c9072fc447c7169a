use std::cell::{Cell, RefCell};

use appengine_actors::testkit::{Open, conformance, model};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::store::open;

/// Opens sled stores the way the story asks.
struct Shelf {
    options: Options,
    folder: RefCell<TempDir>,
    opened: Cell<usize>,
}

impl Shelf {
    fn new(options: Options) -> Self {
        Self { options, folder: RefCell::new(tempfile::tempdir().unwrap()), opened: Cell::new(0) }
    }

    fn open(&self, which: Open) -> Arc<dyn Store> {
        let mut options = self.options.clone();
        if which == Open::Small {
            options.queue = conformance::SMALL;
        }
        if which != Open::Again {
            self.folder.replace(tempfile::tempdir().unwrap());
        }
        self.opened.set(self.opened.get() + 1);
        open(self.folder.borrow().path(), &options).unwrap()
    }
}

async fn tell(durability: Durability) {
    let shelf = Shelf::new(options(durability));
    conformance::story(async |which| shelf.open(which)).await;
    assert!(shelf.opened.get() > 10);
}

#[tokio::test]
async fn the_story_holds_at_power() {
    tell(Durability::Power).await;
}

#[tokio::test]
async fn the_story_holds_at_process() {
    tell(Durability::Process).await;
}

#[tokio::test]
async fn the_story_holds_at_none() {
    tell(Durability::None).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn sled_agrees_with_the_model(history in model::histories()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let shelf = Shelf::new(options(Durability::Process));
        runtime.block_on(model::follow(async |which| shelf.open(which), &history));
    }

    /// Every few entries make a table that is carried, so that reads meet all three layers.
    #[test]
    fn sled_agrees_with_the_model_while_tables_are_carried(history in model::histories()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let shelf = Shelf::new(Options { table_bytes: 300, ..options(Durability::Process) });
        runtime.block_on(model::follow(async |which| shelf.open(which), &history));
    }
}
