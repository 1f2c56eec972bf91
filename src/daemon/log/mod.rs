//! The log: to syslog or to standard error, and never in the way.
//!
//! A line that nobody takes at once is dropped and counted; the count is told with the next line that gets through.
//! What outsiders can trigger is told once a minute for each cause, with the number of those not told.

mod output;
mod throttle;

use std::cell::{Cell, RefCell};
use std::fmt::{self, Write as _};
use std::io::IsTerminal as _;
use std::rc::Rc;
use std::time::Duration;

use crate::clock;
use output::Sink;
pub(crate) use throttle::Cause;
use throttle::{Limiter, Suppressed};

/// Bytes of a line, priority and time not counted: RFC 3164 lets a relay cut a packet of more than 1,024.
const LINE_BYTES: usize = 960;

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

/// The log; clones write to the same place.
#[derive(Clone)]
pub(crate) struct Log(Rc<Inner>);

struct Inner {
    level: Cell<Level>,
    sink: RefCell<Sink>,
    lost: Cell<u64>,
    /// … of which the log was not told yet.
    untold: Cell<u64>,
    limiter: RefCell<Limiter>,
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
            limiter: RefCell::default(),
        }))
    }

    pub(crate) fn is_on_stderr(&self) -> bool {
        matches!(*self.0.sink.borrow(), Sink::Stderr { .. })
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

    /// What outsiders can trigger: a warning, as a rule.
    pub(crate) fn limited(&self, cause: Cause, message: fmt::Arguments<'_>) {
        if cause.level() > self.0.level.get() {
            return;
        }
        let told = self.0.limiter.borrow_mut().tell(cause, clock::now());
        if let Some(suppressed) = told {
            self.tell_suppressed_of(suppressed);
            self.say(cause.level(), message);
        }
    }

    /// When [`tell_suppressed`](Self::tell_suppressed) has something to tell. `None`: nothing is suppressed.
    pub(crate) fn next_wakeup(&self) -> Option<Duration> {
        self.0.limiter.borrow().next_wakeup()
    }

    /// Tells how many were not told, of each cause whose minute is over.
    pub(crate) fn tell_suppressed(&self, now: Duration) {
        for cause in Cause::ALL {
            let due = self.0.limiter.borrow_mut().due(cause, now);
            due.into_iter().for_each(|suppressed| self.tell_suppressed_of(suppressed));
        }
    }

    fn tell_suppressed_of(&self, suppressed: Suppressed) {
        if suppressed.count > 0 {
            self.say(suppressed.cause.level(), format_args!("{suppressed}"));
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
