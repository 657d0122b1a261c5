//! A long secret as a row of sealed chunks, so that it is written and read
//! with the memory of one.
//!
//! ```text
//!  chunk: last (1 bit) and length (31 bits), big endian | AES-256-GCM text | tag (16)
//!  nonce: last (1 byte) | 0 0 0 | number of the chunk (8 bytes, big endian)
//! ```
//!
//! The number in the nonce keeps chunks from being left out, doubled or
//! moved, the last one's mark keeps the row from being cut short.

use std::io::{self, Read, Write};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::keys::Key;

/// Bytes of a chunk at most, before it is sealed.
pub(super) const CHUNK: usize = 64 * 1024;
const LAST: u32 = 1 << 31;

/// Why a row of chunks does not come back as it was written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// It ends before its last chunk.
    #[error("it is cut short")]
    Short,
    /// Something in it was changed.
    #[error("it was changed since it was written")]
    Changed,
    /// It cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// The cipher of one row. Its key must be used for one row alone.
struct Row {
    cipher: LessSafeKey,
    number: u64,
}

impl Row {
    fn new(key: &Key) -> Result<Self, Broken> {
        let key = UnboundKey::new(&AES_256_GCM, key.bytes()).map_err(|_| Broken::Changed)?;
        Ok(Self {
            cipher: LessSafeKey::new(key),
            number: 0,
        })
    }

    fn next_nonce(&mut self, last: bool) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[0] = u8::from(last);
        nonce[4..].copy_from_slice(&self.number.to_be_bytes());
        self.number += 1;
        Nonce::assume_unique_for_key(nonce)
    }
}

/// Seals chunks into `to`.
pub(super) struct Sealer<W> {
    row: Row,
    to: W,
}

impl<W: Write> Sealer<W> {
    pub(super) fn new(key: &Key, to: W) -> Result<Self, Broken> {
        Ok(Self {
            row: Row::new(key)?,
            to,
        })
    }

    /// Writes a chunk of at most [`CHUNK`] bytes.
    pub(super) fn chunk(&mut self, content: &[u8]) -> Result<(), Broken> {
        self.seal(content, false)
    }

    /// Writes the end.
    pub(super) fn finish(mut self) -> Result<W, Broken> {
        self.seal(&[], true)?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn seal(&mut self, content: &[u8], last: bool) -> Result<(), Broken> {
        let mut text = Vec::with_capacity(content.len() + AES_256_GCM.tag_len());
        text.extend_from_slice(content);
        let nonce = self.row.next_nonce(last);
        self.row
            .cipher
            .seal_in_place_append_tag(nonce, Aad::empty(), &mut text)
            .map_err(|_| Broken::Changed)?;
        let length = u32::try_from(text.len()).map_err(|_| Broken::Changed)?;
        let head = if last { length | LAST } else { length };
        self.to.write_all(&head.to_be_bytes())?;
        Ok(self.to.write_all(&text)?)
    }
}

/// Opens what [`Sealer`] wrote.
pub(super) struct Opener<R> {
    row: Row,
    from: R,
    ended: bool,
}

impl<R: Read> Opener<R> {
    pub(super) fn new(key: &Key, from: R) -> Result<Self, Broken> {
        Ok(Self {
            row: Row::new(key)?,
            from,
            ended: false,
        })
    }

    /// The next chunk; `None` after the last, behind which nothing may come.
    pub(super) fn next(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, Broken> {
        if self.ended {
            return Ok(None);
        }
        let mut head = [0; 4];
        self.fill(&mut head)?;
        let head = u32::from_be_bytes(head);
        let (last, length) = (head & LAST != 0, head & !LAST);
        let length = usize::try_from(length).map_err(|_| Broken::Changed)?;
        if length > CHUNK + AES_256_GCM.tag_len() {
            return Err(Broken::Changed);
        }
        let mut text = Zeroizing::new(vec![0; length]);
        self.fill(&mut text)?;
        let nonce = self.row.next_nonce(last);
        let opened = self
            .row
            .cipher
            .open_in_place(nonce, Aad::empty(), &mut text)
            .map_err(|_| Broken::Changed)?
            .len();
        text.truncate(opened);
        if !last {
            return Ok(Some(text));
        }
        self.ended = true;
        match (opened, self.from.read(&mut [0])?) {
            (0, 0) => Ok(None),
            _ => Err(Broken::Changed),
        }
    }

    fn fill(&mut self, room: &mut [u8]) -> Result<(), Broken> {
        self.from
            .read_exact(room)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => Broken::Short,
                _ => Broken::Io(error),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> Key {
        Key::from_slice(&[5; 32]).unwrap()
    }

    fn sealed(chunks: &[&[u8]]) -> Vec<u8> {
        let mut sealer = Sealer::new(&key(), Vec::new()).unwrap();
        for chunk in chunks {
            sealer.chunk(chunk).unwrap();
        }
        sealer.finish().unwrap()
    }

    fn opened(sealed: &[u8]) -> Result<Vec<Vec<u8>>, Broken> {
        let mut opener = Opener::new(&key(), sealed)?;
        let mut chunks = Vec::new();
        while let Some(chunk) = opener.next()? {
            chunks.push(chunk.to_vec());
        }
        Ok(chunks)
    }

    #[test]
    fn chunks_come_back_as_they_were() {
        let long = vec![9; CHUNK];
        let row = sealed(&[b"one", &long, b""]);
        assert_eq!(opened(&row).unwrap(), [b"one".to_vec(), long, Vec::new()]);
        assert!(opened(&sealed(&[])).unwrap().is_empty());
    }

    #[test]
    fn cut_at_any_byte_it_is_short() {
        let row = sealed(&[b"one", b"two"]);
        for length in 0..row.len() {
            let cut = opened(&row[..length]);
            assert!(matches!(cut, Err(Broken::Short)), "{length}: {cut:?}");
        }
    }

    #[test]
    fn chunks_cannot_be_moved_doubled_or_added() {
        let row = sealed(&[b"one", b"two"]);
        let (one, rest) = row.split_at(4 + 3 + 16);
        let (two, end) = rest.split_at(4 + 3 + 16);
        for mixed in [
            [two, one, end].concat(),
            [one, one, two, end].concat(),
            [one, end].concat(),
            [one, two, end, b"x"].concat(),
            [one, two, end, end].concat(),
        ] {
            assert!(matches!(opened(&mixed), Err(Broken::Changed)));
        }
    }

    proptest! {
        #[test]
        fn a_flipped_bit_is_never_taken(bit in 0usize..(2 * 23 + 20) * 8) {
            let mut row = sealed(&[b"one", b"two"]);
            row[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(opened(&row).is_err());
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(opened(&bytes).is_err());
        }
    }
}
