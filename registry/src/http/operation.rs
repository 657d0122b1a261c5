//! Paths for operators and their programs: numbers, administration, files.

use super::{body, error::ApiError, static_files};
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
use twocan_proto::api::{ErrorBody, ErrorCode, ErrorDetail, Secret};

/// The operators' paths.
pub(crate) fn configure(app: &mut ServiceConfig) {
    app.service(super::routes::resource("/metrics", "GET").get(metrics))
        .service(super::routes::resource("/admin", "POST").post(command))
        .service(
            super::routes::resource("/static/{path:.*}", "GET, HEAD")
                .get(file)
                .head(file),
        );
}

async fn metrics(request: HttpRequest, service: Data<Service>) -> HttpResponse {
    let settings = service.config.get();
    let wanted = settings.metrics_token.as_ref();
    let allowed = within(settings.operation.metrics, &request)
        .and_then(|()| wanted.map_or(Ok(()), |token| carries(&request, token)));
    if let Err(error) = allowed {
        return error.response();
    }
    let directory = &service.directory;
    let (accounts, sessions) = directory.counts();
    let gauges = Gauges {
        accounts,
        sessions,
        online: directory.online(now()),
        bans: directory.bans.len(),
    };
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(directory.metrics.text(gauges))
}

/// Whether something is answered to where the request comes from. What is off
/// is not there.
fn within(reach: Reach, request: &HttpRequest) -> Result<(), ApiError> {
    match reach {
        Reach::Anywhere => Ok(()),
        Reach::Loopback if body::source(request)?.is_loopback() => Ok(()),
        Reach::Loopback | Reach::Off => Err(ApiError::NoRoute),
    }
}

fn carries(request: &HttpRequest, wanted: &Secret) -> Result<(), ApiError> {
    match body::token(request)? {
        Some(token) if secrets::same(&token, wanted) => Ok(()),
        _ => Err(ApiError::Service(ServiceError::NoSession)),
    }
}

async fn command(request: HttpRequest, body: Payload, service: Data<Service>) -> HttpResponse {
    match commanded(request, body, &service).await {
        Ok(answer) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(serde_json::json!({"ok": answer})),
        Err(refusal) => refusal,
    }
}

async fn commanded(
    request: HttpRequest,
    body: Payload,
    service: &Service,
) -> Result<serde_json::Value, HttpResponse> {
    may_command(&request, service).map_err(|error| error.response())?;
    let bytes = body::json(&request, body).await;
    let bytes = bytes.map_err(|error| error.response())?;
    let command: Command = serde_json::from_slice(&bytes)
        .map_err(|error| refusal(&AdminError::new(ErrorCode::BadRequest, error.to_string())))?;
    if matches!(command, Command::Restore { .. }) {
        let local = "a backup is brought back on the registry's own machine";
        return Err(refusal(&AdminError::new(ErrorCode::Refused, local)));
    }
    admin::socket::logged(command, service)
        .await
        .map_err(|error| refusal(&error))
}

/// Lets administrators through, and the token of the configuration.
fn may_command(request: &HttpRequest, service: &Service) -> Result<(), ApiError> {
    let settings = service.config.get();
    within(settings.operation.admin, request)?;
    let wanted = settings.admin_token.as_ref();
    if wanted.is_some_and(|wanted| carries(request, wanted).is_ok()) {
        return Ok(());
    }
    Err(ApiError::Service(ServiceError::NoSession))
}

fn refusal(error: &AdminError) -> HttpResponse {
    let status = match error.code {
        ErrorCode::BadRequest => StatusCode::BAD_REQUEST,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Taken | ErrorCode::Conflict => StatusCode::CONFLICT,
        ErrorCode::Refused => StatusCode::FORBIDDEN,
        ErrorCode::Limited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Busy | ErrorCode::Io => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    HttpResponse::build(status).json(ErrorBody {
        error: ErrorDetail {
            code: error.code,
            message: error.message.clone(),
            retry_after_s: None,
        },
    })
}

async fn file(request: HttpRequest, service: Data<Service>) -> HttpResponse {
    let root = service.config.get().operation.static_dir.clone();
    static_files::serve(&request, root).await
}
