//! The interface on a real terminal: one loop that waits for keys, the engine,
//! outcomes, signals and the next moment something changes by itself, and that
//! draws only when there is something new to see.

mod effects;
mod guard;
mod input;
mod paths;
mod signals;

use std::io::{self, Stdout};
use std::time::Duration;

use anyhow::Context;
use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{Event as TerminalEvent, EventStream};
use crossterm::style::Print;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate, SetTitle};
use crossterm::{execute, queue};
use futures_util::StreamExt;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::sync::mpsc;
use tokio::time::Instant;
use twocan_peer::Engine;
use twocan_peer::api::Event;
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::time::Timestamp;

pub(crate) use self::effects::Runner;
use self::guard::Guard;
pub(crate) use self::signals::{Signal, Signals};
use crate::app::effect::{Effect, Outcome};
use crate::app::msg::Msg;
use crate::app::update::{start, update};
use crate::app::{Look, State};
use crate::view::view;

/// Shortest time between two frames.
const FRAME: Duration = Duration::from_millis(16);
/// Keys that wait to be taken; whoever pastes more waits.
const KEYS: usize = 256;
/// Messages taken at most before a frame is drawn.
const BATCH: usize = 512;

/// How the interface is to look and begin.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Only ASCII signs.
    pub ascii: bool,
    /// No colours; the variable `NO_COLOR` says the same.
    pub no_color: bool,
    /// The registry that forms offer.
    pub registry: Option<RegistryUrl>,
}

/// Shows the interface until the user, or a signal, ends it. The terminal is
/// given back and the engine shut down when this returns.
///
/// # Errors
/// When standard output is no terminal, or is taken away.
pub(crate) async fn run(
    engine: Engine,
    events: mpsc::Receiver<Event>,
    options: Options,
) -> anyhow::Result<()> {
    let me = engine.whoami().await.map_err(|e| anyhow::anyhow!("{e}"))?;
    let signals = Signals::new().context("cannot listen for signals")?;
    let guard = Guard::enter().context(
        "cannot use this terminal; twocan needs one on standard input and output, scripts use twocan headless",
    )?;
    let (broken, panics) = mpsc::channel(1);
    guard::install_panic_hook(std::thread::current().id(), broken);
    let ended = async {
        let mut screen = Screen::new(engine.clone(), &options)?;
        let effects = start(&mut screen.state, me.name.is_empty());
        screen.carry_out(effects)?;
        screen.live(events, panics, signals).await
    }
    .await;
    drop(guard);
    engine.shutdown().await;
    ended
}

/// The state, where it is drawn, and who carries its effects out.
struct Screen {
    state: State,
    terminal: Terminal<CrosstermBackend<Stdout>>,
    runner: Runner,
    outcomes: mpsc::Receiver<Outcome>,
    /// No frame before this moment.
    next_frame: Instant,
    ended: bool,
}

impl Screen {
    fn new(engine: Engine, options: &Options) -> io::Result<Self> {
        let mono = options.no_color || std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let look = Look {
            ascii: options.ascii,
            mono,
        };
        let mut state = State::new(now(), zone(), crossterm::terminal::size()?, look);
        state.registry_hint = options.registry.as_ref().map(ToString::to_string);
        state.talk_key.holds = guard::can_watch_keys();
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        let (runner, outcomes) = Runner::new(engine);
        let next_frame = Instant::now();
        Ok(Self {
            state,
            terminal,
            runner,
            outcomes,
            next_frame,
            ended: false,
        })
    }

    /// The loop.
    async fn live(
        &mut self,
        mut events: mpsc::Receiver<Event>,
        mut panics: mpsc::Receiver<()>,
        mut signals: Signals,
    ) -> anyhow::Result<()> {
        let mut keys = keyboard();
        let mut engine_there = true;
        while !self.ended {
            self.draw_if_due()?;
            let deadline = self.deadline();
            tokio::select! {
                key = keys.recv() => self.key(key)?,
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
                Some(()) = panics.recv() => self.take(Msg::Broken)?,
                signal = signals.next() => match signal {
                    Signal::End => self.take(Msg::Terminate)?,
                    Signal::Continued => self.again()?,
                },
                () = tokio::time::sleep_until(deadline) => self.tick()?,
            }
            self.take_ready(&mut keys, &mut events)?;
        }
        Ok(())
    }

    /// Takes what else is there already, so that one frame shows it all.
    fn take_ready(
        &mut self,
        keys: &mut mpsc::Receiver<io::Result<TerminalEvent>>,
        events: &mut mpsc::Receiver<Event>,
    ) -> anyhow::Result<()> {
        for _ in 0..BATCH {
            if self.ended {
                break;
            }
            if let Ok(key) = keys.try_recv() {
                self.key(Some(key))?;
            } else if let Ok(event) = events.try_recv() {
                self.take(Msg::Engine(Box::new(event)))?;
            } else if let Ok(outcome) = self.outcomes.try_recv() {
                self.take(Msg::Outcome(Box::new(outcome)))?;
            } else {
                break;
            }
        }
        Ok(())
    }

    fn key(&mut self, event: Option<io::Result<TerminalEvent>>) -> anyhow::Result<()> {
        match event {
            Some(Ok(event)) => match input::message(event) {
                Some(msg) => self.take(msg),
                None => Ok(()),
            },
            Some(Err(error)) => Err(error).context("cannot read from the terminal"),
            // The terminal is gone.
            None => self.take(Msg::Terminate),
        }
    }

    fn take(&mut self, msg: Msg) -> anyhow::Result<()> {
        let effects = update(&mut self.state, now(), msg);
        Ok(self.carry_out(effects)?)
    }

    /// The time of a deadline or of a frame has come.
    fn tick(&mut self) -> anyhow::Result<()> {
        let frame_only = self.state.dirty && now() < self.state.next_deadline();
        if frame_only {
            Ok(())
        } else {
            self.take(Msg::Tick)
        }
    }

    /// When to wake without anything happening.
    fn deadline(&self) -> Instant {
        let wait = self.state.next_deadline().as_millis() - now().as_millis();
        let by_itself = Instant::now() + Duration::from_millis(u64::try_from(wait).unwrap_or(0));
        if self.state.dirty {
            by_itself.min(self.next_frame)
        } else {
            by_itself
        }
    }

    fn draw_if_due(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if !self.state.dirty || now < self.next_frame {
            return Ok(());
        }
        self.state.dirty = false;
        self.next_frame = now + FRAME;
        queue!(io::stdout(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| view(&self.state, frame))?;
        execute!(io::stdout(), EndSynchronizedUpdate)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> io::Result<()> {
        let mut waiting = std::collections::VecDeque::from(effects);
        while let Some(effect) = waiting.pop_front() {
            match effect {
                Effect::Bell => execute!(io::stdout(), Print('\x07'))?,
                Effect::Title(title) => execute!(io::stdout(), SetTitle(title))?,
                Effect::Clipboard(text) => {
                    execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))?;
                }
                Effect::ReadMeters => {
                    if let Some(levels) = self.runner.levels() {
                        waiting.extend(update(&mut self.state, now(), Msg::Meters(levels)));
                    }
                }
                Effect::WatchKeys(on) => guard::watch_keys(on)?,
                Effect::Redraw => self.redraw()?,
                Effect::Suspend => self.suspend()?,
                Effect::Quit => self.ended = true,
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

    /// Draws every cell anew. Not `Terminal::clear`, which asks the terminal
    /// where its cursor is and would wait for an answer among the keys.
    fn redraw(&mut self) -> io::Result<()> {
        let (columns, rows) = crossterm::terminal::size()?;
        self.state.size = (columns, rows);
        self.state.dirty = true;
        self.terminal
            .resize(ratatui::layout::Rect::new(0, 0, columns, rows))
    }

    /// Stops as Ctrl+Z does; goes on here after `fg`.
    fn suspend(&mut self) -> io::Result<()> {
        guard::restore();
        signal_hook::low_level::raise(libc::SIGTSTP)?;
        self.again()
    }

    /// Takes the terminal again after somebody else had it.
    fn again(&mut self) -> io::Result<()> {
        guard::enter()?;
        self.redraw()
    }
}

/// What the terminal reports, as a channel: an `EventStream` remembers only
/// who asked it first, so it cannot be asked in passing.
fn keyboard() -> mpsc::Receiver<io::Result<TerminalEvent>> {
    let (keys, receiver) = mpsc::channel(KEYS);
    tokio::spawn(async move {
        let mut stream = EventStream::new();
        while let Some(key) = stream.next().await {
            if keys.send(key).await.is_err() {
                return;
            }
        }
    });
    receiver
}

/// The time zone of this machine. The library by itself walks through the
/// folders of all zones to find the one that this file already is.
pub(crate) fn zone() -> TimeZone {
    let local = match std::env::var_os("TZ") {
        Some(_) => None,
        None => std::fs::read("/etc/localtime").ok(),
    };
    let zone = local.and_then(|data| TimeZone::tzif("Local", &data).ok());
    zone.unwrap_or_else(TimeZone::system)
}

/// This moment.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}
