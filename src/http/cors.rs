//! Pages of other sites: those that the configuration lists may call and read, others may not (Fetch
//! standard, CORS). Without a list nothing is added.

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap,
    HeaderValue, ORIGIN, VARY,
};

use crate::gateway::Origins;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const SENT: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, orgid, shared-org-id, x-api-key, x-client-authorization, x-client-info, \
     x-client-host, x-client-protocol, domainasorg",
);
const READ: HeaderValue = HeaderValue::from_static(
    "retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset, idempotent-replayed",
);
const TEN_MINUTES: HeaderValue = HeaderValue::from_static("600");

/// The listed origin that a request comes from, if it does.
#[must_use]
pub fn listed(request: &ServiceRequest, origins: &Origins) -> Option<HeaderValue> {
    let origin = request.headers().get(ORIGIN)?;
    origins.lists(origin.to_str().ok()?).then(|| origin.clone())
}

/// The answer to a browser that asks before it calls; none for any other request.
#[must_use]
pub fn preflight(request: &ServiceRequest) -> Option<HttpResponse<BoxBody>> {
    let asks =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    asks.then(|| {
        let mut answer = HttpResponse::NoContent();
        answer.insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS));
        answer.insert_header((ACCESS_CONTROL_ALLOW_HEADERS, SENT));
        answer.insert_header((ACCESS_CONTROL_MAX_AGE, TEN_MINUTES)).finish()
    })
}

/// Lets the page read the answer.
pub fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, READ);
    headers.append(VARY, HeaderValue::from_static("origin"));
}
