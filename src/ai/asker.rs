//! Whoever asks, as a run keeps them: a run goes on without its request, and uses tools in their name. What they may do is
//! what they might when they asked.

use appengine_actors::clock::Timestamp;
use appengine_actors::ids::{OrgId, RecordId};
use appengine_actors::session::stream::head::Asker;
use serde::{Deserialize, Serialize};

use crate::auth::principal::{Kind, NEVER, Principal};
use crate::auth::role::Role;
use crate::auth::scope::Scopes;

/// What of a caller a run needs.
#[derive(Serialize, Deserialize)]
struct Kept {
    kind: Kind,
    roles: Vec<Role>,
    email: Option<String>,
    name: String,
    scopes: Option<Scopes>,
}

/// A caller, as a run keeps them.
#[must_use]
pub fn of(caller: &Principal) -> Asker {
    let kept = Kept {
        kind: caller.kind,
        roles: caller.roles.clone(),
        email: caller.email.clone(),
        name: caller.name.clone(),
        scopes: caller.scopes.clone(),
    };
    Asker {
        id: caller.id.to_string(),
        label: caller.author().to_owned(),
        // They are texts and lists of texts.
        rights: serde_json::to_value(kept).unwrap_or_default(),
    }
}

/// Whoever asked, as a caller again; none where they were not kept.
#[must_use]
pub fn caller(org: &OrgId, asker: &Asker) -> Option<Principal> {
    let Kept { kind, roles, email, name, scopes } = serde_json::from_value(asker.rights.clone()).ok()?;
    Some(Principal {
        org: org.clone(),
        id: RecordId::new(&asker.id).ok()?,
        email,
        name,
        kind,
        roles,
        scopes,
        rate_limits: None,
        token_id: String::new(),
        session: None,
        issued_at: Timestamp::default(),
        expires_at: NEVER,
    })
}
