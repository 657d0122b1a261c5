//! Reading the directory: the list, one client, several, and profiles.

use super::{
    call::{Answer, Call},
    error::ApiError,
};
use crate::{directory::Selection, service::ServiceError};
use actix_web::{http::StatusCode, web::Payload};
use twocan_proto::{
    api::{
        ClientInfo, ClientList, ErrorBody, Health, LookupAnswer, LookupRequest, PAGE_MAX,
        ProfileList, ProfiledClient, Username,
    },
    identity::PeerId,
};

#[utoipa::path(
    get,
    path = "/clients",
    summary = "A page of the client list",
    params(
        ("prefix" = Option<String>, Query, description = "Names that begin so"),
        ("after" = Option<String>, Query, description = "Names after this one: `next` of the page before"),
        ("online" = Option<bool>, Query, description = "Only those online, or offline"),
        ("limit" = Option<u16>, Query, description = "At most so many", minimum = 1, maximum = 1000),
    ),
    responses(
        (status = 200, body = ClientList),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security((), ("session" = [])),
)]
pub(super) async fn clients(call: Call, _body: Payload) -> Answer {
    call.reader()?;
    let list = call.clients(&selection(call.query()?)?);
    call.reply(StatusCode::OK, &list)
}

#[utoipa::path(
    get,
    path = "/profiles",
    summary = "A page of public profiles",
    params(
        ("search" = Option<String>, Query, description = "Text in the public profile", min_length = 2),
        ("prefix" = Option<String>, Query, description = "Names that begin so"),
        ("after" = Option<String>, Query, description = "Names after this one: `next` of the page before"),
        ("online" = Option<bool>, Query, description = "Only those online, or offline"),
        ("limit" = Option<u16>, Query, description = "At most so many", minimum = 1, maximum = 1000),
    ),
    responses(
        (status = 200, body = ProfileList),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security((), ("session" = [])),
)]
pub(super) async fn profiles(call: Call, _body: Payload) -> Answer {
    call.reader()?;
    let list = call.profiles(&selection(call.query()?)?)?;
    call.reply(StatusCode::OK, &list)
}

#[utoipa::path(
    get,
    path = "/clients/{username}",
    summary = "One client",
    params(
        ("username" = String, Path, description = "The name of a client"),
        ("key" = Option<PeerId>, Query, description = "Public key that the asker knows the client by"),
    ),
    responses(
        (status = 200, body = ClientInfo),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security((), ("session" = [])),
)]
pub(super) async fn client(call: Call, _body: Payload) -> Answer {
    call.reader()?;
    let key = key(&call)?;
    let client = call.client(&named(&call)?, key.as_ref())?;
    call.reply(StatusCode::OK, &client)
}

#[utoipa::path(
    get,
    path = "/clients/{username}/profile",
    summary = "One client with its profile",
    params(
        ("username" = String, Path, description = "The name of a client"),
        ("key" = Option<PeerId>, Query, description = "Public key that the asker knows the client by"),
    ),
    responses(
        (status = 200, body = ProfiledClient),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security((), ("session" = [])),
)]
pub(super) async fn profile(call: Call, _body: Payload) -> Answer {
    call.reader()?;
    let key = key(&call)?;
    let client = call.profile(&named(&call)?, key.as_ref())?;
    call.reply(StatusCode::OK, &client)
}

#[utoipa::path(
    post,
    path = "/lookups",
    summary = "Several clients at once",
    request_body = LookupRequest,
    responses(
        (status = 200, body = LookupAnswer),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security((), ("session" = [])),
)]
pub(super) async fn lookups(call: Call, body: Payload) -> Answer {
    call.reader()?;
    let asked = call.object(body).await?.lookups()?;
    call.reply(StatusCode::OK, &call.lookups(&asked))
}

#[utoipa::path(
    get,
    path = "/healthz",
    summary = "Whether the service works",
    responses(
        (status = 200, body = Health),
        (status = 503, body = Health, description = "It is stopping"),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
)]
pub(super) async fn healthz(call: Call, _body: Payload) -> Answer {
    // A balancer in front sends nobody here any more.
    let (status, word) = if call.notices.is_stopping() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else {
        (StatusCode::OK, "ok")
    };
    let health = Health {
        status: word.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    call.reply(status, &health)
}

/// The key that the asker names, which finds clients that only contacts see.
fn key(call: &Call) -> Result<Option<PeerId>, ApiError> {
    let query = call.query()?;
    let key = query.iter().find(|(name, _)| name == "key");
    let key = key.map(|(_, value)| value.parse()).transpose();
    key.map_err(|error| ApiError::Field("key", format!("{error}")))
}

/// The client that the path names; what cannot be a name is nobody's.
pub(super) fn named(call: &Call) -> Result<Username, ApiError> {
    let name = call.segment("username").and_then(|name| name.parse().ok());
    name.ok_or(ApiError::Service(ServiceError::Unknown))
}

fn selection(query: Vec<(String, String)>) -> Result<Selection, ApiError> {
    let mut selection = Selection {
        limit: PAGE_MAX,
        ..Selection::default()
    };
    for (name, value) in query {
        match name.as_str() {
            "prefix" => selection.prefix = value.to_ascii_lowercase(),
            "after" => selection.after = Some(value.to_ascii_lowercase()),
            "online" => selection.online = Some(flag(&value)?),
            "search" => selection.search = Some(value.to_lowercase()),
            "limit" => selection.limit = limit(&value)?,
            _ => {}
        }
    }
    Ok(selection)
}

fn flag(value: &str) -> Result<bool, ApiError> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(ApiError::Field(
            "online",
            "must be true or false".to_owned(),
        )),
    }
}

fn limit(value: &str) -> Result<usize, ApiError> {
    let limit = value
        .parse()
        .ok()
        .filter(|limit| (1..=PAGE_MAX).contains(limit));
    limit.ok_or_else(|| ApiError::Field("limit", format!("must be 1 to {PAGE_MAX}")))
}
