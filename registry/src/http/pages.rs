//! The page on which a forgotten password is set anew. Plain HTML that needs no
//! JavaScript; everything that a browser could load, run, send elsewhere or keep
//! is switched off by the headers.
//!
//! Opening the link changes nothing, as programs that look through mail open
//! links, too; only sending the form does.

use super::{
    body,
    call::{pairs, source},
    error::ApiError,
    fields::password_problem,
    openapi::ResetForm,
};
use crate::service::{Service, ServiceError};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};
use twocan_proto::api::{ErrorBody, PASSWORD_MAX, Secret, Username};

/// Nothing but our own style sheet is loaded, and the form goes nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// Beside the policy. There is no Strict-Transport-Security: it would bind every
/// other service on the operator's host, too.
const HEADERS: [(&str, &str); 8] = [
    ("content-security-policy", POLICY),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=()",
    ),
    ("x-robots-tag", "noindex, nofollow"),
];

const STYLE: &str = "\
:root { color-scheme: light dark; }
body { max-width: 26rem; margin: 2rem auto; padding: 0 1rem;
       font: 1.0625rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.375rem; }
label { display: block; margin: 1rem 0 0.25rem; }
input, button { box-sizing: border-box; width: 100%; padding: 0.75rem;
                font: inherit; border: 1px solid #777; border-radius: 0.375rem; }
button { margin-top: 1.5rem; border: 0; color: #fff; background: #1d5fb4; }
.problem { padding: 0.5rem 0.75rem; border-left: 0.25rem solid #c0392b; }
";

/// `GET /reset.css`
#[utoipa::path(
    get,
    path = "/reset.css",
    summary = "Style of the page",
    responses(
        (status = 200, body = String, content_type = "text/css"),
    ),
)]
pub(super) async fn style() -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "max-age=3600"));
    response.insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    response.content_type("text/css; charset=utf-8").body(STYLE)
}

/// `GET /reset?token=...`
#[utoipa::path(
    get,
    path = "/reset",
    summary = "Page to set a forgotten password",
    params(("token" = Option<String>, Query, description = "What the link in the mail carries")),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = "4XX", content((String = "text/html"), (ErrorBody = "application/json")), description = "The page with what was wrong"),
        (status = "5XX", content((String = "text/html"), (ErrorBody = "application/json")), description = "The page with what failed"),
    ),
)]
pub(super) async fn form(request: HttpRequest, service: Data<Service>) -> HttpResponse {
    let query = pairs(request.query_string()).unwrap_or_default();
    let token = Secret::new(field(query, "token"));
    match service.link_owner(&token) {
        Some(owner) => form_page(StatusCode::OK, &owner, &token, None),
        None => spent(),
    }
}

/// `POST /reset`, the form of that page.
#[utoipa::path(
    post,
    path = "/reset",
    summary = "The form of that page",
    request_body(content = ResetForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = "4XX", content((String = "text/html"), (ErrorBody = "application/json")), description = "The page with what was wrong"),
        (status = "5XX", content((String = "text/html"), (ErrorBody = "application/json")), description = "The page with what failed"),
    ),
)]
pub(super) async fn set_password(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> HttpResponse {
    match set(&request, payload, &service).await {
        Ok(answer) => answer,
        Err(error) => notice(error.status(), "That did not work", &format!("{error}.")),
    }
}

async fn set(
    request: &HttpRequest,
    payload: Payload,
    service: &Service,
) -> Result<HttpResponse, ApiError> {
    let from = source(request)?;
    let bytes = body::read(payload).await?;
    let fields = std::str::from_utf8(&bytes).ok().and_then(pairs);
    let fields =
        fields.ok_or_else(|| ApiError::Unreadable("the form cannot be read".to_owned()))?;
    let token = Secret::new(field(fields.clone(), "token"));
    let password = Secret::new(field(fields.clone(), "password"));
    let again = Secret::new(field(fields, "again"));
    let Some(owner) = service.link_owner(&token) else {
        return Ok(spent());
    };
    let retry = |problem: &str| {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Ok(form_page(status, &owner, &token, Some(problem)))
    };
    if let Some(problem) = password_problem(password.expose()) {
        return retry(&format!("The password {problem}."));
    }
    if password != again {
        return retry("The two passwords are not the same.");
    }
    match service.set_password(&token, password, from).await {
        Ok(()) => Ok(notice(
            StatusCode::OK,
            "The new password is set",
            "Sign in with it in twocan. Every earlier sign-in has ended.",
        )),
        Err(ServiceError::BadField { problem, .. }) => retry(&format!("The password {problem}.")),
        Err(ServiceError::Unknown) => Ok(spent()),
        Err(ServiceError::Limited { retry_after_s, .. }) => {
            let problem = format!("The registry is busy; try again in {retry_after_s} seconds.");
            let mut answer = form_page(
                StatusCode::TOO_MANY_REQUESTS,
                &owner,
                &token,
                Some(&problem),
            );
            let headers = answer.headers_mut();
            headers.insert(
                header::RETRY_AFTER,
                header::HeaderValue::from(retry_after_s),
            );
            Ok(answer)
        }
        Err(error) => Err(error.into()),
    }
}

/// The value of a field, empty when it is not there.
fn field(fields: Vec<(String, String)>, name: &str) -> String {
    let mut values = fields.into_iter().filter(|(key, _)| key == name);
    values.next().map(|(_, value)| value).unwrap_or_default()
}

fn form_page(
    status: StatusCode,
    owner: &Username,
    token: &Secret,
    problem: Option<&str>,
) -> HttpResponse {
    let problem = problem.map_or_else(String::new, |text| {
        format!(
            "<p class=\"problem\" role=\"alert\">{}</p>\n",
            escaped(text)
        )
    });
    let content = format!(
        "{problem}<p>For the account <strong>{owner}</strong>.</p>\n\
         <form method=\"post\" action=\"/reset\">\n\
         <input type=\"hidden\" name=\"token\" value=\"{token}\">\n\
         <input type=\"text\" name=\"username\" value=\"{owner}\" autocomplete=\"username\" hidden>\n\
         <label for=\"password\">New password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" required \
         maxlength=\"{PASSWORD_MAX}\" autocomplete=\"new-password\" autofocus>\n\
         <label for=\"again\">The same once more</label>\n\
         <input id=\"again\" name=\"again\" type=\"password\" required \
         maxlength=\"{PASSWORD_MAX}\" autocomplete=\"new-password\">\n\
         <button type=\"submit\">Set the password</button>\n</form>",
        owner = escaped(owner.as_str()),
        token = escaped(token.expose()),
    );
    page(status, "A new password", &content)
}

fn spent() -> HttpResponse {
    notice(
        StatusCode::GONE,
        "This link is not good any more",
        "It works once and for a short time. Ask for another one in twocan.",
    )
}

fn notice(status: StatusCode, title: &str, text: &str) -> HttpResponse {
    page(status, title, &format!("<p>{}</p>", escaped(text)))
}

fn page(status: StatusCode, title: &str, content: &str) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    for (name, value) in HEADERS {
        response.insert_header((name, value));
    }
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    let title = escaped(title);
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} - twocan</title>\n<link rel=\"stylesheet\" href=\"/reset.css\">\n\
         </head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         {content}\n</main>\n</body>\n</html>\n"
    );
    response.content_type("text/html; charset=utf-8").body(html)
}

/// The text with everything replaced that means something in HTML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' => out.push_str(&format!("&#{};", u32::from(c))),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_gets_out_of_an_attribute() {
        assert_eq!(escaped("a\"><b>'&"), "a&#34;&#62;&#60;b&#62;&#39;&#38;");
    }

    proptest! {
        #[test]
        fn no_text_becomes_markup(text: String) {
            let out = escaped(&text);
            let harmless = !out.contains(['<', '>', '"', '\'']);
            prop_assert!(harmless);
        }

        #[test]
        fn any_form_is_answered(text in "[a-z0-9%&=+;]{0,60}|\\PC{0,40}") {
            let fields = pairs(&text).unwrap_or_default();
            let _token = field(fields, "token");
        }
    }
}
