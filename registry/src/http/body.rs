//! Request bodies: read within their limits, and taken apart.

use super::{error::ApiError, fields::Fields};
use crate::{admin::Command, limits};
use actix_web::web::{BytesMut, Payload};
use futures_util::StreamExt;
use twocan_proto::api::{Format, FormatError};

/// The object in the bytes of a body.
pub(super) fn parse(content_type: &str, bytes: &[u8]) -> Result<Fields, ApiError> {
    // Insisting on the type also keeps forms of foreign web pages out: a browser
    // does not send it across sites without asking.
    let Some(format) = Format::declared(content_type) else {
        let problem = "the body is JSON: send it with Content-Type: application/json \
                       (or MessagePack, with application/msgpack)";
        return Err(ApiError::Unreadable(problem.to_owned()));
    };
    format.decode(bytes).map(Fields::new).map_err(|error| {
        ApiError::Unreadable(match error {
            FormatError::Shape => format!("the body must be a {} object", format.name()),
            error @ FormatError::Syntax(..) => error.to_string(),
        })
    })
}

/// The operator's command in the bytes of a body.
pub(super) fn command(content_type: &str, bytes: &[u8]) -> Result<Command, ApiError> {
    if Format::declared(content_type) != Some(Format::Json) {
        let problem = "a command is JSON: send it with Content-Type: application/json";
        return Err(ApiError::Unreadable(problem.to_owned()));
    }
    serde_json::from_slice(bytes).map_err(|error| ApiError::Unreadable(error.to_string()))
}

/// The bytes of a body.
pub(super) async fn read(mut body: Payload) -> Result<BytesMut, ApiError> {
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
