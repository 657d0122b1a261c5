//! `GET /live`: from a request to a live channel.

use super::{
    call::{Answer, Call, text_of},
    error::ApiError,
};
use crate::{live::LiveStream, now, service::ServiceError};
use actix_http::{
    body::{BodyStream, MessageBody as _},
    ws::{self, HandshakeError},
};
use actix_web::{
    HttpResponse,
    http::header::{self, HeaderValue},
    web::Payload,
};
use twocan_proto::api::{ErrorBody, Format};

#[utoipa::path(
    get,
    path = "/live",
    summary = "Open the live channel, a WebSocket",
    params(
        ("Sec-WebSocket-Protocol" = String, Header, description = "twocan.live.v1.json or twocan.live.v1.msgpack"),
    ),
    responses(
        (status = 101, description = "The channel is open"),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security(("session" = [])),
)]
pub(super) async fn open(call: Call, body: Payload) -> Answer {
    let caller = call.caller()?;
    let session = call.session(&call.required_token()?)?;
    let request = call.request();
    ws::verify_handshake(request.head()).map_err(|error| ApiError::NoWebSocket(problem(error)))?;
    let offered = text_of(request, header::SEC_WEBSOCKET_PROTOCOL).unwrap_or_default();
    let format = Format::offered(offered).ok_or(ApiError::NoSubprotocol)?;
    if call.notices.is_stopping() {
        let reason = "the registry is stopping";
        let drain = call.config.get().operation.drain.as_secs();
        let retry_after_s = drain.max(1);
        return Err(ServiceError::Limited {
            reason,
            retry_after_s,
        }
        .into());
    }
    let channel = call.live.open(&session, caller.address, format, now());
    let stream = LiveStream::new(call.registry(), channel, body.into_inner());
    let mut response = ws::handshake_response(request.head());
    response.insert_header((
        header::SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(format.subprotocol()),
    ));
    let response = response.message_body(BodyStream::new(stream).boxed());
    response.map(HttpResponse::from).map_err(|error| {
        tracing::error!(%error, "a live channel could not be opened");
        ServiceError::Internal.into()
    })
}

fn problem(error: HandshakeError) -> &'static str {
    match error {
        HandshakeError::GetMethodRequired => "it takes GET",
        HandshakeError::NoWebsocketUpgrade => "Upgrade: websocket is missing",
        HandshakeError::NoConnectionUpgrade => "Connection: upgrade is missing",
        HandshakeError::NoVersionHeader | HandshakeError::UnsupportedVersion => {
            "Sec-WebSocket-Version must be 13"
        }
        HandshakeError::BadWebsocketKey => "Sec-WebSocket-Key must be 16 bytes in base64",
    }
}
