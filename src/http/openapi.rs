//! The API document, made from the route table.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::link::Link;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::{ResponseBuilder, ResponsesBuilder};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ComponentsBuilder, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Schema,
};
use utoipa::{PartialSchema, ToSchema};

use super::route::{Access, Route, text};
use super::routes;
use crate::gateway::asyncapi;
use crate::problem::{Problem, ProblemBody};

/// The routes of this chapter.
#[must_use]
pub fn routes_of_document() -> Vec<Route> {
    vec![
        Route::get("/openapi.json", Access::Open, serve)
            .about("About", "This document")
            .gives_object(StatusCode::OK),
        Route::get("/asyncapi.json", Access::Open, serve_sockets)
            .about("About", "What crosses the sockets, both ways")
            .gives_object(StatusCode::OK),
    ]
}

/// The description of the sockets, made when it is first asked for.
async fn serve_sockets() -> Result<HttpResponse, Problem> {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = match TEXT.get() {
        Some(text) => text.clone(),
        None => {
            let made = serde_json::to_vec(&asyncapi()).map_err(|error| Problem::internal(&error))?;
            TEXT.get_or_init(|| made.into()).clone()
        }
    };
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(text))
}

/// Made when it is first asked for, in a thread that gives its memory back: while it is made, the document takes
/// sixty times its length.
async fn serve() -> Result<HttpResponse, Problem> {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let made = web::block(|| match TEXT.get() {
        Some(text) => Ok(text.clone()),
        None => serde_json::to_vec(&document()).map(|text| TEXT.get_or_init(|| text.into()).clone()),
    });
    let text = made.await.map_err(|error| Problem::internal(&error))?;
    let text = text.map_err(|error| Problem::internal(&error))?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(text))
}

/// The document of all routes that are not hidden.
#[must_use]
pub fn document() -> OpenApi {
    let mut paths: BTreeMap<String, PathItem> = BTreeMap::new();
    let mut components = ComponentsBuilder::new()
        .security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)))
        .security_scheme("key", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("x-api-key"))))
        .schema(ProblemBody::name(), ProblemBody::schema());
    let mut definitions = Vec::new();
    ProblemBody::schemas(&mut definitions);
    for route in routes().iter().filter(|route| !route.doc.hidden) {
        let described = [route.doc.body, route.doc.reply].into_iter().flatten();
        definitions.extend(described.flat_map(|described| described().definitions));
        let method = match route.method.as_str() {
            "POST" => HttpMethod::Post,
            "PUT" => HttpMethod::Put,
            "PATCH" => HttpMethod::Patch,
            "DELETE" => HttpMethod::Delete,
            _ => HttpMethod::Get,
        };
        let item = PathItem::new(method, operation(route));
        match paths.get_mut(route.path) {
            Some(known) => known.merge_operations(item),
            None => {
                paths.insert(route.path.to_owned(), item);
            }
        }
    }
    for (name, schema) in definitions {
        components = components.schema(name, schema);
    }
    let info = InfoBuilder::new()
        .title("appengine")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Receives events, keeps them durably, and reacts to them in real time."));
    let paths = paths.into_iter().fold(PathsBuilder::new(), |all, (path, item)| all.path(path, item));
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components.build())).build()
}

fn operation(route: &Route) -> utoipa::openapi::path::Operation {
    let doc = &route.doc;
    let id = operation_id(&format!("{} {}", route.method, route.path));
    let mut operation =
        OperationBuilder::new().summary(Some(doc.summary)).tag(doc.tag).operation_id(Some(id));
    for name in names(route.path) {
        let known = doc.paths.iter().find(|(of, _)| *of == name).map(|(_, schema)| schema.clone());
        let schema = known.unwrap_or_else(|| text("^[A-Za-z0-9_-]{1,64}$"));
        operation = operation.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(schema)),
        );
    }
    for (name, schema, meaning) in &doc.query {
        let required = if doc.needed.contains(name) { Required::True } else { Required::False };
        operation = operation.parameter(
            ParameterBuilder::new()
                .name(*name)
                .parameter_in(ParameterIn::Query)
                .required(required)
                .description(Some(*meaning))
                .schema(Some(schema.clone())),
        );
    }
    if route.access == Access::Entrance {
        operation = operation.parameter(
            ParameterBuilder::new()
                .name("orgid")
                .parameter_in(ParameterIn::Header)
                .required(Required::True)
                .schema(Some(text("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))),
        );
    }
    if let Some(body) = doc.body {
        let content = ContentBuilder::new().schema(Some(body().schema)).build();
        let required = if doc.body_optional { Required::False } else { Required::True };
        let body = RequestBodyBuilder::new().content(doc.body_media, content).required(Some(required));
        operation = operation.request_body(Some(body.build()));
    }
    if route.access.is_signed() {
        operation = operation
            .security(SecurityRequirement::new("token", Vec::<String>::new()))
            .security(SecurityRequirement::new("key", Vec::<String>::new()));
    }
    operation.responses(responses(route)).build()
}

/// The names in a path.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn operation_id(route: &str) -> String {
    route.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn responses(route: &Route) -> utoipa::openapi::response::Responses {
    let doc = &route.doc;
    let mut success = ResponseBuilder::new().description(doc.summary);
    if let Some(reply) = doc.reply {
        success = success.content(doc.media, ContentBuilder::new().schema(Some(reply().schema)).build());
    } else if doc.media != "application/json" {
        success = success.content(doc.media, ContentBuilder::new().build());
    }
    for lead in &doc.leads {
        let id = operation_id(lead.to);
        let link = Link::builder().operation_id(id.clone());
        let place = |at: &str| format!("$response.body#{at}");
        let link = lead.by.iter().fold(link, |link, (name, at)| link.parameter(*name, place(at)));
        success = success.link(id, link.build());
    }
    let mut all = ResponsesBuilder::new().response(doc.status.as_u16().to_string(), success);
    for (status, meaning) in &doc.also {
        all = all.response(status.as_u16().to_string(), ResponseBuilder::new().description(*meaning));
    }
    let problem: RefOr<Schema> = RefOr::Ref(Ref::from_schema_name(ProblemBody::name()));
    for (status, meaning) in errors(route.access) {
        let content = ContentBuilder::new().schema(Some(problem.clone())).build();
        let response = ResponseBuilder::new().description(meaning).content("application/json", content);
        all = all.response(status, response);
    }
    all.build()
}

/// What any route of this access may answer besides success.
fn errors(access: Access) -> Vec<(&'static str, &'static str)> {
    let mut errors = vec![
        ("400", "What was sent cannot be taken; `problems` lists everything that is wrong"),
        ("404", "There is no such thing"),
        ("405", "The path does not take this method"),
        ("409", "It contradicts what is there"),
        ("413", "The body, record or event is too large"),
        ("415", "The body is not of a type that is taken here"),
        ("429", "Too many requests; see `Retry-After`"),
        ("500", "A fault of the server"),
        ("503", "The server is busy or stopping; see `Retry-After`"),
    ];
    if access != Access::Open {
        errors.push(("401", "Nobody, or somebody whose token or password is not accepted"));
        errors.push(("403", "Somebody who may not do this"));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leads_go_where_they_say() {
        let routes = routes();
        for (route, lead) in
            routes.iter().flat_map(|route| route.doc.leads.iter().map(move |lead| (route, lead)))
        {
            let there = routes.iter().find(|there| format!("{} {}", there.method, there.path) == lead.to);
            let there =
                there.unwrap_or_else(|| panic!("{} leads to {}, which is no route", route.path, lead.to));
            let mut given: Vec<&str> = lead.by.iter().map(|(name, _)| *name).collect();
            let mut asked: Vec<&str> = names(there.path).collect();
            given.sort_unstable();
            asked.sort_unstable();
            assert_eq!(given, asked, "{} leads to {}", route.path, lead.to);
        }
    }
}
