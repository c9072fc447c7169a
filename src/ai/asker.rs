//! Whoever asks, as a run keeps them: a run goes on without its request, and uses tools in their name. What they may do is
//! what they might when they asked.

use appengine_actors::clock::Timestamp;
use appengine_actors::ids::{OrgId, RecordId};
use appengine_actors::rights::Author;
use appengine_actors::session::stream::head::Asker;

use crate::auth::principal::{NEVER, Principal};

/// A caller, as a run keeps them.
#[must_use]
pub fn of(caller: &Principal) -> Asker {
    Asker {
        id: caller.id.to_string(),
        label: caller.author().to_owned(),
        email: caller.email.clone(),
        name: caller.name.clone(),
        rights: caller.rights().into(),
    }
}

/// Whoever asked, as a caller again; none where their id is no id any more.
#[must_use]
pub fn caller(org: &OrgId, asker: &Asker) -> Option<Principal> {
    let Author { kind, roles, scopes } = asker.rights.clone();
    Some(Principal {
        org: org.clone(),
        id: RecordId::new(&asker.id).ok()?,
        email: asker.email.clone(),
        name: asker.name.clone(),
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
