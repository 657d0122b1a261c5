//! The table of routes, and the handlers.

use super::{body, error::ApiError};
use crate::{
    directory::Selection,
    service::{Proof, Service, ServiceError},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data, Payload, ServiceConfig},
};
use std::future::ready;
use twocan_proto::api::{Health, PAGE_MAX, Username};

type Answer = Result<HttpResponse, ApiError>;

/// All of the registry's paths.
pub(crate) fn configure(app: &mut ServiceConfig) {
    app.service(
        web::resource("/register")
            .post(register)
            .default_service(web::to(|| ready(other("POST")))),
    )
    .service(
        web::resource("/clients")
            .get(clients)
            .default_service(web::to(|| ready(other("GET")))),
    )
    .service(
        web::resource("/clients/{username}")
            .get(client)
            .delete(delete_client)
            .default_service(web::to(|| ready(other("GET, DELETE")))),
    )
    .service(
        web::resource("/sessions")
            .post(sign_in)
            .delete(sign_out)
            .default_service(web::to(|| ready(other("POST, DELETE")))),
    )
    .service(
        web::resource("/sessions/current")
            .put(resume)
            .delete(sign_out)
            .default_service(web::to(|| ready(other("PUT, DELETE")))),
    )
    .service(
        web::resource("/healthz")
            .get(healthz)
            .default_service(web::to(|| ready(other("GET")))),
    )
    .configure(super::operation::configure)
    .default_service(web::to(no_route));
}

/// A path, which answers other methods than its own with the list of these.
pub(super) fn resource(path: &str, allowed: &'static str) -> actix_web::Resource {
    web::resource(path).default_service(web::to(move || ready(other(allowed))))
}

async fn register(request: HttpRequest, body: Payload, service: Data<Service>) -> Answer {
    let registration = body::object(&request, body).await?.register()?;
    let client = service
        .register(registration, body::source(&request)?)
        .await?;
    let location = format!("/clients/{}", client.username);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .json(client))
}

async fn clients(request: HttpRequest, service: Data<Service>) -> Answer {
    service.may_read(body::token(&request)?.as_ref())?;
    let list = service.clients(&selection(body::query(&request)?)?);
    Ok(HttpResponse::Ok().json(list))
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

async fn client(request: HttpRequest, service: Data<Service>) -> Answer {
    service.may_read(body::token(&request)?.as_ref())?;
    Ok(HttpResponse::Ok().json(service.client(&named(&request)?)?))
}

async fn delete_client(request: HttpRequest, body: Payload, service: Data<Service>) -> Answer {
    let username = named(&request)?;
    let proof = match body::token(&request)? {
        Some(token) => Proof::Token(token),
        None => {
            let password = body::optional_object(&request, body).await?.proof()?;
            password.map_or(Proof::None, Proof::Password)
        }
    };
    service
        .delete(&username, proof, body::source(&request)?)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The client that the path names; what cannot be a name is nobody's.
fn named(request: &HttpRequest) -> Result<Username, ApiError> {
    let name = request
        .match_info()
        .get("username")
        .and_then(|name| name.parse().ok());
    name.ok_or(ApiError::Service(ServiceError::Unknown))
}

async fn sign_in(request: HttpRequest, body: Payload, service: Data<Service>) -> Answer {
    let sign_in = body::object(&request, body).await?.session()?;
    let grant = service.sign_in(sign_in, body::source(&request)?).await?;
    Ok(secret(HttpResponse::Created()).json(grant))
}

async fn resume(request: HttpRequest, body: Payload, service: Data<Service>) -> Answer {
    let token = body::required_token(&request)?;
    let resume = body::optional_object(&request, body).await?.resume()?;
    let grant = service
        .resume(token, resume, body::source(&request)?)
        .await?;
    Ok(secret(HttpResponse::Ok()).json(grant))
}

/// An answer with a token in it is nothing to keep on the way.
fn secret(mut response: actix_web::HttpResponseBuilder) -> actix_web::HttpResponseBuilder {
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

async fn sign_out(request: HttpRequest, service: Data<Service>) -> Answer {
    service.sign_out(&body::required_token(&request)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn healthz() -> HttpResponse {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    HttpResponse::Ok().json(Health {
        status: "ok".to_owned(),
        version,
    })
}

fn other(allowed: &'static str) -> Answer {
    Err(ApiError::NoMethod(allowed))
}

async fn no_route() -> Answer {
    Err(ApiError::NoRoute)
}
