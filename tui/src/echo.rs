//! `twocan echo`: a contact that repeats messages and plays calls back. What
//! it does then is the engine's; here it starts, and ends.

use std::fmt::Write;

use twocan_peer::Engine;
use twocan_peer::api::{Config, ErrorCode, SignIn, WhoAmI};
use twocan_proto::registry_url::RegistryUrl;

use crate::cli::{Failure, say};
use crate::signals::Signals;
use crate::unlock;

/// Random bytes of a password that nobody has to type.
const PASSWORD_BYTES: usize = 24;

/// Runs until a signal; with `sign_up` it first has an account at each of its
/// registries.
///
/// # Errors
/// What keeps it from starting.
pub(crate) async fn run(config: Config, sign_up: bool) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let registries = config.registries.clone();
    let (engine, mut events) = unlock::start(config).await?;
    let ready = async {
        let me = engine.whoami().await?;
        if sign_up {
            for registry in registries {
                have_account(&engine, &me, registry).await?;
            }
        }
        announce(&engine).await
    };
    let result = tokio::select! {
        ready = ready => ready,
        () = signals.any() => {
            engine.shutdown().await;
            return Ok(());
        }
    };
    if result.is_ok() {
        tokio::select! {
            () = signals.any() => {}
            // Nobody reads what happens; the engine's end would end it, too.
            () = async { while events.recv().await.is_some() {} } => {}
        }
    }
    engine.shutdown().await;
    result
}

async fn announce(engine: &Engine) -> Result<(), Failure> {
    let me = engine.whoami().await?;
    let listen = me.listen.first().map(ToString::to_string);
    let listen = listen.unwrap_or_default();
    say(&format!(
        "echo {} listening {listen} link {}",
        me.name, me.link
    ))
}

/// A session that was kept signs in by itself; without one, an account is made.
async fn have_account(engine: &Engine, me: &WhoAmI, registry: RegistryUrl) -> Result<(), Failure> {
    let kept = me
        .registries
        .iter()
        .any(|known| known.registry.address() == registry.address() && known.username.is_some());
    if kept {
        return Ok(());
    }
    let base = registry.base();
    let sign_in = SignIn {
        register: true,
        ..SignIn::new(registry, me.name.clone(), random_password()?)
    };
    match engine.sign_in(sign_in).await {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.code, ErrorCode::Taken | ErrorCode::Unauthorized) => {
            Err(Failure::Run(format!(
                "the name {} belongs to somebody at {base}, and this profile has no session there: choose another with --name",
                me.name
            )))
        }
        Err(error) => Err(error.into()),
    }
}

fn random_password() -> Result<String, Failure> {
    let mut bytes = [0; PASSWORD_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Run(format!("the system gives no random numbers: {error}")))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _written = write!(text, "{byte:02x}");
        text
    }))
}
