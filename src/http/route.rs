//! A route: method, path, who may call it, what it takes and gives, and what handles it, in one value.
//! The server, the API document and the tests of tenancy are all made from these values.

use actix_web::http::Method;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{Handler, Responder, guard, web};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::admit::admit;
use crate::auth::role::Permission;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody; it reads and writes nothing of an organisation.
    Open,
    /// Anybody who names an organisation; it is how people come in.
    Entrance,
    /// Whoever has a link that this server signed, for what the link is of.
    Link,
    /// Whoever has a token or key, for what is their own.
    Signed,
    /// Staff with this permission, and keys with this scope.
    Staff(Permission, &'static str),
    /// Whoever has this permission, customers for what is their own, and keys with this scope.
    Content(Permission, &'static str),
    /// Whoever may do this with the one record that the request is about: by the record's own rule where it has
    /// one, else by this permission. The handler asks, since it knows the record. Keys need this scope.
    Record(Permission, &'static str),
    /// Those who run the organisation: its owners and administrators.
    Admin(&'static str),
}

impl Access {
    /// Whether a caller must be known.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        !matches!(self, Self::Open | Self::Entrance | Self::Link)
    }
}

/// A route.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with `{names}`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// What it is, for the API document.
    pub doc: Doc,
    changes: bool,
    make: Make,
}

/// Makes the route as the server takes it, for these methods.
type Make = Box<dyn Fn(&[Method]) -> actix_web::Route + Send + Sync>;

/// What the API document says of a route.
#[derive(Clone)]
pub struct Doc {
    /// One line.
    pub summary: &'static str,
    /// The chapter.
    pub tag: &'static str,
    /// What the body must be.
    pub body: Option<Described>,
    /// Whether the body may be left out.
    pub body_optional: bool,
    /// The media type of the body.
    pub body_media: &'static str,
    /// The successful answer; none for one without a body.
    pub reply: Option<Described>,
    /// Its status.
    pub status: StatusCode,
    /// Other successful answers, without a body.
    pub also: Vec<(StatusCode, &'static str)>,
    /// The media type of the successful answer.
    pub media: &'static str,
    /// Query parameters: name, schema, what it means.
    pub query: Vec<(&'static str, RefOr<Schema>, &'static str)>,
    /// Those of them that may not be left out.
    pub needed: Vec<&'static str>,
    /// Path parameters that are more than any text: name, schema.
    pub paths: Vec<(&'static str, RefOr<Schema>)>,
    /// What can be asked next about what the answer names.
    pub leads: Vec<Lead>,
    /// Whether the document leaves it out: pages, streams and second spellings.
    pub hidden: bool,
}

/// A route that an answer leads to.
#[derive(Debug, Clone, Copy)]
pub struct Lead {
    /// Its method and path: `GET /events/{id}`.
    pub to: &'static str,
    /// Its path parameters, and where in the answer they are: `("id", "/ids/0")`.
    pub by: &'static [(&'static str, &'static str)],
}

/// Makes a schema: a route is made in every thread that serves, its document once.
pub type Described = fn() -> Named;

/// A schema and those that it refers to.
#[derive(Clone)]
pub struct Named {
    /// As it is used.
    pub schema: RefOr<Schema>,
    /// Under which names others are defined.
    pub definitions: Vec<(String, RefOr<Schema>)>,
}

impl Named {
    fn of<T: ToSchema>() -> Self {
        let mut definitions = Vec::new();
        T::schemas(&mut definitions);
        definitions.push((T::name().into_owned(), T::schema()));
        Self { schema: RefOr::Ref(Ref::from_schema_name(T::name())), definitions }
    }

    fn any_object() -> Self {
        let object = ObjectBuilder::new().schema_type(Type::Object).build();
        Self { schema: RefOr::T(Schema::Object(object)), definitions: Vec::new() }
    }
}

/// A text that keeps a pattern, for parameters.
#[must_use]
pub fn text(pattern: &str) -> RefOr<Schema> {
    RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build()))
}

/// An id with this prefix, for parameters: a ULID holds 128 bits, so its first character is at most 7.
#[must_use]
pub fn id(prefix: &str) -> RefOr<Schema> {
    text(&format!("^{prefix}[0-7][0-9A-HJKMNP-TV-Z]{{25}}$"))
}

/// The kind of an event, for parameters.
#[must_use]
pub fn kind() -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(128));
    RefOr::T(Schema::Object(text.pattern(Some(r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$")).build()))
}

/// One of these words, for parameters.
#[must_use]
pub fn one_of(words: &[&str]) -> RefOr<Schema> {
    let words = words.iter().map(|word| serde_json::Value::from(*word)).collect::<Vec<_>>();
    RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()))
}

/// A whole number within bounds, for parameters.
#[must_use]
pub fn whole(least: u32, most: u32) -> RefOr<Schema> {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(Some(most));
    RefOr::T(Schema::Object(number.build()))
}

/// The schema of a type, for parameters.
#[must_use]
pub fn schema_of<T: PartialSchema>() -> RefOr<Schema> {
    T::schema()
}

impl Route {
    /// A route with nothing said about it yet.
    pub fn new<F, Args>(method: Method, path: &'static str, access: Access, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: actix_web::FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let make = move |methods: &[Method]| {
            let admitted = from_fn(move |request, next| admit(access, request, next));
            let methods = methods.to_vec();
            let known = guard::fn_guard(move |context| methods.contains(&context.head().method));
            web::route().guard(known).to(handler.clone()).wrap(admitted)
        };
        let doc = Doc {
            summary: "",
            tag: "",
            body: None,
            body_optional: false,
            body_media: "application/json",
            reply: None,
            status: StatusCode::OK,
            also: Vec::new(),
            media: "application/json",
            query: Vec::new(),
            needed: Vec::new(),
            paths: Vec::new(),
            leads: Vec::new(),
            hidden: false,
        };
        Self { method, path, access, doc, changes: false, make: Box::new(make) }
    }

    /// `GET`.
    pub fn get<F, Args>(path: &'static str, access: Access, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: actix_web::FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Method::GET, path, access, handler)
    }

    /// `POST`.
    pub fn post<F, Args>(path: &'static str, access: Access, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: actix_web::FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Method::POST, path, access, handler)
    }

    /// The chapter and the one line of the API document.
    #[must_use]
    pub const fn about(mut self, tag: &'static str, summary: &'static str) -> Self {
        self.doc.tag = tag;
        self.doc.summary = summary;
        self
    }

    /// The body is a `T`.
    #[must_use]
    pub const fn takes<T: ToSchema>(mut self) -> Self {
        self.doc.body = Some(Named::of::<T>);
        self
    }

    /// The body is a `T`, or is left out.
    #[must_use]
    pub const fn may_take<T: ToSchema>(mut self) -> Self {
        self.doc.body_optional = true;
        self.takes::<T>()
    }

    /// The body is a form of parts, which a `T` describes.
    #[must_use]
    pub const fn takes_parts<T: ToSchema>(mut self) -> Self {
        self.doc.body_media = "multipart/form-data";
        self.takes::<T>()
    }

    /// The answer is a `T` with this status.
    #[must_use]
    pub const fn gives<T: ToSchema>(mut self, status: StatusCode) -> Self {
        self.doc.reply = Some(Named::of::<T>);
        self.doc.status = status;
        self
    }

    /// The answer is an object that is not described further.
    #[must_use]
    pub const fn gives_object(mut self, status: StatusCode) -> Self {
        self.doc.reply = Some(Named::any_object);
        self.doc.status = status;
        self
    }

    /// The answer is of another media type.
    #[must_use]
    pub const fn gives_media(mut self, media: &'static str) -> Self {
        self.doc.media = media;
        self
    }

    /// Another successful answer, without a body.
    #[must_use]
    pub fn also(mut self, status: StatusCode, meaning: &'static str) -> Self {
        self.doc.also.push((status, meaning));
        self
    }

    /// A query parameter.
    #[must_use]
    pub fn query(mut self, name: &'static str, schema: RefOr<Schema>, meaning: &'static str) -> Self {
        self.doc.query.push((name, schema, meaning));
        self
    }

    /// A query parameter that may not be left out.
    #[must_use]
    pub fn needs(mut self, name: &'static str, schema: RefOr<Schema>, meaning: &'static str) -> Self {
        self.doc.needed.push(name);
        self.query(name, schema, meaning)
    }

    /// What a path parameter must be.
    #[must_use]
    pub fn part(mut self, name: &'static str, schema: RefOr<Schema>) -> Self {
        self.doc.paths.push((name, schema));
        self
    }

    /// The answer names what these routes are about, each as `GET /events/{id}`.
    #[must_use]
    pub fn leads(mut self, by: &'static [(&'static str, &'static str)], to: &[&'static str]) -> Self {
        self.doc.leads.extend(to.iter().map(|to| Lead { to, by }));
        self
    }

    /// Leaves the route out of the API document.
    #[must_use]
    pub const fn hidden(mut self) -> Self {
        self.doc.hidden = true;
        self
    }

    /// A `GET` that changes something, as older contracts have it. HEAD is not answered: whoever sends that,
    /// such as a proxy or a preview of links, relies on nothing being changed by it (RFC 9110 §9.2.1).
    #[must_use]
    pub const fn changes_something(mut self) -> Self {
        self.changes = true;
        self
    }

    /// The methods that it answers: whoever answers GET answers HEAD (RFC 9110 §9.1), unless it changes
    /// something. The connection leaves the body out.
    #[must_use]
    pub fn methods(&self) -> Vec<Method> {
        let head = (self.method == Method::GET && !self.changes).then_some(Method::HEAD);
        std::iter::once(self.method.clone()).chain(head).collect()
    }

    /// The route as the server takes it.
    #[must_use]
    pub fn make(&self) -> actix_web::Route {
        (self.make)(&self.methods())
    }
}
