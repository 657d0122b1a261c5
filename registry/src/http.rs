//! Routes. Each handler reads its request, calls [`crate::service`] and turns the
//! outcome into JSON; what is in between is in the modules below.

mod body;
mod error;
mod fields;
mod gate;
mod operation;
mod routes;
mod static_files;

pub(crate) use gate::Gate;
pub(crate) use routes::configure;
