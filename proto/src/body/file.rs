//! What the frames about files say: offers and states on the link, and the
//! language of the connection that carries the contents.
//!
//! On the link each side tells how a transfer stands at itself, until the
//! other says that it has seen it. On a connection for contents the receiver
//! asks and the sender answers:
//!
//! ```text
//!  whoever dialled  ---- open --------------------->  the other
//!  receiver         ---- list --------------------->  sender
//!                   <--- entries, entries, ... -----
//!                   ---- get (file, offset) ------->
//!                   <--- chunk, chunk, ..., end ----   of this file,
//!                   <--- chunk, chunk, ..., end ----   and of all after it
//! ```

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::{BodyError, json, within};
use crate::frame::{BODY_BYTES, Frame, FrameError, Kind};
use crate::limits;
use crate::time::Timestamp;

/// Will you take this? Said again on every link until it is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOffer {
    /// The transfer, named by the sender (UUIDv7).
    pub transfer: Uuid,
    /// Name of the file or folder, without any path.
    pub name: String,
    /// Bytes of all files together.
    pub size: u64,
    /// How many files there are; 1 unless it is a folder.
    pub files: u64,
    /// A folder with files in it, told on the connection for contents.
    #[serde(default)]
    pub folder: bool,
    /// When it was offered, by the sender's clock.
    pub at: Timestamp,
}

impl FileOffer {
    pub(super) fn check(&self) -> Result<(), BodyError> {
        within("file name", self.name.len(), limits::FILE_NAME_BYTES)?;
        count("number of files", self.files, limits::FILES_IN_SET)?;
        count("size", self.size, limits::TRANSFER_BYTES)?;
        if self.files == 0 || !self.folder && self.files != 1 {
            return Err(BodyError::Malformed);
        }
        Ok(())
    }
}

/// How a transfer stands at one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Sender: there to be taken. Receiver: not decided.
    Offered,
    /// Receiver: to be brought here.
    Accepted,
    /// Either: not now.
    Paused,
    /// Receiver: no.
    Rejected,
    /// Receiver: all of it is on disk, and is what the sender has.
    Done,
    /// Either: will never be complete; the reason was told.
    Failed,
    /// Either: no longer wanted.
    Cancelled,
    /// Something this version does not know.
    #[serde(other)]
    Other,
}

impl Standing {
    /// Whether nothing comes after it.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Rejected | Self::Done | Self::Failed | Self::Cancelled
        )
    }
}

/// How a transfer stands at the sender of this frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// The transfer.
    pub transfer: Uuid,
    /// How it stands.
    pub state: Standing,
    /// Why, for people; may be empty.
    #[serde(default)]
    pub text: String,
    /// Receiver: bytes that are on its disk.
    #[serde(default)]
    pub done: u64,
    /// Receiver, with [`Standing::Done`]: BLAKE3 of what is there; of a
    /// folder, of the hashes of its files one after another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake3: Option<FileHash>,
}

/// The state that the receiver of this frame told is on its sender's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSeen {
    /// The transfer.
    pub transfer: Uuid,
    /// The state that was seen.
    pub state: Standing,
}

/// A transfer, with nothing more to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// The transfer.
    pub transfer: Uuid,
}

/// A BLAKE3 hash of 32 bytes, in hexadecimal on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FileHash(pub [u8; 32]);

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for FileHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FileHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = data_encoding::HEXLOWER
            .decode(text.as_bytes())
            .map_err(serde::de::Error::custom)?;
        let bytes = bytes
            .try_into()
            .map_err(|_| serde::de::Error::custom("a hash has 32 bytes"))?;
        Ok(Self(bytes))
    }
}

/// One file of a set, in the order in which they are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path inside the folder, parts separated by `/`.
    pub path: String,
    /// Bytes.
    pub size: u64,
}

/// Some files of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntries {
    /// The files, following those of the frames before.
    pub files: Vec<FileEntry>,
    /// More of them come.
    #[serde(default)]
    pub more: bool,
}

/// Send from this place on: the rest of this file and all files after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileGet {
    /// Number of the file in the set, from 0.
    pub file: u64,
    /// Its bytes that are here already.
    pub offset: u64,
}

/// A file has been sent to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEnd {
    /// Number of the file in the set, from 0.
    pub file: u64,
    /// BLAKE3 of all its bytes, from the first.
    pub blake3: FileHash,
}

/// It cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFail {
    /// Why, for people.
    #[serde(default)]
    pub text: String,
}

/// What is said on a connection for contents.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "each variant is the frame type of the same name"
)]
pub enum Bulk {
    Open(FileRef),
    List,
    Entries(FileEntries),
    Get(FileGet),
    /// At most [`limits::FILE_CHUNK_BYTES`]; none at all is a sign of life.
    Chunk(Bytes),
    End(FileEnd),
    Fail(FileFail),
}

impl Bulk {
    /// The frame that says this.
    ///
    /// # Errors
    /// [`FrameError::TooLong`], which nothing within the limits meets but
    /// too many entries with long paths.
    pub fn to_frame(&self) -> Result<Frame, FrameError> {
        let (kind, json) = match self {
            Self::Open(b) => (Kind::FILE_OPEN, serde_json::to_vec(b)),
            Self::List => (Kind::FILE_LIST, Ok(b"{}".to_vec())),
            Self::Entries(b) => (Kind::FILE_ENTRIES, serde_json::to_vec(b)),
            Self::Get(b) => (Kind::FILE_GET, serde_json::to_vec(b)),
            Self::Chunk(bytes) => {
                return Ok(Frame {
                    kind: Kind::FILE_CHUNK,
                    body: bytes.clone(),
                });
            }
            Self::End(b) => (Kind::FILE_END, serde_json::to_vec(b)),
            Self::Fail(b) => (Kind::FILE_FAIL, serde_json::to_vec(b)),
        };
        // Plain structs of strings and numbers always serialize.
        let body = Bytes::from(json.map_err(|_| FrameError::TooLong)?);
        if body.len() > BODY_BYTES {
            return Err(FrameError::TooLong);
        }
        Ok(Frame { kind, body })
    }

    /// What a frame says.
    ///
    /// # Errors
    /// As [`super::Body::from_frame`]; nothing is skipped on such a
    /// connection, so every error ends it.
    pub fn from_frame(frame: &Frame) -> Result<Self, BodyError> {
        let body = &frame.body[..];
        let parsed = match frame.kind {
            Kind::FILE_OPEN => Self::Open(json(body)?),
            Kind::FILE_LIST => Self::List,
            Kind::FILE_ENTRIES => Self::Entries(json(body)?),
            Kind::FILE_GET => Self::Get(json(body)?),
            Kind::FILE_CHUNK => Self::Chunk(frame.body.clone()),
            Kind::FILE_END => Self::End(json(body)?),
            Kind::FILE_FAIL => Self::Fail(json(body)?),
            other => return Err(BodyError::Unknown(other)),
        };
        parsed.check()?;
        Ok(parsed)
    }

    fn check(&self) -> Result<(), BodyError> {
        match self {
            Self::Entries(entries) => {
                within("list of files", entries.files.len(), limits::FILE_ENTRIES)?;
                entries.files.iter().try_for_each(|file| {
                    within("path", file.path.len(), limits::FILE_PATH_BYTES)?;
                    count("size", file.size, limits::TRANSFER_BYTES)
                })
            }
            Self::Chunk(bytes) => within("chunk", bytes.len(), limits::FILE_CHUNK_BYTES),
            Self::Fail(fail) => within("reason", fail.text.len(), limits::REASON_BYTES),
            Self::Open(_) | Self::List | Self::Get(_) | Self::End(_) => Ok(()),
        }
    }
}

fn count(what: &'static str, number: u64, most: u64) -> Result<(), BodyError> {
    if number > most {
        return Err(BodyError::Limit {
            what,
            most: usize::try_from(most).unwrap_or(usize::MAX),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offer() -> FileOffer {
        FileOffer {
            transfer: Uuid::from_u128(1),
            name: "report.pdf".into(),
            size: 10,
            files: 1,
            folder: false,
            at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn offers_out_of_bounds_are_refused() {
        assert_eq!(offer().check(), Ok(()));
        let wrong = [
            FileOffer {
                name: "x".repeat(limits::FILE_NAME_BYTES + 1),
                ..offer()
            },
            FileOffer {
                size: u64::MAX,
                ..offer()
            },
            FileOffer {
                files: limits::FILES_IN_SET + 1,
                folder: true,
                ..offer()
            },
            FileOffer {
                files: 2,
                ..offer()
            },
            FileOffer {
                files: 0,
                folder: true,
                ..offer()
            },
        ];
        for offer in wrong {
            assert!(offer.check().is_err(), "{offer:?}");
        }
    }

    #[test]
    fn what_is_not_for_this_connection_is_refused() {
        let frame = Frame {
            kind: Kind::HELLO,
            body: Bytes::from_static(b"{}"),
        };
        assert_eq!(
            Bulk::from_frame(&frame),
            Err(BodyError::Unknown(Kind::HELLO))
        );
        let chunk = Bulk::Chunk(vec![0; limits::FILE_CHUNK_BYTES + 1].into());
        assert!(Bulk::from_frame(&chunk.to_frame().unwrap()).is_err());
    }

    proptest! {
        #[test]
        fn any_frame_is_answered(kind in 0u8..64, body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let frame = Frame { kind: Kind::from_bits(kind).unwrap(), body: body.into() };
            if let Ok(said) = Bulk::from_frame(&frame) {
                prop_assert_eq!(Bulk::from_frame(&said.to_frame().unwrap()), Ok(said));
            }
        }

        #[test]
        fn any_hash_survives(bytes: [u8; 32]) {
            let end = Bulk::End(FileEnd { file: 3, blake3: FileHash(bytes) });
            prop_assert_eq!(Bulk::from_frame(&end.to_frame().unwrap()), Ok(end));
        }
    }
}
