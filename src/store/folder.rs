//! The data folder: who may read it, which process has it, and the secret that is kept in it. The store's
//! own files lie in a folder below; this module never touches them.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::{fmt, process};

use rand::TryRng;
use rand::rngs::SysRng;

const LOCK: &str = "lock";
const SECRET: &str = "secret.key";
const SECRET_DRAFT: &str = "secret.new";
const STORE: &str = "store";
/// What a file system puts into a folder that is a disk of its own.
const LOST_AND_FOUND: &str = "lost+found";
const SECRET_BYTES: usize = 32;
/// A file over this size is something else.
const SECRET_BYTES_AT_MOST: usize = 4096;

/// The data folder, held by this process until dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    lock: File,
}

/// The folder's secret; prints as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(Vec<u8>);

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file system says no.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What was said.
        source: io::Error,
    },
    /// Another process holds the folder.
    #[error(
        "use the data folder {}: {holder} has it; stop that process first, or set store.path to another folder",
        path.display()
    )]
    Taken {
        /// The folder.
        path: PathBuf,
        /// Who holds it.
        holder: Holder,
    },
    /// The folder belongs to something else, which closing it would break.
    #[error("use the data folder {}: it holds files of something else; set store.path to a folder of its own", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// Nothing is stored there.
    #[error("use the data folder {}: it holds no store; set store.path to the one that a server used", path.display())]
    NoStore {
        /// The folder.
        path: PathBuf,
    },
    /// Others than the owner may look into the folder, and this process may not forbid it.
    #[error("use the data folder {0}: others may look into it; run `chmod 700 {0}` as its owner", path.display())]
    Open {
        /// The folder.
        path: PathBuf,
    },
    /// Others than the owner may read the secret.
    #[error(
        "use the secret {0}: others may read it (mode {mode:03o}); run `chmod 600 {0}`", path.display()
    )]
    SecretOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The secret is too short to be one, or is something else altogether.
    #[error(
        "use the secret {}: it has {bytes} bytes instead of {SECRET_BYTES} to {SECRET_BYTES_AT_MOST}; restore it from a \
         backup, for a new one does not open what is stored",
        path.display()
    )]
    SecretSize {
        /// The file.
        path: PathBuf,
        /// How many bytes were read.
        bytes: usize,
    },
    /// There is no secret yet.
    #[error("read the secret {}: it is not there; start the server once, which makes it", path.display())]
    NoSecret {
        /// Where it should be.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("make a secret: {0}")]
    NoRandom(String),
}

/// The process that holds a folder, as far as it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder(Option<u32>);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "the process {pid}"),
            None => f.write_str("another process"),
        }
    }
}

impl Folder {
    /// Takes a folder that holds a store; makes none.
    ///
    /// # Errors
    /// As [`Folder::hold`], and when there is no store.
    pub fn hold_filled(path: &Path) -> Result<Self, FolderError> {
        if !path.join(STORE).is_dir() {
            return Err(FolderError::NoStore { path: path.into() });
        }
        Self::hold(path)
    }

    /// Makes the folder if it is not there, closes it to others and takes it for this process. One that holds
    /// the files of something else is left as it is.
    ///
    /// # Errors
    /// Names the process that has it, or what to change.
    pub fn hold(path: &Path) -> Result<Self, FolderError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(failed("make the data folder", path))?;
        if is_foreign(path).map_err(failed("look into the data folder", path))? {
            return Err(FolderError::Foreign { path: path.into() });
        }
        close_to_others(path)?;
        let at = path.join(LOCK);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut lock = options.open(&at).map_err(failed("open the lock", &at))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FolderError::Taken { path: path.into(), holder: read_holder(&mut lock) });
            }
            Err(TryLockError::Error(source)) => return Err(failed("take the lock", &at)(source)),
        }
        let written = lock.set_len(0).and_then(|()| writeln!(lock, "{}", process::id()));
        written.map_err(failed("write the lock", &at))?;
        Ok(Self { path: path.into(), lock })
    }

    /// Where the store's files lie.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.path.join(STORE)
    }

    /// The folder's secret, made at the first call ever.
    ///
    /// # Errors
    /// When it cannot be made, or what is there must not be used.
    pub fn secret(&self) -> Result<SecretKey, FolderError> {
        match read_secret(&self.path) {
            Err(FolderError::NoSecret { path }) => self.make_secret(&path),
            read => read,
        }
    }

    /// Only the process that holds the folder makes a secret, so that there are never two.
    fn make_secret(&self, path: &Path) -> Result<SecretKey, FolderError> {
        let mut secret = vec![0; SECRET_BYTES];
        SysRng.try_fill_bytes(&mut secret).map_err(|error| FolderError::NoRandom(error.to_string()))?;
        let draft = self.path.join(SECRET_DRAFT);
        let written = write_whole(&draft, &secret)
            .and_then(|()| fs::rename(&draft, path))
            .and_then(|()| File::open(&self.path)?.sync_all());
        written.map_err(failed("write the secret", path))?;
        Ok(SecretKey(secret))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The lock ends with the file; the number is only for people.
        let _ = self.lock.set_len(0);
    }
}

impl SecretKey {
    /// The secret itself: 32 bytes or more.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••••••")
    }
}

/// The secret of a data folder that a server may be using: for commands that run beside it.
///
/// # Errors
/// When there is none, or when others may read it.
pub fn read_secret(folder: &Path) -> Result<SecretKey, FolderError> {
    let path = folder.join(SECRET);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(FolderError::NoSecret { path }),
        opened => opened.map_err(failed("open the secret", &path))?,
    };
    let mode = file.metadata().map_err(failed("look at the secret", &path))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(FolderError::SecretOpen { path, mode });
    }
    let mut secret = Vec::new();
    let most = SECRET_BYTES_AT_MOST as u64 + 1;
    file.take(most).read_to_end(&mut secret).map_err(failed("read the secret", &path))?;
    match secret.len() {
        SECRET_BYTES..=SECRET_BYTES_AT_MOST => Ok(SecretKey(secret)),
        bytes => Err(FolderError::SecretSize { path, bytes }),
    }
}

/// Whether there is something in the folder, and nothing of it ours.
fn is_foreign(path: &Path) -> io::Result<bool> {
    let mut is_empty = true;
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        if [LOCK, SECRET, SECRET_DRAFT, STORE].into_iter().any(|ours| name == ours) {
            return Ok(false);
        }
        is_empty &= name == LOST_AND_FOUND;
    }
    Ok(!is_empty)
}

/// Where the folder belongs to someone else (a mounted volume), a group may stay; the world may not.
fn close_to_others(path: &Path) -> Result<(), FolderError> {
    let found = fs::metadata(path).map_err(failed("look at the data folder", path))?;
    let mode = found.permissions().mode();
    if mode & 0o077 == 0 || fs::set_permissions(path, Permissions::from_mode(0o700)).is_ok() {
        return Ok(());
    }
    if mode & 0o007 == 0 { Ok(()) } else { Err(FolderError::Open { path: path.into() }) }
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn read_holder(lock: &mut File) -> Holder {
    let mut text = String::new();
    let read = lock.take(32).read_to_string(&mut text);
    Holder(read.ok().and_then(|_| text.trim().parse().ok()))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_path_buf();
    move |source| FolderError::Io { action, path, source }
}

#[cfg(test)]
mod tests;
