//! The interface in plain lines, for screen readers, dumb terminals and input
//! from a file: what happens is added as a line, what is typed is a message, a
//! command or the answer to a question. State, commands and effects are those
//! of the screen; only what is seen and how lines come in is made here.
//!
//! Lines are read as the terminal gives them, whole, and not with an editor of
//! our own: an editor redraws its line with escape codes, of which a screen
//! reader speaks the wrong parts and a dumb terminal shows the codes. What is
//! typed when a line comes in stays with the terminal; Ctrl+R shows it again.

mod ask;
mod lines;
mod lists;
mod news;
mod out;
#[cfg(test)]
mod tests;
mod words;

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use twocan_peer::Engine;
use twocan_peer::api::Event;

use self::ask::{Ask, Wants};
use self::lines::Lines;
use self::news::News;
use self::out::Out;
use crate::app::effect::{Effect, Outcome};
use crate::app::msg::Msg;
use crate::app::update::{start, update};
use crate::app::{Focus, Glyphs, Look, State};
use crate::input::chord::{Chord, Key};
use crate::terminal::{Options, Runner, Signal, Signals, now, zone};

/// Columns and rows of the screen that there is not: enough for a conversation
/// to be on it, so that what was printed counts as read.
const SIZE: (u16, u16) = (80, 24);
/// Nothing here changes by itself more often.
const TICK: Duration = Duration::from_secs(1);
/// How long messages may take to arrive after the input has ended.
const LAST: Duration = Duration::from_secs(10);
/// Events and outcomes taken before the next line.
const BATCH: usize = 512;
/// Exit code when messages are left that wait for the other, as of
/// `twocan send`.
const QUEUED: u8 = 3;

/// Whether lines suit this environment better than a screen.
pub(crate) fn suits() -> bool {
    let is = |name, value| std::env::var_os(name).is_some_and(|set| set == value);
    let piped = !io::stdin().is_terminal() || !io::stdout().is_terminal();
    piped || is("TERM", "dumb") || is("ACCESSIBLE", "1")
}

/// Runs the interface until the user, a signal or the end of the input ends it.
///
/// # Errors
/// When standard output is gone.
pub(crate) async fn run(
    engine: Engine,
    events: mpsc::Receiver<Event>,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let me = engine.whoami().await.map_err(|e| anyhow::anyhow!("{e}"))?;
    let signals = Signals::new().context("cannot listen for signals")?;
    let mut session = Session::new(engine.clone(), options);
    let ended = session.live(events, signals, me.name.is_empty()).await;
    session.finish().await;
    engine.shutdown().await;
    ended
}

struct Session {
    state: State,
    news: News,
    out: Out,
    lines: Lines,
    runner: Runner,
    under_way: watch::Receiver<usize>,
    outcomes: mpsc::Receiver<Outcome>,
    /// What was last asked, so that it is said once.
    asked: Option<Ask>,
    /// No deadline is looked at before this moment.
    next_tick: Instant,
    /// The input has ended; so long the last messages may take.
    last: Option<Instant>,
    ended: Option<ExitCode>,
}

impl Session {
    fn new(engine: Engine, options: &Options) -> Self {
        let look = Look {
            glyphs: Glyphs::Ascii,
            mono: true,
            ..Look::default()
        };
        let mut state = State::new(now(), zone(), SIZE, look);
        state.in_lines = true;
        state.registry_hint = options.registry.as_ref().map(ToString::to_string);
        let (runner, outcomes) = Runner::new(engine, options.config.clone(), &Handle::current());
        Self {
            state,
            news: News::default(),
            out: Out::new(),
            lines: Lines::start(),
            under_way: runner.under_way(),
            runner,
            outcomes,
            asked: None,
            next_tick: Instant::now(),
            last: None,
            ended: None,
        }
    }

    /// What was asked for last is done before the engine ends.
    async fn finish(self) {
        drop(self.outcomes);
        self.runner.finish().await;
    }

    async fn live(
        &mut self,
        mut events: mpsc::Receiver<Event>,
        mut signals: Signals,
        first_run: bool,
    ) -> anyhow::Result<ExitCode> {
        self.out.say(&words::welcome())?;
        let effects = start(&mut self.state, first_run);
        self.carry_out(effects)?;
        let mut engine_there = true;
        loop {
            self.show()?;
            if let Some(code) = self.ended {
                return Ok(code);
            }
            let deadline = self.deadline();
            tokio::select! {
                line = self.lines.next(), if self.takes_line() => self.line(line)?,
                event = events.recv(), if engine_there => match event {
                    Some(event) => self.take(Msg::Engine(Box::new(event)))?,
                    None => {
                        engine_there = false;
                        self.take(Msg::EngineGone)?;
                    }
                },
                Some(outcome) = self.outcomes.recv() => {
                    self.take(Msg::Outcome(Box::new(outcome)))?;
                }
                _ = self.under_way.changed() => {}
                signal = signals.next() => match signal {
                    Signal::End | Signal::Interrupted => self.take(Msg::Terminate)?,
                    Signal::Continued => self.out.forget_prompt(),
                    Signal::Resized => {}
                },
                () = tokio::time::sleep_until(deadline) => self.tick()?,
            }
            self.take_ready(&mut events)?;
        }
    }

    /// Takes what else has happened already, so that a line finds it done.
    fn take_ready(&mut self, events: &mut mpsc::Receiver<Event>) -> anyhow::Result<()> {
        for _ in 0..BATCH {
            if let Ok(event) = events.try_recv() {
                self.take(Msg::Engine(Box::new(event)))?;
            } else if let Ok(outcome) = self.outcomes.try_recv() {
                self.take(Msg::Outcome(Box::new(outcome)))?;
            } else {
                break;
            }
        }
        Ok(())
    }

    /// Whether the next line may come. Lines of a file wait until what those
    /// before them began is done; a person may be ahead of it, but not of a
    /// question that is still being answered.
    fn takes_line(&self) -> bool {
        let waits = matches!(&self.asked, Some(ask) if ask.wants == Wants::Nothing);
        self.last.is_none() && !waits && (self.lines.are_typed() || self.is_idle())
    }

    /// Nothing that was begun is still under way.
    fn is_idle(&self) -> bool {
        *self.under_way.borrow() == 0 && self.outcomes.is_empty()
    }

    fn line(&mut self, line: Option<String>) -> anyhow::Result<()> {
        let Some(line) = line else {
            self.last = Some(Instant::now() + LAST);
            return Ok(());
        };
        self.out.line_came(!self.lines.is_echoed());
        let line = line.trim_end_matches(['\r', '\n']);
        match &self.asked {
            Some(ask) if !ask::is_for_call(line) || ask.is_secret() => {
                for msg in ask::answer(&self.state, line) {
                    self.take(msg)?;
                }
                Ok(())
            }
            _ if line.trim().is_empty() => Ok(()),
            _ => self.take(Msg::Line(line.to_owned())),
        }
    }

    fn take(&mut self, msg: Msg) -> anyhow::Result<()> {
        let typed = self.lines.are_typed();
        let heard = self.news.heard(&self.state, &msg, typed);
        self.out.say(&heard)?;
        let effects = update(&mut self.state, now(), msg);
        self.carry_out(effects)
    }

    /// A deadline has come.
    fn tick(&mut self) -> anyhow::Result<()> {
        self.next_tick = Instant::now() + TICK;
        self.take(Msg::Tick)
    }

    fn deadline(&self) -> Instant {
        let wait = self.state.next_deadline().as_millis() - now().as_millis();
        let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
        let by_itself = (Instant::now() + wait).max(self.next_tick);
        self.last.map_or(by_itself, |last| last.min(by_itself))
    }

    /// Says what has changed, asks what is to be asked, and ends when all is
    /// done after the input has ended.
    fn show(&mut self) -> anyhow::Result<()> {
        let changed = self.news.changed(&self.state);
        self.out.say(&changed)?;
        if self.state.focus == Focus::List {
            self.out.say(&lists::contacts(&self.state))?;
            self.take(Msg::Key(Chord::plain(Key::Esc)))?;
        }
        while let Some(page) = ask::to_read(&self.state) {
            self.out.say(&page)?;
            self.take(Msg::Key(Chord::plain(Key::Esc)))?;
        }
        self.ask()?;
        self.end_after_input()
    }

    fn ask(&mut self) -> anyhow::Result<()> {
        let ask = ask::ask(&self.state);
        if ask != self.asked {
            // First: who sees that a secret is asked for may type it at once.
            self.lines.echo(!ask.as_ref().is_some_and(Ask::is_secret));
            if let Some(ask) = &ask {
                let before = self.asked.as_ref().and_then(|asked| asked.title.as_ref());
                let title = ask.title.iter().filter(|title| before != Some(title));
                let lines: Vec<String> = title.chain(&ask.lines).cloned().collect();
                self.out.say(&lines)?;
            }
            self.asked = ask;
        }
        if self.last.is_some() || !self.lines.are_typed() {
            return Ok(());
        }
        match &self.asked {
            Some(ask) if ask.wants == Wants::Nothing => Ok(()),
            Some(ask) => Ok(self.out.prompt(&ask.prompt)?),
            None => Ok(self.out.prompt(&words::prompt(&self.state))?),
        }
    }

    fn end_after_input(&mut self) -> anyhow::Result<()> {
        let Some(last) = self.last else { return Ok(()) };
        let unsent = self.news.unsent(&self.state);
        if self.ended.is_some() || !self.is_idle() {
            return Ok(());
        }
        if unsent.is_empty() {
            self.ended = Some(ExitCode::SUCCESS);
        } else if Instant::now() >= last {
            self.out.say(&unsent)?;
            self.ended = Some(ExitCode::from(QUEUED));
        }
        Ok(())
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> anyhow::Result<()> {
        let mut waiting = VecDeque::from(effects);
        while let Some(effect) = waiting.pop_front() {
            match effect {
                Effect::Alert(alert) if alert.ways.bell => self.out.bell()?,
                Effect::Clipboard(text) | Effect::OpenOutside(text) => self.out.say(&[text])?,
                Effect::ReadMeters => {
                    if let Some(levels) = self.runner.levels() {
                        waiting.extend(update(&mut self.state, now(), Msg::Meters(levels)));
                    }
                }
                Effect::Quit => self.ended = Some(ExitCode::SUCCESS),
                // An editor is for a screen.
                Effect::WriteElsewhere(_) => {
                    let why = "an editor needs the screen".to_owned();
                    let msg = Msg::Written(Box::new(Err(why)));
                    waiting.extend(update(&mut self.state, now(), msg));
                }
                // There is no screen, and whole lines are read.
                Effect::Alert(_)
                | Effect::Title(_)
                | Effect::WatchKeys(_)
                | Effect::ReportMouse(_)
                | Effect::ReadUserFiles
                | Effect::Redraw
                | Effect::Suspend => {}
                other => {
                    if let Some(refused) = self.runner.start(other) {
                        let msg = Msg::Outcome(Box::new(refused));
                        waiting.extend(update(&mut self.state, now(), msg));
                    }
                }
            }
        }
        Ok(())
    }
}
