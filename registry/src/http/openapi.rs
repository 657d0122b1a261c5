//! `GET /openapi.json`: the description of all paths in OpenAPI 3.1, put together
//! from the attributes of the handlers and the types of their bodies. Tests hold
//! it against the routes that there are.

use super::{accounts, directory, live, operation, pages};
use actix_web::{HttpResponse, http::header};
use std::sync::LazyLock;
use utoipa::{
    Modify, OpenApi, ToSchema,
    openapi::{
        OpenApi as Document,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "twocan registry",
        description = "A small server that knows who is where, and nothing of what they say. \
                       Bodies are JSON, or MessagePack when asked for with Accept."
    ),
    paths(
        accounts::register,
        accounts::delete,
        accounts::sign_in,
        accounts::sign_out,
        accounts::sign_out_current,
        accounts::leave,
        accounts::resume,
        accounts::account,
        accounts::change,
        accounts::change_password,
        accounts::change_email,
        accounts::forgotten,
        directory::clients,
        directory::client,
        directory::profile,
        directory::profiles,
        directory::lookups,
        directory::healthz,
        pages::form,
        pages::set_password,
        pages::style,
        live::open,
        operation::metrics,
        operation::command,
        operation::file,
        document,
    ),
    modifiers(&Schemes)
)]
struct Api;

/// How requests prove who they are from.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut Document) {
        let bearer = |text: &str| {
            let mut scheme = Http::new(HttpAuthScheme::Bearer);
            scheme.description = Some(text.to_owned());
            SecurityScheme::Http(scheme)
        };
        let components = document.components.get_or_insert_default();
        for (name, text) in [
            ("session", "The token of a session, from POST /sessions"),
            ("token", "A token of the configuration"),
        ] {
            components.add_security_scheme(name, bearer(text));
        }
    }
}

/// Body of `DELETE /clients/{username}` without a session.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its fields are read by their names")]
pub(super) struct Leaving {
    /// The password of the account.
    password: String,
}

/// The form of the page for a new password.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its fields are read by their names")]
pub(super) struct ResetForm {
    /// What the link in the mail carries.
    token: String,
    /// The new password.
    password: String,
    /// The same once more.
    again: String,
}

/// What a command gave.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is written as it comes")]
pub(super) struct CommandAnswer {
    /// Fields of this command.
    #[schema(value_type = Object)]
    ok: serde_json::Value,
}

static TEXT: LazyLock<String> = LazyLock::new(|| {
    Api::openapi().to_json().unwrap_or_else(|error| {
        tracing::error!(%error, "the description of the paths cannot be written");
        "{}".to_owned()
    })
});

/// `GET /openapi.json`
#[utoipa::path(
    get,
    path = "/openapi.json",
    summary = "This description",
    responses(
        (status = 200, body = Object),
        (status = "4XX", body = twocan_proto::api::ErrorBody, description = "Refused"),
    ),
)]
pub(super) async fn document() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(TEXT.as_str())
}
