//! The safety number of two people: the same on both screens when, and only
//! when, each has the true key of the other.
//!
//! Each key gets a fingerprint of its own and the two are put side by side,
//! the smaller key's first, so that both people see the same. This is the
//! construction of Signal's numeric fingerprints (`NumericFingerprintGenerator`
//! of libsignal): somebody in the middle would have to find, for each of the
//! two, another key with the very same fingerprint. One hash over both keys
//! would be weaker, as any two keys that fit each other would do (a birthday
//! search).
//!
//! ```text
//! h = SHA-512(CONTEXT || key);  ROUNDS times: h = SHA-512(h || key)
//! digits: bytes 0..30 in chunks of 5, big endian, modulo 100000, 5 digits each
//! words:  bytes 32..40, one word of `words.txt` for each byte
//! ```
//!
//! A person's eight words are 64 bits, and trying one key costs [`ROUNDS`]
//! hashes, 2^16: a search for a key with given words takes 2^80 hashes. The
//! digits are 99 bits a person.

use sha2::{Digest, Sha512};

use crate::identity::PeerId;

/// Hashes that one try costs whoever looks for a key with a given
/// fingerprint; Signal takes 5200. A safety number takes two times as many,
/// about 50 ms, so compute it where that holds nothing up.
pub const ROUNDS: u32 = 65_536;
/// Digits of one person.
const DIGITS: usize = 30;
/// Bytes that become one group of digits, and how many there are in it.
const CHUNK: (usize, u64) = (5, 100_000);
/// Words of one person.
const WORDS: usize = 8;
/// Where in the hash the bytes of the words begin: behind those of the digits.
const WORDS_AT: usize = 32;
/// Domain of the hash, so that it means nothing anywhere else.
const CONTEXT: &[u8] = b"twocan 2026 safety number 1";
/// 256 short words that differ in their first three letters, one a line.
const LIST: &str = include_str!("words.txt");

/// What two people compare, by voice or side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Safety {
    /// 60 digits in twelve groups of five, with blanks between.
    pub digits: String,
    /// 16 words to read aloud: the first eight for the smaller of both keys.
    pub words: Vec<&'static str>,
}

/// The safety number of two people, whichever way round they are named.
pub fn safety(one: PeerId, other: PeerId) -> Safety {
    let (low, high) = (one.min(other), one.max(other));
    let prints = [fingerprint(low), fingerprint(high)];
    let groups = prints.iter().flat_map(digits).collect::<Vec<_>>();
    Safety {
        digits: groups.join(" "),
        words: prints.iter().flat_map(words).collect(),
    }
}

fn fingerprint(key: PeerId) -> [u8; 64] {
    let key = key.as_bytes();
    let first = Sha512::new().chain_update(CONTEXT).chain_update(key);
    let mut hash = first.finalize();
    for _ in 0..ROUNDS {
        hash = Sha512::new()
            .chain_update(hash)
            .chain_update(key)
            .finalize();
    }
    hash.into()
}

fn digits(print: &[u8; 64]) -> Vec<String> {
    let (bytes, modulus) = CHUNK;
    print[..DIGITS]
        .chunks(bytes)
        .map(|chunk| {
            let number = chunk.iter().fold(0, |sum, b| sum << 8 | u64::from(*b));
            format!("{:05}", number % modulus)
        })
        .collect()
}

fn words(print: &[u8; 64]) -> Vec<&'static str> {
    let list: Vec<&str> = LIST.lines().collect();
    let bytes = &print[WORDS_AT..WORDS_AT + WORDS];
    bytes.iter().map(|b| list[usize::from(*b)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;

    fn id(seed: u8) -> PeerId {
        Identity::from_seed(&[seed; 32]).peer_id()
    }

    #[test]
    fn both_see_the_same_and_others_see_another() {
        let ours = safety(id(1), id(2));
        assert_eq!(ours, safety(id(2), id(1)));
        let other = safety(id(1), id(3));
        assert_ne!(ours.digits, other.digits);
        assert_ne!(ours.words, other.words);
    }

    #[test]
    fn it_has_the_shape_that_is_promised() {
        let safety = safety(id(1), id(2));
        let groups: Vec<_> = safety.digits.split(' ').collect();
        assert_eq!(groups.len(), 12);
        let five = |g: &&str| g.len() == 5 && g.bytes().all(|b| b.is_ascii_digit());
        assert!(groups.iter().all(five));
        assert_eq!(safety.words.len(), 2 * WORDS);
    }

    /// One person's half depends on her key alone, so that nobody gets by
    /// with a pair of keys that fit each other.
    #[test]
    fn each_half_is_one_persons() {
        let (a, b) = (id(1).min(id(2)), id(1).max(id(2)));
        let with_itself = safety(a, a);
        assert_eq!(safety(a, b).words[..WORDS], with_itself.words[..WORDS]);
        assert_eq!(safety(a, b).digits[..35], with_itself.digits[..35]);
    }

    /// Two versions of the program must show the same.
    #[test]
    fn it_stays_what_it_is() {
        let safety = safety(id(1), id(2));
        assert_eq!(
            safety.digits,
            "45314 64796 79302 06286 08467 55633 61951 33888 43950 64329 36112 74346"
        );
        assert_eq!(
            safety.words.join(" "),
            "jewel alley leopard island popcorn trumpet wonder cotton \
             falcon boiler stadium zenith coconut brush acorn sheriff"
        );
    }

    fn distance(a: &str, b: &str) -> usize {
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.bytes().enumerate() {
            let mut diagonal = std::mem::replace(&mut row[0], i + 1);
            for (j, y) in b.bytes().enumerate() {
                let replaced = diagonal + usize::from(x != y);
                diagonal = row[j + 1];
                row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
            }
        }
        row[b.len()]
    }

    #[test]
    fn no_two_words_are_taken_for_each_other() {
        let list: Vec<&str> = LIST.lines().collect();
        assert_eq!(list.len(), 256);
        assert!(list.is_sorted());
        for (n, word) in list.iter().enumerate() {
            assert!(word.bytes().all(|b| b.is_ascii_lowercase()), "{word}");
            assert!((4..=8).contains(&word.len()), "{word}");
            for other in &list[n + 1..] {
                assert_ne!(word[..3], other[..3], "{word} {other}");
                assert!(distance(word, other) >= 3, "{word} {other}");
            }
        }
    }
}
