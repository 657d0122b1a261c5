//! What the interface and scripts may ask of the engine, and what the engine
//! tells them. Plain data: no sockets, no handles, no behaviour.
//!
//! Text in these types that came from another person or a registry has passed
//! [`twocan_proto::text`] and is safe to show.

mod call;
mod config;
mod contact;
mod error;
mod event;
mod message;
mod people;
mod registry;
mod sound;
mod transfer;

pub use call::{Call, CallChange, CallId, CallState, LoggedCall};
pub use config::{Config, SETTINGS, WhoAmI};
pub use contact::{Connected, Contact, ContactChange, ContactRequest, Path, Relation, Trust};
pub use error::{Error, ErrorCode};
pub use event::{CallHint, CallStats, Event, NoticeLevel, RegistryState};
pub use message::{
    Change, DeleteFor, Draft, ExportFormat, Exported, Imported, Message, MessageState, Page,
    Reaction, Revision, SearchQuery,
};
pub use people::{KeyDecision, Lan, Nearby, Presence, Profile, Safety};
pub use registry::{
    AccountAction, AccountAnswer, AccountInfo, Directory, DirectoryEntry, DirectoryQuery, LobbyAsk,
    LobbyEvent, LobbyUser, ProfileField, PublicProfile, RegistryInfo, Role, Secret, SeenAt, SignIn,
    SignedIn, Silent, Visibility,
};
pub use sound::{MicTest, MicTestPhase, SoundDevice, SoundDevices};
pub use transfer::{Transfer, TransferId, TransferState};

// Named by `Config` and `CallChange`, so that whoever fills them needs no other crate.
pub use twocan_voice::{Activation, CallLevels, InputSpec, OutputSpec};
