//! Errors as clients see them. This is the one place where they get their
//! status code.

use crate::service::ServiceError;
use actix_web::{HttpResponse, ResponseError, http::StatusCode, http::header};
use std::fmt;
use twocan_proto::api::{ErrorBody, ErrorCode, ErrorDetail};

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
}

impl ApiError {
    fn kind(&self) -> (ErrorCode, StatusCode) {
        use ServiceError as S;
        match self {
            Self::Unreadable(_) | Self::Field(..) | Self::Service(S::BadField { .. }) => {
                (ErrorCode::BadRequest, StatusCode::BAD_REQUEST)
            }
            Self::NoMethod(_) => (ErrorCode::BadRequest, StatusCode::METHOD_NOT_ALLOWED),
            Self::Slow => (ErrorCode::BadRequest, StatusCode::REQUEST_TIMEOUT),
            Self::TooLarge => (ErrorCode::TooLarge, StatusCode::PAYLOAD_TOO_LARGE),
            Self::NoRoute | Self::Service(S::Unknown) => {
                (ErrorCode::NotFound, StatusCode::NOT_FOUND)
            }
            Self::Service(S::Taken(_)) => (ErrorCode::Taken, StatusCode::CONFLICT),
            Self::Service(S::WrongPassword | S::NoSession | S::NoProof) => {
                (ErrorCode::Unauthorized, StatusCode::UNAUTHORIZED)
            }
            Self::Service(S::NotYours | S::Closed) => (ErrorCode::Refused, StatusCode::FORBIDDEN),
            Self::Service(S::Banned(_)) => (ErrorCode::Banned, StatusCode::FORBIDDEN),
            Self::Service(S::DiskFull) => (ErrorCode::Io, StatusCode::INSUFFICIENT_STORAGE),
            Self::Service(S::Limited { .. }) => (ErrorCode::Limited, StatusCode::TOO_MANY_REQUESTS),
            Self::Service(S::Disk) => (ErrorCode::Io, StatusCode::SERVICE_UNAVAILABLE),
            Self::Service(S::Internal) => (ErrorCode::Internal, StatusCode::INTERNAL_SERVER_ERROR),
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
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.kind().1
    }

    fn error_response(&self) -> HttpResponse {
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
            // The rest of the body is not worth reading.
            Self::TooLarge | Self::Slow => {
                response.force_close();
            }
            _ if status == StatusCode::UNAUTHORIZED => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            _ => {}
        }
        let detail = ErrorDetail {
            code,
            message: self.to_string(),
            retry_after_s,
        };
        response.json(ErrorBody { error: detail })
    }
}

impl ApiError {
    /// The answer.
    pub(super) fn response(&self) -> HttpResponse {
        self.error_response()
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}
