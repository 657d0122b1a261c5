//! One side of the media of a call for the fuzzer, against another that is as
//! honest as the fuzzer lets it be.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use twocan_voice::{Format, SentPacket};

use super::rtc::{Session, Step};
use super::sdp;
use super::sockets::Datagram;

/// What there is to do at one moment at most: more would be without end.
const MOST_STEPS: usize = 1_000;

/// Rounds of an exchange: enough for the path and its encryption.
const MOST_ROUNDS: u8 = 32;

/// A change of a description: the line of this number becomes this text, or
/// goes.
pub type LineChange = (u8, Option<String>);

/// What happens to the media of a call.
#[derive(Debug, Clone)]
pub enum MediaHappening {
    /// Time passes, in milliseconds.
    Wait(u16),
    /// The other side offers another path, with these lines changed.
    Offered(Vec<LineChange>),
    /// We offer one, and it answers with these lines changed.
    Answered(Vec<LineChange>),
    /// A description of any text, as an offer or an answer.
    Described {
        /// As an answer.
        is_answer: bool,
        /// The text.
        sdp: String,
    },
    /// One more address of the other side.
    Candidate(String),
    /// A datagram from where it is.
    Datagram(Vec<u8>),
    /// What both have to say arrives, so many datagrams of it, one with a bit
    /// turned.
    Exchange {
        /// How many.
        count: u8,
        /// Which of them is changed, and where.
        turned: Option<(u8, u16)>,
    },
    /// We send a packet of sound.
    Send(Vec<u8>),
}

/// The media of a call to which this happens.
#[derive(Debug)]
pub struct MediaRun {
    ours: Session,
    theirs: Session,
    now: Instant,
    sent: u64,
    /// Which side has offered a path before.
    offered: [bool; 2],
}

const OURS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5000);
const THEIRS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5001);

impl Default for MediaRun {
    fn default() -> Self {
        Self {
            ours: Session::new(std::iter::once(OURS)),
            theirs: Session::new(std::iter::once(THEIRS)),
            now: Instant::now(),
            sent: 0,
            offered: [false; 2],
        }
    }
}

impl MediaRun {
    /// Lets it happen. An error of a session is right: the call ends with it.
    ///
    /// # Panics
    /// When there is no end of what is to be done at one moment.
    pub fn happen(&mut self, happening: MediaHappening) {
        match happening {
            MediaHappening::Wait(ms) => {
                self.now += Duration::from_millis(ms.into());
                drop(self.ours.tick(self.now));
                drop(self.theirs.tick(self.now));
            }
            MediaHappening::Offered(changes) => {
                if let Some(offer) = offer(&mut self.theirs, &mut self.offered[1])
                    && let Ok(answer) = self.ours.answer(&changed(&offer, &changes))
                {
                    drop(self.theirs.accept(&answer));
                }
            }
            MediaHappening::Answered(changes) => {
                if let Some(offer) = offer(&mut self.ours, &mut self.offered[0])
                    && let Ok(answer) = self.theirs.answer(&offer)
                {
                    drop(self.ours.accept(&changed(&answer, &changes)));
                }
            }
            MediaHappening::Described { is_answer, sdp } => {
                sdp::mid(&sdp);
                sdp::candidate_kind(&sdp, THEIRS);
                match is_answer {
                    true => drop(self.ours.accept(&sdp)),
                    false => drop(self.ours.answer(&sdp)),
                }
            }
            MediaHappening::Candidate(line) => self.ours.add_candidate(&line),
            MediaHappening::Datagram(bytes) => self.deliver(bytes),
            MediaHappening::Exchange { count, turned } => self.exchange(count, turned),
            MediaHappening::Send(payload) => {
                self.ours.send(SentPacket {
                    format: Format::Protected,
                    sequence: self.sent,
                    payload,
                    media_time: self.sent * 960,
                    voiced: true,
                    marker: false,
                });
                self.sent += 1;
            }
        }
        said(&mut self.ours);
        self.ours.format();
        self.ours.candidate_kind(THEIRS);
    }

    fn deliver(&mut self, bytes: Vec<u8>) {
        drop(self.ours.receive(&Datagram {
            bytes,
            from: THEIRS,
            to: OURS,
            arrived: self.now,
        }));
    }

    fn exchange(&mut self, count: u8, turned: Option<(u8, u16)>) {
        drop(self.ours.tick(self.now));
        drop(self.theirs.tick(self.now));
        let mut number = 0;
        for _ in 0..count.min(MOST_ROUNDS) {
            for bytes in said(&mut self.ours) {
                drop(self.theirs.receive(&Datagram {
                    bytes,
                    from: OURS,
                    to: THEIRS,
                    arrived: self.now,
                }));
            }
            for mut bytes in said(&mut self.theirs) {
                if let Some((_, at)) = turned.filter(|(which, _)| *which == number)
                    && let Some(byte) = bytes.get_mut(usize::from(at / 8))
                {
                    *byte ^= 1 << (at % 8);
                }
                number = number.wrapping_add(1);
                self.deliver(bytes);
            }
            self.now += Duration::from_millis(20);
        }
    }
}

/// The first offer of a session, or one of another path.
fn offer(session: &mut Session, before: &mut bool) -> Option<String> {
    let offer = match std::mem::replace(before, true) {
        false => session.offer(),
        true => session.restart(),
    };
    offer.ok()
}

/// The datagrams that a session has to send just now.
fn said(session: &mut Session) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    for _ in 0..MOST_STEPS {
        match session.poll() {
            Ok(Step::Transmit { bytes, .. }) => datagrams.push(bytes),
            Ok(Step::Wait(_)) | Err(_) => return datagrams,
            Ok(_) => {}
        }
    }
    panic!("no end of what a session has to say");
}

fn changed(sdp: &str, changes: &[LineChange]) -> String {
    let mut lines: Vec<Option<String>> = sdp.lines().map(|line| Some(line.to_owned())).collect();
    for (number, text) in changes {
        if let Some(line) = lines.get_mut(usize::from(*number)) {
            line.clone_from(text);
        }
    }
    lines
        .iter()
        .flatten()
        .map(|line| format!("{line}\r\n"))
        .collect()
}
