//! Files on their way.

use serde::Serialize;
use twocan_proto::identity::PeerId;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

/// Names a transfer, the same on both sides.
pub type TransferId = Uuid;

/// Where a transfer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferState {
    /// Not decided by the receiver.
    Offered,
    /// Wanted, and waiting: for the other to be there, or for its turn.
    Accepted,
    /// The receiver said no.
    Rejected,
    /// Bytes flow.
    Running,
    /// One side stopped it for now; the reason tells which.
    Paused,
    /// All of it is on the receiver's disk, under its name.
    Done,
    /// It will never be complete; the reason was told.
    Failed,
    /// One side no longer wants it.
    Cancelled,
}

impl TransferState {
    /// Whether nothing comes after it.
    pub fn is_over(self) -> bool {
        matches!(
            self,
            Self::Rejected | Self::Done | Self::Failed | Self::Cancelled
        )
    }
}

/// A file, or a folder of files, on its way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Transfer {
    /// Its id (UUIDv7).
    pub transfer: TransferId,
    /// The other person.
    pub contact: PeerId,
    /// Whether we send it.
    pub outgoing: bool,
    /// Name of the file or folder, as it will be on disk.
    pub name: String,
    /// A folder with files in it.
    pub folder: bool,
    /// How many files there are; 1 unless it is a folder.
    pub files: u64,
    /// Bytes of all files together.
    pub size: u64,
    /// Bytes sent, or on disk here.
    pub done: u64,
    /// Bytes a second; 0 when none flow.
    pub rate: u64,
    /// Seconds until all is there at this rate; `None` when none flow.
    pub eta_s: Option<u64>,
    /// Where it stands.
    pub state: TransferState,
    /// Why, if there is something to say.
    pub reason: Option<String>,
    /// Where it lies here: what we send, or what has arrived as a whole.
    pub path: Option<String>,
    /// BLAKE3 of the file in hexadecimal, once all was checked. Of a folder:
    /// BLAKE3 of the hashes of its files, one after another.
    pub blake3: Option<String>,
    /// When it was offered, by the sender's clock.
    pub offered_at: Timestamp,
}
