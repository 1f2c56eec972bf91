//! The log: to syslog or to standard error, and never in the way.
//!
//! A line that nobody takes at once is dropped and counted; the count is told with the next line that gets through.
//! What outsiders can trigger is told once a minute for each cause, with the number of those not told.

mod sink;

use std::cell::{Cell, RefCell};
use std::fmt::{self, Write as _};
use std::io::IsTerminal as _;
use std::rc::Rc;
use std::time::Duration;

use super::clock;
use sink::Sink;

/// Bytes of a line, priority and time not counted: RFC 3164 lets a relay cut a packet of more than 1,024.
const LINE_BYTES: usize = 960;

/// How long a cause is silent after it was told.
const INTERVAL: Duration = Duration::from_secs(60);

/// How much is logged: a level, and all above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// The daemon ends, or an order of its operator was not carried out.
    Error,
    /// Somebody can do something about it.
    Warning,
    /// What an operator wants to know of a healthy daemon.
    Info,
    /// What its developers want to know.
    Debug,
}

impl Level {
    pub(crate) const ALL: [Self; 4] = [Self::Error, Self::Warning, Self::Info, Self::Debug];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// Where the log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Standard error in a terminal, else syslog.
    Auto,
    Syslog,
    Stderr,
}

impl Target {
    pub(crate) const ALL: [Self; 3] = [Self::Auto, Self::Syslog, Self::Stderr];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Syslog => "syslog",
            Self::Stderr => "stderr",
        }
    }
}

/// What outsiders can make the log say: each is told once a minute at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Malformed,
    OutOfRange,
    TableFull,
    NotAllowed,
    Receive,
    Accept,
    Declared,
}

impl Cause {
    const ALL: [Self; 7] = [
        Self::Malformed,
        Self::OutOfRange,
        Self::TableFull,
        Self::NotAllowed,
        Self::Receive,
        Self::Accept,
        Self::Declared,
    ];

    const fn plural(self) -> &'static str {
        match self {
            Self::Malformed => "malformed lines of statistics",
            Self::OutOfRange => "lines of statistics with values out of range",
            Self::TableFull => "lines of statistics of groups without a place",
            Self::NotAllowed => "datagrams from networks that may not send",
            Self::Receive => "errors of the statistics socket",
            Self::Accept => "failures to accept a connection",
            Self::Declared => "declared groups without a place",
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Told {
    at: Option<Duration>,
    suppressed: u64,
}

/// The log; clones write to the same place.
#[derive(Clone)]
pub(crate) struct Log(Rc<Inner>);

struct Inner {
    level: Cell<Level>,
    sink: RefCell<Sink>,
    lost: Cell<u64>,
    /// … of which the log was not told yet.
    untold: Cell<u64>,
    told: RefCell<[Told; Cause::ALL.len()]>,
}

impl Log {
    pub(crate) fn new(target: Target, level: Level) -> Self {
        let to_stderr = match target {
            Target::Stderr => true,
            Target::Syslog => false,
            Target::Auto => std::io::stderr().is_terminal(),
        };
        let sink = RefCell::new(if to_stderr { Sink::stderr() } else { Sink::syslog() });
        Self(Rc::new(Inner {
            level: Cell::new(level),
            sink,
            lost: Cell::new(0),
            untold: Cell::new(0),
            told: RefCell::default(),
        }))
    }

    pub(crate) fn set_level(&self, level: Level) {
        self.0.level.set(level);
    }

    pub(crate) fn error(&self, message: fmt::Arguments<'_>) {
        self.say(Level::Error, message);
    }

    pub(crate) fn warning(&self, message: fmt::Arguments<'_>) {
        self.say(Level::Warning, message);
    }

    pub(crate) fn info(&self, message: fmt::Arguments<'_>) {
        self.say(Level::Info, message);
    }

    /// Lines that nobody took, since the start.
    pub(crate) fn lost(&self) -> u64 {
        self.0.lost.get()
    }

    /// A warning that outsiders can trigger.
    pub(crate) fn limited(&self, cause: Cause, message: fmt::Arguments<'_>) {
        let now = clock::now();
        let is_silent = {
            let mut told = self.0.told.borrow_mut();
            let Some(told) = told.get_mut(cause as usize) else { return };
            let is_silent = told.at.is_some_and(|at| now < at + INTERVAL);
            if is_silent {
                told.suppressed += 1;
            }
            is_silent
        };
        if !is_silent {
            self.tell_suppressed_of(cause, now);
            self.warning(message);
        }
    }

    /// When [`tell_suppressed`](Self::tell_suppressed) has something to tell. `None`: nothing is suppressed.
    pub(crate) fn next_wakeup(&self) -> Option<Duration> {
        let told = self.0.told.borrow();
        told.iter().filter(|told| told.suppressed > 0).filter_map(|told| Some(told.at? + INTERVAL)).min()
    }

    /// Tells how many were not told, of each cause whose minute is over.
    pub(crate) fn tell_suppressed(&self, now: Duration) {
        for cause in Cause::ALL {
            let told = self.0.told.borrow().get(cause as usize).copied().unwrap_or_default();
            if told.suppressed > 0 && told.at.is_some_and(|at| now >= at + INTERVAL) {
                self.tell_suppressed_of(cause, now);
            }
        }
    }

    fn tell_suppressed_of(&self, cause: Cause, now: Duration) {
        let mut all = self.0.told.borrow_mut();
        let Some(told) = all.get_mut(cause as usize) else { return };
        let Told { at, suppressed } = std::mem::replace(told, Told { at: Some(now), suppressed: 0 });
        drop(all);
        if suppressed > 0 {
            let seconds = at.map_or(0, |at| now.saturating_sub(at).as_secs());
            self.warning(format_args!("{suppressed} more {} in the last {seconds} s", cause.plural()));
        }
    }

    fn say(&self, level: Level, message: fmt::Arguments<'_>) {
        if level > self.0.level.get() {
            return;
        }
        let lost = self.0.untold.get();
        if lost > 0 && self.send(Level::Warning, format_args!("{lost} lines of the log were lost: nobody took them")) {
            self.0.untold.set(0);
        }
        if !self.send(level, message) {
            self.0.lost.set(self.0.lost.get() + 1);
            self.0.untold.set(self.0.untold.get() + 1);
        }
    }

    fn send(&self, level: Level, message: fmt::Arguments<'_>) -> bool {
        let mut line = Line(heapless::String::new());
        // What does not fit is cut off.
        let _ = line.write_fmt(message);
        self.0.sink.borrow_mut().send(level, &line.0)
    }
}

/// A line as far as it fits.
struct Line(heapless::String<LINE_BYTES>);

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| self.0.push(character)).map_err(|_| fmt::Error)
    }
}
