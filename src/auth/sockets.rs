//! The gate, as the Socket.IO gateway asks it: the same rules as for REST.

use std::sync::Arc;

use appengine_actors::ids::OrgId;
use futures_util::future::BoxFuture;

use super::gate::{Credentials, Gate};
use super::principal::{Kind, NEVER};
use super::refusal::Refusal;
use crate::gateway::{self, Authenticate, Handshake, Identity};

/// Admits sockets.
pub struct SocketGate(pub Arc<Gate>);

impl Authenticate for SocketGate {
    fn authenticate(&self, handshake: Handshake) -> BoxFuture<'static, Result<Identity, gateway::Refusal>> {
        let gate = self.0.clone();
        Box::pin(async move {
            let header = |name: &str| handshake.headers.get(name).and_then(|value| value.to_str().ok());
            let sent = Credentials {
                authorization: None,
                x_client_authorization: header("x-client-authorization"),
                x_api_key: header("x-api-key"),
                orgid: handshake.org.as_deref(),
                query_token: handshake.token.as_deref(),
            };
            if handshake.broadcast_only && handshake.token.is_none() {
                return gate.public_org(sent).map(|org| viewer(&org)).map_err(|refusal| refused(&refusal));
            }
            let principal = gate.admit(sent).await.map_err(|refusal| refused(&refusal))?;
            gate.count_use(&principal);
            Ok(Identity {
                org: principal.org.to_string(),
                id: principal.id.to_string(),
                email: principal.email.clone().unwrap_or_default(),
                name: Some(principal.name.clone()).filter(|name| !name.is_empty()),
                customer: matches!(principal.kind, Kind::Customer | Kind::Guest),
                guest: principal.kind == Kind::Guest,
                viewer: false,
                roles: principal.roles.iter().map(ToString::to_string).collect(),
                expires_at_ms: (principal.expires_at != NEVER).then(|| principal.expires_at.as_millis()),
            })
        })
    }
}

/// Somebody who only watches what is broadcast (contract §5.1).
fn viewer(org: &OrgId) -> Identity {
    Identity {
        org: org.to_string(),
        id: "viewer".to_owned(),
        email: String::new(),
        name: None,
        customer: true,
        guest: true,
        viewer: true,
        roles: Vec::new(),
        expires_at_ms: None,
    }
}

fn refused(refusal: &Refusal) -> gateway::Refusal {
    gateway::Refusal { code: refusal.code(), message: format!("failed to {refusal}") }
}
