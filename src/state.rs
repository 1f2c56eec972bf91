//! What the daemon knows: the settings, the groups, the counters. Datagrams go in, answers come out.
//!
//! Time is an argument: the time since any fixed moment, which never goes back.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use ipnet::IpNet;

use crate::change::Change;
use crate::channel::Channel;
use crate::consolidation::Consolidation;
use crate::counters::{Counters, Outcome};
use crate::group_name::GroupName;
use crate::groups::{Group, Groups, Refused};
use crate::limits::{GROUPS, SOURCES};
use crate::pacing::Options;
use crate::query::QueryError;
use crate::statistics::{Line, LineError};

/// What the configuration says to the core. It can change at any time, with all statistics kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How predictions are made.
    pub pacing: Options,
    /// How long statistics count after they were received.
    pub time_to_live: Duration,
    /// Networks that may send statistics.
    pub sources: heapless::Vec<IpNet, SOURCES>,
}

/// Why a line of statistics was dropped.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// It is not a valid line.
    Line(LineError),
    /// It is valid, but the table did not take it.
    Refused(Refused, Channel, GroupName),
    /// Its datagram is from a network that may not send.
    NotAllowed,
}

impl Fault {
    /// The outcome it is counted as.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Line(LineError::OutOfRange { .. }) => Outcome::OutOfRange,
            Self::Line(_) => Outcome::Malformed,
            Self::Refused(Refused::Late, ..) => Outcome::Late,
            Self::Refused(Refused::TableFull, ..) => Outcome::TableFull,
            Self::NotAllowed => Outcome::NotAllowed,
        }
    }
}

/// The groups that a request names: indexes into the table, each once.
#[derive(Clone, Copy, Debug, Default)]
struct Named {
    bits: [u64; GROUPS.div_ceil(64)],
    any: bool,
}

impl Named {
    fn insert(&mut self, index: usize) {
        self.any = true;
        if let Some(word) = self.bits.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    fn indexes(self) -> impl Iterator<Item = usize> {
        self.bits.into_iter().enumerate().flat_map(|(word, mut bits)| {
            core::iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
                (bit < 64).then_some(word * 64 + bit as usize)
            })
        })
    }
}

/// Why groups asked for cannot be consolidated.
#[derive(Clone, Debug, PartialEq)]
pub enum SelectionError {
    /// A name that is no name.
    Query(QueryError),
    /// A group that is neither declared nor known from statistics.
    Unknown(GroupName),
}

/// A consolidation of a whole channel, as long as it holds.
#[derive(Clone, Copy, Debug)]
struct Whole {
    consolidation: Consolidation,
    /// When the first of its statistics gets stale.
    until: Duration,
}

/// Everything the daemon knows.
#[derive(Clone, Debug)]
pub struct State {
    settings: Settings,
    groups: Groups,
    counters: Counters,
    /// One a channel, made when first asked for after anything changed: visitors ask far more often than
    /// statistics come, and their requests need not pay for the number of groups.
    whole: [Option<Whole>; Channel::ALL.len()],
}

impl State {
    /// Nothing is known yet.
    pub const fn new(settings: Settings) -> Self {
        let counters = Counters::new();
        Self { settings, groups: Groups::new(), counters, whole: [None; Channel::ALL.len()] }
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The groups known.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Puts other settings into force, and declares these groups and no others. All statistics are kept.
    ///
    /// # Errors
    ///
    /// Places in the table ran out: how many groups were not declared.
    pub fn configure<'a>(
        &mut self,
        now: Duration,
        settings: Settings,
        declared: impl Iterator<Item = (Channel, &'a GroupName)>,
    ) -> Result<(), usize> {
        self.settings = settings;
        self.whole = Default::default();
        self.groups.declare_none();
        let refused = declared.filter(|(channel, name)| self.groups.declare(now, *channel, name).is_err()).count();
        if refused == 0 { Ok(()) } else { Err(refused) }
    }

    /// Takes a datagram: one or more lines. Tells `fault` each line's number, from 1, and why it was dropped.
    pub fn receive(&mut self, now: Duration, source: IpAddr, datagram: &[u8], mut fault: impl FnMut(usize, &Fault)) {
        self.counters.count_datagram();
        // A dual-stack socket shows IPv4 senders as IPv6 ones.
        let source = source.to_canonical();
        if !self.settings.sources.iter().any(|network| network.contains(&source)) {
            self.counters.count(Outcome::NotAllowed);
            return fault(1, &Fault::NotAllowed);
        }
        let lines = datagram.split(|byte| *byte == b'\n').enumerate();
        let mut lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty()).peekable();
        if lines.peek().is_none() {
            // Nothing at all is no line either; its sender would wonder where it went.
            self.take(now, b"").unwrap_or_else(|error| fault(1, &error));
        }
        for (index, line) in lines {
            self.take(now, line).unwrap_or_else(|error| fault(index + 1, &error));
        }
    }

    fn take(&mut self, now: Duration, line: &[u8]) -> Result<(), Fault> {
        let taken = Line::parse(line).map_err(Fault::Line).and_then(|line| {
            let (channel, name) = (line.channel, line.group.clone());
            let Settings { pacing, time_to_live, .. } = &self.settings;
            let accepted = self.groups.accept(now, line, *time_to_live, pacing);
            accepted.map_err(|refused| Fault::Refused(refused, channel, name))
        });
        self.counters.count(taken.as_ref().err().map_or(Outcome::Accepted, Fault::outcome));
        if taken.is_ok() {
            self.whole = Default::default();
        }
        taken
    }

    /// Does what time alone makes due, for at most so many groups. True: more is due, call again.
    pub fn refresh(&mut self, now: Duration, at_most: usize) -> bool {
        let Settings { pacing, time_to_live, .. } = &self.settings;
        let refreshed = self.groups.refresh(now, *time_to_live, pacing, at_most);
        self.whole = Default::default();
        if refreshed < at_most {
            self.groups.forget(now);
        }
        refreshed == at_most
    }

    /// The groups to which the change happened, and of which it was not told yet.
    pub fn changed(&self, now: Duration, change: Change) -> impl Iterator<Item = &Group> {
        self.groups.all().iter().filter(move |group| change.happened(group, now, &self.settings))
    }

    /// The change was told, of every group that [`changed`](Self::changed) so.
    pub fn tell(&mut self, now: Duration, change: Change) {
        let settings = &self.settings;
        self.groups.tell(change, |group| change.happened(group, now, settings));
    }

    /// When [`refresh`](Self::refresh) is to be called next, if no datagram comes. `None`: never.
    pub fn next_wakeup(&self, now: Duration) -> Option<Duration> {
        self.groups.next_wakeup(now, self.settings.time_to_live)
    }

    /// All groups of a channel as one.
    pub(crate) fn consolidate(&mut self, now: Duration, channel: Channel) -> Consolidation {
        let time_to_live = self.settings.time_to_live;
        let groups = self.groups.of(channel).1;
        let make = || {
            let consolidation = Consolidation::of(groups.iter(), now, time_to_live);
            let oldest = consolidation.oldest().unwrap_or(Duration::MAX);
            Whole { consolidation, until: oldest.saturating_add(time_to_live) }
        };
        match self.whole.get_mut(channel as usize) {
            Some(Some(whole)) if now <= whole.until => whole.consolidation,
            Some(place) => place.insert(make()).consolidation,
            None => make().consolidation,
        }
    }

    /// The groups of these names as one. `None`: no name was given.
    pub(crate) fn consolidate_named(
        &self,
        now: Duration,
        channel: Channel,
        names: impl Iterator<Item = Result<GroupName, QueryError>>,
    ) -> Result<Option<Consolidation>, SelectionError> {
        let mut named = Named::default();
        let mut unknown = None;
        for name in names {
            let name = name.map_err(SelectionError::Query)?;
            match self.groups.find(channel, name.as_str(), now) {
                Some(index) => named.insert(index),
                None => drop(unknown.get_or_insert(name)),
            }
        }
        if let Some(name) = unknown {
            return Err(SelectionError::Unknown(name));
        }
        let groups = named.indexes().filter_map(|index| self.groups.all().get(index));
        Ok(named.any.then(|| Consolidation::of(groups, now, self.settings.time_to_live)))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(error) => write!(formatter, "{error}"),
            Self::Refused(refused, channel, name) => {
                write!(formatter, "group {name:?} of {channel}: {refused}", name = name.as_str())
            }
            Self::NotAllowed => formatter.write_str(
                "its sender is in none of the networks in statistics.sources; if it is a collector, add it there",
            ),
        }
    }
}

impl core::error::Error for Fault {}
