//! The command line as typed, and the configuration file, which holds the same
//! settings: its keys are the names of the flags, and the same parser reads
//! both. What is `None` was not said.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args, CommandFactory, Parser, Subcommand};
use twocan_papers::Papers;
use twocan_peer::api::{InputSpec, OutputSpec};
use twocan_proto::registry_url::RegistryUrl;

use super::Failure;
use crate::view::theme::palette;

/// Two cans and a string: chat and call each other directly, from the terminal.
#[derive(Debug, Parser)]
#[command(name = "twocan", version, args_conflicts_with_subcommands = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) interface: Interface,
}

/// The interface in the terminal.
#[derive(Debug, Args)]
pub(super) struct Interface {
    #[command(flatten)]
    pub(super) profile: Profile,
    #[command(flatten)]
    pub(super) sound: Sound,
    /// Ask somebody to be a contact: a name, link or address; may repeat
    #[arg(long, value_name = "WHO")]
    pub(super) add: Vec<String>,
    /// Plain lines in place of a screen, for screen readers and simple
    /// terminals; TERM=dumb, ACCESSIBLE=1 and input from a file say the same
    #[arg(long)]
    pub(super) plain: bool,
    /// Draw with ASCII signs alone
    #[arg(long)]
    pub(super) ascii: bool,
    /// Draw without colours; the variable NO_COLOR says the same
    #[arg(long)]
    pub(super) no_color: bool,
    /// Colours: auto, ansi16, dark, light, contrast or mono
    #[arg(long, value_name = "NAME", value_parser = crate::view::theme::palette::NAMED)]
    pub(super) theme: Option<String>,
    /// Do not ask the terminal what it can do
    #[arg(long)]
    pub(super) no_query: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run without a terminal: JSON lines on standard input and output
    Headless(Box<Headless>),
    /// Be a contact that repeats messages and plays calls back
    Echo(Echo),
    /// Print the peer id, the contact link and the key file of the profile
    Id {
        #[command(flatten)]
        profile: Profile,
    },
    /// List the contacts
    Contacts {
        #[command(flatten)]
        profile: Profile,
    },
    /// Send one message
    Send(Send),
    /// Call a contact until Ctrl+C
    Call(Call),
    /// Control the call of a running twocan, for shortcuts of the desktop
    Ctl {
        /// ptt on|off|toggle|hold, mute, deafen, answer, decline, hangup or status
        #[arg(required = true, num_args = 1..=2)]
        words: Vec<String>,
        #[command(flatten)]
        profile: Profile,
    },
    /// Print the keys, to change them or to read about them
    #[command(group = ArgGroup::new("form").required(true))]
    Keys {
        /// A complete keys.toml with comments, for the folder of the profile
        #[arg(long, group = "form")]
        dump: bool,
        /// The page docs/keys.md
        #[arg(long, group = "form")]
        markdown: bool,
    },
    /// Print the colours, to change them or to read about them
    #[command(group = ArgGroup::new("page").required(true))]
    Theme {
        /// A complete theme.toml with comments, for the folder of the profile
        #[arg(long, group = "page", value_name = "THEME", num_args = 0..=1, default_missing_value = "auto",
            value_parser = PossibleValuesParser::new(palette::NAMED))]
        dump: Option<String>,
        /// The page docs/themes.md
        #[arg(long, group = "page")]
        markdown: bool,
    },
    /// Look for what keeps calls and chats from working, and say what to do
    Doctor {
        #[command(flatten)]
        profile: Profile,
        #[command(flatten)]
        sound: Sound,
    },
    /// Write conversations to a file, or read them back from one
    #[command(subcommand)]
    History(History),
    /// Encrypt the profile, decrypt it, or change what it opens with
    #[command(subcommand)]
    Passphrase(Passphrase),
    /// Write the whole profile to one file, under a passphrase
    Export(Backup),
    /// Make a profile of a file that was exported
    Import(Backup),
    #[command(flatten)]
    Papers(Papers),
}

#[derive(Debug, Subcommand)]
pub(super) enum History {
    /// Write the conversation with one contact, or all, to a new file
    Export {
        /// The file to make
        path: PathBuf,
        /// Alias, name, name@registry or peer id of one contact
        #[arg(long)]
        with: Option<String>,
        /// Plain text to read, instead of JSON that can be imported again
        #[arg(long)]
        text: bool,
        #[command(flatten)]
        profile: Profile,
    },
    /// Take in the messages of a JSON export
    Import {
        /// The file to read
        path: PathBuf,
        #[command(flatten)]
        profile: Profile,
    },
}

/// What protects the profile on the disk. It must not be in use.
#[derive(Debug, Subcommand)]
pub(super) enum Passphrase {
    /// Encrypt a plain profile
    Set(Rekey),
    /// Take another passphrase
    Change(Rekey),
    /// Decrypt the profile
    Remove {
        #[command(flatten)]
        profile: Profile,
    },
    /// Let the system keyring hold the key
    Keyring {
        #[command(flatten)]
        profile: Profile,
    },
}

#[derive(Debug, Args)]
pub(super) struct Rekey {
    /// The passphrase to come, in a file; asked for without it
    #[arg(long, value_name = "FILE")]
    pub(super) new_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) profile: Profile,
}

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The exported file
    pub(super) file: PathBuf,
    /// The passphrase of the exported file, in a file; asked for without it
    #[arg(long, value_name = "FILE")]
    pub(super) backup_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) profile: Profile,
}

#[derive(Debug, Args)]
pub(super) struct Headless {
    #[command(flatten)]
    pub(super) profile: Profile,
    #[command(flatten)]
    pub(super) sound: Sound,
    #[command(flatten)]
    pub(super) consent: Consent,
    /// Let calls be heard ringing, beginning, muted and ending
    #[arg(long)]
    pub(super) tones: bool,
}

#[derive(Debug, Args)]
pub(super) struct Echo {
    #[command(flatten)]
    pub(super) profile: Profile,
    /// Make an account at the registry, under the name, with a password that
    /// nobody knows
    #[arg(long, requires = "registry")]
    pub(super) sign_up: bool,
}

#[derive(Debug, Args)]
pub(super) struct Send {
    /// Alias, name, name@registry or peer id of the contact
    pub(super) who: String,
    /// What to say
    #[arg(required = true)]
    pub(super) text: Vec<String>,
    /// How long to wait until the message is on the other's disk
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(super) wait: Duration,
    #[command(flatten)]
    pub(super) profile: Profile,
}

#[derive(Debug, Args)]
pub(super) struct Call {
    /// Alias, name, name@registry or peer id of the contact
    pub(super) who: String,
    #[command(flatten)]
    pub(super) profile: Profile,
    #[command(flatten)]
    pub(super) sound: Sound,
}

/// Who we are, and where.
#[derive(Debug, Default, Args)]
pub(super) struct Profile {
    /// Settings in a TOML file, named like the flags; flags override them
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(flatten)]
    pub(super) settings: Settings,
}

#[derive(Debug, Default, Args)]
pub(super) struct Settings {
    /// Folder of the profile: identity, database, settings, downloads
    #[arg(long, value_name = "DIR", env = "TWOCAN_DATA")]
    pub(super) data: Option<PathBuf>,
    /// Where peers connect, port 7777 on all addresses unless given; port 0 picks a free one
    #[arg(long, value_name = "ADDR:PORT")]
    pub(super) listen: Option<SocketAddr>,
    /// The name shown to others
    #[arg(long)]
    pub(super) name: Option<String>,
    /// A registry, such as https://HOST:7443#sha256-FINGERPRINT; may repeat
    #[arg(long, value_name = "URL")]
    pub(super) registry: Vec<RegistryUrl>,
    /// Do not look for contacts in the local network
    #[arg(long)]
    pub(super) no_lan: bool,
    /// The passphrase of the profile, in a file; a new profile is encrypted with it
    #[arg(long, value_name = "FILE", conflicts_with = "no_passphrase")]
    pub(super) passphrase_file: Option<PathBuf>,
    /// Make a new profile unencrypted, without asking
    #[arg(long)]
    pub(super) no_passphrase: bool,
}

/// The sound of calls.
#[derive(Debug, Default, Args)]
pub(super) struct Sound {
    /// Microphone: default, device:NAME, file:PATH, tone:HZ or silence
    #[arg(long, value_name = "SPEC")]
    pub(super) audio_in: Option<InputSpec>,
    /// Loudspeaker: default, device:NAME, file:PATH or null
    #[arg(long, value_name = "SPEC")]
    pub(super) audio_out: Option<OutputSpec>,
}

/// What is agreed to without asking.
#[derive(Debug, Default, Args)]
pub(super) struct Consent {
    /// Accept contact requests and files
    #[arg(long)]
    pub(super) auto_accept: bool,
    /// Answer calls
    #[arg(long)]
    pub(super) auto_answer: bool,
}

/// What a configuration file may hold.
#[derive(Debug, Default, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
pub(super) struct File {
    #[command(flatten)]
    pub(super) settings: Settings,
    #[command(flatten)]
    pub(super) sound: Sound,
    #[command(flatten)]
    pub(super) consent: Consent,
}

impl File {
    /// Reads a file; without one, nothing was said.
    ///
    /// # Errors
    /// [`Failure::Usage`], which names the file and the key.
    pub(super) fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let wrong = |problem: String| Failure::Usage(format!("{}: {problem}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::parse_toml(&text).map_err(wrong)
    }

    pub(super) fn parse_toml(text: &str) -> Result<Self, String> {
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| joined(&error.to_string()))?;
        let mut arguments = Vec::new();
        for (key, value) in &table {
            arguments.extend(as_arguments(&key.replace('_', "-"), value)?);
        }
        Self::try_parse_from(arguments).map_err(|error| in_one_line(&error))
    }
}

/// A setting as the flag that says the same.
fn as_arguments(key: &str, value: &toml::Value) -> Result<Vec<OsString>, String> {
    let flag = |value: &dyn std::fmt::Display| vec![format!("--{key}={value}").into()];
    Ok(match value {
        toml::Value::String(text) => flag(text),
        toml::Value::Integer(number) => flag(number),
        // What is not wanted needs no flag, but a name that exists.
        toml::Value::Boolean(false) if is_known(key) => Vec::new(),
        toml::Value::Boolean(_) => vec![format!("--{key}").into()],
        toml::Value::Array(values) => {
            let each: Result<Vec<_>, _> = values.iter().map(|v| as_arguments(key, v)).collect();
            each?.concat()
        }
        _ => {
            return Err(format!(
                "{key} takes a text, true, false or a list of texts"
            ));
        }
    })
}

fn is_known(key: &str) -> bool {
    File::command()
        .get_arguments()
        .any(|argument| argument.get_long() == Some(key))
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "give a number of seconds".to_owned())
}

/// What is wrong, and the tip if there is one, without the usage below it.
pub(super) fn in_one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let mut parts = text.split("\n\n").map(joined);
    let problem = parts.next().unwrap_or_default();
    let problem = problem.strip_prefix("error: ").unwrap_or(&problem);
    let tip = parts.find_map(|part| part.strip_prefix("tip: ").map(str::to_owned));
    match tip {
        Some(tip) => format!("{problem}; {tip}"),
        None => problem.to_owned(),
    }
}

fn joined(lines: &str) -> String {
    lines.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
        File::command().debug_assert();
    }

    #[test]
    fn man_pages_and_completions_name_each_command() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(twocan_papers::check(&Cli::command(), folder.path()), Ok(()));
    }

    #[test]
    fn a_file_says_what_flags_say() {
        let file = File::parse_toml(
            "name = 'anna'\nlisten = '127.0.0.1:0'\naudio_in = 'tone:440'\nauto-accept = true\n\
             auto_answer = false\nregistry = ['https://a', 'https://b:1']",
        )
        .unwrap();
        assert_eq!(file.settings.name.as_deref(), Some("anna"));
        assert_eq!(file.settings.listen, Some("127.0.0.1:0".parse().unwrap()));
        assert_eq!(file.sound.audio_in, Some(InputSpec::Tone(440.0)));
        assert!(file.consent.auto_accept && !file.consent.auto_answer);
        assert_eq!(file.settings.registry.len(), 2);
    }

    #[test]
    fn a_wrong_key_or_value_is_named() {
        for (text, named) in [
            ("lisen = '127.0.0.1:0'", "--listen"),
            ("auto_acept = false", "--auto-accept"),
            ("listen = 'here'", "here"),
            ("name = {a = 1}", "name"),
            ("name", "line 1"),
        ] {
            let problem = File::parse_toml(text).unwrap_err();
            assert!(
                problem.contains(named) && !problem.contains('\n'),
                "{text}: {problem}"
            );
        }
    }
}
