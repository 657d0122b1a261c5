//! Accounts and sessions: made, changed and ended.

use super::{
    call::{Answer, Call},
    directory::named,
};
use crate::service::Proof;
use actix_web::{HttpResponse, http::StatusCode, web::Payload};
use twocan_proto::api::ResetAnswer;

pub(super) async fn register(call: Call, body: Payload) -> Answer {
    let caller = call.caller()?;
    let registration = call.object(body).await?.register()?;
    let client = call.register(registration, caller).await?;
    call.made(&format!("/clients/{}", client.username), &client)
}

pub(super) async fn delete(call: Call, body: Payload) -> Answer {
    let username = named(&call)?;
    let proof = match call.token()? {
        Some(token) => Proof::Token(token),
        None => {
            let password = call.optional_object(body).await?.proof()?;
            password.map_or(Proof::None, Proof::Password)
        }
    };
    call.delete(&username, proof, call.caller()?).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn sign_in(call: Call, body: Payload) -> Answer {
    let caller = call.caller()?;
    let request = call.object(body).await?.session()?;
    let grant = call.sign_in(request, caller).await?;
    call.private(StatusCode::CREATED, &grant)
}

pub(super) async fn resume(call: Call, body: Payload) -> Answer {
    let (caller, token) = (call.caller()?, call.required_token()?);
    let request = call.optional_object(body).await?.resume()?;
    let grant = call.resume(token, request, caller).await?;
    call.private(StatusCode::OK, &grant)
}

pub(super) async fn sign_out(call: Call, _body: Payload) -> Answer {
    call.sign_out(&call.required_token()?).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn account(call: Call, _body: Payload) -> Answer {
    let account = call.account(&call.required_token()?)?;
    call.private(StatusCode::OK, &account)
}

pub(super) async fn change(call: Call, body: Payload) -> Answer {
    let token = call.required_token()?;
    let change = call.object(body).await?.account_change()?;
    let account = call.change_account(&token, change).await?;
    call.private(StatusCode::OK, &account)
}

pub(super) async fn change_password(call: Call, body: Payload) -> Answer {
    let (caller, token) = (call.caller()?, call.required_token()?);
    let change = call.object(body).await?.password_change()?;
    let grant = call.change_password(&token, change, caller).await?;
    call.private(StatusCode::OK, &grant)
}

pub(super) async fn change_email(call: Call, body: Payload) -> Answer {
    let (caller, token) = (call.caller()?, call.required_token()?);
    let change = call.object(body).await?.email_change()?;
    let account = call.change_email(&token, change, caller).await?;
    call.private(StatusCode::OK, &account)
}

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
