//! Paths for operators and their programs: numbers, administration, files.

use super::{
    body,
    call::{Answer, Call, handle},
    error::ApiError,
    openapi::{self, CommandAnswer},
    routes::resource,
    static_files,
};
use crate::{
    admin::{self, AdminError, Command},
    config::Reach,
    metrics::Gauges,
    now, secrets,
    service::{Service, ServiceError},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload, ServiceConfig},
};
use serde_json::json;
use twocan_proto::api::{ErrorBody, ErrorCode, Format, Role, Secret};

/// The operators' paths.
pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(resource("/openapi.json", "GET").get(openapi::document))
        .service(resource("/metrics", "GET").get(metrics))
        .service(resource("/admin", "POST").post(handle(command)))
        .service(
            resource("/static/{path:.*}", "GET, HEAD")
                .get(file)
                .head(file),
        );
}

#[utoipa::path(
    get,
    path = "/metrics",
    summary = "Numbers for Prometheus",
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security((), ("token" = [])),
)]
/// Prometheus asks for a notation of its own, so `Accept` is not looked at.
pub(super) async fn metrics(request: HttpRequest, service: Data<Service>) -> HttpResponse {
    let call = Call::plain(request, service);
    counted(&call).unwrap_or_else(|error| error.response(Format::Json))
}

fn counted(call: &Call) -> Answer {
    let settings = call.config.get();
    within(settings.operation.metrics, call)?;
    if let Some(wanted) = &settings.metrics_token
        && !carries(call, wanted)?
    {
        return Err(ApiError::Service(ServiceError::NoSession));
    }
    let directory = &call.directory;
    let (accounts, sessions) = directory.counts();
    let gauges = Gauges {
        accounts,
        sessions,
        online: directory.online(now()),
        bans: directory.bans.len(),
        live_channels: call.live.count(),
    };
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(directory.metrics.text(gauges)))
}

/// Whether something is answered to where the request comes from. What is off
/// is not there.
fn within(reach: Reach, call: &Call) -> Result<(), ApiError> {
    match reach {
        Reach::Anywhere => Ok(()),
        Reach::Loopback if call.source()?.is_loopback() => Ok(()),
        Reach::Loopback | Reach::Off => Err(ApiError::NoRoute),
    }
}

fn carries(call: &Call, wanted: &Secret) -> Result<bool, ApiError> {
    let token = call.token()?;
    Ok(token.is_some_and(|token| secrets::same(&token, wanted)))
}

#[utoipa::path(
    post,
    path = "/admin",
    summary = "Do an administrator's command",
    request_body = Command,
    responses(
        (status = 200, body = CommandAnswer),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security(("session" = []), ("token" = [])),
)]
pub(super) async fn command(call: Call, body: Payload) -> Answer {
    may_command(&call)?;
    let command = body::command(call.content_type(), &body::read(body).await?)?;
    if matches!(command, Command::Restore { .. }) {
        let local = "a backup is brought back on the registry's own machine";
        return Err(AdminError::new(ErrorCode::Refused, local).into());
    }
    let answer = admin::socket::logged(command, &call).await?;
    call.private(StatusCode::OK, &json!({"ok": answer}))
}

/// Lets administrators through, and the token of the configuration.
fn may_command(call: &Call) -> Result<(), ApiError> {
    let settings = call.config.get();
    within(settings.operation.admin, call)?;
    if let Some(wanted) = &settings.admin_token
        && carries(call, wanted)?
    {
        return Ok(());
    }
    let session = call.session(&call.required_token()?)?;
    if session.member.role() == Role::Admin {
        return Ok(());
    }
    Err(ApiError::Service(ServiceError::Refused(
        "only administrators may do this",
    )))
}

#[utoipa::path(
    get,
    path = "/static/{path}",
    summary = "A file of the operator",
    params(
        ("path" = String, Path, description = "Path of the file"),
    ),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "It is as the asker knows it"),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
)]
/// Files have their own notations, so `Accept` is not looked at.
pub(super) async fn file(request: HttpRequest, service: Data<Service>) -> HttpResponse {
    let root = service.config.get().operation.static_dir.clone();
    static_files::serve(&request, root).await
}
