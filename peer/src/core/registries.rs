//! interim
use super::command::answer;
use super::{Core, Reply};
use crate::api::*;
use std::time::Instant;
use twocan_proto::address::Address;
use twocan_proto::identity::PeerId;
use twocan_proto::link::Place;
use twocan_proto::registry_url::RegistryUrl;
#[derive(Debug)]
pub(crate) struct RegistryReport;
#[derive(Debug, Default)]
pub(super) struct Registries {}
impl Core {
    pub(super) async fn load_registries(&mut self) -> Result<(), Error> {
        Ok(())
    }
    pub(super) fn list_registries(&self) -> Vec<RegistryInfo> {
        vec![]
    }
    pub(super) fn registry_place(&self) -> Option<Place> {
        None
    }
    pub(super) fn registries_deadline(&self) -> Option<Instant> {
        None
    }
    pub(super) fn on_registries_deadline(&mut self, _now: Instant) {}
    pub(super) async fn on_registry_report(&mut self, _report: RegistryReport) {}
    pub(super) async fn stop_registries(&mut self) {}
    pub(super) fn sign_in(&mut self, _s: SignIn, reply: Reply<SignedIn>) {
        answer(reply, Err(Error::stopped()))
    }
    pub(super) async fn sign_out(&mut self, _r: &RegistryUrl) -> Result<(), Error> {
        Err(Error::stopped())
    }
    pub(super) fn directory(&mut self, _q: &DirectoryQuery, reply: Reply<Vec<DirectoryEntry>>) {
        answer(reply, Err(Error::stopped()))
    }
    pub(super) fn look_up(
        &mut self,
        _u: &str,
        _r: Option<&Address>,
        _k: Option<PeerId>,
        _note: String,
        reply: Reply<Contact>,
    ) {
        answer(reply, Err(Error::stopped()))
    }
}
