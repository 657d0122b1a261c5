//! What every request passes before its route: the check for a ban of its
//! address, on a kept connection as on a new one, and the count of its answer.
//! Light on purpose: no box, no lock, no allocation for who passes.

use super::error::ApiError;
use crate::{
    bans::Ban,
    directory::Directory,
    notices::Notices,
    now,
    service::{Service as Registry, ServiceError},
};
use actix_web::{
    Error, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::{ConnectionType, StatusCode},
};
use futures_util::future::{Ready, ready};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
    time::Instant,
};
use twocan_proto::api::Format;

/// The gate of one application.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    directory: Arc<Directory>,
    notices: Arc<Notices>,
}

impl Gate {
    pub(crate) fn new(service: &Registry) -> Self {
        Self {
            directory: Arc::clone(&service.directory),
            notices: Arc::clone(&service.notices),
        }
    }
}

impl<S, B> Transform<S, ServiceRequest> for Gate
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = Gated<S>;
    type InitError = ();
    type Future = Ready<Result<Gated<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(Gated {
            inner,
            gate: self.clone(),
        }))
    }
}

/// A service behind the gate.
#[derive(Debug)]
pub(crate) struct Gated<S> {
    inner: S,
    gate: Gate,
}

impl<S, B> Service<ServiceRequest> for Gated<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = Passage<S::Future>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let metrics = &self.gate.directory.metrics;
        let ban = request
            .peer_addr()
            .and_then(|peer| self.gate.directory.bans.address(peer.ip(), now));
        if let Some(ban) = ban {
            metrics.banned.fetch_add(1, Ordering::Relaxed);
            let answer = request.into_response(told(&ban));
            metrics.answered(answer.status().as_u16(), std::time::Duration::ZERO);
            return Passage::Denied {
                answer: Some(answer),
            };
        }
        Passage::Passed {
            future: self.inner.call(request),
            request: InProgress::begin(&self.gate.directory),
            closing: self.gate.notices.is_stopping(),
        }
    }
}

/// The answer to who is banned: the reason, and the end of the connection.
fn told(ban: &Arc<Ban>) -> HttpResponse {
    let mut answer =
        ApiError::Service(ServiceError::Banned(Arc::clone(ban))).response(Format::Json);
    answer.head_mut().set_connection_type(ConnectionType::Close);
    answer
}

pin_project! {
    /// A request on its way through the gate.
    #[project = Step]
    pub(crate) enum Passage<F> {
        Denied {
            answer: Option<ServiceResponse<BoxBody>>,
        },
        Passed {
            #[pin]
            future: F,
            request: InProgress,
            closing: bool,
        },
    }
}

impl<F, B> Future for Passage<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody + 'static,
{
    type Output = Result<ServiceResponse<BoxBody>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Step::Denied { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                // It has been given away: nobody asks again.
                None => Poll::Pending,
            },
            Step::Passed {
                future,
                request,
                closing,
            } => {
                let outcome = ready!(future.poll(context));
                let status = match &outcome {
                    Ok(answer) => answer.status(),
                    Err(error) => error.as_response_error().status_code(),
                };
                request.answered(status);
                Poll::Ready(outcome.map(|answer| {
                    let mut answer = answer.map_into_boxed_body();
                    if *closing {
                        let head = answer.response_mut().head_mut();
                        head.set_connection_type(ConnectionType::Close);
                    }
                    answer
                }))
            }
        }
    }
}

/// A request that is counted as in progress for as long as this lives, for who
/// asks may go away before the answer.
struct InProgress {
    begun: Instant,
    directory: Arc<Directory>,
}

impl InProgress {
    fn begin(directory: &Arc<Directory>) -> Self {
        directory
            .metrics
            .in_progress
            .fetch_add(1, Ordering::Relaxed);
        Self {
            begun: Instant::now(),
            directory: Arc::clone(directory),
        }
    }

    fn answered(&self, status: StatusCode) {
        let metrics = &self.directory.metrics;
        metrics.answered(status.as_u16(), self.begun.elapsed());
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        let metrics = &self.directory.metrics;
        metrics.in_progress.fetch_sub(1, Ordering::Relaxed);
    }
}
