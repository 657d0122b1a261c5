//! str0m, set up for one audio stream each way, in the few steps a call needs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite, SeqNo};
use str0m::stats::{MediaEgressStats, PeerStats};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcError};
use twocan_voice::SentPacket;

use super::sockets::Datagram;

/// How often both sides report on what they receive (RFC 3550 section 6.2
/// lets two sides do so every few seconds; the encoder wants to know sooner).
const REPORTS: Duration = Duration::from_secs(1);

/// What str0m wants done, or tells.
#[derive(Debug)]
pub(super) enum Step {
    /// Send these bytes.
    Transmit {
        from: SocketAddr,
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// The path is there and encrypted.
    Connected,
    /// The path broke.
    Disconnected,
    /// A packet of the other side.
    Packet(Box<RtpPacket>),
    /// Statistics of the path.
    Path(Box<PeerStats>),
    /// What the other side says about the packets it got from us.
    Report(Box<MediaEgressStats>),
    /// Nothing until then.
    Wait(Instant),
}

/// One side of the media of a call.
#[derive(Debug)]
pub(super) struct Session {
    rtc: Rtc,
    mid: Option<Mid>,
    pending: Option<SdpPendingOffer>,
    remote: Option<SocketAddr>,
    payload_type: Option<Pt>,
    /// RTP sequence number of the packet that counts 0.
    sequence: u64,
}

/// Why a session description or a packet could not be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error("the other side's description of the call makes no sense")]
    Sdp,
    #[error("the media transport failed: {0}")]
    Rtc(#[from] RtcError),
}

impl Session {
    /// A session that can be reached at `addresses`.
    pub(super) fn new(addresses: impl Iterator<Item = SocketAddr>) -> Self {
        let mut rtc = Rtc::builder()
            .clear_codecs()
            .clear_extension_map()
            .enable_opus(true, false)
            .set_rtp_mode(true)
            .set_stats_interval(Some(REPORTS))
            .set_rtcp_report_interval_audio(REPORTS)
            .build(Instant::now());
        for address in addresses {
            match Candidate::host(address, Protocol::Udp) {
                Ok(candidate) => drop(rtc.add_local_candidate(candidate)),
                Err(error) => tracing::debug!(%error, "an address of ours is no candidate"),
            }
        }
        Self {
            rtc,
            mid: None,
            pending: None,
            remote: None,
            payload_type: None,
            sequence: first_sequence(),
        }
    }

    /// Our offer as SDP.
    pub(super) fn offer(&mut self) -> Result<String, SessionError> {
        let mut change = self.rtc.sdp_api();
        let mid = change.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = change.apply().ok_or(SessionError::Sdp)?;
        self.mid = Some(mid);
        self.pending = Some(pending);
        Ok(offer.to_sdp_string())
    }

    /// Our answer to the other side's offer, both as SDP.
    pub(super) fn answer(&mut self, offer: &str) -> Result<String, SessionError> {
        let offer = SdpOffer::from_sdp_string(offer).map_err(|_| SessionError::Sdp)?;
        let answer = self.rtc.sdp_api().accept_offer(offer)?;
        Ok(answer.to_sdp_string())
    }

    /// Takes the other side's answer.
    pub(super) fn accept(&mut self, answer: &str) -> Result<(), SessionError> {
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|_| SessionError::Sdp)?;
        let Some(pending) = self.pending.take() else {
            return Ok(());
        };
        Ok(self.rtc.sdp_api().accept_answer(pending, answer)?)
    }

    /// Takes one more address of the other side. One that makes no sense is
    /// passed over, as another may do.
    pub(super) fn add_candidate(&mut self, line: &str) {
        match Candidate::from_sdp_string(line) {
            Ok(candidate) => self.rtc.add_remote_candidate(candidate),
            Err(error) => tracing::debug!(%error, "a candidate of the other side makes no sense"),
        }
    }

    /// Takes a datagram. One that is neither STUN, DTLS nor RTP, or comes
    /// from elsewhere, changes nothing.
    pub(super) fn receive(&mut self, datagram: &Datagram) -> Result<(), SessionError> {
        let Ok(receive) = Receive::new(Protocol::Udp, datagram.from, datagram.to, &datagram.bytes)
        else {
            return Ok(());
        };
        let input = Input::Receive(datagram.arrived, receive);
        if self.rtc.accepts(&input) {
            self.rtc.handle_input(input)?;
        }
        Ok(())
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) -> Result<(), SessionError> {
        Ok(self.rtc.handle_input(Input::Timeout(now))?)
    }

    /// Sends a frame of ours.
    pub(super) fn send(&mut self, frame: SentPacket) {
        let Some(mid) = self.mid else { return };
        let Some(payload_type) = self.payload_type() else {
            return;
        };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else {
            return;
        };
        // RTP time has 32 bits and wraps (RFC 3550 section 5.1).
        let time = (frame.media_time & u64::from(u32::MAX)) as u32;
        let sequence = SeqNo::from(self.sequence + frame.sequence);
        let packet = RtpWrite::new(payload_type, sequence, time, Instant::now(), frame.payload)
            .marker(frame.marker);
        stream.write_rtp(packet);
    }

    fn payload_type(&mut self) -> Option<Pt> {
        if self.payload_type.is_none() {
            let params = self.rtc.codec_config().params();
            self.payload_type = params.first().map(|params| params.pt());
        }
        self.payload_type
    }

    /// The next thing to do. To be called until it says to wait, after
    /// anything else was called.
    pub(super) fn poll(&mut self) -> Result<Step, SessionError> {
        loop {
            let event = match self.rtc.poll_output()? {
                Output::Timeout(at) => return Ok(Step::Wait(at)),
                Output::Transmit(transmit) => {
                    // The last address that something goes to is that of the
                    // chosen pair once the path is up.
                    self.remote = Some(transmit.destination);
                    return Ok(Step::Transmit {
                        from: transmit.source,
                        to: transmit.destination,
                        bytes: transmit.contents.to_vec(),
                    });
                }
                Output::Event(event) => event,
            };
            match event {
                Event::Connected => return Ok(Step::Connected),
                Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                    return Ok(Step::Disconnected);
                }
                Event::IceConnectionStateChange(
                    IceConnectionState::Connected | IceConnectionState::Completed,
                ) if self.rtc.is_connected() => {
                    return Ok(Step::Connected);
                }
                Event::MediaAdded(added) => self.mid = Some(added.mid),
                Event::RtpPacket(packet) => return Ok(Step::Packet(Box::new(packet))),
                Event::PeerStats(stats) => return Ok(Step::Path(Box::new(stats))),
                Event::MediaEgressStats(stats) => return Ok(Step::Report(Box::new(stats))),
                _ => {}
            }
        }
    }

    /// Where our packets go.
    pub(super) fn remote_address(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// Whether the other side ended the transport, or it broke for good.
    pub(super) fn is_alive(&self) -> bool {
        self.rtc.is_alive()
    }

    /// The bytes that a packet carries.
    pub(super) fn payload(packet: &RtpPacket) -> Vec<u8> {
        let payload: &Arc<[u8]> = &packet.payload;
        payload.to_vec()
    }
}

/// RFC 3550 section 5.1: the first sequence number is random. It stays in the
/// lower half, so that it does not wrap before the first packets arrive.
fn first_sequence() -> u64 {
    u64::from(rand::random::<u16>() >> 1)
}
