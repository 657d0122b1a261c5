//! A line between two programs that can be made to fail: a TCP proxy that
//! lives in the test and does to connections what networks do to them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::SockRef;

use crate::process::Must;

/// Bytes carried in one go.
const CHUNK: usize = 32 * 1024;
/// For a connection to the program behind the line.
const DIAL: Duration = Duration::from_secs(5);

/// What the line does to what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes.
    Clear,
    /// What is sent in these directions is taken and lost, and no end is told
    /// of anything. A connection that lost a byte never gets better.
    Swallow {
        /// From whoever connected to the line.
        forth: bool,
        /// To whoever connected to the line.
        back: bool,
    },
    /// So many bytes a second at most, each this late.
    Slow {
        /// Bytes a second in each direction.
        rate: usize,
        /// How late.
        delay: Duration,
    },
    /// One bit is wrong in so many bytes.
    Flip {
        /// Bytes from one wrong bit to the next, over all connections.
        every: u64,
    },
    /// When one end closes, the other is told this much later.
    LateClose(Duration),
}

impl Weather {
    /// Nothing passes in either direction, and nobody is told.
    pub const HALF_OPEN: Self = Self::Swallow {
        forth: true,
        back: true,
    };

    fn swallows(self, way: Way) -> bool {
        match self {
            Self::Swallow { forth, back } => match way {
                Way::Forth => forth,
                Way::Back => back,
            },
            _ => false,
        }
    }
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// As if both ends had closed.
    Fin,
    /// As if a machine had started anew.
    Rst,
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Forth,
    Back,
}

/// One connection and its continuation.
#[derive(Debug)]
struct Line {
    near: TcpStream,
    far: TcpStream,
    cut: Mutex<Option<Cut>>,
}

#[derive(Debug)]
struct State {
    weather: Weather,
    lines: Vec<Arc<Line>>,
    open: bool,
}

#[derive(Debug)]
struct Shared {
    target: String,
    state: Mutex<State>,
    changed: Condvar,
    carried: AtomicU64,
}

/// See the module. The line is gone, with its connections, when this is.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Wire {
    /// A line to `target`, an address and port.
    ///
    /// # Panics
    /// If no port can be had.
    #[must_use]
    pub fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").must("listen for a line");
        let address = listener.local_addr().must("ask for the port of a line");
        let shared = Arc::new(Shared {
            target: target.to_owned(),
            state: Mutex::new(State {
                weather: Weather::Clear,
                lines: Vec::new(),
                open: true,
            }),
            changed: Condvar::new(),
            carried: AtomicU64::new(0),
        });
        let served = Arc::clone(&shared);
        std::thread::spawn(move || serve(&listener, &served));
        Self { address, shared }
    }

    /// Where to connect instead of at the target.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on, for all connections there are and will be.
    pub fn set(&self, weather: Weather) {
        self.shared.state().weather = weather;
        self.shared.changed.notify_all();
    }

    /// Cuts all connections there are; new ones may be made.
    pub fn cut(&self, how: Cut) {
        let lines = std::mem::take(&mut self.shared.state().lines);
        for line in lines {
            line.cut(how);
        }
    }

    /// Bytes that were carried, both ways together.
    #[must_use]
    pub fn carried(&self) -> u64 {
        self.shared.carried.load(Ordering::Relaxed)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.state().open = false;
        self.shared.changed.notify_all();
        self.cut(Cut::Rst);
        // Wakes whoever waits for connections; a line that is closed already
        // needs none.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as long as the weather asks for, or until the line is gone.
    fn hold(&self, wait: Duration) {
        let state = self.state();
        drop(
            self.changed
                .wait_timeout_while(state, wait, |state| state.open),
        );
    }
}

impl Line {
    fn ends(&self, way: Way) -> (&TcpStream, &TcpStream) {
        match way {
            Way::Forth => (&self.near, &self.far),
            Way::Back => (&self.far, &self.near),
        }
    }

    fn was_cut(&self) -> MutexGuard<'_, Option<Cut>> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self, how: Cut) {
        *self.was_cut() = Some(how);
        for end in [&self.near, &self.far] {
            match how {
                // An end that is closed already is what is wanted.
                Cut::Fin => drop(end.shutdown(Shutdown::Both)),
                Cut::Rst => {
                    // The reset is sent when the last of its owners is gone,
                    // which waits in a read.
                    drop(SockRef::from(end).set_linger(Some(Duration::ZERO)));
                    drop(end.shutdown(Shutdown::Read));
                }
            }
        }
    }
}

fn serve(listener: &TcpListener, shared: &Arc<Shared>) {
    for near in listener.incoming() {
        let mut state = shared.state();
        if !state.open {
            return;
        }
        let target = shared.target.parse().must("read the target of a line");
        // Nobody there: whoever connected is told so by the end.
        let (Ok(near), Ok(far)) = (near, TcpStream::connect_timeout(&target, DIAL)) else {
            continue;
        };
        for end in [&near, &far] {
            end.set_nodelay(true).must("set up a line");
        }
        let line = Arc::new(Line {
            near,
            far,
            cut: Mutex::new(None),
        });
        state.lines.push(Arc::clone(&line));
        drop(state);
        for way in [Way::Forth, Way::Back] {
            let (line, shared) = (Arc::clone(&line), Arc::clone(shared));
            std::thread::spawn(move || carry(&line, way, &shared));
        }
    }
}

/// Carries one direction until an end closes.
fn carry(line: &Arc<Line>, way: Way, shared: &Shared) {
    let (mut from, mut to) = line.ends(way);
    let mut buffer = vec![0; CHUNK];
    let mut lost = false;
    loop {
        let most = match shared.state().weather {
            Weather::Slow { rate, delay } => per(rate, delay).clamp(1, CHUNK),
            _ => CHUNK,
        };
        let count = from.read(&mut buffer[..most]).unwrap_or(0);
        let weather = shared.state().weather;
        lost |= weather.swallows(way);
        if count == 0 {
            break close(line, way, shared, lost);
        }
        if lost {
            continue;
        }
        let chunk = &mut buffer[..count];
        let before = shared.carried.fetch_add(count as u64, Ordering::Relaxed);
        match weather {
            Weather::Slow { delay, .. } => shared.hold(delay),
            Weather::Flip { every } => flip(chunk, before, every),
            _ => {}
        }
        if to.write_all(chunk).is_err() {
            break close(line, way, shared, lost);
        }
    }
    shared
        .state()
        .lines
        .retain(|other| !Arc::ptr_eq(other, line));
}

/// Bytes that a rate of bytes a second brings in a time.
fn per(rate: usize, time: Duration) -> usize {
    let millis = usize::try_from(time.as_millis()).unwrap_or(usize::MAX);
    rate.saturating_mul(millis) / 1000
}

fn flip(chunk: &mut [u8], before: u64, every: u64) {
    for (byte, at) in chunk.iter_mut().zip(before..) {
        if at % every == every - 1 {
            *byte ^= 1 << (at / every % 8);
        }
    }
}

/// One end has closed, or cannot be written to: the other is told, unless
/// the weather keeps it.
fn close(line: &Line, way: Way, shared: &Shared, lost: bool) {
    if lost || *line.was_cut() == Some(Cut::Rst) {
        return;
    }
    let weather = shared.state().weather;
    if let Weather::LateClose(wait) = weather {
        shared.hold(wait);
    }
    let (from, to) = line.ends(way);
    // Ends that are closed already need no more.
    drop(to.shutdown(Shutdown::Write));
    drop(from.shutdown(Shutdown::Read));
}
