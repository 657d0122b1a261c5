//! str0m, set up for one audio stream each way, in the few steps a call needs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::{Codec, FormatParams};
use str0m::media::{Direction, Frequency, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite, SeqNo};
use str0m::stats::{MediaEgressStats, PeerStats};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcError};
use twocan_voice::{Format, SentPacket};

use super::sdp;
use super::sockets::Datagram;

/// How often we tell by RTCP what we receive (RFC 3550 section 6.2 has 5 s as the
/// least). Between two twocans the sound itself carries reports, far more often;
/// and such a packet holds up the sound on a line of 24 kb/s for 60 ms.
const REPORTS: Duration = Duration::from_secs(5);
/// How often the path's statistics are asked for.
const STATISTICS: Duration = Duration::from_secs(1);
/// First wait before a check of a path is repeated.
const CHECK_AGAIN: Duration = Duration::from_millis(100);
/// Longest such wait, and how often a path in use is checked (RFC 7675 asks for
/// one in 5 s). That the other side has fallen silent is noticed without it.
const CHECK_OFTEN: Duration = Duration::from_secs(5);
/// Checks without an answer after which a path is given up: about 11 s, so that
/// one that loses every second packet is not.
const CHECKS: usize = 7;
/// The payload type of ours (RFC 3551 section 6: 96 to 127 are for such).
const PROTECTED: u8 = 112;

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

/// The payload types that both sides understand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct PayloadTypes {
    opus: Option<u8>,
    red: Option<u8>,
    protected: Option<u8>,
}

impl PayloadTypes {
    /// Our own payload between two twocans, else redundant audio, else what
    /// everybody understands.
    fn best(self) -> Format {
        match (self.protected, self.red, self.opus) {
            (Some(_), _, _) => Format::Protected,
            (_, Some(_), Some(opus)) => Format::Red { opus },
            _ => Format::Opus,
        }
    }

    fn of(self, format: Format) -> Option<u8> {
        match format {
            Format::Opus => self.opus,
            Format::Red { .. } => self.red,
            Format::Protected => self.protected,
        }
    }

    fn format(self, payload_type: u8) -> Option<Format> {
        let is = |known: Option<u8>| known == Some(payload_type);
        if is(self.protected) {
            Some(Format::Protected)
        } else if is(self.red) {
            self.opus.map(|opus| Format::Red { opus })
        } else {
            is(self.opus).then_some(Format::Opus)
        }
    }
}

/// One side of the media of a call.
#[derive(Debug)]
pub(super) struct Session {
    rtc: Rtc,
    mid: Option<Mid>,
    pending: Option<SdpPendingOffer>,
    remote: Option<SocketAddr>,
    /// The other side's last description.
    far: String,
    types: PayloadTypes,
    has_sent: bool,
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
        let mut config = Rtc::builder()
            .clear_codecs()
            .clear_extension_map()
            .set_rtp_mode(true)
            .set_stats_interval(Some(STATISTICS))
            .set_rtcp_report_interval_audio(REPORTS);
        config.set_initial_stun_rto(CHECK_AGAIN);
        config.set_max_stun_rto(CHECK_OFTEN);
        config.set_max_stun_retransmits(CHECKS);
        config.codec_config().add_config(
            PROTECTED.into(),
            None,
            Codec::CN,
            Frequency::FORTY_EIGHT_KHZ,
            Some(2),
            FormatParams::default(),
        );
        config.codec_config().enable_opus(true, true);
        let mut session = Self {
            rtc: config.build(Instant::now()),
            mid: None,
            pending: None,
            remote: None,
            far: String::new(),
            types: PayloadTypes::default(),
            has_sent: false,
        };
        addresses.for_each(|address| session.add_address(address));
        session
    }

    /// We can be reached at one more address.
    pub(super) fn add_address(&mut self, address: SocketAddr) {
        match Candidate::host(address, Protocol::Udp) {
            Ok(candidate) => drop(self.rtc.add_local_candidate(candidate)),
            Err(error) => tracing::debug!(%error, "an address of ours is no candidate"),
        }
    }

    /// We can no longer be reached at `address`.
    pub(super) fn remove_address(&mut self, address: SocketAddr) {
        if let Ok(candidate) = Candidate::host(address, Protocol::Udp) {
            self.rtc.direct_api().invalidate_candidate(&candidate);
        }
    }

    /// Our first offer as SDP.
    pub(super) fn offer(&mut self) -> Result<String, SessionError> {
        let mut change = self.rtc.sdp_api();
        let mid = change.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = change.apply().ok_or(SessionError::Sdp)?;
        self.mid = Some(mid);
        self.pending = Some(pending);
        Ok(sdp::outward(&offer.to_sdp_string()))
    }

    /// An offer of another path for the call there is (an ICE restart). It
    /// changes nothing until it is answered, and takes the place of one that
    /// was not.
    pub(super) fn restart(&mut self) -> Result<String, SessionError> {
        let mut change = self.rtc.sdp_api();
        change.ice_restart(true);
        let (offer, pending) = change.apply().ok_or(SessionError::Sdp)?;
        self.pending = Some(pending);
        Ok(sdp::outward(&offer.to_sdp_string()))
    }

    /// Our answer to the other side's offer, both as SDP. An offer of ours
    /// that was not answered gives way.
    pub(super) fn answer(&mut self, offer: &str) -> Result<String, SessionError> {
        let inward = sdp::inward(offer)?;
        let parsed = SdpOffer::from_sdp_string(&inward).map_err(|_| SessionError::Sdp)?;
        self.pending = None;
        let answer = self.rtc.sdp_api().accept_offer(parsed)?;
        self.mid = sdp::mid(&inward).map(Mid::from).or(self.mid);
        self.far = inward;
        Ok(sdp::outward(&answer.to_sdp_string()))
    }

    /// Takes the other side's answer to our last offer.
    pub(super) fn accept(&mut self, answer: &str) -> Result<(), SessionError> {
        let inward = sdp::inward(answer)?;
        let parsed = SdpAnswer::from_sdp_string(&inward).map_err(|_| SessionError::Sdp)?;
        let Some(pending) = self.pending.take() else {
            return Ok(());
        };
        self.rtc.sdp_api().accept_answer(pending, parsed)?;
        self.far = inward;
        Ok(())
    }

    /// An offer of ours waits for its answer.
    pub(super) fn has_offered(&self) -> bool {
        self.pending.is_some()
    }

    /// Takes one more address of the other side. One that makes no sense is
    /// passed over, as another may do.
    pub(super) fn add_candidate(&mut self, line: &str) {
        match Candidate::from_sdp_string(line) {
            Ok(candidate) => self.rtc.add_remote_candidate(candidate),
            Err(error) => tracing::debug!(%error, "a candidate of the other side makes no sense"),
        }
    }

    /// Takes a datagram, and tells whether it is of this call: one that is
    /// neither STUN, DTLS nor RTP, or comes from elsewhere, changes nothing.
    pub(super) fn receive(&mut self, datagram: &Datagram) -> Result<bool, SessionError> {
        let Ok(receive) = Receive::new(Protocol::Udp, datagram.from, datagram.to, &datagram.bytes)
        else {
            return Ok(false);
        };
        let input = Input::Receive(datagram.arrived, receive);
        if !self.rtc.accepts(&input) {
            return Ok(false);
        }
        self.rtc.handle_input(input)?;
        Ok(true)
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) -> Result<(), SessionError> {
        Ok(self.rtc.handle_input(Input::Timeout(now))?)
    }

    /// Sends a packet of ours. What the other side would not understand is
    /// not sent, nor is anything before there is a path; gives
    /// whether it was.
    pub(super) fn send(&mut self, packet: SentPacket) -> bool {
        let Some(mid) = self.mid else {
            return false;
        };
        if !self.rtc.is_connected() {
            return false;
        }
        let Some(payload_type) = self.payload_types().of(packet.format) else {
            return false;
        };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else {
            return false;
        };
        // RTP time has 32 bits and wraps (RFC 3550 section 5.1).
        let time = (packet.media_time & u64::from(u32::MAX)) as u32;
        // The sound's repair counts on the numbers; one that was not sent is
        // as good as lost on the way.
        let sequence = SeqNo::from(packet.sequence);
        let is_first = !std::mem::replace(&mut self.has_sent, true);
        let write = RtpWrite::new(
            payload_type.into(),
            sequence,
            time,
            Instant::now(),
            packet.payload,
        );
        stream.write_rtp(write.marker(packet.marker || is_first));
        true
    }

    /// How to lay out what is sent, so that the other side understands it.
    pub(super) fn format(&mut self) -> Format {
        self.payload_types().best()
    }

    /// How a packet of the other side is laid out.
    pub(super) fn format_of(&mut self, packet: &RtpPacket) -> Option<Format> {
        let payload_type: Pt = packet.header.payload_type;
        self.payload_types().format(*payload_type)
    }

    /// What was negotiated, once it was.
    fn payload_types(&mut self) -> PayloadTypes {
        if self.types == PayloadTypes::default()
            && let Some(media) = self.mid.and_then(|mid| self.rtc.media(mid))
        {
            let theirs = media.remote_pts();
            for known in self.rtc.codec_config().params() {
                if !theirs.contains(&known.pt()) {
                    continue;
                }
                if known.spec().codec == Codec::Opus {
                    self.types.opus = Some(*known.pt());
                    self.types.red = known.red().map(|red| *red);
                } else {
                    self.types.protected = Some(*known.pt());
                }
            }
        }
        self.types
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

    /// What kind of candidate `address` of the other side is: one that it
    /// named, or one that was learned from its packets (`prflx`).
    pub(super) fn candidate_kind(&self, address: SocketAddr) -> &str {
        sdp::candidate_kind(&self.far, address).unwrap_or("prflx")
    }

    /// Whether the other side ended the transport, or it broke for good.
    pub(super) fn is_alive(&self) -> bool {
        self.rtc.is_alive()
    }

    /// Ends the transport with a word to the other side (RTCP BYE and the
    /// close of DTLS), which has to be polled.
    pub(super) fn close(&mut self) -> Result<(), SessionError> {
        Ok(self.rtc.close()?)
    }

    /// The bytes that a packet carries.
    pub(super) fn payload(packet: &RtpPacket) -> Vec<u8> {
        let payload: &Arc<[u8]> = &packet.payload;
        payload.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(port: u16) -> Session {
        Session::new(std::iter::once(SocketAddr::from(([127, 0, 0, 1], port))))
    }

    /// The offer of somebody who does not know these payload types.
    fn without(offer: &str, types: &[&str]) -> String {
        let mut left = String::new();
        for line in offer.split_inclusive("\r\n") {
            let is_about = |kind: &&str| line.contains(&format!(":{kind} "));
            if line.starts_with("m=") {
                let words = line.trim_end().split(' ');
                let words: Vec<&str> = words.filter(|word| !types.contains(word)).collect();
                left += &(words.join(" ") + "\r\n");
            } else if !types.iter().any(is_about) {
                left += line;
            }
        }
        left
    }

    #[test]
    fn two_twocans_agree_on_their_own_payload() {
        let (mut caller, mut callee) = (session(5000), session(5001));
        let offer = caller.offer().unwrap();
        assert!(offer.contains("x-twocan/48000/2"), "{offer}");
        let answer = callee.answer(&offer).unwrap();
        caller.accept(&answer).unwrap();
        assert_eq!(caller.format(), Format::Protected);
        assert_eq!(callee.format(), Format::Protected);
        assert_eq!(callee.types, caller.types);
        assert_eq!(callee.types.format(63), Some(Format::Red { opus: 111 }));
        assert_eq!(callee.types.format(111), Some(Format::Opus));
        assert_eq!(callee.types.format(5), None);
    }

    #[test]
    fn others_get_redundant_audio_or_plain_opus() {
        let offer = session(5000).offer().unwrap();
        for (unknown, format) in [
            (&["112"][..], Format::Red { opus: 111 }),
            (&["112", "63"], Format::Opus),
        ] {
            let mut callee = session(5001);
            callee.answer(&without(&offer, unknown)).unwrap();
            assert_eq!(callee.format(), format, "{unknown:?}");
        }
    }

    #[test]
    fn a_restart_names_other_credentials_and_gives_way_to_the_other_sides() {
        let (mut caller, mut callee) = (session(5000), session(5001));
        let offer = caller.offer().unwrap();
        let answer = callee.answer(&offer).unwrap();
        caller.accept(&answer).unwrap();
        let ufrag = |sdp: &str| {
            let line = sdp.lines().find(|line| line.starts_with("a=ice-ufrag"));
            line.map(str::to_owned)
        };
        let ours = callee.restart().unwrap();
        let theirs = caller.restart().unwrap();
        assert_ne!(ufrag(&theirs), ufrag(&offer));
        let answer = callee.answer(&theirs).unwrap();
        assert!(callee.pending.is_none());
        caller.accept(&answer).unwrap();
        assert_ne!(ufrag(&ours), ufrag(&answer));
    }
}
