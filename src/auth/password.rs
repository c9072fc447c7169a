//! Passwords: argon2id on blocking threads, so many at once and no more, since each costs 19 MiB and
//! tens of milliseconds on purpose. It never sees an account; it turns texts into hashes and compares.

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, SaltString};
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use super::random;

/// Fewest characters of a password.
pub const MIN_CHARS: usize = 8;
/// Most characters of a password.
pub const MAX_CHARS: usize = 256;

/// The rule for passwords, in words.
pub const RULE: &str = "must have 8 to 256 characters";

/// A hash of no password, with the costs of all others: what an unknown person's password is compared
/// with, so that the answer takes as long as for a known one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmU$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password could not be hashed or compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too many people sign in at this moment.
    #[error("check the password: too many sign-ins at once; try again shortly")]
    Busy,
    /// The library refused, or a stored hash is damaged.
    #[error("work with the password: {0}")]
    Broken(String),
}

/// Hashes and compares passwords.
pub struct Passwords {
    /// Hashes that are worked on.
    seats: Arc<Semaphore>,
    /// Those and the ones that wait.
    room: Arc<Semaphore>,
}

impl Passwords {
    /// Works on `at_once` passwords and lets `waiting` more wait; whoever comes then is told to come back.
    #[must_use]
    pub fn new(at_once: usize, waiting: usize) -> Self {
        let seats = at_once.max(1);
        Self {
            seats: Arc::new(Semaphore::new(seats)),
            room: Arc::new(Semaphore::new(seats.saturating_add(waiting).min(Semaphore::MAX_PERMITS))),
        }
    }

    /// The hash to store, in PHC form with its costs and a salt of its own.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when too many wait already.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let password = password.to_owned();
        self.work(move || {
            let salt = SaltString::encode_b64(&random::bytes::<16>()).map_err(broken)?;
            let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(broken)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether a password is the one whose hash is given. Without a hash (nobody has that address) it
    /// works as long and says no.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when too many wait already.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, PasswordError> {
        let (password, known) = (password.to_owned(), hash.is_some());
        let hash = hash.unwrap_or(NOBODY).to_owned();
        self.work(move || {
            let hash = PasswordHash::new(&hash).map_err(broken)?;
            match Argon2::default().verify_password(password.as_bytes(), &hash) {
                Ok(()) => Ok(known),
                Err(argon2::password_hash::Error::Password) => Ok(false),
                Err(error) => Err(broken(error)),
            }
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = self.room.clone().try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let seat = self.seats.clone().acquire_owned().await.map_err(broken)?;
        // The permits go with the job: it runs on when the caller goes away, and still counts.
        let job = move || {
            let done = job();
            drop((seat, place));
            done
        };
        tokio::task::spawn_blocking(job).await.map_err(broken)?
    }
}

/// Whether a text may become a password: long enough to be hard to guess, short enough to be hashed.
#[must_use]
pub fn is_acceptable(password: &str) -> bool {
    (MIN_CHARS..=MAX_CHARS).contains(&password.chars().count())
}

fn broken(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other_is() {
        let passwords = Passwords::new(2, 2);
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(passwords.verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horsf", Some(&hash)).await.unwrap());
        assert_ne!(passwords.hash("correct horse").await.unwrap(), hash, "each has a salt of its own");
    }

    #[tokio::test]
    async fn nobodys_hash_costs_what_others_do_and_lets_nobody_in() {
        let passwords = Passwords::new(1, 1);
        let real = passwords.hash("correct horse").await.unwrap();
        let (real, nobody) = (PasswordHash::new(&real).unwrap(), PasswordHash::new(NOBODY).unwrap());
        assert_eq!((nobody.algorithm, nobody.version), (real.algorithm, real.version));
        assert_eq!(nobody.params.as_str(), real.params.as_str());
        let lengths =
            |hash: &PasswordHash<'_>| (hash.hash.map(|h| h.len()), hash.salt.map(|s| s.as_str().len()));
        assert_eq!(lengths(&nobody).0, lengths(&real).0);
        assert!(!passwords.verify("", None).await.unwrap());
    }

    #[tokio::test]
    async fn whoever_finds_no_room_is_told_at_once_and_room_comes_back() {
        let passwords = Passwords::new(1, 1);
        let both = futures_util::future::join3(
            passwords.verify("a", None),
            passwords.verify("b", None),
            passwords.verify("c", None),
        );
        let (one, two, three) = both.await;
        assert_eq!((one, two, three), (Ok(false), Ok(false), Err(PasswordError::Busy)));
        assert_eq!(passwords.verify("d", None).await, Ok(false));
    }

    #[tokio::test]
    async fn a_damaged_hash_is_a_fault_and_not_a_wrong_password() {
        let answer = Passwords::new(1, 1).verify("x", Some("plain")).await;
        assert!(matches!(answer, Err(PasswordError::Broken(_))), "{answer:?}");
    }

    #[test]
    fn the_rule_counts_characters() {
        let table = [(7, false), (8, true), (256, true), (257, false)];
        for (count, expected) in table {
            assert_eq!(is_acceptable(&"ä".repeat(count)), expected, "{count}");
        }
    }
}
