//! What each request asks of the engine, and what is answered.

use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use twocan_peer::Engine;
use twocan_peer::api::{
    self, CallChange, Contact, ContactChange, Draft, Error, ErrorCode, KeyDecision, Page,
    RegistryInfo, SearchQuery, WhoAmI,
};
use twocan_proto::identity::PeerId;
use twocan_proto::link::ContactLink;
use uuid::Uuid;

use super::first_address;
use super::lines::{Answer, Output};
use super::registries;
use super::requests::{
    Ask, CallLog, CallSet, ContactSet, Decision, History, Presence, Profile, ProfileSet, Refusal,
    Request, Search, Send, Verb, bad,
};

/// Messages in a page of history, and users in a list, when no limit is given.
pub(super) const PAGE: usize = 100;

/// Takes requests, and answers each when the engine has.
#[derive(Debug)]
pub(super) struct Desk {
    engine: Engine,
    output: Output,
    /// Whom the last message named by an id was for: to read one takes some
    /// arithmetic on the curve, and many messages go to one contact.
    last: Option<(String, PeerId)>,
}

impl Desk {
    pub(super) fn new(engine: Engine, output: Output) -> Self {
        Self {
            engine,
            output,
            last: None,
        }
    }

    /// Sees to the request in a task of its own. Only messages are handed in
    /// before this ends, so that they keep the order of their lines.
    pub(super) async fn take(&mut self, request: Request, under_way: &mut JoinSet<()>) {
        let Request { id, ask } = request;
        let (engine, output) = (self.engine.clone(), self.output.clone());
        match ask {
            Ask::Send(send) => {
                let submitted = self.submit(send).await;
                under_way.spawn(async move {
                    let result = match submitted {
                        Ok(saved) => saved.await.and_then(|id| fields(&json!({"id": id}))),
                        Err(error) => Err(error),
                    };
                    output.answer(&id, result.into()).await;
                });
            }
            Ask::Other(verb) => {
                under_way.spawn(async move {
                    let result = Box::pin(perform(&engine, verb)).await;
                    output.answer(&id, result.into()).await;
                });
            }
            // Ends the program before it comes here.
            Ask::Quit => {}
        }
    }

    pub(super) fn refuse(&self, refusal: Refusal, under_way: &mut JoinSet<()>) {
        let output = self.output.clone();
        under_way.spawn(async move {
            let Refusal { id, error } = refusal;
            output.answer(&id, Answer::from(Err(error))).await;
        });
    }

    async fn submit(
        &mut self,
        send: Send,
    ) -> Result<impl Future<Output = Result<Uuid, Error>> + std::marker::Send + use<>, Error> {
        let to = self.addressee(&send.to).await?;
        let draft = Draft {
            text: send.text,
            reply_to: send.reply_to.map(|id| message(&id)).transpose()?,
            client_id: send.client_id,
        };
        self.engine.submit(to, draft).await
    }

    /// Whom a message is for. An id needs nobody to look it up; whether it is
    /// a contact's is asked when the message is taken.
    async fn addressee(&mut self, named: &str) -> Result<PeerId, Error> {
        if let Some((_, peer)) = self.last.as_ref().filter(|(text, _)| text == named) {
            return Ok(*peer);
        }
        let Ok(peer) = named.parse() else {
            return self.engine.resolve(named).await;
        };
        self.last = Some((named.to_owned(), peer));
        Ok(peer)
    }
}

async fn perform(engine: &Engine, verb: Verb) -> Result<Value, Error> {
    match verb {
        Verb::WhoAmI => fields(&Me::new(&engine.whoami().await?)),
        Verb::SignIn(wanted) => fields(&engine.sign_in(registries::sign_in(wanted)).await?),
        Verb::Account(wanted) => registries::account(engine, wanted).await,
        Verb::Lobby(wanted) => registries::lobby(engine, wanted).await,
        Verb::SignOut(at) => done(engine.sign_out(at.registry).await),
        Verb::Clients(wanted) => {
            let query = registries::directory(wanted);
            fields(&engine.directory(query).await?)
        }
        Verb::Contacts => fields(&json!({"contacts": engine.contacts().await?})),
        Verb::ContactAdd(add) => named(&engine.contact_add(&add.who, &add.note).await?),
        Verb::ContactSet(set) => {
            let contact = engine.resolve(&set.contact).await?;
            named(&engine.contact_set(contact, contact_change(set)).await?)
        }
        Verb::ContactRemove(of) => {
            let contact = engine.resolve(&of.contact).await?;
            done(engine.contact_remove(contact).await)
        }
        Verb::ContactKey(key) => {
            let contact = engine.resolve(&key.contact).await?;
            let decision = match key.decision {
                Decision::Accept => KeyDecision::Accept,
                Decision::Keep => KeyDecision::Keep,
            };
            named(&engine.decide_key(contact, decision).await?)
        }
        Verb::Safety(of) => {
            let safety = engine.safety(engine.resolve(&of.contact).await?).await?;
            fields(&json!({"digits": safety.digits, "words": safety.words}))
        }
        Verb::Profile(of) => profile(engine, of).await,
        Verb::ProfileSet(set) => {
            let changed = profile_change(engine.profile().await?, set);
            engine.set_profile(changed).await?;
            fields(&engine.profile().await?)
        }
        Verb::Nearby => fields(&json!({"nearby": engine.nearby().await?})),
        Verb::Requests => fields(&json!({"requests": engine.requests().await?})),
        Verb::Accept(of) => named(&engine.accept(request_id(&of.request)?).await?),
        Verb::Reject(of) => done(engine.reject(request_id(&of.request)?).await),
        Verb::Connect(to) => fields(&engine.connect(&to.to).await?),
        Verb::Disconnect(of) => {
            let contact = engine.resolve(&of.contact).await?;
            done(engine.disconnect(contact).await)
        }
        Verb::Edit(edit) => done(engine.edit(message(&edit.message)?, &edit.text).await),
        Verb::Delete(delete) => done(engine.delete(message(&delete.message)?, delete.scope).await),
        Verb::React(react) => done(engine.react(message(&react.message)?, &react.emoji).await),
        Verb::Revisions(of) => {
            let revisions = engine.revisions(message(&of.message)?).await?;
            fields(&json!({"revisions": revisions}))
        }
        Verb::Search(wanted) => {
            let query = search(engine, wanted).await?;
            fields(&json!({"hits": engine.search(query).await?}))
        }
        Verb::Export(export) => {
            let with = contact(engine, export.with.as_deref()).await?;
            let messages = engine.export(with, export.format, export.path).await?;
            fields(&json!({"messages": messages}))
        }
        Verb::Import(import) => fields(&engine.import(import.path).await?),
        Verb::MarkRead(read) => {
            let with = engine.resolve(&read.with).await?;
            done(engine.mark_read(with, message(&read.upto)?).await)
        }
        Verb::Typing(typing) => {
            let to = engine.resolve(&typing.to).await?;
            done(engine.typing(to, typing.on).await)
        }
        Verb::History(wanted) => history(engine, wanted).await,
        Verb::Call(to) => {
            let to = engine.resolve(&to.to).await?;
            fields(&json!({"call": engine.call(to).await?}))
        }
        Verb::Answer(of) => done(engine.answer(call(&of.call)?).await),
        Verb::Decline(of) => done(engine.decline(call(&of.call)?, of.code, &of.text).await),
        Verb::Hangup(of) => done(engine.hangup(call(&of.call)?, of.code).await),
        Verb::CallSet(set) => {
            let id = call(&set.call)?;
            done(engine.call_set(id, call_change(set)?).await)
        }
        Verb::Devices => fields(&engine.devices().await?),
        Verb::MicTest(test) => done(match test.on {
            true => engine.mic_test_start().await,
            false => engine.mic_test_stop().await,
        }),
        Verb::Calls => fields(&json!({"calls": engine.calls().await?})),
        Verb::CallStats(of) => fields(&engine.call_stats(call(&of.call)?).await?),
        Verb::CallLog(wanted) => call_log(engine, wanted).await,
        Verb::FileSend(send) => {
            let to = engine.resolve(&send.to).await?;
            fields(&json!({"transfer": engine.file_send(to, &send.path).await?}))
        }
        Verb::FileAccept(of) => {
            let id = transfer(&of.transfer)?;
            done(engine.file_accept(id, of.dir.as_deref()).await)
        }
        Verb::FileReject(of) => done(engine.file_reject(transfer(&of.transfer)?).await),
        Verb::FilePause(of) => done(engine.file_pause(transfer(&of.transfer)?).await),
        Verb::FileResume(of) => done(engine.file_resume(transfer(&of.transfer)?).await),
        Verb::FileCancel(of) => done(engine.file_cancel(transfer(&of.transfer)?).await),
        Verb::Transfers => fields(&json!({"transfers": engine.transfers().await?})),
        Verb::Set(set) => done(engine.set(&set.key, set.value).await),
        Verb::Get(get) => fields(&json!({"value": engine.get(&get.key).await?})),
    }
}

/// What is answered when there is nothing to say.
fn done(result: Result<(), Error>) -> Result<Value, Error> {
    result.map(|()| json!({}))
}

pub(super) fn fields(answer: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(answer).map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))
}

/// The contact as `contacts` lists it, with what names it in requests and
/// events beside that.
fn named(contact: &Contact) -> Result<Value, Error> {
    let mut value = fields(contact)?;
    value["contact"] = fields(&contact.peer_id)?;
    Ok(value)
}

#[derive(Debug, Serialize)]
struct Me<'a> {
    peer_id: PeerId,
    name: &'a str,
    link: &'a ContactLink,
    listen: String,
    addresses: &'a [SocketAddr],
    registries: &'a [RegistryInfo],
}

impl<'a> Me<'a> {
    fn new(me: &'a WhoAmI) -> Self {
        Self {
            peer_id: me.peer_id,
            name: &me.name,
            link: &me.link,
            listen: first_address(me),
            addresses: &me.listen,
            registries: &me.registries,
        }
    }
}

async fn history(engine: &Engine, wanted: History) -> Result<Value, Error> {
    let page = match (wanted.before, wanted.after) {
        (None, None) => Page::Newest,
        (Some(id), None) => Page::Before(message(&id)?),
        (None, Some(id)) => Page::After(message(&id)?),
        (Some(_), Some(_)) => return Err(bad("history: give either before or after, not both")),
    };
    let with = engine.resolve(&wanted.with).await?;
    let limit = wanted.limit.unwrap_or(PAGE);
    let messages = engine.history(with, page, limit).await?;
    fields(&json!({"messages": messages}))
}

/// The log as it was before it is marked as seen.
async fn call_log(engine: &Engine, wanted: CallLog) -> Result<Value, Error> {
    let before = wanted.before.map(|id| call(&id)).transpose()?;
    let calls = engine
        .call_log(before, wanted.limit.unwrap_or(PAGE))
        .await?;
    if wanted.seen {
        engine.calls_seen().await?;
    }
    fields(&json!({"calls": calls}))
}

/// Ours, or what a contact told of herself.
async fn profile(engine: &Engine, of: Profile) -> Result<Value, Error> {
    let Some(who) = of.contact else {
        return fields(&engine.profile().await?);
    };
    let peer = engine.resolve(&who).await?;
    let all = engine.contacts().await?;
    let contact = all.into_iter().find(|contact| contact.peer_id == peer);
    let contact = contact.ok_or_else(Error::stopped)?;
    fields(&json!({
        "contact": contact.peer_id,
        "name": contact.name,
        "status": contact.status,
        "presence": contact.presence,
        "fields": contact.fields,
    }))
}

fn profile_change(now: api::Profile, set: ProfileSet) -> api::Profile {
    api::Profile {
        name: set.name.unwrap_or(now.name),
        status: set.status.unwrap_or(now.status),
        presence: match set.presence {
            None => now.presence,
            Some(Presence::Available) => api::Presence::Available,
            Some(Presence::Away) => api::Presence::Away,
            Some(Presence::DoNotDisturb) => api::Presence::DoNotDisturb,
            Some(Presence::Invisible) => api::Presence::Invisible,
        },
        fields: set.fields.unwrap_or(now.fields),
    }
}

/// The contact that is named, if one is.
async fn contact(engine: &Engine, named: Option<&str>) -> Result<Option<PeerId>, Error> {
    match named {
        Some(who) => engine.resolve(who).await.map(Some),
        None => Ok(None),
    }
}

async fn search(engine: &Engine, wanted: Search) -> Result<SearchQuery, Error> {
    let with = contact(engine, wanted.with.as_deref()).await?;
    Ok(SearchQuery {
        text: wanted.text,
        with,
        before: wanted.before.map(|id| message(&id)).transpose()?,
        limit: wanted.limit.unwrap_or_default(),
    })
}

fn contact_change(set: ContactSet) -> ContactChange {
    ContactChange {
        alias: set.alias,
        blocked: set.blocked,
        verified: set.verified,
        group: set.group,
        favourite: set.favourite,
        muted: set.muted,
    }
}

fn call_change(set: CallSet) -> Result<CallChange, Error> {
    Ok(CallChange {
        muted: set.muted,
        deafened: set.deafened,
        volume: set.volume,
        activation: known("activation", set.activation.as_deref())?,
        talking: set.talking,
        echo_cancellation: set.echo_cancellation,
        noise_suppression: set.noise_suppression,
        gain_control: set.gain_control,
        audio_in: known("audio_in", set.audio_in.as_deref())?,
        audio_out: known("audio_out", set.audio_out.as_deref())?,
    })
}

fn known<T>(field: &str, text: Option<&str>) -> Result<Option<T>, Error>
where
    T: FromStr<Err: Display>,
{
    text.map(str::parse)
        .transpose()
        .map_err(|error| bad(format!("call_set: {field}: {error}")))
}

fn message(id: &str) -> Result<Uuid, Error> {
    known_id("message", id)
}

fn request_id(id: &str) -> Result<Uuid, Error> {
    known_id("request", id)
}

fn transfer(id: &str) -> Result<Uuid, Error> {
    known_id("transfer", id)
}

fn call(id: &str) -> Result<Uuid, Error> {
    known_id("call", id)
}

/// A text that is no id at all names nothing that there is.
fn known_id(what: &str, id: &str) -> Result<Uuid, Error> {
    id.parse().map_err(|_| {
        Error::new(
            ErrorCode::NotFound,
            format!("there is no {what} {id:?}: give the id as it was told"),
        )
    })
}
