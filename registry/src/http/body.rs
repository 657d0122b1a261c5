//! What comes with a request beside its path: body, query, token, address.

use super::{error::ApiError, fields::Fields};
use crate::{limits, service::ServiceError};
use actix_web::{
    HttpRequest,
    http::header,
    web::{BytesMut, Payload, Query},
};
use futures_util::StreamExt;
use std::net::IpAddr;
use twocan_proto::api::Secret;

/// Where a request comes from.
pub(super) fn source(request: &HttpRequest) -> Result<IpAddr, ApiError> {
    let peer = request
        .peer_addr()
        .ok_or(ApiError::Service(ServiceError::Internal))?;
    Ok(peer.ip().to_canonical())
}

/// The token of `Authorization: Bearer TOKEN`, if there is one.
pub(super) fn token(request: &HttpRequest) -> Result<Option<Secret>, ApiError> {
    let Some(value) = request.headers().get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let value = value.to_str().ok().and_then(|value| value.split_once(' '));
    match value {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Some(Secret::from(token.trim())))
        }
        _ => Err(ApiError::Service(ServiceError::NoSession)),
    }
}

/// As [`token`], where nothing goes without.
pub(super) fn required_token(request: &HttpRequest) -> Result<Secret, ApiError> {
    token(request)?.ok_or(ApiError::Service(ServiceError::NoSession))
}

/// The query as pairs, in order.
pub(super) fn query(request: &HttpRequest) -> Result<Vec<(String, String)>, ApiError> {
    Query::from_query(request.query_string())
        .map(Query::into_inner)
        .map_err(|_| ApiError::Unreadable("the query cannot be read".to_owned()))
}

/// The JSON object in the body.
pub(super) async fn object(request: &HttpRequest, body: Payload) -> Result<Fields, ApiError> {
    let bytes = read(body).await?;
    if bytes.is_empty() {
        return Err(ApiError::Unreadable(
            "a JSON object is needed as body".to_owned(),
        ));
    }
    parse(request, &bytes)
}

/// The JSON object in the body, empty when there is no body.
pub(super) async fn optional_object(
    request: &HttpRequest,
    body: Payload,
) -> Result<Fields, ApiError> {
    let bytes = read(body).await?;
    if bytes.is_empty() {
        Ok(Fields::default())
    } else {
        parse(request, &bytes)
    }
}

/// The bytes of a body that says it is JSON.
pub(super) async fn json(request: &HttpRequest, body: Payload) -> Result<BytesMut, ApiError> {
    declared(request)?;
    read(body).await
}

fn parse(request: &HttpRequest, bytes: &[u8]) -> Result<Fields, ApiError> {
    declared(request)?;
    let object = serde_json::from_slice(bytes);
    object.map(Fields::new).map_err(|error| {
        // The data errors of serde name Rust types; an object is all we ask for.
        let problem = match error.classify() {
            serde_json::error::Category::Data => "the body must be a JSON object".to_owned(),
            _ => format!("the body is not JSON: {error}"),
        };
        ApiError::Unreadable(problem)
    })
}

fn declared(request: &HttpRequest) -> Result<(), ApiError> {
    // Insisting on the type also keeps forms of foreign web pages out: a browser
    // does not send it across sites without asking.
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let essence = kind
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default()
        .trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let problem = "the body is JSON: send it with Content-Type: application/json";
        return Err(ApiError::Unreadable(problem.to_owned()));
    }
    Ok(())
}

async fn read(mut body: Payload) -> Result<BytesMut, ApiError> {
    let all = async {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| ApiError::Unreadable("the body broke off".to_owned()))?;
            if bytes.len() + chunk.len() > limits::BODY_MAX {
                return Err(ApiError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    tokio::time::timeout(limits::BODY_WAIT, all)
        .await
        .unwrap_or(Err(ApiError::Slow))
}
