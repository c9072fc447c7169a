//! Where vendors call (contract §7.1, §9): the older addresses and the general one reach the same receiver.

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use appengine_actors::ids::IntegrationId;
use serde::Deserialize;

use super::route::{Access, Route, text};
use super::take::RawBody;
use crate::connect::receiver::{Address, ReceiveError, Receiver};
use crate::problem::Problem;
use crate::vendors::call::{Call, Headers};
use crate::vendors::verdict::Reply;

const TAG: &str = "Vendors";

/// Addresses that name their vendor by themselves, and the vendor.
const FIXED: [(&str, &str); 6] = [
    ("/storefront/stripe/webhook", "stripe"),
    ("/storefront/paypal/webhook", "paypal"),
    ("/broadcast/email/webhook", "email"),
    ("/phone/webhook", "twilio"),
    ("/phone/webhook/{kind}", "twilio"),
    ("/ivr/incoming", "twilio"),
];

/// What Twilio's addresses say of a call, which its body says too.
const TWILIO: [&str; 5] = [
    "/connect/webhook/twilio/voice",
    "/connect/webhook/twilio/sms",
    "/connect/webhook/twilio/status",
    "/connect/webhook/twilio/ivr-menu",
    "/connect/webhook/twilio/ivr-ai-transfer",
];

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let about = "What a vendor calls; the organisation by `serviceId`, or by `orgid` in the query";
    let mut routes = Vec::new();
    for method in [Method::POST, Method::GET] {
        let vendor = || text(r"^[a-z][a-z0-9-]{0,31}$");
        let all = [
            Route::new(method.clone(), "/connect/webhook/{vendor}", Access::Open, by_vendor)
                .part("vendor", vendor()),
            Route::new(method.clone(), "/connect/webhook/{vendor}/{serviceId}", Access::Open, by_service)
                .part("vendor", vendor()),
            Route::new(
                method.clone(),
                "/connect/webhook/{vendor}/{serviceId}/{token}",
                Access::Open,
                by_token,
            ),
            Route::new(method.clone(), "/sync/social/webhook/{vendor}", Access::Open, by_vendor),
            Route::new(method.clone(), "/sync/social/webhook/{vendor}/{rest}", Access::Open, by_network),
        ];
        // What they take is each vendor's own, and only a vendor can sign it.
        routes.extend(all.into_iter().map(|route| route.about(TAG, about).hidden()));
        for (path, vendor) in FIXED {
            routes.push(fixed(method.clone(), path, vendor).about(TAG, about).hidden());
        }
        for path in TWILIO {
            routes.push(fixed(method.clone(), path, "twilio").about(TAG, about).hidden());
        }
    }
    routes
}

/// An address of one vendor's.
fn fixed(method: Method, path: &'static str, vendor: &'static str) -> Route {
    let handler = move |request: HttpRequest, marks: web::Query<Marks>, body: RawBody, parts: Parts| {
        let to = Address { vendor: vendor.to_owned(), service: None, org: marks.0.org() };
        async move { receive(&request, to, body, &parts).await }
    };
    Route::new(method, path, Access::Open, handler)
}

/// What the handlers work with.
type Parts = (web::Data<Receiver>, web::Data<PublicUrl>);

/// The address of this server as the vendors know it: they sign it, so it is never taken from a request's headers.
pub struct PublicUrl(pub String);

/// Whose a call is, where its address says so.
#[derive(Debug, Deserialize)]
struct Marks {
    org: Option<String>,
    orgid: Option<String>,
    #[serde(rename = "orgId")]
    org_id: Option<String>,
}

impl Marks {
    fn org(self) -> Option<String> {
        self.orgid.or(self.org).or(self.org_id)
    }
}

async fn by_vendor(
    request: HttpRequest,
    vendor: web::Path<String>,
    marks: web::Query<Marks>,
    body: RawBody,
    parts: Parts,
) -> Result<HttpResponse, Problem> {
    let to = Address { vendor: vendor.into_inner(), service: None, org: marks.0.org() };
    receive(&request, to, body, &parts).await
}

async fn by_service(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    body: RawBody,
    parts: Parts,
) -> Result<HttpResponse, Problem> {
    let (vendor, service) = path.into_inner();
    receive(&request, Address { vendor, service: Some(service), org: None }, body, &parts).await
}

/// Some vendors have several addresses, and an integration may be named too.
async fn by_network(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    marks: web::Query<Marks>,
    body: RawBody,
    parts: Parts,
) -> Result<HttpResponse, Problem> {
    let (vendor, rest) = path.into_inner();
    let service = rest.parse::<IntegrationId>().ok().map(|id| id.to_string());
    receive(&request, Address { vendor, service, org: marks.0.org() }, body, &parts).await
}

/// Pinterest's address ends with a part that nobody can guess.
async fn by_token(
    request: HttpRequest,
    path: web::Path<(String, String, String)>,
    body: RawBody,
    parts: Parts,
) -> Result<HttpResponse, Problem> {
    let (vendor, service, _) = path.into_inner();
    receive(&request, Address { vendor, service: Some(service), org: None }, body, &parts).await
}

async fn receive(
    request: &HttpRequest,
    to: Address,
    RawBody(body): RawBody,
    (receiver, public): &Parts,
) -> Result<HttpResponse, Problem> {
    let path = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let headers = request.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let call = Call {
        method: request.method().as_str().to_owned(),
        url: format!("{}{path}", public.0),
        headers: Headers::new(headers),
        body,
    };
    Ok(answer(receiver.receive(&to, call).await?))
}

fn answer(reply: Reply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let mut answer = HttpResponseBuilder::new(status);
    match reply.content_type {
        Some(content_type) => answer.content_type(content_type).body(reply.body),
        None => answer.finish(),
    }
}

impl From<ReceiveError> for Problem {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Nobody(why) => Self::not_found(why),
            ReceiveError::Later(_) => Self::unavailable("the call cannot be taken just now; send it again"),
            // Whoever forges calls learns no more than that; the log says what was wrong.
            ReceiveError::Refused(refused) => {
                let status = StatusCode::from_u16(refused.refusal.status).unwrap_or(StatusCode::UNAUTHORIZED);
                Self::new(
                    status,
                    "call_refused",
                    format!("the call is not taken as one of {}", refused.vendor),
                )
            }
        }
    }
}
