//! Takes the pictures of the README from real screens: two people at two
//! terminals who have met, written to each other, and are in a call. Writes
//! `docs/screen.svg` from one of them, and the text of the other into the
//! README, between its two marks. Run from the top folder: `make picture`.

mod svg;

use std::fs;

use twocan_e2e::pair::folder;
use twocan_e2e::person::{call, enter, free_port, launch_with, meet};
use twocan_e2e::process::Must;
use twocan_e2e::speech::{Voice, file};
use twocan_e2e::terminal::Terminal;

const SVG: &str = "docs/screen.svg";
const README: &str = "README.md";
/// What stands around the text in the README.
const MARKS: [&str; 2] = ["<!-- screen -->\n```text\n", "```\n<!-- /screen -->"];

fn main() {
    let folder = folder();
    let port = free_port();
    let at = |name, port, voice, (columns, rows)| {
        // The screen names the file, so it gets a name that reads well.
        let launch = launch_with(folder.path(), name, port, "file:voice.wav");
        fs::copy(file(voice), folder.path().join(name).join("voice.wav")).must("copy speech");
        launch.size(columns, rows).start()
    };
    let alice = at("alice", free_port(), Voice::Low, (112, 30));
    let bob = at("bob", port, Voice::High, (80, 20));
    meet(&alice, &bob, port);
    talk(&alice, &bob);
    call(&alice, &bob);
    // The curves of the call begin to show something.
    bob.wait_until("ten seconds of call", |screen| screen.contains("0:10"));
    alice.wait_until("ten seconds of call", |screen| screen.contains("0:10"));
    let picture = svg::draw(
        &alice.shown(),
        "twocan: a conversation and a call in a terminal",
    );
    fs::write(SVG, picture).must("write the picture");
    into_readme(&bob.screen());
    for terminal in [alice, bob] {
        enter(&terminal, "/hangup");
        enter(&terminal, "/quit");
        terminal.ended_tidily();
    }
}

/// A few words each way, with what messages can do.
fn talk(alice: &Terminal, bob: &Terminal) {
    enter(alice, "/msg bob did you get the draft?");
    bob.wait_for("the draft?");
    enter(bob, "/msg alice yes, reading it now");
    alice.wait_for("reading it now");
    enter(bob, "page 4 has the numbers: https://example.org/p4");
    alice.wait_for("page 4");
    enter(alice, "/react heart");
    bob.wait_until("the reaction", |screen| {
        screen.contains("heart") || screen.contains('\u{2764}')
    });
    enter(alice, "/reply thanks! shall we talk it through?");
    bob.wait_for("talk it through?");
}

/// Puts the text between the marks, without what is blank at the ends of lines.
fn into_readme(screen: &str) {
    let readme = fs::read_to_string(README).must("read the README; run this from the top folder");
    let (before, rest) = readme.split_once(MARKS[0]).must("find the first mark");
    let (_old, after) = rest.split_once(MARKS[1]).must("find the second mark");
    let lines: Vec<_> = screen.lines().map(str::trim_end).collect();
    let text = format!(
        "{before}{}{}\n{}{after}",
        MARKS[0],
        lines.join("\n"),
        MARKS[1]
    );
    fs::write(README, text).must("write the README");
}
