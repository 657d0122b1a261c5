//! Routes. Each handler reads its request, calls [`crate::service`] and turns the
//! outcome into JSON; what is in between is in the modules below.

mod accounts;
mod body;
mod call;
mod directory;
mod error;
mod fields;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod gate;
mod live;
mod openapi;
mod operation;
mod pages;
mod routes;
mod static_files;

pub(crate) use fields::password_problem;
pub(crate) use gate::Gate;
pub(crate) use routes::configure;
