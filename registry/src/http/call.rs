//! One request on its way through a handler: what came with it, and the answer
//! in the notation that it asked for.

use super::{body, error::ApiError, fields::Fields};
use crate::{
    now,
    service::{Caller, Service, ServiceError},
};
use actix_web::{
    Handler, HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
    web::{Data, Payload, Query},
};
use serde::Serialize;
use std::{
    net::{IpAddr, SocketAddr},
    ops::Deref,
};
use twocan_proto::api::{ClientVersion, Format, Secret};

/// What a handler gives back.
pub(super) type Answer = Result<HttpResponse, ApiError>;

/// A request without its body.
#[derive(Debug)]
pub(super) struct Call {
    request: HttpRequest,
    service: Data<Service>,
    format: Format,
}

/// A route that ends at `handler`. The notation of the answer is settled before
/// anything is done.
pub(super) fn handle<F, A>(
    handler: F,
) -> impl Handler<(HttpRequest, Payload, Data<Service>), Output = HttpResponse>
where
    F: Fn(Call, Payload) -> A + Clone + 'static,
    A: Future<Output = Answer> + 'static,
{
    move |request: HttpRequest, body: Payload, service: Data<Service>| {
        let handler = handler.clone();
        async move {
            let Some(format) = Format::accepted(text_of(&request, header::ACCEPT)) else {
                return ApiError::NotAcceptable.response(Format::Json);
            };
            let call = Call {
                request,
                service,
                format,
            };
            handler(call, body)
                .await
                .unwrap_or_else(|error| error.response(format))
        }
    }
}

impl Deref for Call {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

impl Call {
    /// A request whose answers are not in the notation that it asked for.
    pub(super) fn plain(request: HttpRequest, service: Data<Service>) -> Self {
        Self {
            request,
            service,
            format: Format::Json,
        }
    }

    /// The answer with a body.
    pub(super) fn reply<T: Serialize>(&self, status: StatusCode, body: &T) -> Answer {
        written(&mut HttpResponse::build(status), self.format, body)
    }

    /// As [`Call::reply`], with something in it that is not to be kept on the way.
    pub(super) fn private<T: Serialize>(&self, status: StatusCode, body: &T) -> Answer {
        let mut response = HttpResponse::build(status);
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        written(&mut response, self.format, body)
    }

    /// As [`Call::reply`], with the path of what was made.
    pub(super) fn made<T: Serialize>(&self, location: &str, body: &T) -> Answer {
        let mut response = HttpResponse::Created();
        response.insert_header((header::LOCATION, location));
        written(&mut response, self.format, body)
    }

    /// The request's own lines.
    pub(super) fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// The registry, for what outlives the request.
    pub(super) fn registry(&self) -> Data<Service> {
        self.service.clone()
    }

    /// Where the request comes from.
    pub(super) fn source(&self) -> Result<IpAddr, ApiError> {
        source(&self.request)
    }

    /// Who asks, for what needs limits; a twocan that is too old gets no further.
    pub(super) fn caller(&self) -> Result<Caller, ApiError> {
        let version = text_of(&self.request, header::USER_AGENT);
        let version = version.and_then(ClientVersion::of_user_agent);
        self.service.check_version(version)?;
        Ok(Caller {
            address: self.source()?,
            now: now(),
        })
    }

    /// The segment of the path that the route calls `name`.
    pub(super) fn segment(&self, name: &str) -> Option<&str> {
        self.request.match_info().get(name)
    }

    /// The token of `Authorization: Bearer TOKEN`, if there is one.
    pub(super) fn token(&self) -> Result<Option<Secret>, ApiError> {
        let Some(value) = self.request.headers().get(header::AUTHORIZATION) else {
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

    /// As [`Call::token`], where nothing goes without.
    pub(super) fn required_token(&self) -> Result<Secret, ApiError> {
        self.token()?
            .ok_or(ApiError::Service(ServiceError::NoSession))
    }

    /// Lets through who may read the directory.
    pub(super) fn reader(&self) -> Result<(), ApiError> {
        Ok(self.service.may_read(self.token()?.as_ref())?)
    }

    /// The query as pairs, in order.
    pub(super) fn query(&self) -> Result<Vec<(String, String)>, ApiError> {
        pairs(self.request.query_string())
            .ok_or_else(|| ApiError::Unreadable("the query cannot be read".to_owned()))
    }

    /// The object in the body.
    pub(super) async fn object(&self, body: Payload) -> Result<Fields, ApiError> {
        let bytes = body::read(body).await?;
        if bytes.is_empty() {
            return Err(ApiError::Unreadable(
                "a JSON object is needed as body".to_owned(),
            ));
        }
        body::parse(self.content_type(), &bytes)
    }

    /// The object in the body, empty when there is no body.
    pub(super) async fn optional_object(&self, body: Payload) -> Result<Fields, ApiError> {
        let bytes = body::read(body).await?;
        if bytes.is_empty() {
            Ok(Fields::default())
        } else {
            body::parse(self.content_type(), &bytes)
        }
    }

    pub(super) fn content_type(&self) -> &str {
        text_of(&self.request, header::CONTENT_TYPE).unwrap_or_default()
    }
}

/// Where a request comes from.
pub(super) fn source(request: &HttpRequest) -> Result<IpAddr, ApiError> {
    let peer: SocketAddr = request
        .peer_addr()
        .ok_or(ApiError::Service(ServiceError::Internal))?;
    Ok(peer.ip().to_canonical())
}

/// The pairs of a query or a form (`application/x-www-form-urlencoded`).
pub(super) fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    Query::from_query(text).map(Query::into_inner).ok()
}

/// A header's text; one that is sent twice counts once.
pub(super) fn text_of(request: &HttpRequest, name: header::HeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}

/// A response with a body.
pub(super) fn written<T: Serialize>(
    response: &mut HttpResponseBuilder,
    format: Format,
    body: &T,
) -> Answer {
    let bytes = format.encode(body).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        ApiError::Service(ServiceError::Internal)
    })?;
    Ok(response.content_type(format.media_type()).body(bytes))
}
