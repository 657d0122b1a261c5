//! What the handle asks of the core, one variant for each of its methods.

use std::path::PathBuf;

use serde_json::Value;
use tokio::sync::oneshot;
use twocan_proto::identity::PeerId;
use twocan_proto::live::{LobbyAsk, LobbyUser};
use twocan_proto::registry_url::RegistryUrl;
use uuid::Uuid;

use super::Core;
use crate::api::{
    AccountAction, AccountAnswer, Call, CallChange, CallId, CallStats, Connected, Contact,
    ContactChange, ContactRequest, DeleteFor, Directory, DirectoryQuery, Draft, Error,
    ExportFormat, Imported, KeyDecision, LoggedCall, Message, Nearby, Page, Profile, Revision,
    Safety, SearchQuery, SignIn, SignedIn, SoundDevices, Transfer, TransferId, WhoAmI,
};

/// Where an answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

#[derive(Debug)]
pub(crate) enum Command {
    WhoAmI(Reply<WhoAmI>),
    SetName(String, Reply<()>),
    Contacts(Reply<Vec<Contact>>),
    Resolve(String, Reply<PeerId>),
    ContactAdd {
        who: String,
        note: String,
        reply: Reply<Contact>,
    },
    ContactSet {
        contact: PeerId,
        change: ContactChange,
        reply: Reply<Contact>,
    },
    ContactRemove(PeerId, Reply<()>),
    DecideKey {
        contact: PeerId,
        decision: KeyDecision,
        reply: Reply<Contact>,
    },
    Safety(PeerId, Reply<Safety>),
    Profile(Reply<Profile>),
    SetProfile(Profile, Reply<()>),
    Nearby(Reply<Vec<Nearby>>),
    Requests(Reply<Vec<ContactRequest>>),
    Accept(Uuid, Reply<Contact>),
    Reject(Uuid, Reply<()>),
    Connect(String, Reply<Connected>),
    Disconnect(PeerId, Reply<()>),
    Send {
        to: PeerId,
        draft: Draft,
        reply: Reply<Uuid>,
    },
    History {
        with: PeerId,
        page: Page,
        limit: usize,
        reply: Reply<Vec<Message>>,
    },
    Edit {
        id: Uuid,
        text: String,
        reply: Reply<()>,
    },
    Delete {
        id: Uuid,
        scope: DeleteFor,
        reply: Reply<()>,
    },
    React {
        id: Uuid,
        emoji: String,
        reply: Reply<()>,
    },
    Revisions(Uuid, Reply<Vec<Revision>>),
    Search(SearchQuery, Reply<Vec<Message>>),
    Export {
        with: Option<PeerId>,
        format: ExportFormat,
        path: PathBuf,
        reply: Reply<u64>,
    },
    Import(PathBuf, Reply<Imported>),
    MarkRead {
        with: PeerId,
        upto: Uuid,
        reply: Reply<()>,
    },
    Typing {
        to: PeerId,
        on: bool,
        reply: Reply<()>,
    },
    SignIn(SignIn, Reply<SignedIn>),
    SignOut(RegistryUrl, Reply<()>),
    Account {
        registry: RegistryUrl,
        action: AccountAction,
        reply: Reply<AccountAnswer>,
    },
    Lobby {
        registry: RegistryUrl,
        ask: LobbyAsk,
        reply: Reply<Vec<LobbyUser>>,
    },
    Directory(DirectoryQuery, Reply<Directory>),
    Call(PeerId, Reply<CallId>),
    Answer(CallId, Reply<()>),
    Decline {
        call: CallId,
        code: Option<u16>,
        text: String,
        reply: Reply<()>,
    },
    Hangup {
        call: CallId,
        code: Option<u16>,
        reply: Reply<()>,
    },
    CallSet {
        call: CallId,
        change: CallChange,
        reply: Reply<()>,
    },
    CallStats(CallId, Reply<CallStats>),
    Calls(Reply<Vec<Call>>),
    CallLog {
        before: Option<CallId>,
        limit: usize,
        reply: Reply<Vec<LoggedCall>>,
    },
    CallsSeen(Reply<()>),
    Devices(Reply<SoundDevices>),
    MicTestStart(Reply<()>),
    MicTestStop(Reply<()>),
    FileSend {
        to: PeerId,
        path: PathBuf,
        reply: Reply<TransferId>,
    },
    FileAccept {
        transfer: TransferId,
        folder: Option<PathBuf>,
        reply: Reply<()>,
    },
    FileReject(TransferId, Reply<()>),
    FilePause(TransferId, Reply<()>),
    FileResume(TransferId, Reply<()>),
    FileCancel(TransferId, Reply<()>),
    Transfers(Reply<Vec<Transfer>>),
    Set {
        key: String,
        value: Value,
        reply: Reply<()>,
    },
    Get(String, Reply<Value>),
    Shutdown(oneshot::Sender<()>),
}

/// Gives an answer to whoever still waits for it.
pub(super) fn answer<T>(reply: Reply<T>, result: Result<T, Error>) {
    // Not waiting any more is the asker's right.
    let _not_waiting = reply.send(result);
}

impl Core {
    pub(super) async fn on_command(&mut self, command: Command) {
        match command {
            Command::WhoAmI(reply) => answer(reply, Ok(self.whoami())),
            Command::SetName(name, reply) => answer(reply, self.set_name(&name).await),
            Command::Contacts(reply) => answer(reply, Ok(self.list_contacts())),
            Command::Resolve(who, reply) => answer(reply, self.contacts.resolve(&who)),
            Command::ContactAdd { who, note, reply } => self.contact_add(&who, &note, reply).await,
            Command::ContactSet {
                contact,
                change,
                reply,
            } => answer(reply, self.contact_set(contact, change).await),
            Command::ContactRemove(contact, reply) => {
                answer(reply, self.contact_remove(contact).await)
            }
            Command::DecideKey {
                contact,
                decision,
                reply,
            } => answer(reply, self.decide_key(contact, decision).await),
            Command::Safety(contact, reply) => self.safety(contact, reply),
            Command::Profile(reply) => answer(reply, Ok(self.own_profile())),
            Command::SetProfile(profile, reply) => answer(reply, self.set_profile(profile).await),
            Command::Nearby(reply) => answer(reply, Ok(self.list_nearby())),
            Command::Requests(reply) => answer(reply, self.list_requests().await),
            Command::Accept(request, reply) => answer(reply, self.accept_request(request).await),
            Command::Reject(request, reply) => answer(reply, self.reject_request(request).await),
            Command::Connect(to, reply) => self.connect(&to, reply),
            Command::Disconnect(contact, reply) => answer(reply, self.disconnect(contact)),
            Command::Send { to, draft, reply } => self.send(to, draft, reply).await,
            Command::History {
                with,
                page,
                limit,
                reply,
            } => answer(reply, self.history(with, page, limit).await),
            Command::Edit { id, text, reply } => answer(reply, self.edit(id, text).await),
            Command::Delete { id, scope, reply } => answer(reply, self.delete(id, scope).await),
            Command::React { id, emoji, reply } => answer(reply, self.react(id, emoji).await),
            Command::Revisions(id, reply) => answer(reply, self.revisions(id).await),
            Command::Search(query, reply) => answer(reply, self.search(query).await),
            Command::Export {
                with,
                format,
                path,
                reply,
            } => self.export(with, format, path, reply),
            Command::Import(path, reply) => self.import(path, reply),
            Command::MarkRead { with, upto, reply } => {
                answer(reply, self.mark_read(with, upto).await)
            }
            Command::Typing { to, on, reply } => answer(reply, self.typing(to, on).await),
            Command::SignIn(sign_in, reply) => self.sign_in(sign_in, reply),
            Command::SignOut(registry, reply) => answer(reply, self.sign_out(&registry).await),
            Command::Account {
                registry,
                action,
                reply,
            } => self.account(registry, action, reply),
            Command::Lobby {
                registry,
                ask,
                reply,
            } => self.lobby(&registry, ask, reply),
            Command::Directory(query, reply) => self.directory(&query, reply),
            Command::Call(to, reply) => answer(reply, self.call(to)),
            Command::Answer(call, reply) => answer(reply, self.answer_call(call)),
            Command::Decline {
                call,
                code,
                text,
                reply,
            } => answer(reply, self.decline_call(call, code, text)),
            Command::Hangup { call, code, reply } => {
                answer(reply, self.hang_up(call, code, String::new()))
            }
            Command::CallSet {
                call,
                change,
                reply,
            } => answer(reply, self.call_set(call, change).await),
            Command::CallStats(call, reply) => answer(reply, self.call_stats(call)),
            Command::Calls(reply) => answer(reply, Ok(self.list_calls())),
            Command::CallLog {
                before,
                limit,
                reply,
            } => answer(reply, self.call_log(before, limit).await),
            Command::CallsSeen(reply) => answer(reply, self.calls_seen(None).await),
            Command::Devices(reply) => self.devices(reply),
            Command::MicTestStart(reply) => answer(reply, self.mic_test_start()),
            Command::MicTestStop(reply) => answer(reply, self.mic_test_stop()),
            Command::FileSend { to, path, reply } => self.file_send(to, path, reply),
            Command::FileAccept {
                transfer,
                folder,
                reply,
            } => answer(reply, self.file_accept(transfer, folder).await),
            Command::FileReject(transfer, reply) => answer(reply, self.file_reject(transfer).await),
            Command::FilePause(transfer, reply) => answer(reply, self.file_pause(transfer).await),
            Command::FileResume(transfer, reply) => answer(reply, self.file_resume(transfer).await),
            Command::FileCancel(transfer, reply) => answer(reply, self.file_cancel(transfer).await),
            Command::Transfers(reply) => answer(reply, self.list_transfers().await),
            Command::Set { key, value, reply } => {
                answer(reply, self.set_setting(&key, value).await)
            }
            Command::Get(key, reply) => answer(reply, self.get_setting(&key).await),
            Command::Shutdown(done) => self.stopping = Some(done),
        }
    }
}
