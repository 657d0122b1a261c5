//! Registries: sessions and accounts there, and who else is known.

use twocan_proto::registry_url::RegistryUrl;

use super::Engine;
use crate::api::{
    AccountAction, AccountAnswer, Directory, DirectoryQuery, Error, LobbyAsk, LobbyUser, SignIn,
    SignedIn,
};
use crate::core::Command;

impl Engine {
    /// Signs in to a registry, and makes the account if asked to.
    ///
    /// # Errors
    /// `unauthorized`, `taken`, `conflict` while another identity is signed in
    /// there, `unreachable`, `refused` for a wrong certificate or with
    /// [`Error::wants_code`], `outdated`, `banned`, `limited`.
    pub async fn sign_in(&self, sign_in: SignIn) -> Result<SignedIn, Error> {
        self.ask(|reply| Command::SignIn(sign_in, reply)).await
    }

    /// Ends our session at a registry.
    ///
    /// # Errors
    /// `not_found` for a registry that is not known.
    pub async fn sign_out(&self, registry: RegistryUrl) -> Result<(), Error> {
        self.ask(|reply| Command::SignOut(registry, reply)).await
    }

    /// Shows, changes or deletes our account at a registry.
    ///
    /// # Errors
    /// `not_found` when we are not signed in there, `unauthorized` for a wrong
    /// password, `bad_request`, and as [`Self::sign_in`].
    pub async fn account(
        &self,
        registry: RegistryUrl,
        action: AccountAction,
    ) -> Result<AccountAnswer, Error> {
        self.ask(|reply| Command::Account {
            registry,
            action,
            reply,
        })
        .await
    }

    /// Asks something of a registry's public room, and answers when the
    /// registry has: who is there, for [`LobbyAsk::Join`] and
    /// [`LobbyAsk::Who`], and nobody otherwise.
    ///
    /// # Errors
    /// `not_found` when we are not signed in there, `offline` while it cannot
    /// be heard, and what the registry says.
    pub async fn lobby(
        &self,
        registry: RegistryUrl,
        ask: LobbyAsk,
    ) -> Result<Vec<LobbyUser>, Error> {
        self.ask(|reply| Command::Lobby {
            registry,
            ask,
            reply,
        })
        .await
    }

    /// Who is at the registries, which are asked side by side: one that hangs
    /// is named in the answer and delays it by a second at most.
    ///
    /// # Errors
    /// When no registry answers: what the last one said.
    pub async fn directory(&self, query: DirectoryQuery) -> Result<Directory, Error> {
        self.ask(|reply| Command::Directory(query, reply)).await
    }
}
