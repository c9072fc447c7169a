//! What a vendor's OAuth 2 is like, as far as vendors differ.

use std::time::Duration;

pub use super::table::ALL;

/// An address of a vendor's: the interface's name among the addresses, and the path there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(pub &'static str, pub &'static str);

/// How a client proves at the token address that it is itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// Its id and its secret are among the form's fields.
    Form,
    /// Its id and its secret are name and password.
    Basic,
    /// Its id and its secret are in a JSON body.
    Json,
    /// Its secret alone is among the form's fields: it tells who the client is.
    SecretOnly,
}

/// How new tokens are had without asking anybody again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// Not at all: tokens do not expire, or somebody has to agree anew.
    Never,
    /// By the refresh token.
    Token,
    /// By giving a token for one that lives longer: first the one that came for the code.
    Exchange,
}

/// Which token is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The access token.
    Access,
    /// The refresh token, with which the access token goes, too; the access token where there is none.
    Refresh,
}

/// How a vendor is told that its tokens are not to be good any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoke {
    /// It has no such interface; people end it in the vendor's own pages.
    Never,
    /// By a form with the token (RFC 7009), as the client.
    Form(Place, Which),
    /// By a form with the token and the client's id alone.
    Public(Place),
    /// By a POST with the token.
    Post(Place),
    /// By a DELETE with the token.
    Delete(Place),
    /// By a DELETE with the token under a name of the vendor's own.
    DeleteBy(Place, &'static str),
    /// By a DELETE of the refresh token, which ends the path.
    DeleteRefresh(Place),
    /// By a DELETE as the client, at an address with the client's id in place of `{client}`.
    DeleteGrant(Place),
    /// By a form with the client's id and the account that was connected, as the client.
    Account(Place),
}

/// A vendor's OAuth 2.
#[derive(Debug, Clone, Copy)]
pub struct OAuthVendor {
    /// The vendor.
    pub vendor: &'static str,
    /// Where people agree.
    pub authorize: Place,
    /// Where a code, or a refresh token, becomes tokens.
    pub token: Place,
    /// What is asked for where nobody says otherwise.
    pub scopes: &'static [&'static str],
    /// What stands between two scopes.
    pub separator: &'static str,
    /// Whether the vendor binds a code to a secret of ours (RFC 7636, S256).
    pub pkce: bool,
    /// How a client proves itself.
    pub client: ClientAuth,
    /// The vendor's name for a client's id.
    pub id_name: &'static str,
    /// What else goes with people to the vendor.
    pub extra: &'static [(&'static str, &'static str)],
    /// Whether the address to return to is given with the code, too.
    pub redirect_with_code: bool,
    /// How new tokens are had.
    pub refresh: Refresh,
    /// How much of a token's life is left when it is renewed.
    pub early: Duration,
    /// How tokens are given back.
    pub revoke: Revoke,
    /// Where in the answer the account is named that was connected.
    pub account: &'static str,
    /// Credentials in which the client's id may be.
    pub ids: &'static [&'static str],
    /// Credentials in which the client's secret may be.
    pub secrets: &'static [&'static str],
    /// The credential that says which of the vendor's own addresses is meant, where each customer has one.
    pub tenant: Option<&'static str>,
}

/// The names of the credentials that a vendor is connected by.
#[must_use]
pub fn credentials(vendor: &str) -> Vec<&'static str> {
    let names = |of: &OAuthVendor| of.ids.iter().chain(of.secrets).copied().chain(of.tenant).collect();
    oauth_of(vendor).map_or_else(Vec::new, names)
}

/// What a vendor's OAuth 2 is like, if it has it.
#[must_use]
pub fn oauth_of(vendor: &str) -> Option<&'static OAuthVendor> {
    ALL.iter().find(|of| of.vendor == vendor)
}
