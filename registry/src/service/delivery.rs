//! Sends what waits in the outbox.

use super::Service;
use crate::{
    limits,
    mail::code_text,
    outbox::{Deliveries, Delivery, DeliveryError},
};
use std::sync::Arc;
use tokio::{
    sync::Mutex,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

/// The task that sends. Dropping it does not stop it; [`Courier::stop`] does.
#[derive(Debug)]
pub(crate) struct Courier {
    stopping: CancellationToken,
    task: JoinHandle<()>,
}

impl Courier {
    /// Begins to send.
    pub(crate) fn start(service: Arc<Service>, deliveries: Deliveries) -> Self {
        let stopping = CancellationToken::new();
        let task = tokio::spawn(deliver(service, deliveries, stopping.clone()));
        Self { stopping, task }
    }

    /// Tries what waits, once more if it failed before, and gives up what is not
    /// sent within [`limits::OUTBOX_STOP`].
    pub(crate) async fn stop(mut self, service: &Service) {
        self.stopping.cancel();
        let in_time = tokio::time::timeout(limits::OUTBOX_STOP, &mut self.task).await;
        if in_time.is_err() {
            self.task.abort();
        }
        let messages = service.outbox.waiting();
        if messages > 0 {
            tracing::warn!(messages, "given up what could not be sent before the stop");
        }
    }
}

/// Sends until it is stopped and nothing is left. A few are sent at once, so that
/// one slow server does not hold up the rest.
async fn deliver(service: Arc<Service>, deliveries: Deliveries, stopping: CancellationToken) {
    let deliveries = Arc::new(Mutex::new(deliveries));
    let mut workers = JoinSet::new();
    for _ in 0..limits::OUTBOX_WORKERS {
        let (service, deliveries) = (Arc::clone(&service), Arc::clone(&deliveries));
        let stopping = stopping.clone();
        workers.spawn(async move {
            while let Some(delivery) = next(&deliveries, &stopping).await {
                service.deliver(delivery, &stopping).await;
            }
        });
    }
    while workers.join_next().await.is_some() {}
}

/// The next that waits; at a stop nothing more will come.
async fn next(deliveries: &Mutex<Deliveries>, stopping: &CancellationToken) -> Option<Delivery> {
    let mut deliveries = deliveries.lock().await;
    match stopping.run_until_cancelled(deliveries.recv()).await {
        Some(next) => next,
        None => deliveries.try_recv().ok(),
    }
}

impl Service {
    /// Sends one, or gives it up, which at a stop leaves it in the count of what
    /// waits.
    async fn deliver(&self, delivery: Delivery, stopping: &CancellationToken) {
        let delivery = match delivery {
            Delivery::Forgotten(username) => match self.make_link(&username).await {
                Some((to, letter)) => Delivery::Letter(to, letter),
                None => return self.outbox.settled(),
            },
            other => other,
        };
        let mut waits = limits::DELIVERY_RETRIES.into_iter();
        loop {
            let is_last = stopping.is_cancelled();
            match (self.attempt(&delivery).await, waits.next()) {
                (Ok(()), _) => return self.outbox.settled(),
                (Err(DeliveryError::ForNow(_)), Some(wait)) if !is_last => {
                    let wait = tokio::time::sleep(wait);
                    stopping.run_until_cancelled(wait).await;
                }
                (Err(error), _) => {
                    tracing::warn!(%error, "a message could not be sent");
                    if !is_last {
                        self.outbox.settled();
                    }
                    return;
                }
            }
        }
    }

    async fn attempt(&self, delivery: &Delivery) -> Result<(), DeliveryError> {
        match (delivery, &self.mailer, &self.gateway) {
            (Delivery::Letter(to, letter), Some(mailer), _) => mailer.send(to, letter).await,
            (Delivery::Code { to, code, life }, _, Some(gateway)) => {
                gateway.send(to, &code_text(code, *life)).await
            }
            _ => Err(DeliveryError::ForGood("there is no way to send it")),
        }
    }
}
