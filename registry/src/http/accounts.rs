//! Accounts and sessions: made, changed and ended.

use super::{
    call::{Answer, Call},
    directory::named,
    openapi::Leaving,
};
use crate::service::Proof;
use actix_web::{HttpResponse, http::StatusCode, web::Payload};
use twocan_proto::api::{
    AccountChange, AccountInfo, ClientInfo, EmailChange, ErrorBody, PasswordChange,
    RegisterRequest, ResetAnswer, ResetRequest, ResumeRequest, SessionGrant, SessionRequest,
};

#[utoipa::path(
    post,
    path = "/register",
    summary = "Make an account",
    request_body = RegisterRequest,
    responses(
        (status = 201, body = ClientInfo),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
)]
pub(super) async fn register(call: Call, body: Payload) -> Answer {
    let caller = call.caller()?;
    let registration = call.object(body).await?.register()?;
    let client = call.register(registration, caller).await?;
    call.made(&format!("/clients/{}", client.username), &client)
}

#[utoipa::path(
    delete,
    path = "/clients/{username}",
    summary = "End an account, with its password or token",
    params(
        ("username" = String, Path, description = "The name of a client"),
    ),
    request_body = Option<Leaving>,
    responses(
        (status = 204, description = "It is gone"),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security((), ("session" = [])),
)]
pub(super) async fn delete(call: Call, body: Payload) -> Answer {
    let username = named(&call)?;
    let token = call.token()?;
    // With a token, too: nothing is done for a request that makes no sense.
    let password = call.optional_object(body).await?.proof()?;
    let proof = match (token, password) {
        (Some(token), _) => Proof::Token(token),
        (None, Some(password)) => Proof::Password(password),
        (None, None) => Proof::None,
    };
    call.delete(&username, proof, call.caller()?).await?;
    Ok(HttpResponse::NoContent().finish())
}

#[utoipa::path(
    post,
    path = "/sessions",
    summary = "Sign in",
    request_body = SessionRequest,
    responses(
        (status = 201, body = SessionGrant),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
)]
pub(super) async fn sign_in(call: Call, body: Payload) -> Answer {
    let caller = call.caller()?;
    let request = call.object(body).await?.session()?;
    let grant = call.sign_in(request, caller).await?;
    call.private(StatusCode::CREATED, &grant)
}

#[utoipa::path(
    put,
    path = "/sessions/current",
    summary = "Come back with a kept token",
    request_body = Option<ResumeRequest>,
    responses(
        (status = 200, body = SessionGrant),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security(("session" = [])),
)]
pub(super) async fn resume(call: Call, body: Payload) -> Answer {
    let (caller, token) = (call.caller()?, call.required_token()?);
    let request = call.optional_object(body).await?.resume()?;
    let grant = call.resume(token, request, caller).await?;
    call.private(StatusCode::OK, &grant)
}

#[utoipa::path(
    delete,
    path = "/sessions",
    summary = "Sign out",
    responses(
        (status = 204, description = "The session has ended"),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security(("session" = [])),
)]
pub(super) async fn sign_out(call: Call, _body: Payload) -> Answer {
    call.sign_out(&call.required_token()?).await?;
    Ok(HttpResponse::NoContent().finish())
}

#[utoipa::path(
    delete,
    path = "/sessions/current",
    summary = "Sign out",
    responses(
        (status = 204, description = "The session has ended"),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security(("session" = [])),
)]
pub(super) async fn sign_out_current(call: Call, body: Payload) -> Answer {
    sign_out(call, body).await
}

#[utoipa::path(
    delete,
    path = "/sessions/current/presence",
    summary = "Go offline at once, and stay signed in",
    responses(
        (status = 204, description = "Offline until the session is resumed"),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security(("session" = [])),
)]
pub(super) async fn leave(call: Call, _body: Payload) -> Answer {
    call.leave(&call.required_token()?)?;
    Ok(HttpResponse::NoContent().finish())
}

#[utoipa::path(
    get,
    path = "/account",
    summary = "What the registry knows of its owner",
    responses(
        (status = 200, body = AccountInfo),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security(("session" = [])),
)]
pub(super) async fn account(call: Call, _body: Payload) -> Answer {
    let account = call.account(&call.required_token()?)?;
    call.private(StatusCode::OK, &account)
}

#[utoipa::path(
    patch,
    path = "/account",
    summary = "Change visibility or profile",
    request_body = AccountChange,
    responses(
        (status = 200, body = AccountInfo),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security(("session" = [])),
)]
pub(super) async fn change(call: Call, body: Payload) -> Answer {
    let token = call.required_token()?;
    let change = call.object(body).await?.account_change()?;
    let account = call.change_account(&token, change).await?;
    call.private(StatusCode::OK, &account)
}

#[utoipa::path(
    put,
    path = "/account/password",
    summary = "Change the password",
    request_body = PasswordChange,
    responses(
        (status = 200, body = SessionGrant),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security(("session" = [])),
)]
pub(super) async fn change_password(call: Call, body: Payload) -> Answer {
    let (caller, token) = (call.caller()?, call.required_token()?);
    let change = call.object(body).await?.password_change()?;
    let grant = call.change_password(&token, change, caller).await?;
    call.private(StatusCode::OK, &grant)
}

#[utoipa::path(
    put,
    path = "/account/email",
    summary = "Change the e-mail address",
    request_body = EmailChange,
    responses(
        (status = 200, body = AccountInfo),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
    security(("session" = [])),
)]
pub(super) async fn change_email(call: Call, body: Payload) -> Answer {
    let (caller, token) = (call.caller()?, call.required_token()?);
    let change = call.object(body).await?.email_change()?;
    let account = call.change_email(&token, change, caller).await?;
    call.private(StatusCode::OK, &account)
}

#[utoipa::path(
    post,
    path = "/password-reset",
    summary = "Ask for a mail with a link for a new password",
    request_body = ResetRequest,
    responses(
        (status = 202, body = ResetAnswer),
        (status = "4XX", body = ErrorBody, description = "Refused, with the reason"),
        (status = "5XX", body = ErrorBody, description = "The registry cannot do it now"),
    ),
)]
pub(super) async fn forgotten(call: Call, body: Payload) -> Answer {
    let caller = call.caller()?;
    let username = call.object(body).await?.username()?;
    call.forgotten(username, caller)?;
    let message =
        "if that account exists and has an e-mail address, a mail with a link is on its way";
    let answer = ResetAnswer {
        message: message.to_owned(),
    };
    call.reply(StatusCode::ACCEPTED, &answer)
}
