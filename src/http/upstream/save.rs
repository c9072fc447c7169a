//! Connects a vendor by its secrets, or changes how it is connected.

use actix_web::HttpResponse;
use appengine_actors::ids::IntegrationId;
use appengine_actors::inbound::integration::{Credentials, Integration};
use appengine_actors::machine::Machine;

use super::schema::SaveBody;
use super::{Parts, changeable, names, shown, sync};
use crate::connect::given::{Wrong, check_settings, sorted, take};
use crate::connect::types::{IntegrationType, type_of};
use crate::http::admit::Caller;
use crate::http::keep::keep;
use crate::http::take::{Json, Object};
use crate::problem::{Detail, Problem};

const UNSAVED: &str = "the integration cannot be saved";

pub(super) async fn save(
    (caller, machine, public): Parts,
    Json(Object(body)): Json<Object<SaveBody>>,
) -> Result<HttpResponse, Problem> {
    let is_name = body.name.as_ref().is_none_or(|name| (1..=100).contains(&name.chars().count()));
    keep(UNSAVED, [("name", is_name, "must have 1 to 100 characters")])?;
    let of = type_of(&body.kind);
    let of = of.ok_or_else(|| wrong("type", format!("must be one of {}", names())))?;
    let before = before(&caller, &machine, of, &body).await?;
    let mut credentials = match &before {
        Some(before) => machine.inbound.integrations.credentials(&caller.org, before.id).await?,
        None => Credentials::default(),
    };
    // One page of the old documents calls all of it `config`.
    let (given, mut settings) = sorted(of, body.credentials, body.config, body.settings);
    take(of, given, &mut credentials)?;
    if let Some(before) = &before {
        let kept = before.settings.iter().filter(|(name, _)| !settings.contains_key(*name));
        let kept: Vec<_> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        settings.extend(kept);
    }
    settings.retain(|_, value| !value.is_null());
    check_settings(of, &settings)?;
    let sync = sync::settings(of.vendor, body.sync, before.as_ref())?;
    let now = machine.house.clock.now();
    let integration = Integration {
        id: before.as_ref().map_or_else(|| IntegrationId::new(now), |before| before.id),
        org_id: caller.org.clone(),
        vendor: of.vendor.to_owned(),
        name: body
            .name
            .or_else(|| before.as_ref().map(|before| before.name.clone()))
            .unwrap_or_else(|| of.vendor.to_owned()),
        active: body.active.unwrap_or(true),
        settings,
        public_config: body
            .public_config
            .or_else(|| before.as_ref().map(|before| before.public_config.clone()))
            .unwrap_or_default(),
        sync,
        created_at: before.as_ref().map_or(now, |before| before.created_at),
        updated_at: now,
        by: caller.label().to_owned(),
    };
    machine.inbound.integrations.save(&integration, &credentials).await?;
    Ok(HttpResponse::Ok().json(shown(&integration, &credentials, &public)))
}

/// The integration that is changed: the one of an id, or of the same vendor and name.
async fn before(
    caller: &Caller,
    machine: &Machine,
    of: &IntegrationType,
    body: &SaveBody,
) -> Result<Option<Integration>, Problem> {
    if let Some(id) = body.id {
        let found = machine.inbound.integrations.get(&caller.org, id).await?;
        if found.vendor != of.vendor {
            return Err(wrong("type", format!("must be `{}`, as the integration {id} is", found.vendor)));
        }
        changeable(&found)?;
        return Ok(Some(found));
    }
    let name = body.name.as_deref().unwrap_or(of.vendor);
    let all = machine.inbound.integrations.of(&caller.org).await?;
    Ok(all.into_iter().find(|found| found.vendor == of.vendor && found.name == name))
}

fn wrong(path: &str, message: String) -> Problem {
    Problem::invalid(UNSAVED, vec![Detail { path: path.to_owned(), message }])
}

impl From<Wrong> for Problem {
    fn from(Wrong { path, message }: Wrong) -> Self {
        wrong(&path, message)
    }
}
