//! Every vendor that has OAuth 2, as its own pages describe it.

use std::time::Duration;

use super::vendors::{ClientAuth, OAuthVendor, Place, Refresh, Revoke, Which};

const MINUTES: Duration = Duration::from_mins(5);

const fn of(vendor: &'static str, authorize: Place, token: Place) -> OAuthVendor {
    OAuthVendor {
        vendor,
        authorize,
        token,
        scopes: &[],
        separator: " ",
        pkce: false,
        client: ClientAuth::Form,
        id_name: "client_id",
        extra: &[],
        redirect_with_code: true,
        refresh: Refresh::Token,
        early: MINUTES,
        revoke: Revoke::Never,
        account: "",
        ids: &["clientId"],
        secrets: &["clientSecret"],
        tenant: None,
    }
}

/// Every vendor that has OAuth 2.
pub const ALL: [OAuthVendor; 17] = [
    OAuthVendor {
        pkce: true,
        client: ClientAuth::Basic,
        revoke: Revoke::Form(Place("calendly-auth", "/oauth/revoke"), Which::Refresh),
        account: "/organization",
        ..of("calendly", Place("calendly-auth", "/oauth/authorize"), Place("calendly-auth", "/oauth/token"))
    },
    OAuthVendor {
        scopes: &["identify", "guilds"],
        client: ClientAuth::Basic,
        revoke: Revoke::Form(Place("discord", "/api/oauth2/token/revoke"), Which::Refresh),
        account: "/guild/id",
        ..of("discord", Place("discord", "/oauth2/authorize"), Place("discord", "/api/oauth2/token"))
    },
    OAuthVendor {
        scopes: &["read:user"],
        pkce: true,
        revoke: Revoke::DeleteGrant(Place("github-api", "/applications/{client}/grant")),
        ..of(
            "github",
            Place("github", "/login/oauth/authorize"),
            Place("github", "/login/oauth/access_token"),
        )
    },
    OAuthVendor {
        scopes: &["oauth", "crm.objects.contacts.read"],
        revoke: Revoke::DeleteRefresh(Place("hubspot-api", "/oauth/v1/refresh-tokens/")),
        ..of("hubspot", Place("hubspot", "/oauth/authorize"), Place("hubspot-api", "/oauth/v1/token"))
    },
    OAuthVendor {
        redirect_with_code: false,
        refresh: Refresh::Never,
        revoke: Revoke::Post(Place("intercom-api", "/auth/uninstall")),
        ..of("intercom", Place("intercom", "/oauth"), Place("intercom-api", "/auth/eagle/token"))
    },
    OAuthVendor {
        scopes: &["r_organization_social", "rw_organization_admin"],
        revoke: Revoke::Form(Place("linkedin", "/oauth/v2/revoke"), Which::Access),
        ..of(
            "linkedin",
            Place("linkedin", "/oauth/v2/authorization"),
            Place("linkedin", "/oauth/v2/accessToken"),
        )
    },
    OAuthVendor {
        scopes: &["pages_show_list", "pages_manage_metadata", "pages_read_engagement", "pages_messaging"],
        separator: ",",
        refresh: Refresh::Exchange,
        early: Duration::from_hours(24),
        revoke: Revoke::Delete(Place("meta", "/v23.0/me/permissions")),
        ids: &["clientId", "appId"],
        secrets: &["clientSecret", "appSecret"],
        ..of("meta", Place("meta-dialog", "/v23.0/dialog/oauth"), Place("meta", "/v23.0/oauth/access_token"))
    },
    OAuthVendor {
        scopes: &["user_accounts:read", "pins:read", "boards:read"],
        separator: ",",
        client: ClientAuth::Basic,
        ids: &["clientId", "appId"],
        secrets: &["clientSecret", "appSecret"],
        ..of("pinterest", Place("pinterest", "/oauth/"), Place("pinterest-api", "/v5/oauth/token"))
    },
    OAuthVendor {
        scopes: &["identity", "read", "history", "privatemessages"],
        client: ClientAuth::Basic,
        extra: &[("duration", "permanent")],
        revoke: Revoke::Form(Place("reddit", "/api/v1/revoke_token"), Which::Refresh),
        ..of("reddit", Place("reddit", "/api/v1/authorize"), Place("reddit", "/api/v1/access_token"))
    },
    OAuthVendor {
        scopes: &["read_customers", "read_orders"],
        separator: ",",
        redirect_with_code: false,
        refresh: Refresh::Never,
        revoke: Revoke::DeleteBy(
            Place("shopify", "/admin/api_permissions/current.json"),
            "x-shopify-access-token",
        ),
        ids: &["clientId", "apiKey"],
        tenant: Some("shop"),
        ..of(
            "shopify",
            Place("shopify", "/admin/oauth/authorize"),
            Place("shopify", "/admin/oauth/access_token"),
        )
    },
    OAuthVendor {
        scopes: &["channels:history", "channels:read", "chat:write", "app_mentions:read", "users:read"],
        separator: ",",
        revoke: Revoke::Post(Place("slack", "/api/auth.revoke")),
        account: "/team/id",
        ..of("slack", Place("slack", "/oauth/v2/authorize"), Place("slack", "/api/oauth.v2.access"))
    },
    OAuthVendor {
        scopes: &["snapchat-marketing-api"],
        ..of(
            "snapchat",
            Place("snapchat-accounts", "/login/oauth2/authorize"),
            Place("snapchat-accounts", "/login/oauth2/access_token"),
        )
    },
    OAuthVendor {
        scopes: &["read_write"],
        client: ClientAuth::SecretOnly,
        redirect_with_code: false,
        // What an account gives a platform does not expire.
        refresh: Refresh::Never,
        revoke: Revoke::Account(Place("stripe-connect", "/oauth/deauthorize")),
        account: "/stripe_user_id",
        secrets: &["clientSecret", "secretKey", "apiKey"],
        ..of("stripe", Place("stripe-connect", "/oauth/authorize"), Place("stripe-connect", "/oauth/token"))
    },
    OAuthVendor {
        // TikTok has PKCE for apps on people's own devices only.
        scopes: &["user.info.basic", "video.list"],
        separator: ",",
        id_name: "client_key",
        revoke: Revoke::Form(Place("tiktok-api", "/v2/oauth/revoke/"), Which::Access),
        account: "/open_id",
        ids: &["clientId", "clientKey"],
        ..of("tiktok", Place("tiktok", "/v2/auth/authorize/"), Place("tiktok-api", "/v2/oauth/token/"))
    },
    OAuthVendor {
        scopes: &["moderator:read:followers", "channel:read:subscriptions", "user:read:chat"],
        revoke: Revoke::Public(Place("twitch", "/oauth2/revoke")),
        ..of("twitch", Place("twitch", "/oauth2/authorize"), Place("twitch", "/oauth2/token"))
    },
    OAuthVendor {
        scopes: &["tweet.read", "users.read", "dm.read", "offline.access"],
        pkce: true,
        client: ClientAuth::Basic,
        revoke: Revoke::Form(Place("x", "/2/oauth2/revoke"), Which::Refresh),
        ..of("x", Place("x-authorize", "/i/oauth2/authorize"), Place("x", "/2/oauth2/token"))
    },
    OAuthVendor {
        scopes: &["read"],
        pkce: true,
        client: ClientAuth::Json,
        revoke: Revoke::Delete(Place("zendesk", "/api/v2/oauth/tokens/current.json")),
        tenant: Some("subdomain"),
        ..of("zendesk", Place("zendesk", "/oauth/authorizations/new"), Place("zendesk", "/oauth/tokens"))
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::api::is_known;
    use crate::vendors::named;

    #[test]
    fn every_address_is_of_a_known_interface_and_every_vendor_known() {
        for of in &ALL {
            assert!(named(of.vendor).is_some_and(|vendor| vendor.name() == of.vendor), "{}", of.vendor);
            let revoke = match of.revoke {
                Revoke::Never => None,
                Revoke::Form(place, _)
                | Revoke::Public(place)
                | Revoke::Post(place)
                | Revoke::Delete(place)
                | Revoke::DeleteBy(place, _)
                | Revoke::DeleteRefresh(place)
                | Revoke::DeleteGrant(place)
                | Revoke::Account(place) => Some(place),
            };
            for Place(interface, path) in [Some(of.authorize), Some(of.token), revoke].into_iter().flatten() {
                assert!(is_known(interface) && path.starts_with('/'), "{}: {interface}{path}", of.vendor);
            }
        }
    }
}
