//! Errors as clients see them. This is the one place where they get their
//! status code.

use super::call::written;
use crate::{admin::AdminError, service::ServiceError};
use actix_web::{HttpResponse, http::StatusCode, http::header};
use std::fmt;
use twocan_proto::api::{ErrorBody, ErrorCode, ErrorDetail, Format};

/// An answer that is an error.
#[derive(Debug)]
pub(super) enum ApiError {
    /// The service said no.
    Service(ServiceError),
    /// The body or the query cannot be understood.
    Unreadable(String),
    /// A field is missing or wrong.
    Field(&'static str, String),
    /// More bytes than [`crate::limits::BODY_MAX`].
    TooLarge,
    /// The body did not come in time.
    Slow,
    /// There is no such path.
    NoRoute,
    /// The path has other methods, which are listed.
    NoMethod(&'static str),
    /// An operator's command was not done.
    Admin(AdminError),
    /// Something else than a WebSocket, for the reason given.
    NoWebSocket(&'static str),
    /// None of the sub-protocols that are spoken here.
    NoSubprotocol,
    /// `Accept` names no notation that is spoken here.
    NotAcceptable,
}

impl ApiError {
    fn kind(&self) -> (ErrorCode, StatusCode) {
        use ServiceError as S;
        match self {
            Self::Unreadable(_) | Self::Field(..) | Self::Service(S::BadField { .. }) => {
                (ErrorCode::BadRequest, StatusCode::BAD_REQUEST)
            }
            Self::NoMethod(_) => (ErrorCode::BadRequest, StatusCode::METHOD_NOT_ALLOWED),
            Self::Admin(error) => (error.code, admin_status(error.code)),
            Self::NotAcceptable => (ErrorCode::BadRequest, StatusCode::NOT_ACCEPTABLE),
            Self::NoWebSocket(_) => (ErrorCode::BadRequest, StatusCode::UPGRADE_REQUIRED),
            Self::NoSubprotocol => (ErrorCode::BadRequest, StatusCode::BAD_REQUEST),
            Self::Slow => (ErrorCode::BadRequest, StatusCode::REQUEST_TIMEOUT),
            Self::TooLarge => (ErrorCode::TooLarge, StatusCode::PAYLOAD_TOO_LARGE),
            Self::NoRoute | Self::Service(S::Unknown) => {
                (ErrorCode::NotFound, StatusCode::NOT_FOUND)
            }
            Self::Service(S::Taken(_)) => (ErrorCode::Taken, StatusCode::CONFLICT),
            Self::Service(S::WrongPassword | S::NoSession | S::NoProof) => {
                (ErrorCode::Unauthorized, StatusCode::UNAUTHORIZED)
            }
            Self::Service(S::NotYours | S::Closed | S::Refused(_) | S::NeedsCode(_)) => {
                (ErrorCode::Refused, StatusCode::FORBIDDEN)
            }
            Self::Service(S::Elsewhere | S::OtherIdentity) => {
                (ErrorCode::Conflict, StatusCode::CONFLICT)
            }
            Self::Service(S::Outdated { .. }) => (ErrorCode::Outdated, StatusCode::FORBIDDEN),
            Self::Service(S::Banned(_)) => (ErrorCode::Banned, StatusCode::FORBIDDEN),
            Self::Service(S::DiskFull) => (ErrorCode::Io, StatusCode::INSUFFICIENT_STORAGE),
            Self::Service(S::Limited { .. }) => (ErrorCode::Limited, StatusCode::TOO_MANY_REQUESTS),
            Self::Service(S::Disk) => (ErrorCode::Io, StatusCode::SERVICE_UNAVAILABLE),
            Self::Service(S::Internal) => (ErrorCode::Internal, StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        self.kind().1
    }

    fn needs(&self) -> Option<String> {
        match self {
            Self::Service(ServiceError::NeedsCode(_)) => Some("code".to_owned()),
            Self::Service(ServiceError::Outdated { least, .. }) => Some(least.to_string()),
            _ => None,
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Service(ServiceError::Limited { retry_after_s, .. }) => Some(*retry_after_s),
            _ => None,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(error) => error.fmt(f),
            Self::Unreadable(problem) => f.write_str(problem),
            Self::Field(field, problem) => write!(f, "{field}: {problem}"),
            Self::TooLarge => {
                write!(f, "a body has at most {} bytes", crate::limits::BODY_MAX)
            }
            Self::Slow => f.write_str("the body took too long to arrive"),
            Self::NoRoute => f.write_str("there is nothing under this path"),
            Self::NoMethod(allowed) => write!(f, "this path takes {allowed} only"),
            Self::Admin(error) => error.fmt(f),
            Self::NoWebSocket(problem) => {
                write!(f, "this path is a WebSocket of version 13: {problem}")
            }
            Self::NoSubprotocol => {
                let spoken = Format::ALL.map(Format::subprotocol).join(" or ");
                write!(
                    f,
                    "offer one of those spoken here with Sec-WebSocket-Protocol: {spoken}"
                )
            }
            Self::NotAcceptable => {
                let spoken = Format::ALL.map(Format::media_type).join(" or ");
                write!(f, "ask for one of those spoken here with Accept: {spoken}")
            }
        }
    }
}

impl ApiError {
    /// The answer.
    pub(super) fn response(&self, format: Format) -> HttpResponse {
        let (code, status) = self.kind();
        let retry_after_s = self.retry_after_s();
        let mut response = HttpResponse::build(status);
        if let Some(seconds) = retry_after_s {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        match self {
            Self::NoMethod(allowed) => {
                response.insert_header((header::ALLOW, *allowed));
            }
            Self::NoWebSocket(_) => {
                response.insert_header((header::UPGRADE, "websocket"));
                response.insert_header((header::SEC_WEBSOCKET_VERSION, "13"));
            }
            Self::NoSubprotocol => {
                let spoken = Format::ALL.map(Format::subprotocol).join(", ");
                response.insert_header((header::SEC_WEBSOCKET_PROTOCOL, spoken));
            }
            // The rest of the body is not worth reading.
            Self::TooLarge | Self::Slow => {
                response.force_close();
            }
            _ if status == StatusCode::UNAUTHORIZED => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            _ => {}
        }
        let error = ErrorDetail {
            code,
            message: self.to_string(),
            retry_after_s,
            needs: self.needs(),
        };
        written(&mut response, format, &ErrorBody { error })
            .unwrap_or_else(|_| HttpResponse::InternalServerError().finish())
    }
}

fn admin_status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadRequest => StatusCode::BAD_REQUEST,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Taken | ErrorCode::Conflict => StatusCode::CONFLICT,
        ErrorCode::Refused => StatusCode::FORBIDDEN,
        ErrorCode::Limited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Busy | ErrorCode::Io => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<AdminError> for ApiError {
    fn from(error: AdminError) -> Self {
        Self::Admin(error)
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}
