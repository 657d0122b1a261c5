//! Sends what waits in the outbox.

use super::Service;
use crate::{
    limits,
    mail::code_text,
    outbox::{Deliveries, Delivery, DeliveryError},
};
use std::sync::Arc;
use tokio::{sync::Mutex, task::JoinSet};

/// Sends until the task is aborted. A few are sent at once, so that one slow
/// server does not hold up the rest.
pub(crate) async fn deliver(service: Arc<Service>, deliveries: Deliveries) {
    let deliveries = Arc::new(Mutex::new(deliveries));
    let mut workers = JoinSet::new();
    for _ in 0..limits::OUTBOX_WORKERS {
        let (service, deliveries) = (Arc::clone(&service), Arc::clone(&deliveries));
        workers.spawn(async move {
            loop {
                let next = deliveries.lock().await.recv().await;
                let Some(delivery) = next else { return };
                service.deliver(delivery).await;
            }
        });
    }
    while workers.join_next().await.is_some() {}
}

impl Service {
    async fn deliver(&self, delivery: Delivery) {
        let delivery = match delivery {
            Delivery::Forgotten(username) => match self.make_link(&username).await {
                Some((to, letter)) => Delivery::Letter(to, letter),
                None => return,
            },
            other => other,
        };
        let mut waits = limits::DELIVERY_RETRIES.into_iter();
        loop {
            match (self.attempt(&delivery).await, waits.next()) {
                (Ok(()), _) => return,
                (Err(DeliveryError::ForNow(_)), Some(wait)) => tokio::time::sleep(wait).await,
                (Err(error), _) => {
                    tracing::warn!(%error, "a message could not be sent");
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
