//! What the user does to a call.

use std::ops::RangeInclusive;

use tokio::sync::oneshot;
use twocan_proto::call::{self, Input};
use twocan_voice::Processing;

use super::entry::Entry;
use super::{CallReport, Core, Report};
use crate::api::{Call, CallChange, CallId, CallStats, Error, ErrorCode, Event};
use crate::media::{MediaCommand, MediaEvent};

/// Loudness that can be asked for, 1.0 as sent.
const VOLUME: RangeInclusive<f32> = 0.0..=2.0;

impl Core {
    pub(in crate::core) fn hang_up(
        &mut self,
        call: CallId,
        code: Option<u16>,
        text: String,
    ) -> Result<(), Error> {
        self.calls.named(call)?;
        if code.is_some_and(|code| !call::is_end_code(code)) {
            return Err(Error::new(
                ErrorCode::BadRequest,
                "a call ends with code 200 or one from 300 to 699",
            ));
        }
        self.step(Input::HangUp { code, text });
        Ok(())
    }

    pub(in crate::core) async fn call_set(
        &mut self,
        call: CallId,
        change: CallChange,
    ) -> Result<(), Error> {
        let entry = self.calls.named(call)?;
        if change
            .volume
            .is_some_and(|volume| !VOLUME.contains(&volume))
        {
            return Err(Error::new(
                ErrorCode::BadRequest,
                "the volume is a number from 0 to 2, 1 as sent",
            ));
        }
        let before = (entry.muted, entry.deafened);
        entry.muted = change.muted.unwrap_or(entry.muted);
        entry.deafened = change.deafened.unwrap_or(entry.deafened);
        entry.volume = change.volume.unwrap_or(entry.volume);
        entry.activation = change.activation.unwrap_or(entry.activation);
        entry.talking = change.talking.unwrap_or(entry.talking);
        let commands = [
            change.muted.map(MediaCommand::Mute),
            change.deafened.map(MediaCommand::Deafen),
            change.volume.map(MediaCommand::Volume),
            change.activation.map(MediaCommand::Activation),
            change.talking.map(MediaCommand::Talking),
        ];
        if let Some(media) = &entry.media {
            commands
                .into_iter()
                .flatten()
                .for_each(|command| media.tell(command));
        }
        let (shown, peer) = (entry.shown(), entry.peer);
        self.emit(Event::Call(shown));
        self.cue_switched(before);
        self.choose_processing(&change).await?;
        if let Some(input) = change.audio_in {
            self.choose_input(input).await?;
        }
        if let Some(output) = change.audio_out {
            self.choose_output(output).await?;
        }
        match change.volume {
            Some(volume) => self.keep_volume(peer, volume).await,
            None => Ok(()),
        }
    }

    /// The calls that are not over.
    pub(in crate::core) fn list_calls(&self) -> Vec<Call> {
        self.calls.current.iter().map(Entry::shown).collect()
    }

    pub(in crate::core) fn is_in_call(&self) -> bool {
        self.calls.current.is_some()
    }

    /// Changes what is done to the microphone's sound in the call there is.
    pub(in crate::core) fn process_call(&self, processing: Processing) {
        let media = self.calls.current.as_ref().and_then(|e| e.media.as_ref());
        if let Some(media) = media {
            media.tell(MediaCommand::Process(processing));
        }
    }

    /// Changes a device of the call and tells the user if that fails.
    pub(in crate::core) fn change_device(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<(), String>>) -> MediaCommand,
    ) {
        let Some(entry) = &self.calls.current else {
            return;
        };
        let Some(media) = &entry.media else { return };
        let (reply, done) = oneshot::channel();
        media.tell(command(reply));
        let (call, reports) = (entry.call, self.reports.clone());
        tokio::spawn(async move {
            if let Ok(Err(problem)) = done.await {
                let event = MediaEvent::Device(problem);
                let _ended = reports.send(Report::Call(CallReport { call, event })).await;
            }
        });
    }

    pub(in crate::core) fn call_stats(&mut self, call: CallId) -> Result<CallStats, Error> {
        let stats = self.calls.named(call)?.stats.clone();
        stats.ok_or_else(|| Error::new(ErrorCode::NotFound, "that call has no sound yet"))
    }
}
