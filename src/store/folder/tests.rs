use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_folder_and_what_is_in_it_are_the_owners_alone() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a/data");
    let folder = Folder::hold(&path).unwrap();
    folder.secret().unwrap();
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join(LOCK)), 0o600);
    assert_eq!(mode(&path.join(SECRET)), 0o600);
    assert_eq!(folder.store(), path.join("store"));
    drop(folder);
    set_mode(&path, 0o755);
    let _folder = Folder::hold(&path).unwrap();
    assert_eq!(mode(&path), 0o700, "closed again");
}

#[test]
fn a_folder_of_something_else_is_left_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("lib");
    fs::create_dir(&path).unwrap();
    set_mode(&path, 0o755);
    fs::create_dir(path.join("lost+found")).unwrap();
    drop(Folder::hold(&path).unwrap());
    // What is ours has gone, and something else has come.
    fs::remove_file(path.join(LOCK)).unwrap();
    fs::write(path.join("passwords.db"), "").unwrap();
    set_mode(&path, 0o755);
    let refused = Folder::hold(&path).unwrap_err();
    assert!(matches!(refused, FolderError::Foreign { .. }), "{refused}");
    assert_eq!((mode(&path), path.join(LOCK).exists()), (0o755, false));
    for ours in [LOCK, SECRET, STORE] {
        fs::write(path.join(ours), "").unwrap();
        drop(Folder::hold(&path).unwrap());
        for found in [LOCK, ours] {
            let _ = fs::remove_file(path.join(found));
        }
    }
}

#[test]
fn a_folder_has_one_holder_who_is_named() {
    let root = tempfile::tempdir().unwrap();
    let held = Folder::hold(root.path()).unwrap();
    let refused = Folder::hold(root.path()).unwrap_err().to_string();
    for part in [format!("the process {}", process::id()), root.path().display().to_string(), "stop".into()] {
        assert!(refused.contains(&part), "{refused}");
    }
    fs::write(root.path().join(LOCK), "").unwrap();
    let refused = Folder::hold(root.path()).unwrap_err().to_string();
    assert!(refused.contains("another process has it"), "{refused}");
    drop(held);
    // The lock is the process's, not the file's: what a killed one left behind is no obstacle.
    fs::write(root.path().join(LOCK), "4711\n").unwrap();
    let held = Folder::hold(root.path()).unwrap();
    let written = fs::read_to_string(root.path().join(LOCK)).unwrap();
    assert_eq!(written.trim(), process::id().to_string());
    drop(held);
}

#[test]
fn the_secret_is_made_once_and_read_beside_the_server() {
    let root = tempfile::tempdir().unwrap();
    let absent = read_secret(root.path()).unwrap_err();
    assert!(matches!(absent, FolderError::NoSecret { .. }), "{absent}");
    // A draft that a crash left behind is not the secret.
    fs::write(root.path().join("secret.new"), "half").unwrap();
    let folder = Folder::hold(root.path()).unwrap();
    let secret = folder.secret().unwrap();
    assert_eq!(secret.expose().len(), SECRET_BYTES);
    assert!(secret.expose().iter().any(|byte| *byte != 0));
    assert_eq!(folder.secret().unwrap(), secret);
    assert_eq!(read_secret(root.path()).unwrap(), secret);
    drop(folder);
    assert_eq!(Folder::hold(root.path()).unwrap().secret().unwrap(), secret);
    assert!(!root.path().join("secret.new").exists());
    let other = tempfile::tempdir().unwrap();
    assert_ne!(Folder::hold(other.path()).unwrap().secret().unwrap(), secret);
    assert_eq!(format!("{secret:?}"), "••••••••");
}

#[test]
fn a_secret_that_others_may_read_is_refused_with_the_remedy() {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::hold(root.path()).unwrap();
    folder.secret().unwrap();
    let path = root.path().join(SECRET);
    for open in [0o640, 0o604, 0o660, 0o601] {
        set_mode(&path, open);
        let refused = folder.secret().unwrap_err().to_string();
        assert!(refused.contains(&format!("chmod 600 {}", path.display())), "{refused}");
        assert!(refused.contains(&format!("{open:03o}")), "{refused}");
    }
    set_mode(&path, 0o400);
    assert!(folder.secret().is_ok(), "read-only is fine");
}

#[test]
fn a_secret_of_the_wrong_size_is_refused_and_kept() {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::hold(root.path()).unwrap();
    let path = root.path().join(SECRET);
    for size in [0, 31, 4097, 100_000] {
        fs::write(&path, vec![7; size]).unwrap();
        set_mode(&path, 0o600);
        let refused = folder.secret().unwrap_err();
        assert!(matches!(refused, FolderError::SecretSize { .. }), "{size}: {refused}");
        assert_eq!(fs::metadata(&path).unwrap().len(), size as u64);
    }
    fs::write(&path, [7; 32]).unwrap();
    assert_eq!(folder.secret().unwrap().expose(), [7; 32]);
}
