//! Session descriptions at the edge: the payload that two twocans speak, and
//! what is looked at before str0m reads them.
//!
//! str0m knows a fixed list of codecs by name. Ours is none of them, and in
//! RTP mode a codec is a name and nothing more; so inside it goes by the name
//! of one that no call uses (comfort noise at 48 kHz with two channels, RFC
//! 3389 has one at most), and outside by its own.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use super::rtc::SessionError;

/// The payload's name in descriptions: frames, repair symbols and reports.
const OUTSIDE: &str = "x-twocan/48000/2";
/// The same inside str0m.
const INSIDE: &str = "CN/48000/2";
const MAPPING: &str = "a=rtpmap:";
const CANDIDATE: &str = "a=candidate:";

/// A description of ours as it goes out.
pub(super) fn outward(sdp: &str) -> String {
    rename(sdp, INSIDE, OUTSIDE)
}

/// A description of the other side as str0m takes it.
///
/// # Errors
/// When one payload type stands for two things, which str0m does not survive.
pub(super) fn inward(sdp: &str) -> Result<String, SessionError> {
    let mut types = HashSet::new();
    let mappings = sdp.lines().filter_map(|line| line.strip_prefix(MAPPING));
    for mapping in mappings {
        let payload_type = mapping.split_once(' ').map(|(number, _)| number);
        if !types.insert(payload_type.ok_or(SessionError::Sdp)?) {
            return Err(SessionError::Sdp);
        }
    }
    Ok(rename(sdp, OUTSIDE, INSIDE))
}

fn rename(sdp: &str, from: &str, to: &str) -> String {
    let mut renamed = String::with_capacity(sdp.len());
    for line in sdp.split_inclusive('\n') {
        let codec = line.trim_end().rsplit_once(' ').map(|(_, codec)| codec);
        if line.starts_with(MAPPING) && codec.is_some_and(|codec| codec.eq_ignore_ascii_case(from))
        {
            let start = line.trim_end().len() - from.len();
            renamed.push_str(&line[..start]);
            renamed.push_str(to);
            renamed.push_str(&line[start + from.len()..]);
        } else {
            renamed.push_str(line);
        }
    }
    renamed
}

/// What a description calls its first stream (RFC 8843 section 5).
pub(super) fn mid(sdp: &str) -> Option<&str> {
    sdp.lines().find_map(|line| line.strip_prefix("a=mid:"))
}

/// The kinds of candidates (RFC 8839 section 5.1) that a description names
/// for `address`: `host`, `srflx`, `relay`.
pub(super) fn candidate_kind(sdp: &str, address: SocketAddr) -> Option<&str> {
    let candidates = sdp.lines().filter_map(|line| line.strip_prefix(CANDIDATE));
    candidates
        .filter_map(|candidate| {
            let mut words = candidate.split_whitespace().skip(4);
            let ip: IpAddr = words.next()?.parse().ok()?;
            let port: u16 = words.next()?.parse().ok()?;
            let kind = words.nth(1)?;
            (SocketAddr::new(ip, port) == address).then_some(kind)
        })
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111 112\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:112 CN/48000/2\r\n";

    #[test]
    fn our_payload_has_one_name_outside_and_another_inside() {
        let out = outward(OURS);
        assert!(out.contains("a=rtpmap:112 x-twocan/48000/2\r\n"), "{out}");
        assert_eq!(inward(&out).unwrap(), OURS);
        let other = "a=rtpmap:13 CN/8000\r\na=fmtp:112 CN/48000/2\r\n";
        assert_eq!(outward(other), other);
    }

    #[test]
    fn a_payload_type_that_stands_for_two_things_is_refused() {
        let twice = "a=rtpmap:111 opus/48000/2\r\na=rtpmap:111 x-twocan/48000/2\r\n";
        assert!(inward(twice).is_err());
        assert!(inward("a=rtpmap:111\r\n").is_err());
    }

    #[test]
    fn the_kind_of_a_candidate_is_found_by_its_address() {
        let sdp = "a=candidate:1 1 udp 2113929471 10.0.0.5 5000 typ host generation 0\r\na=candidate:x\r\n";
        let kind = |address: &str| candidate_kind(sdp, address.parse().unwrap());
        assert_eq!(kind("10.0.0.5:5000"), Some("host"));
        assert_eq!(kind("10.0.0.5:5001"), None);
    }
}
