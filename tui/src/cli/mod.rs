//! The command line: from what was typed to the command that runs.

mod resolved;
pub(crate) mod secret;
mod typed;

use std::fmt;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;

use clap::{CommandFactory, Parser};
use tracing_subscriber::EnvFilter;
use twocan_peer::api::{Config, Error, ExportFormat};
use twocan_peer::vault::{self, Protected, Protection};

use crate::custody::Change;
use crate::input::keys_doc;
use crate::view::theme::doc as theme_doc;
use crate::{control, custody, doctor, echo, headless, one_shot, plain, terminal, unlock};
use typed::{Cli, Command, History, Interface, Passphrase, Sound};

/// The log of the interface, in the folder of the profile.
pub(crate) const LOG: &str = "twocan.log";

/// A file of options, for the fuzzer: in order, or why not.
#[cfg(fuzzing)]
pub(crate) fn options_file(text: &str) -> Result<(), String> {
    typed::File::parse_toml(text).map(drop)
}

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    let ended = parse(std::env::args_os()).and_then(|typed| match typed {
        Some(cli) => run(cli),
        None => Ok(ExitCode::SUCCESS),
    });
    match ended {
        Ok(code) => code,
        Err(failure) => {
            // Without standard error there is nobody left to tell.
            let _unread = writeln!(io::stderr(), "twocan: {failure}");
            failure.code()
        }
    }
}

/// Why the program ends without having done what was asked: one line that
/// says what to do.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments are wrong: exit code 2.
    Usage(String),
    /// It cannot start, or cannot do it: exit code 1.
    Run(String),
}

impl Failure {
    fn code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Run(_) => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(text) | Self::Run(text)) = self;
        f.write_str(text)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Run(error.message)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Run(error.to_string())
    }
}

/// What was typed; `None` if it asked for help or the version, which is
/// printed then.
fn parse(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Option<Cli>, Failure> {
    match Cli::try_parse_from(arguments) {
        Ok(cli) => Ok(Some(cli)),
        Err(error) if !error.use_stderr() => {
            error.print()?;
            Ok(None)
        }
        Err(error) => {
            let problem = typed::in_one_line(&error);
            Err(Failure::Usage(format!("{problem}; see twocan --help")))
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let Some(command) = cli.command else {
        return interface(cli.interface);
    };
    log_to_stderr();
    runtime()?.block_on(async {
        match command {
            Command::Headless(typed) => {
                let config = resolved::headless(*typed)?;
                // Among the workers, where the engine is, and not in a
                // thread beside them that would have to be woken each time.
                let ended = tokio::spawn(headless::run(config)).await;
                ended.map_err(|broken| Failure::Run(broken.to_string()))??;
                Ok(ExitCode::SUCCESS)
            }
            Command::Echo(typed) => {
                let (config, sign_up) = resolved::echo(typed)?;
                echo::run(config, sign_up).await.map(|()| ExitCode::SUCCESS)
            }
            Command::Id { profile } => one_shot::id(resolved::inward(profile)?).await,
            Command::Contacts { profile } => one_shot::contacts(resolved::inward(profile)?).await,
            Command::Send(typed) => {
                let text = typed.text.join(" ");
                let config = resolved::profile(typed.profile)?;
                one_shot::send(config, &typed.who, text, typed.wait).await
            }
            Command::Call(typed) => {
                let mut config = resolved::call(typed.profile, typed.sound)?;
                config.tones = true;
                one_shot::call(config, &typed.who).await
            }
            Command::Doctor { profile, sound } => {
                doctor::run(resolved::call(profile, sound)?).await
            }
            Command::Keys { markdown, .. } => {
                let text = match markdown {
                    true => keys_doc::markdown(),
                    false => keys_doc::dump(),
                };
                say(text.trim_end()).map(|()| ExitCode::SUCCESS)
            }
            Command::Theme { dump, .. } => {
                let text = match dump {
                    Some(base) => theme_doc::dump(&base),
                    None => Some(theme_doc::markdown()),
                };
                let text =
                    text.ok_or_else(|| Failure::Usage("there is no such theme".to_owned()))?;
                say(text.trim_end()).map(|()| ExitCode::SUCCESS)
            }
            Command::Ctl { words, profile } => {
                let folder = resolved::inward(profile)?.data;
                control::client::run(&folder, &words.join(" ")).await
            }
            Command::Passphrase(typed) => passphrase(typed).await,
            Command::Export(typed) => {
                let config = resolved::profile(typed.profile)?;
                let passphrase = given(typed.backup_passphrase_file.as_deref())?;
                custody::export(config, typed.file, passphrase).await
            }
            Command::Import(typed) => {
                let (config, keep_plain) = resolved::kept_plain(typed.profile, Sound::default())?;
                let passphrase = given(typed.backup_passphrase_file.as_deref())?;
                custody::import(config, keep_plain, &typed.file, passphrase).await
            }
            Command::History(History::Export {
                path,
                with,
                text,
                profile,
            }) => {
                let format = if text {
                    ExportFormat::Text
                } else {
                    ExportFormat::Json
                };
                let config = resolved::inward(profile)?;
                one_shot::export(config, with.as_deref(), format, path).await
            }
            Command::Papers(papers) => {
                papers.make(Cli::command())?;
                Ok(ExitCode::SUCCESS)
            }
            Command::History(History::Import { path, profile }) => {
                one_shot::import(resolved::inward(profile)?, path).await
            }
        }
    })
}

async fn passphrase(typed: Passphrase) -> Result<ExitCode, Failure> {
    let (change, profile, new) = match typed {
        Passphrase::Set(typed) => (Change::Set, typed.profile, typed.new_passphrase_file),
        Passphrase::Change(typed) => (Change::Another, typed.profile, typed.new_passphrase_file),
        Passphrase::Remove { profile } => (Change::Remove, profile, None),
        Passphrase::Keyring { profile } => (Change::Keyring, profile, None),
    };
    let config = resolved::profile(profile)?;
    custody::passphrase(config, change, given(new.as_deref())?).await
}

/// The passphrase in a file, if there is one.
fn given(file: Option<&Path>) -> Result<Option<vault::Passphrase>, Failure> {
    file.map(secret::from_file).transpose()
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

/// The interface in the terminal.
fn interface(typed: Interface) -> Result<ExitCode, Failure> {
    let (ascii, no_color) = (typed.ascii, typed.no_color);
    let in_lines = typed.plain || plain::suits();
    let (theme, no_query) = (typed.theme, typed.no_query);
    let (mut config, keep_plain) = resolved::kept_plain(typed.profile, typed.sound)?;
    config.tones = true;
    let folder = config.data.clone();
    let options = terminal::Options {
        ascii,
        no_color,
        add: typed.add,
        theme,
        no_query,
        registry: config.registries.first().cloned(),
        // Without what opens the profile: nobody needs that any more.
        config: Config {
            protection: Protection::default(),
            ..config.clone()
        },
    };
    let workers = runtime()?;
    let started = async {
        let started = match keep_plain {
            true => unlock::start(config).await?,
            false => unlock::first_start(config).await?,
        };
        log_to_file(&folder)?;
        Ok::<_, Failure>(started)
    };
    let (engine, events) = workers.block_on(started)?;
    let _control = {
        let _entered = workers.enter();
        control::open(&engine, &folder)
    };
    let ended = if in_lines {
        workers.block_on(plain::run(engine, events, &options))
    } else {
        let screen = terminal::run(engine, events, options, workers.handle());
        own_runtime()?.block_on(screen).map(|()| ExitCode::SUCCESS)
    };
    ended.map_err(|error| Failure::Run(format!("{error:#}")))
}

/// Waits in this thread for keys and draws in it, so that no key goes through
/// another thread first.
fn own_runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// While the screen is ours, what the engine has to say goes to a file of the
/// profile. One that is encrypted has none unless `RUST_LOG` asks for it, as
/// the file names contacts by the beginning of their ids.
fn log_to_file(folder: &Path) -> Result<(), Failure> {
    let plain = vault::protected(folder)? == Protected::Plain;
    if !plain && std::env::var_os(EnvFilter::DEFAULT_ENV).is_none() {
        return Ok(());
    }
    // As private as the rest of the profile; a second start, which will be
    // refused, must not wipe what the first one wrote.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(folder.join(LOG))?;
    tracing_subscriber::fmt()
        .with_env_filter(log_filter())
        .with_writer(Mutex::new(file))
        .with_ansi(false)
        .log_internal_errors(false)
        .init();
    Ok(())
}

/// Of ourselves what ends links and calls, of libraries warnings and worse,
/// unless `RUST_LOG` says otherwise.
fn log_filter() -> EnvFilter {
    EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,twocan=info,twocan_peer=info,twocan_voice=info"))
}

/// What the engine has to say goes to standard error.
fn log_to_stderr() {
    tracing_subscriber::fmt()
        .with_env_filter(log_filter())
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        // It would say on standard error that standard error is full, and
        // panic as that fails too: a full disk below a log must not end us.
        .log_internal_errors(false)
        .init();
}

/// Writes one line to standard output at once, as scripts wait for it.
///
/// # Errors
/// When standard output is gone.
pub(crate) fn say(line: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Result<Option<Cli>, Failure> {
        parse(line.split(' ').map(Into::into))
    }

    #[test]
    fn wrong_arguments_are_one_line_that_names_them() {
        for (line, named) in [
            ("twocan headless --lisen 1", "--listen"),
            ("twocan headless --listen here", "here"),
            ("twocan headless --audio-in drums", "drums"),
            ("twocan headless --registry http://a", "https://"),
            (
                "twocan headless --no-passphrase --passphrase-file f",
                "--passphrase-file",
            ),
            ("twocan echo --sign-up", "--registry"),
            ("twocan send", "WHO"),
            ("twocan keys", "--dump"),
            ("twocan hedless", "headless"),
        ] {
            match typed(line) {
                Err(failure @ Failure::Usage(_)) => {
                    let text = failure.to_string();
                    assert!(
                        text.contains(named) && !text.contains('\n'),
                        "{line}: {text}"
                    );
                }
                other => panic!("{line}: {other:?}"),
            }
        }
    }
}
