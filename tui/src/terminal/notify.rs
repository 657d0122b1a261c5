//! Notifications: by the desktop of this machine, by the terminal, and by its
//! bell. Text of others is made safe before it gets into a sequence.

use std::io::{self, Write};
use std::thread;

use super::kind::Kind;
use crate::app::effect::Alert;

/// Most characters of a notification.
const MOST: usize = 200;

/// Shows an alert in the ways that are wanted and there.
///
/// # Errors
/// When the terminal is gone.
pub(super) fn show(kind: Kind, alert: Alert) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if alert.ways.desktop && kind.has_desktop() {
        on_desktop(&alert);
    } else if alert.ways.terminal && kind.has_extras() {
        out.write_all(sequences(kind, &alert).as_bytes())?;
    }
    if alert.ways.bell {
        out.write_all(b"\x07")?;
    }
    out.flush()
}

/// What terminals take as a notification: each knows one of the two.
fn sequences(kind: Kind, alert: &Alert) -> String {
    let (title, body) = (safe(&alert.title), safe(&alert.body));
    let separator = if body.is_empty() { "" } else { ": " };
    let plain = format!("\x1b]9;{title}{separator}{body}\x07");
    // A semicolon would end the title.
    let titled = format!("\x1b]777;notify;{};{body}\x07", title.replace(';', ","));
    [plain, titled]
        .map(|sequence| kind.through(&sequence))
        .concat()
}

/// One line without anything that could end a sequence.
fn safe(text: &str) -> String {
    let blanks = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c });
    blanks.filter(|c| !c.is_control()).take(MOST).collect()
}

/// Asks the desktop, beside everything else: it may be slow, or not there.
fn on_desktop(alert: &Alert) {
    let (title, body) = (safe(&alert.title), escaped(&safe(&alert.body)));
    // 2 is critical: it stays until it is seen.
    let urgency: u8 = if alert.urgent { 2 } else { 1 };
    let told = move || {
        if let Err(error) = ask_desktop(&title, &body, urgency) {
            tracing::debug!(%error, "no notification on the desktop");
        }
    };
    if let Err(error) = thread::Builder::new().name("notify".to_owned()).spawn(told) {
        tracing::debug!(%error, "no thread for a notification");
    }
}

/// The body may hold markup, and ours is text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(not(target_os = "linux"))]
fn ask_desktop(_title: &str, _body: &str, _urgency: u8) -> Result<(), &'static str> {
    Err("there is no way to this desktop")
}

/// `Notify` of the Desktop Notifications Specification 1.2.
#[cfg(target_os = "linux")]
fn ask_desktop(title: &str, body: &str, urgency: u8) -> zbus::Result<()> {
    const NAME: &str = "org.freedesktop.Notifications";
    const PATH: &str = "/org/freedesktop/Notifications";
    let actions: [&str; 0] = [];
    let hints =
        std::collections::HashMap::from([("urgency", zbus::zvariant::Value::from(urgency))]);
    let arguments = (
        "twocan",
        0u32,
        "",
        title,
        body,
        actions.as_slice(),
        hints,
        -1i32,
    );
    let bus = zbus::blocking::Connection::session()?;
    bus.call_method(Some(NAME), PATH, Some(NAME), "Notify", &arguments)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::preferences::Preferences;

    fn alert(title: &str, body: &str) -> Alert {
        Alert {
            title: title.to_owned(),
            body: body.to_owned(),
            urgent: false,
            ways: Preferences::default().ways,
        }
    }

    #[test]
    fn nothing_of_others_ends_a_sequence() {
        let kind = Kind::default();
        let hostile = alert("a;b\x1b]0;x\x07", "one\ntwo\u{9c}\x1b\\");
        assert_eq!(
            sequences(kind, &hostile),
            "\x1b]9;a;b]0;x: one two\\\x07\x1b]777;notify;a,b]0,x;one two\\\x07"
        );
    }

    #[test]
    fn tmux_hands_them_on() {
        let kind = Kind {
            tmux: true,
            ..Kind::default()
        };
        let text = sequences(kind, &alert("Bob", ""));
        assert!(
            text.starts_with("\x1bPtmux;\x1b\x1b]9;Bob\x07\x1b\\"),
            "{text:?}"
        );
    }

    #[test]
    fn the_desktop_sees_text_and_no_markup() {
        assert_eq!(escaped("<b>&"), "&lt;b&gt;&amp;");
    }
}
