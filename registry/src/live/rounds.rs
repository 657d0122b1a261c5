//! What happens by the clock, and what is said to all: one task for all
//! channels.

use super::{Hub, channel::Channel};
use crate::{limits, notices::Notice as Said, now, service::Service};
use actix_web::web::Data;
use std::{sync::Arc, time::Duration};
use tokio::{sync::broadcast::error::RecvError, time::MissedTickBehavior};
use twocan_proto::{
    live::{Event, LiveEnd, Notice},
    time::Timestamp,
};

/// Serves all channels until its task is aborted.
pub(crate) async fn run(service: Data<Service>) {
    let mut notices = service.notices.subscribe();
    let mut rounds = interval(limits::LIVE_ROUND);
    let mut checks = interval(limits::LIVE_CHECK);
    loop {
        tokio::select! {
            _ = rounds.tick() => service.live.round(now()),
            _ = checks.tick() => service.check_live(now()),
            said = notices.recv() => match said {
                Ok(said) => service.pass_on(said),
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "notices came too fast for the live channels");
                }
                Err(RecvError::Closed) => return,
            },
        }
    }
}

fn interval(period: Duration) -> tokio::time::Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

impl Hub {
    fn round(&self, now: Timestamp) {
        self.watches().round(&self.directory, now);
    }
}

impl Service {
    fn pass_on(&self, said: Said) {
        let say = |notice| self.live.say_to_all(&Event::Notice(notice).into());
        match said {
            Said::Announcement(text) => say(Notice::Announcement { text }),
            Said::Stopping { back_after } => {
                let back_after_s = back_after.as_secs();
                say(Notice::Shutdown { back_after_s });
                for channel in self.live.all() {
                    channel.end(LiveEnd::Stopping);
                }
            }
            // Whom it means is asked of the bans themselves.
            Said::Banned(_) => self.check_live(now()),
        }
    }

    /// Ends the channels whose right to be there has gone, and those that are
    /// dead.
    fn check_live(&self, now: Timestamp) {
        for channel in self.live.all() {
            if channel.ended().is_some() {
                continue;
            }
            match self.live_end(&channel, now) {
                Some(end) => channel.end(end),
                None => channel.check(now),
            }
        }
        if self.config.get().lobby {
            self.live.lobby().sweep(now);
        } else {
            self.live.lobby().close();
        }
        self.live.paces().sweep(now);
    }

    fn live_end(&self, channel: &Arc<Channel>, now: Timestamp) -> Option<LiveEnd> {
        let username = &channel.member.username;
        let bans = &self.directory.bans;
        let ban = bans.user(username, channel.identity.as_ref(), || now);
        if let Some(ban) = ban.or_else(|| bans.address(channel.address, || now)) {
            let reason = ban.to_string();
            channel.tell(Event::Notice(Notice::Banned { reason }));
            return Some(LiveEnd::Banned);
        }
        if self.directory.session(&channel.token, now).is_none() {
            let member = self.directory.member(username);
            let there = member.is_some_and(|member| member.id == channel.member.id);
            return Some(if there {
                LiveEnd::SessionEnded
            } else {
                LiveEnd::Deleted
            });
        }
        let needs = self.live_too_old(channel.version())?;
        let needs = needs.to_string();
        channel.tell(Event::Notice(Notice::Outdated { needs }));
        Some(LiveEnd::Outdated)
    }
}
