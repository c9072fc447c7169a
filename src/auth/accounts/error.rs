//! Why an account's request is not carried out: a closed list, each with its machine code and status.
//! What it says may be shown; what went wrong inside is for the log.

use appengine_actors::bus::change::ChangeError;
use appengine_actors::store::StoreError;

use crate::auth::input::Invalid;
use crate::auth::password::PasswordError;
use crate::auth::refusal::Refusal;
use crate::auth::role::Role;
use crate::auth::token::SignError;

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The caller may not, or is not who they say.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The body cannot be used.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// No such address, or not its password: which of the two is nobody's business.
    #[error("sign in: the e-mail address or the password is wrong")]
    WrongCredentials,
    /// The app's id, key or secret is wrong.
    #[error("sign in the app: its id, key or secret is wrong")]
    WrongAppKey,
    /// The refresh token is unknown, used before, expired or of somebody who is gone.
    #[error("refresh: the refresh token is not, or no longer, good; sign in again")]
    InvalidRefreshToken,
    /// Somebody has this address already.
    #[error(
        "take the e-mail address: it is somebody's already; sign in, or, as a customer, ask for a password reset"
    )]
    EmailTaken,
    /// Only the command line adds staff here.
    #[error("sign up: this server takes no sign-ups of staff; ask its owner to add you")]
    SignUpClosed,
    /// There is no such organisation, and nobody may found one here.
    #[error("find the organisation: this server has none with this id")]
    UnknownOrg,
    /// A role that the caller could not use themselves cannot be handed on.
    #[error("give the role {0}: it allows more than your own roles do")]
    RoleTooHigh(Role),
    /// There is no such person to work on.
    #[error("find the person: nobody has this e-mail address")]
    UnknownPerson,
    /// Without this one nobody could look after the organisation.
    #[error("let the organisation's last owner go: make another one first")]
    LastOwner,
    /// The token is unknown, used before, replaced by a later one, or over.
    #[error("reset the password: the token is not, or no longer, good; ask for another one")]
    InvalidResetToken,
    /// There are as many as are kept.
    #[error("add an app: this organisation has {0}, the most there may be")]
    TooManyApps(usize),
    /// Others changed the same account again and again meanwhile.
    #[error("change the account: others keep changing it; try again shortly")]
    Contended,
    /// A password could not be worked on.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// A token could not be made.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bus did not commit.
    #[error(transparent)]
    Change(ChangeError),
}

impl From<ChangeError> for AccountError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Taken { .. } => Self::EmailTaken,
            ChangeError::Store(error) => Self::Store(error),
            other => Self::Change(other),
        }
    }
}

impl AccountError {
    /// The machine code: the field `code` of the error body.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Invalid(_) => "invalid_input",
            Self::WrongCredentials => "invalid_credentials",
            Self::WrongAppKey => "invalid_app_key",
            Self::InvalidRefreshToken => "invalid_refresh_token",
            Self::EmailTaken => "email_taken",
            Self::SignUpClosed => "signup_closed",
            Self::UnknownOrg => "unknown_org",
            Self::RoleTooHigh(_) => "role_too_high",
            Self::TooManyApps(_) => "too_many_apps",
            Self::UnknownPerson => "not_found",
            Self::LastOwner => "last_owner",
            Self::InvalidResetToken => "invalid_reset_token",
            Self::Contended | Self::Password(PasswordError::Busy) => "busy",
            Self::Change(ChangeError::TooLarge { .. }) => "too_large",
            Self::Store(_) | Self::Change(_) if self.is_retryable() => "unavailable",
            Self::Password(PasswordError::Broken(_)) | Self::Sign(_) | Self::Store(_) | Self::Change(_) => {
                "internal"
            }
        }
    }

    /// The HTTP status that answers it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Refused(refusal) => refusal.status(),
            Self::Invalid(_) => 400,
            Self::WrongCredentials
            | Self::WrongAppKey
            | Self::InvalidRefreshToken
            | Self::InvalidResetToken => 401,
            Self::UnknownPerson => 404,
            Self::SignUpClosed | Self::UnknownOrg | Self::RoleTooHigh(_) => 403,
            Self::EmailTaken | Self::TooManyApps(_) | Self::LastOwner => 409,
            Self::Change(ChangeError::TooLarge { .. }) => 413,
            _ if self.is_retryable() => 503,
            Self::Contended | Self::Password(_) | Self::Sign(_) | Self::Store(_) | Self::Change(_) => 500,
        }
    }

    /// Whether the same request may succeed shortly.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Contended | Self::Password(PasswordError::Busy) | Self::Refused(Refusal::Unavailable) => {
                true
            }
            Self::Store(error) => error.is_retryable(),
            Self::Change(error) => error.is_retryable(),
            _ => false,
        }
    }
}
