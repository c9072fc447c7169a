//! Why somebody is not let in, or not let do something: a closed list, each with the machine code and
//! the status that clients of the contract know (§1.2). What it says may be shown to anybody.

use super::role::Permission;

/// A refusal; its text is public and says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither a token nor an API key came with the request.
    #[error("admit the request: send `Authorization: Bearer <token>`, or `x-api-key` with `orgid`")]
    MissingAuthorization,
    /// The text is no token of this installation, or one made for another use.
    #[error("accept the token: it is not one that this server made for signing in")]
    InvalidToken,
    /// The token's time is over.
    #[error("accept the token: it has expired; refresh it or sign in again")]
    TokenExpired,
    /// What the token stands for has ended: signed out, password changed, person gone.
    #[error("accept the token: its session has ended; sign in again")]
    TokenRevoked,
    /// The request names another organisation than its token.
    #[error("accept the token: it belongs to another organisation than `orgid` names")]
    TokenOrgMismatch,
    /// `x-client-authorization` came without an app's token in `Authorization`.
    #[error(
        "accept `x-client-authorization`: it names a person beside an app's token in `Authorization`; \
         send a person's own token in `Authorization`"
    )]
    ClientWithoutApp,
    /// A route or key that needs the organisation was called without it.
    #[error("find the organisation: send its id in the header `orgid`")]
    MissingOrgId,
    /// The organisation's id breaks the rule for such ids.
    #[error("read `orgid`: use 1 to 64 letters, digits, `.`, `_` or `-`")]
    InvalidOrgId,
    /// The API key is unknown in the organisation, switched off or expired.
    #[error("accept the API key: it is unknown to this organisation, switched off or expired")]
    InvalidApiKey,
    /// The API key does not cover what was asked for.
    #[error("use the API key for this: it needs the scope `{0}`")]
    InsufficientScope(String),
    /// None of the caller's roles allows it.
    #[error("allow this: none of your roles, here, has the permission to {0}")]
    Forbidden(Permission),
    /// Who is asking could not be looked up just now.
    #[error("look up who is asking: the store does not answer; try again shortly")]
    Unavailable,
}

impl Refusal {
    /// The machine code: the field `code` of the error body.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingAuthorization => "missing_authorization_header",
            Self::InvalidToken | Self::ClientWithoutApp => "invalid_token",
            Self::TokenExpired => "token_expired",
            Self::TokenRevoked => "token_revoked",
            Self::TokenOrgMismatch => "token_org_mismatch",
            Self::MissingOrgId => "missing_orgid",
            Self::InvalidOrgId => "invalid_orgid",
            Self::InvalidApiKey => "invalid_api_key",
            Self::InsufficientScope(_) => "insufficient_scope",
            Self::Forbidden(_) => "forbidden",
            Self::Unavailable => "unavailable",
        }
    }

    /// The HTTP status that answers it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::MissingOrgId | Self::InvalidOrgId => 400,
            Self::MissingAuthorization
            | Self::InvalidToken
            | Self::ClientWithoutApp
            | Self::TokenExpired
            | Self::TokenRevoked
            | Self::InvalidApiKey => 401,
            Self::TokenOrgMismatch | Self::InsufficientScope(_) | Self::Forbidden(_) => 403,
            Self::Unavailable => 503,
        }
    }
}
