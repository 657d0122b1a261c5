//! The handle to the engine. Every method is a message to the core task and
//! its answer; nothing is decided here.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use twocan_proto::identity::PeerId;
use twocan_proto::registry_url::RegistryUrl;
use twocan_voice::LevelReader;
use uuid::Uuid;

use crate::api::{
    Call, CallChange, CallId, CallLevels, CallStats, Config, Connected, Contact, ContactChange,
    ContactRequest, DeleteFor, DirectoryEntry, DirectoryQuery, Draft, Error, Event, ExportFormat,
    Imported, KeyDecision, LoggedCall, Message, Nearby, Page, Profile, Revision, Safety,
    SearchQuery, SignIn, SignedIn, SoundDevices, Transfer, TransferId, WhoAmI,
};
use crate::core::{self, Command, Reply};

/// Events that wait to be taken, besides those the core itself holds back.
const EVENTS: usize = 1024;
/// Commands that wait for the core; whoever brings one more waits.
const COMMANDS: usize = 256;

/// A handle to a running engine. The engine ends with [`Self::shutdown`], or
/// when the last handle is gone.
#[derive(Clone, Debug)]
pub struct Engine {
    commands: mpsc::Sender<Command>,
    levels: watch::Receiver<Option<LevelReader>>,
}

impl Engine {
    /// Opens the profile and starts the engine on the current tokio runtime.
    /// The receiver brings what happens, in order; whoever does not take it
    /// holds nothing up, but misses the oldest after many thousand.
    ///
    /// # Errors
    /// What keeps it from starting, with what to do about it: a profile in
    /// use, a damaged key or database, a port that is taken.
    pub async fn start(config: Config) -> Result<(Self, mpsc::Receiver<Event>), Error> {
        let (events, receiver) = mpsc::channel(EVENTS);
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (meters, levels) = watch::channel(None);
        core::start(config, inbox, events, meters).await?;
        Ok((Self { commands, levels }, receiver))
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| Error::stopped())?;
        answer.await.map_err(|_| Error::stopped())?
    }

    /// Who we are.
    ///
    /// # Errors
    /// Only when the engine has ended.
    pub async fn whoami(&self) -> Result<WhoAmI, Error> {
        self.ask(Command::WhoAmI).await
    }

    /// Changes the name that others see.
    ///
    /// # Errors
    /// `bad_request` for a name that is empty or too long.
    pub async fn set_name(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        self.ask(|reply| Command::SetName(name, reply)).await
    }

    /// All contacts, by alias.
    ///
    /// # Errors
    /// Only when the engine has ended.
    pub async fn contacts(&self) -> Result<Vec<Contact>, Error> {
        self.ask(Command::Contacts).await
    }

    /// Who is meant by an alias, `name@registry-host`, a unique plain name, or
    /// a peer id.
    ///
    /// # Errors
    /// `not_found` when nobody, or more than one, is meant.
    pub async fn resolve(&self, who: &str) -> Result<PeerId, Error> {
        let who = who.to_owned();
        self.ask(|reply| Command::Resolve(who, reply)).await
    }

    /// Adds a contact by name, contact link or address, and asks her with
    /// `note`.
    ///
    /// # Errors
    /// `not_found` for an unknown name, `unreachable` for an address where
    /// nobody answers, `bad_request` for something that is none of them.
    pub async fn contact_add(&self, who: &str, note: &str) -> Result<Contact, Error> {
        let (who, note) = (who.to_owned(), note.to_owned());
        self.ask(|reply| Command::ContactAdd { who, note, reply })
            .await
    }

    /// Changes a contact.
    ///
    /// # Errors
    /// `not_found`, or `taken` for an alias that another contact has.
    pub async fn contact_set(
        &self,
        contact: PeerId,
        change: ContactChange,
    ) -> Result<Contact, Error> {
        self.ask(|reply| Command::ContactSet {
            contact,
            change,
            reply,
        })
        .await
    }

    /// Forgets a contact. The messages stay on disk, and are there again when
    /// she is added again.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn contact_remove(&self, contact: PeerId) -> Result<(), Error> {
        self.ask(|reply| Command::ContactRemove(contact, reply))
            .await
    }

    /// Decides what becomes of a contact who shows another key. With
    /// [`KeyDecision::Accept`] the answer has another `peer_id`: the events
    /// tell that the old one is gone and the new one is there.
    ///
    /// # Errors
    /// `not_found` when she shows the known key, `conflict` when the new key
    /// is that of another contact.
    pub async fn decide_key(
        &self,
        contact: PeerId,
        decision: KeyDecision,
    ) -> Result<Contact, Error> {
        self.ask(|reply| Command::DecideKey {
            contact,
            decision,
            reply,
        })
        .await
    }

    /// What to compare with a contact to know each other's keys; once done,
    /// mark her as verified with [`Self::contact_set`]. Takes about 50 ms.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn safety(&self, contact: PeerId) -> Result<Safety, Error> {
        self.ask(|reply| Command::Safety(contact, reply)).await
    }

    /// What we tell our contacts of ourselves.
    ///
    /// # Errors
    /// Only when the engine has ended.
    pub async fn profile(&self) -> Result<Profile, Error> {
        self.ask(Command::Profile).await
    }

    /// Changes what we tell our contacts of ourselves, and tells them.
    ///
    /// # Errors
    /// `bad_request` or `too_large` for a part that is wrong.
    pub async fn set_profile(&self, profile: Profile) -> Result<(), Error> {
        self.ask(|reply| Command::SetProfile(profile, reply)).await
    }

    /// Who is found in the local network, by name.
    ///
    /// # Errors
    /// Only when the engine has ended.
    pub async fn nearby(&self) -> Result<Vec<Nearby>, Error> {
        self.ask(Command::Nearby).await
    }

    /// Strangers who ask to become contacts.
    ///
    /// # Errors
    /// Only when the engine has ended.
    pub async fn requests(&self) -> Result<Vec<ContactRequest>, Error> {
        self.ask(Command::Requests).await
    }

    /// Makes the stranger a contact.
    ///
    /// # Errors
    /// `not_found` when the request is gone.
    pub async fn accept(&self, request: Uuid) -> Result<Contact, Error> {
        self.ask(|reply| Command::Accept(request, reply)).await
    }

    /// Tells the stranger no.
    ///
    /// # Errors
    /// `not_found` when the request is gone.
    pub async fn reject(&self, request: Uuid) -> Result<(), Error> {
        self.ask(|reply| Command::Reject(request, reply)).await
    }

    /// Connects to `HOST[:PORT]`, makes whoever answers a contact and asks
    /// her. Answers once the link is up.
    ///
    /// # Errors
    /// `bad_request` for no address, `unreachable`, `refused`, `key_mismatch`.
    pub async fn connect(&self, to: &str) -> Result<Connected, Error> {
        let to = to.to_owned();
        self.ask(|reply| Command::Connect(to, reply)).await
    }

    /// Ends the link to a contact until one side connects again.
    ///
    /// # Errors
    /// `not_found`, or `offline` when there is no link.
    pub async fn disconnect(&self, contact: PeerId) -> Result<(), Error> {
        self.ask(|reply| Command::Disconnect(contact, reply)).await
    }

    /// Puts a message into the outbox; answers with its id once it is on disk.
    ///
    /// # Errors
    /// `too_large` or `bad_request` for the text, `not_found`, `blocked`,
    /// `key_changed`, `io` when the disk says no.
    pub async fn send(&self, to: PeerId, draft: Draft) -> Result<Uuid, Error> {
        self.submit(to, draft).await?.await
    }

    /// Like [`Self::send`], in two steps: the first ends when the message has
    /// its place behind those submitted before, the second when it is on disk.
    /// Whoever has many to send need not wait for one to keep their order.
    ///
    /// # Errors
    /// The first step only when the engine has ended, the second as
    /// [`Self::send`].
    pub async fn submit(
        &self,
        to: PeerId,
        draft: Draft,
    ) -> Result<impl Future<Output = Result<Uuid, Error>> + Send + use<>, Error> {
        let (reply, saved) = oneshot::channel();
        self.commands
            .send(Command::Send { to, draft, reply })
            .await
            .map_err(|_| Error::stopped())?;
        Ok(async move { saved.await.map_err(|_| Error::stopped())? })
    }

    /// A page of a conversation, at most 1000 messages.
    ///
    /// # Errors
    /// `not_found` for a message that is not in the conversation.
    pub async fn history(
        &self,
        with: PeerId,
        page: Page,
        limit: usize,
    ) -> Result<Vec<Message>, Error> {
        self.ask(|reply| Command::History {
            with,
            page,
            limit,
            reply,
        })
        .await
    }

    /// Gives a message of ours another text. The earlier ones are kept.
    ///
    /// # Errors
    /// `not_found`, `refused` for a message of somebody else, `conflict` for
    /// a deleted one, `too_large` or `bad_request` for the text.
    pub async fn edit(&self, id: Uuid, text: &str) -> Result<(), Error> {
        let text = text.to_owned();
        self.ask(|reply| Command::Edit { id, text, reply }).await
    }

    /// Deletes a message: here alone, or for both sides if it is ours.
    ///
    /// # Errors
    /// `not_found`, `refused` to take back a message of somebody else,
    /// `conflict` for one that is deleted.
    pub async fn delete(&self, id: Uuid, scope: DeleteFor) -> Result<(), Error> {
        self.ask(|reply| Command::Delete { id, scope, reply }).await
    }

    /// Reacts to a message with one emoji, in place of the reaction before;
    /// an empty text takes it back.
    ///
    /// # Errors
    /// `not_found`, `conflict` for a deleted message, `bad_request` for more
    /// than one character.
    pub async fn react(&self, id: Uuid, emoji: &str) -> Result<(), Error> {
        let emoji = emoji.to_owned();
        self.ask(|reply| Command::React { id, emoji, reply }).await
    }

    /// What a message read when, the first text first.
    ///
    /// # Errors
    /// `not_found`, also for a deleted message.
    pub async fn revisions(&self, id: Uuid) -> Result<Vec<Revision>, Error> {
        self.ask(|reply| Command::Revisions(id, reply)).await
    }

    /// The newest messages that have all words of the query, newest first.
    ///
    /// # Errors
    /// `bad_request` for an empty query.
    pub async fn search(&self, query: SearchQuery) -> Result<Vec<Message>, Error> {
        self.ask(|reply| Command::Search(query, reply)).await
    }

    /// Writes the conversation with one contact, or with all, to a new file
    /// and gives the number of messages in it.
    ///
    /// # Errors
    /// `not_found`, `conflict` when the file is there already, `io`.
    pub async fn export(
        &self,
        with: Option<PeerId>,
        format: ExportFormat,
        path: PathBuf,
    ) -> Result<u64, Error> {
        self.ask(|reply| Command::Export {
            with,
            format,
            path,
            reply,
        })
        .await
    }

    /// Takes in the messages of a JSON export, before all that are here.
    ///
    /// # Errors
    /// `bad_request` for another file, `io`. What was read before the fault
    /// stays; the same import again goes on where it stopped.
    pub async fn import(&self, path: PathBuf) -> Result<Imported, Error> {
        self.ask(|reply| Command::Import(path, reply)).await
    }

    /// Marks a contact's messages up to this one as read, and tells her.
    ///
    /// # Errors
    /// `not_found` for an unknown contact or message.
    pub async fn mark_read(&self, with: PeerId, upto: Uuid) -> Result<(), Error> {
        self.ask(|reply| Command::MarkRead { with, upto, reply })
            .await
    }

    /// Tells a contact that we are typing, if she is there.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn typing(&self, to: PeerId, on: bool) -> Result<(), Error> {
        self.ask(|reply| Command::Typing { to, on, reply }).await
    }

    /// Signs in to a registry, and makes the account if asked to.
    ///
    /// # Errors
    /// `unauthorized`, `taken`, `unreachable`, `refused` for a wrong
    /// certificate, `limited`.
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

    /// Who is at the registries.
    ///
    /// # Errors
    /// When no registry answers: what the last one said.
    pub async fn directory(&self, query: DirectoryQuery) -> Result<Vec<DirectoryEntry>, Error> {
        self.ask(|reply| Command::Directory(query, reply)).await
    }

    /// Calls a contact.
    ///
    /// # Errors
    /// `busy` when we are in a call, `not_found`, `blocked`, `key_changed`.
    pub async fn call(&self, to: PeerId) -> Result<CallId, Error> {
        self.ask(|reply| Command::Call(to, reply)).await
    }

    /// Answers a call that rings here.
    ///
    /// # Errors
    /// `not_found` when it does not ring (any more).
    pub async fn answer(&self, call: CallId) -> Result<(), Error> {
        self.ask(|reply| Command::Answer(call, reply)).await
    }

    /// Declines a call that rings here; `code` defaults to 603. The caller is
    /// told `text`, if there is one.
    ///
    /// # Errors
    /// `not_found` when it does not ring (any more), `bad_request` for a code
    /// that ends no call, `too_large` for a text above
    /// [`twocan_proto::limits::REASON_BYTES`].
    pub async fn decline(&self, call: CallId, code: Option<u16>, text: &str) -> Result<(), Error> {
        let text = text.to_owned();
        self.ask(|reply| Command::Decline {
            call,
            code,
            text,
            reply,
        })
        .await
    }

    /// Ends a call, or stops calling.
    ///
    /// # Errors
    /// `not_found` for a call that is over, `bad_request` for a code that
    /// ends no call.
    pub async fn hangup(&self, call: CallId, code: Option<u16>) -> Result<(), Error> {
        self.ask(|reply| Command::Hangup { call, code, reply })
            .await
    }

    /// Changes a call: microphone, loudspeaker, volume.
    ///
    /// # Errors
    /// `not_found` for a call that is over, `bad_request` for a volume out of
    /// range.
    pub async fn call_set(&self, call: CallId, change: CallChange) -> Result<(), Error> {
        self.ask(|reply| Command::CallSet {
            call,
            change,
            reply,
        })
        .await
    }

    /// Calls past and present, newest first: those before `before`, or the
    /// newest; at most 1000.
    ///
    /// # Errors
    /// `not_found` for a call that is not in the log.
    pub async fn call_log(
        &self,
        before: Option<CallId>,
        limit: usize,
    ) -> Result<Vec<LoggedCall>, Error> {
        self.ask(|reply| Command::CallLog {
            before,
            limit,
            reply,
        })
        .await
    }

    /// The user has seen all missed calls. Those of one person are also seen
    /// when her messages are marked as read.
    ///
    /// # Errors
    /// `io` when the database does not answer.
    pub async fn calls_seen(&self) -> Result<(), Error> {
        self.ask(Command::CallsSeen).await
    }

    /// The latest measurements of a call.
    ///
    /// # Errors
    /// `not_found` for a call that is over or has no sound yet.
    pub async fn call_stats(&self, call: CallId) -> Result<CallStats, Error> {
        self.ask(|reply| Command::CallStats(call, reply)).await
    }

    /// The calls that are not over.
    ///
    /// # Errors
    /// Only when the engine has ended.
    pub async fn calls(&self) -> Result<Vec<Call>, Error> {
        self.ask(Command::Calls).await
    }

    /// What the meters of the call show now, while it has sound. Asks nobody
    /// and waits for nothing: for a screen that draws them.
    pub fn call_levels(&self) -> Option<CallLevels> {
        self.levels.borrow().as_ref().map(LevelReader::read)
    }

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

    /// The sound devices there are, and those that calls use. The settings
    /// `audio.input` and `audio.output` choose others, also in a call. May
    /// take seconds when a sound server hangs.
    ///
    /// # Errors
    /// `not_found` when this machine has no sound.
    pub async fn devices(&self) -> Result<SoundDevices, Error> {
        self.ask(Command::Devices).await
    }

    /// Records up to 5 s from the microphone, as a call would carry it, and
    /// plays that. [`Event::MicTest`] tells how far it is.
    ///
    /// # Errors
    /// `conflict` in a call, or while a test runs.
    pub async fn mic_test_start(&self) -> Result<(), Error> {
        self.ask(Command::MicTestStart).await
    }

    /// Ends the recording of a test, which is then played, or the playing.
    ///
    /// # Errors
    /// `not_found` when no test is running.
    pub async fn mic_test_stop(&self) -> Result<(), Error> {
        self.ask(Command::MicTestStop).await
    }

    /// Changes a setting; see [`crate::api::SETTINGS`].
    ///
    /// # Errors
    /// `not_found` for an unknown setting, `bad_request` for a wrong value.
    pub async fn set(&self, key: &str, value: Value) -> Result<(), Error> {
        let key = key.to_owned();
        self.ask(|reply| Command::Set { key, value, reply }).await
    }

    /// A setting; `null` if it was never set.
    ///
    /// # Errors
    /// `not_found` for an unknown setting.
    pub async fn get(&self, key: &str) -> Result<Value, Error> {
        let key = key.to_owned();
        self.ask(|reply| Command::Get(key, reply)).await
    }

    /// Ends everything in order: calls and links get a reason, what is being
    /// written is finished. Answers when that is done.
    pub async fn shutdown(&self) {
        let (reply, done) = oneshot::channel();
        if self.commands.send(Command::Shutdown(reply)).await.is_ok() {
            // A dropped answer means that the core ended before it could say so.
            let _ended = done.await;
        }
    }
}
