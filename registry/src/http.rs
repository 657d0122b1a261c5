//! Routes. Each handler reads its request, calls [`crate::service`] and turns the
//! outcome into JSON; what is in between is in the modules below.

mod accounts;
mod body;
mod call;
mod directory;
mod error;
mod fields;
mod pages;
mod routes;

pub(crate) use routes::configure;
