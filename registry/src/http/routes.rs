//! The table of routes.

use super::{
    accounts,
    call::{Call, handle},
    directory,
    error::ApiError,
    live, operation, pages,
};
use actix_web::{
    Resource,
    web::{self, Payload, ServiceConfig},
};
use std::future::ready;

/// All of the registry's paths.
pub(crate) fn configure(app: &mut ServiceConfig) {
    app.service(
        resource("/clients/{username}", "GET, DELETE")
            .get(handle(directory::client))
            .delete(handle(accounts::delete)),
    )
    .service(resource("/clients", "GET").get(handle(directory::clients)))
    .service(resource("/lookups", "POST").post(handle(directory::lookups)))
    .service(resource("/profiles", "GET").get(handle(directory::profiles)))
    .service(resource("/clients/{username}/profile", "GET").get(handle(directory::profile)))
    .service(resource("/register", "POST").post(handle(accounts::register)))
    .service(
        resource("/sessions", "POST, DELETE")
            .post(handle(accounts::sign_in))
            .delete(handle(accounts::sign_out)),
    )
    .service(
        resource("/sessions/current", "PUT, DELETE")
            .put(handle(accounts::resume))
            .delete(handle(accounts::sign_out_current)),
    )
    .service(resource("/sessions/current/presence", "DELETE").delete(handle(accounts::leave)))
    .service(
        resource("/account", "GET, PATCH")
            .get(handle(accounts::account))
            .patch(handle(accounts::change)),
    )
    .service(resource("/account/password", "PUT").put(handle(accounts::change_password)))
    .service(resource("/account/email", "PUT").put(handle(accounts::change_email)))
    .service(resource("/password-reset", "POST").post(handle(accounts::forgotten)))
    .service(
        resource("/reset", "GET, POST")
            .get(pages::form)
            .post(pages::set_password),
    )
    .service(resource("/reset.css", "GET").get(pages::style))
    .service(resource("/live", "GET").get(handle(live::open)))
    .service(resource("/healthz", "GET").get(handle(directory::healthz)))
    .configure(operation::configure)
    .default_service(web::to(handle(|_: Call, _: Payload| {
        ready(Err(ApiError::NoRoute))
    })));
}

/// A path, which answers other methods than its own with the list of these.
pub(super) fn resource(path: &str, allowed: &'static str) -> Resource {
    web::resource(path).default_service(web::to(handle(move |_: Call, _: Payload| {
        ready(Err(ApiError::NoMethod(allowed)))
    })))
}
