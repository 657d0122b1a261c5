//! The interface on a real terminal: one loop that waits for keys, the engine,
//! outcomes, signals and the next moment something changes by itself, and that
//! draws only when there is something new to see.

pub(crate) mod decode;
mod effects;
mod elsewhere;
mod frames;
mod guard;
mod history;
mod input;
mod keycodes;
mod kind;
mod linked;
mod notify;
mod outside;
mod painter;
mod paths;
mod signals;
mod watch;

use std::future::{pending, ready};
use std::io::{self, Stdout};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context;
use crossterm::clipboard::CopyToClipboard;
use crossterm::style::Print;
use crossterm::terminal::SetTitle;
use crossterm::{Command, execute};
use jiff::tz::TimeZone;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;
use twocan_peer::Engine;
use twocan_peer::api::{Config, Event};
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::time::Timestamp;

use self::decode::{Answer, Seen};
pub(crate) use self::effects::Runner;
use self::elsewhere::Writing;
use self::frames::Frames;
use self::guard::Guard;
use self::input::Input;
use self::kind::Kind;
use self::painter::Painter;
pub(crate) use self::signals::{Signal, Signals};
use self::watch::Watch;
use crate::app::effect::{Effect, Elsewhere, Outcome};
use crate::app::msg::Msg;
use crate::app::update::{start, update};
use crate::app::user_file::{Content, UserFile};
use crate::app::{Look, Stale, State};

/// How long answers of the terminal are waited for before it is given back,
/// and if it is far away.
const ANSWERS: Duration = Duration::from_millis(150);
const FAR_ANSWERS: Duration = Duration::from_secs(1);
/// Turns after which keys let all else have one, however many there are.
const KEY_TURNS: usize = 16;
/// Messages taken at most before a frame is drawn.
const BATCH: usize = 512;
/// News of the engine that may wait for the next frame; a queue that is fuller
/// is emptied before.
const NEWS: usize = 256;

/// How the interface is to look and begin.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Only ASCII signs.
    pub ascii: bool,
    /// No colours; the variable `NO_COLOR` says the same.
    pub no_color: bool,
    /// The registry that forms offer.
    pub registry: Option<RegistryUrl>,
    /// Whom to ask to be contacts, as `/add` takes them.
    pub add: Vec<String>,
    /// The theme, if not the one that was chosen before.
    pub theme: Option<String>,
    /// Ask the terminal nothing.
    pub no_query: bool,
    /// How the engine was started.
    pub config: Config,
}

/// Shows the interface until the user, or a signal, ends it. What takes time is
/// done by `workers`. The terminal is given back and the engine shut down when
/// this returns.
///
/// # Errors
/// When standard output is no terminal, or is taken away.
pub(crate) async fn run(
    engine: Engine,
    events: mpsc::Receiver<Event>,
    options: Options,
    workers: &Handle,
) -> anyhow::Result<()> {
    let me = engine.whoami().await.map_err(|e| anyhow::anyhow!("{e}"))?;
    let signals = Signals::new().context("cannot listen for signals")?;
    let kind = Kind::here();
    let guard = Guard::enter(kind).context(
        "cannot use this terminal; twocan needs one on standard input and output, scripts use twocan headless",
    )?;
    let (broken, panics) = mpsc::channel(1);
    guard::install_panic_hook(std::thread::current().id(), broken);
    let ended = async {
        let mut screen = Screen::new(engine.clone(), &options, kind, workers)?;
        let effects = start(&mut screen.state, me.name.is_empty());
        screen.carry_out(effects)?;
        screen.read_user_files(&UserFile::ALL)?;
        let ended = screen.live(events, panics, signals).await;
        screen.leave().await;
        drop(screen.outcomes);
        screen.runner.finish().await;
        ended
    }
    .await;
    drop(guard);
    engine.shutdown().await;
    ended
}

/// The state, where it is drawn, and who carries its effects out.
struct Screen {
    state: State,
    painter: Painter<Stdout>,
    input: Input,
    kind: Kind,
    /// Answers of the terminal may be on their way.
    asked: bool,
    runner: Runner,
    /// What others are to do next, once the screen is drawn.
    asked_for: Vec<Effect>,
    folder: PathBuf,
    outcomes: mpsc::Receiver<Outcome>,
    /// What is to be written in another program next.
    hand_over: Option<Elsewhere>,
    /// The program that has the terminal meanwhile.
    writing: Option<Writing>,
    frames: Frames,
    ended: bool,
}

impl Screen {
    fn new(engine: Engine, options: &Options, kind: Kind, workers: &Handle) -> io::Result<Self> {
        let mono = options.no_color || std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let look = Look {
            glyphs: kind.glyphs(options.ascii),
            mono,
            ..Look::default()
        };
        let size = crossterm::terminal::size()?;
        let mut state = State::new(now(), zone(), size, look);
        state.registry_hint = options.registry.as_ref().map(ToString::to_string);
        state.to_ask.clone_from(&options.add);
        state.themes.light = kind.light;
        state.themes.asked.clone_from(&options.theme);
        state.settle_theme();
        let input = Input::open()?;
        if !options.no_query {
            execute!(io::stdout(), Print(kind.questions()))?;
        }
        let painter = Painter::new(io::stdout(), size, kind.has_links());
        let (runner, outcomes) = Runner::new(engine, options.config.clone(), workers);
        Ok(Self {
            state,
            painter,
            input,
            kind,
            asked: !options.no_query,
            runner,
            asked_for: Vec::new(),
            folder: options.config.data.clone(),
            outcomes,
            hand_over: None,
            writing: None,
            frames: Frames::new(Instant::now()),
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
        let mut files = self.watched();
        let mut engine_there = true;
        let mut turns = 0;
        while !self.ended {
            self.draw_if_due()?;
            self.start_what_is_asked_for()?;
            let deadline = self.deadline();
            let news_wait = self.frame_waits() && events.len() < NEWS;
            let turn_of_others = turns >= KEY_TURNS;
            turns = if turn_of_others { 0 } else { turns + 1 };
            tokio::select! {
                // Keys first: with one there, nothing else is looked at before
                // it is drawn.
                biased;
                seen = self.input.next(), if self.writing.is_none() && !turn_of_others => match seen.context("cannot read from the terminal")? {
                    Some(seen) => self.seen(seen)?,
                    // The terminal is gone.
                    None => self.take(Msg::Terminate)?,
                },
                signal = signals.next() => match signal {
                    Signal::End => self.take(Msg::Terminate)?,
                    // Whoever has the terminal now is meant.
                    Signal::Interrupted | Signal::Continued if self.writing.is_some() => {}
                    Signal::Interrupted => self.take(Msg::Terminate)?,
                    Signal::Continued => self.again()?,
                    Signal::Resized => self.resized()?,
                },
                ended = end_of(&mut self.writing) => self.written(ended)?,
                event = events.recv(), if engine_there && !news_wait => match event {
                    Some(event) => self.take(Msg::Engine(Box::new(event)))?,
                    None => {
                        engine_there = false;
                        self.take(Msg::EngineGone)?;
                    }
                },
                Some(outcome) = self.outcomes.recv() => {
                    self.take(Msg::Outcome(Box::new(outcome)))?;
                }
                changed = changed(&mut files) => self.read_user_files(&changed)?,
                Some(()) = panics.recv() => self.take(Msg::Broken)?,
                () = tokio::time::sleep_until(deadline) => self.tick()?,
                () = ready(()), if turn_of_others => {}
            }
            self.take_ready(&mut events)?;
            if let Some(about) = self.hand_over.take() {
                self.write_elsewhere(about)?;
            }
        }
        self.start_what_is_asked_for()?;
        Ok(())
    }

    /// Takes what else is there already, so that one frame shows it all; of
    /// that somebody who pressed a key waits only for other keys.
    fn take_ready(&mut self, events: &mut mpsc::Receiver<Event>) -> anyhow::Result<()> {
        for _ in 0..BATCH {
            if self.ended || self.hand_over.is_some() {
                break;
            }
            if let Some(seen) = self.input.ready() {
                self.seen(seen)?;
            } else if self.frames.is_awaited() {
                break;
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

    /// Hears when files change. Where that cannot be, `/reload` reads them.
    fn watched(&self) -> Option<Watch> {
        match Watch::new(&self.folder) {
            Ok(watch) => Some(watch),
            Err(error) => {
                tracing::warn!(%error, "changes of files in the profile are not heard");
                None
            }
        }
    }

    fn read_user_files(&mut self, files: &[UserFile]) -> anyhow::Result<()> {
        for (file, content) in self.user_files(files) {
            self.take(Msg::UserFile(file, content))?;
        }
        Ok(())
    }

    fn user_files(&self, files: &[UserFile]) -> Vec<(UserFile, Content)> {
        let read = |file: &UserFile| (*file, watch::read(&self.folder, *file));
        files.iter().map(read).collect()
    }

    /// Takes what came from the terminal.
    fn seen(&mut self, seen: Seen) -> anyhow::Result<()> {
        if matches!(seen, Seen::Key(_) | Seen::Paste(_)) {
            self.frames.pressed();
        }
        self.take(match seen {
            Seen::Key(chord) => Msg::Key(chord),
            Seen::KeyUp(chord) => Msg::KeyUp(chord),
            Seen::Paste(text) => Msg::Paste(text),
            Seen::Mouse(mouse) => Msg::Mouse(mouse),
            Seen::Focus(on) => Msg::Focus(on),
            Seen::Answer(Answer::Keyboard) => {
                guard::use_kitty()?;
                Msg::TellsKeys
            }
            Seen::Answer(Answer::Background(colours)) => Msg::Background {
                light: is_light(colours),
            },
            Seen::Answer(Answer::Attributes) => return Ok(()),
        })
    }

    fn resized(&mut self) -> anyhow::Result<()> {
        let (columns, rows) = crossterm::terminal::size()?;
        self.painter.begin_anew((columns, rows))?;
        self.take(Msg::Resize(columns, rows))
    }

    /// Lets no answer of the terminal get to whoever has it next.
    async fn leave(&mut self) {
        if self.asked {
            let patience = match self.kind.remote {
                true => FAR_ANSWERS,
                false => ANSWERS,
            };
            self.input.drain(patience).await;
        }
    }

    fn take(&mut self, msg: Msg) -> anyhow::Result<()> {
        let effects = update(&mut self.state, now(), msg);
        Ok(self.carry_out(effects)?)
    }

    /// The time of a deadline or of a frame has come.
    fn tick(&mut self) -> anyhow::Result<()> {
        let frame_only = self.wants_frame() && now() < self.state.next_deadline();
        if frame_only {
            Ok(())
        } else {
            self.take(Msg::Tick)
        }
    }

    /// Whether there is something new to see, and somebody to see it.
    fn wants_frame(&self) -> bool {
        self.state.stale > Stale::Nothing && self.writing.is_none()
    }

    /// Whether a frame comes soon by itself: what happens until then may wait
    /// for it, which costs less than to be woken for each.
    fn frame_waits(&self) -> bool {
        self.wants_frame() && !self.frames.is_awaited()
    }

    /// When to wake without anything happening.
    fn deadline(&self) -> Instant {
        let wait = self.state.next_deadline().as_millis() - now().as_millis();
        let by_itself = Instant::now() + Duration::from_millis(u64::try_from(wait).unwrap_or(0));
        match self.wants_frame() {
            true => by_itself.min(self.frames.next()),
            false => by_itself,
        }
    }

    fn draw_if_due(&mut self) -> io::Result<()> {
        if !self.wants_frame() || !self.frames.take(Instant::now()) {
            return Ok(());
        }
        self.painter.draw(&self.state)?;
        self.state.stale = Stale::Nothing;
        Ok(())
    }

    /// Has others do what they are asked for. They are woken by it, and on a
    /// busy machine run at once: so whoever pressed a key sees it first.
    fn start_what_is_asked_for(&mut self) -> io::Result<()> {
        for effect in std::mem::take(&mut self.asked_for) {
            if let Some(refused) = self.runner.start(effect) {
                let msg = Msg::Outcome(Box::new(refused));
                let effects = update(&mut self.state, now(), msg);
                self.carry_out(effects)?;
            }
        }
        Ok(())
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> io::Result<()> {
        let mut waiting = std::collections::VecDeque::from(effects);
        while let Some(effect) = waiting.pop_front() {
            match effect {
                Effect::Alert(alert) => notify::show(self.kind, alert)?,
                Effect::Title(title) if self.kind.has_extras() => {
                    execute!(io::stdout(), SetTitle(title))?;
                }
                Effect::Title(_) => {}
                Effect::Clipboard(text) => self.copy(&text)?,
                Effect::ReportMouse(on) => guard::report_mouse(on && self.kind.has_mouse())?,
                Effect::OpenOutside(what) => {
                    if let Err(error) = outside::open(&what) {
                        waiting.extend(update(&mut self.state, now(), Msg::NotOpened(error)));
                    }
                }
                Effect::ReadUserFiles => {
                    for (file, content) in self.user_files(&UserFile::ALL) {
                        let msg = Msg::UserFile(file, content);
                        waiting.extend(update(&mut self.state, now(), msg));
                    }
                }
                Effect::ReadMeters => {
                    if let Some(levels) = self.runner.levels() {
                        waiting.extend(update(&mut self.state, now(), Msg::Meters(levels)));
                    }
                }
                Effect::WatchKeys(on) => guard::watch_keys(on)?,
                Effect::WriteElsewhere(about) => self.hand_over = Some(about),
                Effect::Redraw => self.redraw()?,
                Effect::Suspend => self.suspend()?,
                Effect::Quit => self.ended = true,
                other => self.asked_for.push(other),
            }
        }
        Ok(())
    }

    /// Puts text on the clipboard of whoever looks at the terminal (OSC 52):
    /// tmux hands it on both by itself and through it.
    fn copy(&mut self, text: &str) -> io::Result<()> {
        if !self.kind.has_extras() {
            self.state
                .info("nothing is copied: the Linux console has no clipboard");
            return Ok(());
        }
        let mut sequence = String::new();
        CopyToClipboard::to_clipboard_from(text)
            .write_ansi(&mut sequence)
            .map_err(io::Error::other)?;
        if self.kind.tmux {
            execute!(io::stdout(), Print(&sequence))?;
        }
        execute!(io::stdout(), Print(self.kind.through(&sequence)))
    }

    /// Draws every cell anew.
    fn redraw(&mut self) -> io::Result<()> {
        self.state.size = crossterm::terminal::size()?;
        self.state.stale = Stale::All;
        self.painter.begin_anew(self.state.size)
    }

    /// Stops as Ctrl+Z does; goes on here after `fg`.
    fn suspend(&mut self) -> io::Result<()> {
        self.start_what_is_asked_for()?;
        guard::restore();
        signal_hook::low_level::raise(libc::SIGTSTP)?;
        self.again()
    }

    /// Gives the terminal to an editor. Everything else goes on meanwhile, but
    /// nothing is read from the terminal, and nothing drawn.
    fn write_elsewhere(&mut self, about: Elsewhere) -> anyhow::Result<()> {
        guard::restore();
        match Writing::start(about, &self.folder) {
            Ok(writing) => self.writing = Some(writing),
            Err(why) => self.back_with(Err(why))?,
        }
        Ok(())
    }

    /// The editor has ended.
    fn written(&mut self, ended: io::Result<ExitStatus>) -> anyhow::Result<()> {
        match self.writing.take() {
            Some(writing) => self.back_with(writing.take(ended)),
            None => Ok(()),
        }
    }

    fn back_with(&mut self, text: Result<Elsewhere, String>) -> anyhow::Result<()> {
        self.again()?;
        self.take(Msg::Written(Box::new(text)))
    }

    /// Takes the terminal again after somebody else had it.
    fn again(&mut self) -> io::Result<()> {
        guard::enter()?;
        self.redraw()
    }
}

/// Files that have changed; never comes back without a watch.
async fn changed(watch: &mut Option<Watch>) -> Vec<UserFile> {
    if let Some(there) = watch {
        match there.changed().await {
            Ok(files) => return files,
            Err(error) => {
                tracing::warn!(%error, "changes of files in the profile are not heard any more");
                *watch = None;
            }
        }
    }
    pending().await
}

/// Whether text on this ground is to be dark: by its luminance, roughly.
fn is_light([red, green, blue]: [u16; 3]) -> bool {
    let part = |share: u32, colour: u16| share * u32::from(colour);
    part(30, red) + part(59, green) + part(11, blue) > 100 * 0x7fff
}

/// The end of the program that has the terminal, if one has it.
async fn end_of(writing: &mut Option<Writing>) -> io::Result<ExitStatus> {
    match writing {
        Some(writing) => writing.ended().await,
        None => pending().await,
    }
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
