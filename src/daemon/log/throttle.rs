//! Keeps what outsiders can trigger to a line a minute for each cause. Time is an argument.

use std::fmt;
use std::time::Duration;

use super::Level;

/// How long a cause is silent after it was told.
const INTERVAL: Duration = Duration::from_secs(60);

/// What outsiders can make the log say: each is told once a minute at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Malformed,
    OutOfRange,
    TableFull,
    Unsigned,
    BadSignature,
    Replayed,
    NotAllowed,
    Receive,
    Accept,
    Declared,
    Handshake,
}

impl Cause {
    pub(super) const ALL: [Self; 11] = [
        Self::Malformed,
        Self::OutOfRange,
        Self::TableFull,
        Self::Unsigned,
        Self::BadSignature,
        Self::Replayed,
        Self::NotAllowed,
        Self::Receive,
        Self::Accept,
        Self::Declared,
        Self::Handshake,
    ];

    const fn plural(self) -> &'static str {
        match self {
            Self::Malformed => "malformed lines of statistics",
            Self::OutOfRange => "lines of statistics with values out of range",
            Self::TableFull => "lines of statistics of groups without a place",
            Self::Unsigned => "unsigned lines of statistics",
            Self::BadSignature => "lines of statistics with bad signatures",
            Self::Replayed => "replayed or untimely lines of statistics",
            Self::NotAllowed => "datagrams from networks that may not send",
            Self::Receive => "errors of the statistics socket",
            Self::Accept => "failures to accept a connection",
            Self::Declared => "declared groups without a place",
            Self::Handshake => "TLS handshakes that failed",
        }
    }

    /// For whom it is. On the open internet somebody always tries a handshake that fails: the counts of it suffice.
    pub(super) const fn level(self) -> Level {
        match self {
            Self::Handshake => Level::Debug,
            _ => Level::Warning,
        }
    }
}

/// How much was not told of a cause, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suppressed {
    pub(super) cause: Cause,
    pub(super) count: u64,
    over: Duration,
}

impl fmt::Display for Suppressed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} more {} in the last {} s", self.count, self.cause.plural(), self.over.as_secs())
    }
}

#[derive(Clone, Copy, Default)]
struct Told {
    at: Option<Duration>,
    suppressed: u64,
}

impl Told {
    fn is_silent(self, now: Duration) -> bool {
        self.at.is_some_and(|at| now < at + INTERVAL)
    }

    /// From now on the cause is silent again.
    fn renew(&mut self, cause: Cause, now: Duration) -> Suppressed {
        let Self { at, suppressed } = std::mem::replace(self, Self { at: Some(now), suppressed: 0 });
        Suppressed { cause, count: suppressed, over: at.map_or(Duration::ZERO, |at| now.saturating_sub(at)) }
    }
}

/// When each cause was told last, and what was not told since.
#[derive(Default)]
pub(super) struct Limiter {
    told: [Told; Cause::ALL.len()],
}

impl Limiter {
    /// It happened. `None`: it is counted, and not to be told. Else what was not told before it.
    pub(super) fn tell(&mut self, cause: Cause, now: Duration) -> Option<Suppressed> {
        let told = self.told.get_mut(cause as usize)?;
        if told.is_silent(now) {
            told.suppressed += 1;
            return None;
        }
        Some(told.renew(cause, now))
    }

    /// What was not told of a cause whose minute is over.
    pub(super) fn due(&mut self, cause: Cause, now: Duration) -> Option<Suppressed> {
        let told = self.told.get_mut(cause as usize)?;
        (told.suppressed > 0 && !told.is_silent(now)).then(|| told.renew(cause, now))
    }

    /// When the first cause is [`due`](Self::due). `None`: nothing is suppressed.
    pub(super) fn next_wakeup(&self) -> Option<Duration> {
        self.told.iter().filter(|told| told.suppressed > 0).filter_map(|told| Some(told.at? + INTERVAL)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_cause_is_told_once_a_minute_and_others_are_not_held_back_by_it() {
        let mut limiter = Limiter::default();
        assert_eq!(limiter.tell(Cause::Malformed, at(5)).map(|suppressed| suppressed.count), Some(0));
        assert_eq!(limiter.tell(Cause::Malformed, at(64)), None);
        assert!(limiter.tell(Cause::NotAllowed, at(64)).is_some());
        let told = limiter.tell(Cause::Malformed, at(65)).map(|suppressed| suppressed.to_string());
        assert_eq!(told.as_deref(), Some("1 more malformed lines of statistics in the last 60 s"));
    }

    #[test]
    fn what_was_suppressed_is_told_when_the_minute_is_over_even_if_it_never_happens_again() {
        let mut limiter = Limiter::default();
        assert_eq!(limiter.next_wakeup(), None);
        for second in 0..10 {
            let _ = limiter.tell(Cause::TableFull, at(second));
        }
        assert_eq!(limiter.next_wakeup(), Some(at(60)));
        assert_eq!(limiter.due(Cause::TableFull, at(59)), None);
        assert_eq!(limiter.due(Cause::TableFull, at(60)).map(|suppressed| suppressed.count), Some(9));
        assert_eq!(limiter.next_wakeup(), None);
        assert_eq!(limiter.due(Cause::TableFull, at(600)), None);
    }
}
