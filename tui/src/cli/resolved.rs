//! From what was typed to how the engine starts: defaults, configuration file,
//! environment, flags; later ones win.

use std::path::PathBuf;

use etcetera::BaseStrategy;
use twocan_peer::api::{Config, Lan};
use twocan_peer::vault::Protection;

use super::typed::{Consent, Echo, File, Headless, Profile, Settings, Sound};
use super::{Failure, secret};

/// The name of an echo contact that was given none.
const ECHO_NAME: &str = "echo";

/// How `twocan headless` starts.
///
/// # Errors
/// [`Failure::Usage`] for a wrong file or a setting that cannot be kept.
pub(super) fn headless(typed: Headless) -> Result<Config, Failure> {
    let Headless {
        profile,
        sound,
        consent,
        tones,
    } = typed;
    let file = File::read(profile.config.as_deref())?;
    let (config, _) = resolve(profile.settings, sound, consent, file)?;
    Ok(Config { tones, ..config })
}

/// How `twocan echo` starts, and whether it makes itself an account.
///
/// # Errors
/// As [`headless`].
pub(super) fn echo(typed: Echo) -> Result<(Config, bool), Failure> {
    let mut config = profile(typed.profile)?;
    config.name.get_or_insert_with(|| ECHO_NAME.to_owned());
    config.echo = true;
    config.auto_accept = true;
    config.auto_answer = true;
    Ok((config, typed.sign_up))
}

/// How a command starts that makes no sound.
///
/// # Errors
/// As [`headless`].
pub(super) fn profile(typed: Profile) -> Result<Config, Failure> {
    call(typed, Sound::default())
}

/// How a command starts that only looks into the profile: the local network
/// hears nothing of it.
///
/// # Errors
/// As [`headless`].
pub(super) fn inward(typed: Profile) -> Result<Config, Failure> {
    let config = profile(typed)?;
    Ok(Config {
        lan: Lan::Off,
        ..config
    })
}

/// How `twocan call` starts.
///
/// # Errors
/// As [`headless`].
pub(super) fn call(typed: Profile, sound: Sound) -> Result<Config, Failure> {
    kept_plain(typed, sound).map(|(config, _)| config)
}

/// How a command starts that may make a profile, and whether that is to stay
/// plain, or opens with a passphrase that was given, without asking.
///
/// # Errors
/// As [`headless`].
pub(super) fn kept_plain(typed: Profile, sound: Sound) -> Result<(Config, bool), Failure> {
    let mut file = File::read(typed.config.as_deref())?;
    // Consent is given to a program that stays, not to one that does one thing.
    file.consent = Consent::default();
    resolve(typed.settings, sound, Consent::default(), file)
}

fn resolve(
    typed: Settings,
    sound: Sound,
    consent: Consent,
    file: File,
) -> Result<(Config, bool), Failure> {
    let settings = overlaid(file.settings, typed);
    let protection = match &settings.passphrase_file {
        Some(path) => Protection::Passphrase(secret::from_file(path)?),
        None => Protection::None,
    };
    let data = match settings.data {
        Some(folder) => folder,
        None => default_data()?,
    };
    let config = Config {
        data,
        protection,
        listen: settings.listen,
        name: settings.name,
        registries: settings.registry,
        audio_in: sound.audio_in.or(file.sound.audio_in),
        audio_out: sound.audio_out.or(file.sound.audio_out),
        auto_accept: consent.auto_accept || file.consent.auto_accept,
        auto_answer: consent.auto_answer || file.consent.auto_answer,
        echo: false,
        tones: false,
        lan: match settings.no_lan {
            true => Lan::Off,
            false => Lan::Auto,
        },
    };
    Ok((config, settings.no_passphrase))
}

/// `over` where it says something, else `under`.
fn overlaid(under: Settings, over: Settings) -> Settings {
    let registry = match over.registry.is_empty() {
        true => under.registry,
        false => over.registry,
    };
    // Saying one of the two takes back the other.
    let passphrase_file = match over.no_passphrase {
        true => None,
        false => over.passphrase_file.or(under.passphrase_file),
    };
    Settings {
        data: over.data.or(under.data),
        listen: over.listen.or(under.listen),
        name: over.name.or(under.name),
        registry,
        no_lan: over.no_lan || under.no_lan,
        no_passphrase: over.no_passphrase || under.no_passphrase,
        passphrase_file,
    }
}

fn default_data() -> Result<PathBuf, Failure> {
    let base = etcetera::choose_base_strategy().map_err(|error| {
        Failure::Usage(format!("{error}: say where the profile is with --data DIR"))
    })?;
    Ok(base.data_dir().join("twocan"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use twocan_peer::api::InputSpec;

    fn settings(name: Option<&str>, registry: &[&str]) -> Settings {
        Settings {
            data: Some("/profile".into()),
            name: name.map(str::to_owned),
            registry: registry.iter().map(|url| url.parse().unwrap()).collect(),
            ..Settings::default()
        }
    }

    #[test]
    fn flags_win_over_the_file() {
        let file = File {
            settings: settings(Some("file"), &["https://file"]),
            sound: Sound {
                audio_in: Some(InputSpec::Silence),
                audio_out: None,
            },
            consent: Consent {
                auto_accept: true,
                auto_answer: false,
            },
        };
        let typed = settings(None, &["https://flag"]);
        let (config, _) = resolve(typed, Sound::default(), Consent::default(), file).unwrap();
        assert_eq!(config.name.as_deref(), Some("file"));
        assert_eq!(config.registries, ["https://flag".parse().unwrap()]);
        assert_eq!(config.audio_in, Some(InputSpec::Silence));
        assert!(config.auto_accept && !config.auto_answer);
    }

    #[test]
    fn a_flag_takes_back_what_the_file_says_of_the_passphrase() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        std::fs::write(&path, "tulip\n").unwrap();
        let file = || File {
            settings: Settings {
                passphrase_file: Some(path.clone()),
                ..settings(None, &[])
            },
            ..File::default()
        };
        let resolved = |typed| resolve(typed, Sound::default(), Consent::default(), file());
        let (config, plain) = resolved(settings(None, &[])).unwrap();
        assert!(matches!(config.protection, Protection::Passphrase(_)) && !plain);
        let (config, plain) = resolved(Settings {
            no_passphrase: true,
            ..settings(None, &[])
        })
        .unwrap();
        assert!(config.protection == Protection::None && plain);
    }
}
