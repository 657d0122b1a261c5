//! Files given to each other.

use std::path::Path;

use twocan_proto::identity::PeerId;

use super::Engine;
use crate::api::{Error, Transfer, TransferId};
use crate::core::Command;

impl Engine {
    /// Offers a file, or a folder as a set of files, to a contact. The offer
    /// waits for her if she is away.
    ///
    /// # Errors
    /// `not_found` or `io` if it cannot be read, `bad_request` for what is
    /// neither file nor folder, `too_large`, `limited` when too many offers to
    /// her are open; `not_found`, `blocked`, `key_changed` for the contact.
    pub async fn file_send(&self, to: PeerId, path: &Path) -> Result<TransferId, Error> {
        let path = path.to_owned();
        self.ask(|reply| Command::FileSend { to, path, reply })
            .await
    }

    /// Takes an offer, into `folder` or the folder of the settings.
    ///
    /// # Errors
    /// `not_found`, `conflict` for what is not ours to take or is over,
    /// `bad_request` for a folder that is none.
    pub async fn file_accept(
        &self,
        transfer: TransferId,
        folder: Option<&Path>,
    ) -> Result<(), Error> {
        let folder = folder.map(Path::to_owned);
        self.ask(|reply| Command::FileAccept {
            transfer,
            folder,
            reply,
        })
        .await
    }

    /// Refuses an offer.
    ///
    /// # Errors
    /// `not_found`, `conflict` when it is not waiting for that.
    pub async fn file_reject(&self, transfer: TransferId) -> Result<(), Error> {
        self.ask(|reply| Command::FileReject(transfer, reply)).await
    }

    /// Stops a transfer for now.
    ///
    /// # Errors
    /// `not_found`, `conflict` when it is over or was not accepted.
    pub async fn file_pause(&self, transfer: TransferId) -> Result<(), Error> {
        self.ask(|reply| Command::FilePause(transfer, reply)).await
    }

    /// Lets a transfer go on that was stopped here, by the user or the disk.
    ///
    /// # Errors
    /// `not_found`, `conflict` when it is over, or the other side stopped it.
    pub async fn file_resume(&self, transfer: TransferId) -> Result<(), Error> {
        self.ask(|reply| Command::FileResume(transfer, reply)).await
    }

    /// Ends a transfer for good; what has come of it is removed.
    ///
    /// # Errors
    /// `not_found`, `conflict` when it is over.
    pub async fn file_cancel(&self, transfer: TransferId) -> Result<(), Error> {
        self.ask(|reply| Command::FileCancel(transfer, reply)).await
    }

    /// Transfers, oldest first: all that are not over, and the newest that
    /// are.
    ///
    /// # Errors
    /// `io` when the database does not answer.
    pub async fn transfers(&self) -> Result<Vec<Transfer>, Error> {
        self.ask(Command::Transfers).await
    }
}
