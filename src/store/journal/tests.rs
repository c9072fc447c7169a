use super::*;
use crate::store::disk::RealDisk;

fn disk(folder: &Path) -> Arc<dyn Disk> {
    Arc::new(RealDisk::of(folder))
}

fn change(key: &'static str, version: u64, value: Option<&'static str>) -> (Bytes, Written) {
    let value = value.map(|text| Bytes::from_static(text.as_bytes()));
    (Bytes::from_static(key.as_bytes()), Written { version, value, fresh: false })
}

fn append(journal: &mut Journal, changes: &[(Bytes, Written)]) {
    journal.append(changes.iter().map(|(key, written)| (&key[..], written))).unwrap();
}

fn held(replayed: &Replayed) -> Vec<(String, u64, Option<String>)> {
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    let each = replayed.table.iter();
    each.map(|(key, w)| (text(key), w.version, w.value.as_ref().map(text))).collect()
}

fn path(store: &Path, number: u64) -> PathBuf {
    store.join(FOLDER).join(name(number, SUFFIX))
}

/// A journal of two files: `a` and `b` in the first, `c` in the second.
fn two_files(store: &Path) -> Journal {
    let mut journal = Journal::go_on(store, disk(store), &Replayed::default()).unwrap();
    append(&mut journal, &[change("a", 1, Some("1")), change("b", 1, Some("1"))]);
    append(&mut journal, &[change("a", 2, None)]);
    assert_eq!(journal.turn().unwrap(), 1);
    append(&mut journal, &[change("c", 3, Some("3"))]);
    journal
}

#[test]
fn what_was_appended_is_replayed_over_all_files_and_goes_on() {
    let store = tempfile::tempdir().unwrap();
    drop(two_files(store.path()));
    let replayed = replay(store.path()).unwrap();
    let expected = [("a", 2, None), ("b", 1, Some("1")), ("c", 3, Some("3"))];
    let expected = expected.map(|(key, v, value)| (key.to_owned(), v, value.map(str::to_owned)));
    assert_eq!((held(&replayed), replayed.version), (expected.to_vec(), 3));
    let mut journal = Journal::go_on(store.path(), disk(store.path()), &replayed).unwrap();
    append(&mut journal, &[change("b", 4, None)]);
    let bytes: u64 = (1..=3).map(|n| path(store.path(), n).metadata().unwrap().len()).sum();
    assert_eq!(journal.bytes(), bytes);
    forget(store.path(), &*disk(store.path()), 2).unwrap();
    journal.carried();
    assert_eq!(journal.bytes(), path(store.path(), 3).metadata().unwrap().len());
    assert_eq!(held(&replay(store.path()).unwrap()), [("b".to_owned(), 4, None)]);
    remove_all(store.path(), &*disk(store.path())).unwrap();
    assert_eq!(held(&replay(store.path()).unwrap()), []);
}

#[test]
fn a_write_that_was_cut_off_is_passed_over_and_the_next_start_goes_on() {
    let store = tempfile::tempdir().unwrap();
    let mut journal = two_files(store.path());
    let before = held(&replay(store.path()).unwrap());
    let end = usize::try_from(journal.length).unwrap();
    append(&mut journal, &[change("d", 4, Some("4"))]);
    let whole = fs::read(path(store.path(), 2)).unwrap();
    for cut in end..usize::try_from(journal.length).unwrap() {
        let torn = [&whole[..cut], &vec![0; whole.len() - cut]].concat();
        fs::write(path(store.path(), 2), torn).unwrap();
        assert_eq!(held(&replay(store.path()).unwrap()), before, "cut at {cut}");
    }
    let mut journal =
        Journal::go_on(store.path(), disk(store.path()), &replay(store.path()).unwrap()).unwrap();
    append(&mut journal, &[change("e", 5, Some("5"))]);
    let replayed = replay(store.path()).unwrap();
    assert_eq!(replayed.table.get(b"e").map(|written| written.version), Some(5));
    assert_eq!(replayed.table.get(b"d"), None);
}

#[test]
fn damage_in_the_middle_is_said_with_its_place() {
    // Within the first file, its head, and before the last frame of the second one.
    for (file, byte, place) in [(1, 44, FILE_HEAD), (1, 5, 0), (2, 30, FILE_HEAD), (2, 5, 0)] {
        let store = tempfile::tempdir().unwrap();
        let mut journal = two_files(store.path());
        append(&mut journal, &[change("d", 4, Some("4"))]);
        let mut bytes = fs::read(path(store.path(), file)).unwrap();
        bytes[byte] ^= 1;
        fs::write(path(store.path(), file), bytes).unwrap();
        let Err(ReplayError::Damaged { file: said, at }) = replay(store.path()) else {
            panic!("file {file}, byte {byte} was passed over")
        };
        assert!(said.ends_with(&name(file, SUFFIX)) && at == place, "{said}, {at}");
    }
}

#[test]
fn a_file_that_is_used_again_says_nothing_of_what_it_said_before() {
    let store = tempfile::tempdir().unwrap();
    let mut journal = two_files(store.path());
    append(&mut journal, &[change("old", 4, Some("4"))]);
    let through = journal.turn().unwrap();
    forget(store.path(), &*disk(store.path()), through).unwrap();
    assert_eq!(files(&store.path().join(FOLDER), SPARE).unwrap().len(), 2);
    for version in 5..9 {
        append(&mut journal, &[change("new", version, Some("5"))]);
        let ended = journal.turn().unwrap();
        let replayed = replay(store.path()).unwrap();
        assert_eq!(held(&replayed), [("new".to_owned(), version, Some("5".to_owned()))]);
        forget(store.path(), &*disk(store.path()), ended - 1).unwrap();
    }
    // A crash before the head was written: the file holds what it held as a spare.
    let spare = files(&store.path().join(FOLDER), SPARE).unwrap().pop().unwrap().1;
    fs::rename(spare, path(store.path(), journal.number + 1)).unwrap();
    assert_eq!(held(&replay(store.path()).unwrap()).len(), 1);
}

#[test]
fn what_is_written_anew_takes_the_place_of_everything() {
    let store = tempfile::tempdir().unwrap();
    let mut journal = two_files(store.path());
    let tables = Tables::default();
    tables.publish([change("old", 1, Some("1")), change("gone", 1, Some("1"))]);
    drop(tables.freeze());
    tables.publish([change("gone", 2, None), change("new", 3, Some("3"))]);
    journal.rewrite(&tables).unwrap();
    append(&mut journal, &[change("later", 9, Some("9"))]);
    let replayed = replay(store.path()).unwrap();
    let keys: Vec<_> = held(&replayed).into_iter().map(|(key, version, _)| (key, version)).collect();
    let expected = [("gone", 2), ("later", 9), ("new", 3), ("old", 1)];
    assert_eq!(keys, expected.map(|(key, version)| (key.to_owned(), version)));
    assert_eq!(files(&store.path().join(FOLDER), SUFFIX).unwrap().len(), 1);
}
