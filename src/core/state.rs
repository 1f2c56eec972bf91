//! What the daemon knows: the settings, the groups, the counters. Datagrams go in, answers come out.
//!
//! Time is an argument: the time since any fixed moment, which never goes back.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use ipnet::IpNet;

use crate::counters::{Counters, Distrust, Outcome};
use crate::groups::change::Change;
use crate::groups::consolidation::Consolidation;
use crate::groups::{Group, Groups, Order, Refused};
use crate::limits::{GROUPS, PAYLOAD_BYTES, SOURCES};
use crate::pacing::Options;
use crate::wire;
use crate::wire::channel::Channel;
use crate::wire::collector::Collector;
use crate::wire::group_name::GroupName;
use crate::wire::jws::{self, Keys, SignatureError};
use crate::wire::line::{Line, LineError};
use crate::wire::query::QueryError;

/// What the configuration says to the core. It can change at any time, with all statistics kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How predictions are made.
    pub pacing: Options,
    /// How long statistics count after they were received.
    pub time_to_live: Duration,
    /// Networks that may send statistics.
    pub sources: heapless::Vec<IpNet, SOURCES>,
    /// Keys of which one must have signed each line; none, and lines are not signed.
    pub keys: Keys,
}

impl Settings {
    /// Reads a line, without its line end, as far as it can be judged by itself. `wall` is the time since 1970.
    ///
    /// # Errors
    ///
    /// Why it is to be dropped.
    pub fn read(&self, wall: Duration, line: &[u8]) -> Result<Line, Fault> {
        if self.keys.is_empty() { Line::parse(line).map_err(Fault::Line) } else { self.read_signed(wall, line) }
    }

    /// Apart, so that nobody has its buffer on the stack who needs none.
    #[inline(never)]
    fn read_signed(&self, wall: Duration, line: &[u8]) -> Result<Line, Fault> {
        let mut buffer = [0; PAYLOAD_BYTES];
        let payload = self.keys.verify(line, &mut buffer).map_err(Fault::Distrusted)?;
        let line = Line::parse(payload).map_err(Fault::Line)?;
        let time = line.statistics.time.ok_or(Fault::Line(LineError::Missing { field: "time" }))?;
        jws::check_time(time, wall, self.time_to_live).map_err(Fault::Distrusted)?;
        Ok(line)
    }

    fn order(&self, wall: Duration) -> Order {
        if self.keys.is_empty() {
            Order::Unsigned
        } else {
            Order::Signed { latest: jws::latest(wall, self.time_to_live) }
        }
    }
}

/// Why a line of statistics was dropped.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// It is not a valid line.
    Line(LineError),
    /// It is not to be trusted.
    Distrusted(SignatureError),
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
            Self::Distrusted(error) => error.distrust().outcome(),
            Self::Refused(Refused::Late, ..) => Outcome::Late,
            Self::Refused(Refused::Replayed, ..) => Distrust::Replayed.outcome(),
            Self::Refused(Refused::TableFull, ..) => Outcome::TableFull,
            Self::NotAllowed => Outcome::NotAllowed,
        }
    }

    fn distrust(&self) -> Option<Distrust> {
        match self {
            Self::Distrusted(error) => Some(error.distrust()),
            Self::Refused(Refused::Replayed, ..) => Some(Distrust::Replayed),
            _ => None,
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
        self.groups.hurry();
        self.groups.declare_none();
        let refused = declared.filter(|(channel, name)| self.groups.declare(now, *channel, name).is_err()).count();
        if refused == 0 { Ok(()) } else { Err(refused) }
    }

    /// Takes a datagram: one or more lines. Tells `fault` each line's number, from 1, and why it was dropped.
    ///
    /// `wall` is the time since 1970, which the times of signed lines are held against.
    pub fn receive(
        &mut self,
        now: Duration,
        wall: Duration,
        source: IpAddr,
        datagram: &[u8],
        mut fault: impl FnMut(usize, &Fault),
    ) {
        self.counters.count_datagram();
        // A dual-stack socket shows IPv4 senders as IPv6 ones.
        let source = source.to_canonical();
        if !self.settings.sources.iter().any(|network| network.contains(&source)) {
            self.counters.count(Outcome::NotAllowed);
            return fault(1, &Fault::NotAllowed);
        }
        for (number, line) in wire::datagram::lines(datagram) {
            self.take(now, wall, source, line).unwrap_or_else(|error| fault(number, &error));
        }
    }

    fn take(&mut self, now: Duration, wall: Duration, source: IpAddr, line: &[u8]) -> Result<(), Fault> {
        let taken = self.settings.read(wall, line).and_then(|mut line| {
            line.collector.get_or_insert_with(|| Collector::at(source));
            let Settings { pacing, time_to_live, .. } = &self.settings;
            let accepted = self.groups.accept(now, &line, self.settings.order(wall), *time_to_live, pacing);
            accepted.map_err(|refused| Fault::Refused(refused, line.channel, line.group))
        });
        match &taken {
            Ok(()) => {
                self.counters.count(Outcome::Accepted);
                self.whole = Default::default();
            }
            Err(fault) => match fault.distrust() {
                Some(distrust) => self.counters.count_distrusted(distrust),
                None => self.counters.count(fault.outcome()),
            },
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
            Self::Distrusted(error) => write!(formatter, "{error}"),
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

#[cfg(test)]
mod tests {
    extern crate std;
    use std::format;
    use std::net::Ipv4Addr;
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;
    use crate::pacing::Algorithm;
    use crate::wire::jws::{KEY_BYTES, Key};

    const SENDER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn settings(seconds: u64) -> Settings {
        Settings {
            pacing: Options { algorithm: Algorithm::External, ..Options::default() },
            time_to_live: Duration::from_secs(seconds),
            sources: ["127.0.0.0/8".parse().unwrap(), "10.1.0.0/16".parse().unwrap()].into_iter().collect(),
            keys: Keys::default(),
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn line(group: &str, ready: u32) -> String {
        format!(r#"{{"channel":"chat","group":"{group}","ready":{ready}}}"#)
    }

    fn receive(state: &mut State, seconds: u64, datagram: &str) -> Vec<String> {
        let mut faults = Vec::new();
        state.receive(at(seconds), Duration::ZERO, SENDER, datagram.as_bytes(), |line, fault| {
            faults.push(format!("{line}: {fault}"));
        });
        faults
    }

    fn capacity(state: &mut State, seconds: u64) -> (u32, u64) {
        let all = state.consolidate(at(seconds), Channel::Chat);
        (all.fresh_groups(), all.capacity())
    }

    #[test]
    fn a_datagram_s_lines_are_numbered_as_they_stand_there() {
        let mut state = State::new(settings(30));
        let faults = receive(&mut state, 0, &format!("\n{}\r\nx\n\n[]\n{}", line("A", 1), line("B", 2)));
        assert_eq!(
            faults,
            [
                "3: not JSON from column 1 on: \"x\"; a line is a JSON object",
                "5: got an array; a line is a JSON object"
            ]
        );
        assert_eq!(state.counters().received(), 4);
        assert_eq!(capacity(&mut state, 0), (2, 3));
    }

    #[test]
    fn a_datagram_of_nothing_is_one_malformed_line() {
        let mut state = State::new(settings(30));
        for nothing in ["", "\n", " \r\n\t\n"] {
            assert_eq!(receive(&mut state, 0, nothing).len(), 1, "{nothing:?}");
        }
        assert_eq!((state.counters().lines(Outcome::Malformed), state.counters().received()), (3, 3));
    }

    #[test]
    fn only_listed_networks_may_send_and_ipv4_shown_as_ipv6_is_ipv4() {
        let mut state = State::new(settings(30));
        for (sender, allowed) in [
            ("127.9.9.9", true),
            ("10.1.255.1", true),
            ("::ffff:10.1.2.3", true),
            ("10.2.0.1", false),
            ("::1", false),
            ("::ffff:10.2.0.1", false),
        ] {
            let before = state.counters().lines(Outcome::Accepted);
            let mut faults = 0;
            state.receive(at(0), Duration::ZERO, sender.parse().unwrap(), line("A", 1).as_bytes(), |_, fault| {
                assert_eq!(fault, &Fault::NotAllowed);
                faults += 1;
            });
            assert_eq!(state.counters().lines(Outcome::Accepted) - before, u64::from(allowed), "{sender}");
            assert_eq!(faults, u64::from(!allowed), "{sender}");
        }
        assert_eq!(state.counters().lines(Outcome::NotAllowed), 3);
    }

    #[test]
    fn every_fault_is_counted_as_what_it_is() {
        let mut state = State::new(settings(30));
        for index in 0..GROUPS {
            receive(&mut state, 0, &line(&format!("g{index}"), 1).replace('}', r#","time":9}"#));
        }
        for (datagram, outcome) in [
            (line("g0", 1).replace('}', r#","time":9}"#), Outcome::Late),
            (line("more", 1), Outcome::TableFull),
            (line("", 1), Outcome::OutOfRange),
            ("{}".into(), Outcome::Malformed),
        ] {
            assert_eq!(receive(&mut state, 0, &datagram).len(), 1);
            assert_eq!(state.counters().lines(outcome), 1, "{outcome:?}");
        }
        assert_eq!(state.counters().received(), GROUPS as u64 + 4);
        let fault = receive(&mut state, 0, &line("more", 1));
        assert!(fault[0].starts_with(&format!("1: group \"more\" of chat: all {GROUPS} places for groups are taken")));
    }

    const SECRET: [u8; KEY_BYTES] = [7; KEY_BYTES];
    /// The wall clock when `now` is 0.
    const WALL: u64 = 1_790_000_000;

    fn signed_settings(seconds: u64) -> Settings {
        let mut keys = Keys::default();
        assert!(keys.push(Key::new(&SECRET).unwrap()));
        Settings { keys, ..settings(seconds) }
    }

    /// A line of a group, signed, with that time in seconds.
    fn signed(group: &str, time: u64) -> String {
        let payload = line(group, 1).replace('}', &format!(r#","time":{time}000}}"#));
        Key::new(&SECRET).unwrap().sign(payload.as_bytes()).unwrap().as_str().into()
    }

    /// How that line ends, received at that time by both clocks.
    fn ends(state: &mut State, now: u64, wall: u64, line: &str) -> Result<(), Distrust> {
        let mut end = Ok(());
        let tell = |_, fault: &Fault| end = Err(fault.distrust().unwrap_or_else(|| panic!("{fault}")));
        state.receive(at(now), at(wall), SENDER, line.as_bytes(), tell);
        end
    }

    #[test]
    fn a_signed_line_is_taken_once_within_the_time_to_live_and_each_group_has_its_own_order() {
        let mut state = State::new(signed_settings(30));
        let (first, second) = (signed("A", WALL), signed("A", WALL + 1));
        assert_eq!(ends(&mut state, 0, WALL, &first), Ok(()));
        assert_eq!(ends(&mut state, 0, WALL, &first), Err(Distrust::Replayed));
        assert_eq!(ends(&mut state, 1, WALL + 1, &second), Ok(()));
        assert_eq!(ends(&mut state, 1, WALL + 1, &first), Err(Distrust::Replayed));
        assert_eq!(ends(&mut state, 1, WALL + 1, &signed("B", WALL)), Ok(()));
        // However far a time jumps back, it is no clock that was set.
        for now in [31, 32, 3600, 7200, 1_000_000] {
            let end = ends(&mut state, now, WALL + now, &first);
            assert!(matches!(end, Err(Distrust::Replayed | Distrust::Stale)), "{now}");
        }
        assert_eq!(ends(&mut state, 2, WALL + 2, &signed("A", WALL + 33)), Err(Distrust::Early));
        assert_eq!(state.counters().lines(Outcome::Replayed), 8);
        assert_eq!(state.counters().lines(Outcome::Accepted), 3);
        assert_eq!(state.counters().received(), 11);
    }

    #[test]
    fn a_group_that_was_forgotten_takes_no_line_of_before() {
        for seconds in [30, 3600] {
            let mut state = State::new(signed_settings(seconds));
            // From a clock as far ahead as can be.
            let ahead = signed("A", WALL + seconds.min(1799));
            assert_eq!(ends(&mut state, 0, WALL, &ahead), Ok(()));
            while state.refresh(at(3600), 9) {}
            assert_eq!(state.groups().all().len(), 0);
            assert_eq!(ends(&mut state, 3600, WALL + 3600, &ahead), Err(Distrust::Stale));
        }
    }

    #[test]
    fn a_clock_here_that_is_set_back_locks_nobody_out() {
        let mut state = State::new(signed_settings(30));
        let future = WALL + 400_000_000;
        assert_eq!(ends(&mut state, 0, future, &signed("A", future)), Ok(()));
        assert_eq!(ends(&mut state, 1, WALL, &signed("A", WALL)), Ok(()), "set by the network, after years ahead");
        assert_eq!(ends(&mut state, 2, WALL + 1, &signed("A", future)), Err(Distrust::Early));
        assert_eq!(ends(&mut state, 2, WALL + 1, &signed("A", WALL)), Err(Distrust::Replayed));
    }

    #[test]
    fn what_unsigned_lines_said_of_the_time_locks_no_signed_one_out() {
        let mut state = State::new(settings(30));
        receive(&mut state, 0, &line("A", 1).replace('}', &format!(r#","time":{}}}"#, u64::MAX)));
        state.configure(at(0), signed_settings(30), core::iter::empty()).unwrap();
        assert_eq!(ends(&mut state, 1, WALL, &signed("A", WALL)), Ok(()));
        assert_eq!(state.counters().received(), 2);
    }

    #[test]
    fn a_signed_line_wants_a_time_and_is_checked_like_any_other() {
        let mut state = State::new(signed_settings(30));
        let key = Key::new(&SECRET).unwrap();
        let mut told = |payload: &str| {
            let line = key.sign(payload.as_bytes()).unwrap();
            let mut told = String::new();
            state.receive(at(0), at(WALL), SENDER, line.as_bytes(), |_, fault| told = fault.to_string());
            told
        };
        assert_eq!(told(&line("A", 1)), "time is missing; every signed line has it");
        assert_eq!(told("{}"), "channel is missing; every line has channel, group and ready");
        assert_eq!(told("\u{fc}"), "not JSON from column 1 on: \"ü\"; a line is a JSON object");
        assert!(told(&line("", 1)).starts_with("group is empty"));
        assert_eq!(state.counters().lines(Outcome::Malformed), 3);
        assert_eq!(state.counters().lines(Outcome::OutOfRange), 1);
    }

    #[test]
    fn a_signed_line_where_there_is_no_key_is_malformed_and_told_why() {
        let mut state = State::new(settings(30));
        let faults = receive(&mut state, 0, &signed("A", WALL));
        assert_eq!(faults, ["1: signed, but no key is configured here (statistics.key-files)"]);
        assert_eq!(state.counters().lines(Outcome::Malformed), 1);
    }

    #[test]
    fn a_whole_channel_s_answer_follows_new_lines_and_their_age() {
        let mut state = State::new(settings(30));
        receive(&mut state, 0, &line("A", 1));
        receive(&mut state, 10, &line("B", 2));
        assert_eq!(capacity(&mut state, 10), (2, 3));
        receive(&mut state, 10, &line("A", 5).replace("chat", "webcallback"));
        assert_eq!(capacity(&mut state, 30), (2, 3), "the other channel is another");
        assert_eq!(capacity(&mut state, 31), (1, 2), "the first is stale");
        receive(&mut state, 31, &line("A", 4));
        assert_eq!(capacity(&mut state, 31), (2, 6));
        receive(&mut state, 31, "garbage");
        assert_eq!(capacity(&mut state, 40), (2, 6));
        assert_eq!(capacity(&mut state, 41), (1, 4));
        assert_eq!(capacity(&mut state, 62), (0, 0));
        receive(&mut state, 63, &line("B", 9));
        assert_eq!(capacity(&mut state, 63), (1, 9));
    }

    #[test]
    fn a_whole_channel_s_answer_follows_the_settings_and_refreshes() {
        let mut state = State::new(settings(30));
        receive(&mut state, 0, &line("A", 1));
        assert_eq!(capacity(&mut state, 20), (1, 1));
        state.configure(at(20), settings(10), core::iter::empty()).unwrap();
        assert_eq!(capacity(&mut state, 20), (0, 0), "a shorter time to live");
        state.configure(at(20), settings(7200), core::iter::empty()).unwrap();
        assert_eq!(capacity(&mut state, 3599), (1, 1));
        while state.refresh(at(3600), 1) {}
        assert_eq!(state.groups().all().len(), 0, "forgotten");
        assert_eq!(capacity(&mut state, 3600), (0, 0));
    }

    #[test]
    fn declared_groups_that_find_no_place_are_counted() {
        let mut state = State::new(settings(30));
        let names: Vec<GroupName> = (0..GROUPS + 3).map(|index| GroupName::new(&index.to_string()).unwrap()).collect();
        let declared = names.iter().map(|name| (Channel::Chat, name));
        assert_eq!(state.configure(at(0), settings(30), declared), Err(3));
        assert_eq!(state.configure(at(0), settings(30), core::iter::empty()), Ok(()));
        while state.refresh(at(0), 1) {}
        assert_eq!(state.groups().all().len(), 0, "what is no longer declared makes room");
    }

    #[test]
    fn collectors_behind_one_address_are_told_apart_by_the_names_that_lines_give() {
        let mut state = State::new(settings(30));
        let mut told = |seconds, collector: &str, entered: u64| {
            let line = format!(
                r#"{{"collector":"{collector}","channel":"chat","group":"A","ready":1,"reactiveEntered":{entered}}}"#
            );
            assert_eq!(receive(&mut state, seconds, &line), Vec::<String>::new());
            state.groups().all()[0].report().unwrap().statistics.reactive_entered
        };
        assert_eq!(told(1, "one", 40), Some(40));
        // A little higher: from the same collector it would be a growth.
        assert_eq!(told(1, "two", 60), Some(40));
        assert_eq!(told(2, "one", 41), Some(41));
        assert_eq!(told(2, "two", 61), Some(41));
        assert_eq!(told(3, "two", 63), Some(43));
        let faults = receive(&mut state, 4, r#"{"collector":7,"channel":"chat","group":"A","ready":1}"#);
        assert_eq!(faults, ["1: collector is 7; want a string of 1 to 64 bytes"]);
    }

    #[test]
    fn groups_named_twice_count_once_and_unknown_ones_are_told_after_bad_ones() {
        let mut state = State::new(settings(30));
        receive(&mut state, 0, &[line("A", 1), line("B", 2), line("C", 4)].join("\n"));
        let ask = |names: &[&str]| {
            let names = names.iter().map(|name| GroupName::new(name).map_err(QueryError::BadGroup));
            state.consolidate_named(at(0), Channel::Chat, names)
        };
        assert_eq!(ask(&["A", "C", "A"]).unwrap().unwrap().capacity(), 5);
        assert!(ask(&[]).unwrap().is_none());
        let unknown = GroupName::new("X").unwrap();
        assert_eq!(ask(&["A", "X", "Y"]).err(), Some(SelectionError::Unknown(unknown)));
        assert!(matches!(ask(&["X", ""]), Err(SelectionError::Query(_))));
    }

    #[test]
    fn the_set_of_named_groups_gives_each_index_once_in_order() {
        let mut named = Named::default();
        assert!(!named.any && named.indexes().next().is_none());
        for index in [GROUPS - 1, 0, 3, 0, GROUPS - 1] {
            named.insert(index);
        }
        assert_eq!(named.indexes().collect::<Vec<_>>(), [0, 3, GROUPS - 1]);
    }
}
