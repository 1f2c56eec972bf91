//! Receives datagrams: each line is verified, parsed, accepted or dropped, and counted.

#![allow(clippy::result_large_err)] // A fault holds a group's name and an excerpt, and must not allocate.

use core::net::IpAddr;
use core::time::Duration;

use crate::counters::Outcome;
use crate::fault::{Dropped, Fault};
use crate::groups::order::{Order, Refusal, check_time};
use crate::limits::PAYLOAD_BYTES;
use crate::settings::Settings;
use crate::state::State;
use crate::wire;
use crate::wire::collector::Collector;
use crate::wire::line::{Line, LineError};

impl Settings {
    /// Reads and checks a line, without its line end, except for what depends on the groups. `wall`
    /// is the time since 1970.
    pub fn read(&self, wall: Duration, line: &[u8]) -> Result<Line, Fault> {
        let line = self.parse(line)?;
        match self.check_time(wall, &line) {
            Ok(()) => Ok(line),
            Err(refusal) => Err(Fault::Refused(refusal, line.channel, line.group)),
        }
    }

    fn parse(&self, line: &[u8]) -> Result<Line, Fault> {
        if self.keys.is_empty() { parse(line) } else { self.parse_signed(line) }
    }

    /// Not inlined, so that the buffer is on the stack only while it is needed.
    #[inline(never)]
    fn parse_signed(&self, line: &[u8]) -> Result<Line, Fault> {
        let mut buffer = [0; PAYLOAD_BYTES];
        let payload = self.keys.verify(line, &mut buffer).map_err(Fault::Distrusted)?;
        match parse(payload)? {
            Line { channel, group, statistics, .. } if statistics.time.is_none() => {
                Err(Fault::Line(LineError::Missing { field: "time" }, Some((channel, group))))
            }
            line => Ok(line),
        }
    }

    /// Compares the time of a signed line with the local clock.
    fn check_time(&self, wall: Duration, line: &Line) -> Result<(), Refusal> {
        let time = line.statistics.time.filter(|_| !self.keys.is_empty());
        time.map_or(Ok(()), |time| check_time(time, wall, self.time_to_live))
    }
}

fn parse(line: &[u8]) -> Result<Line, Fault> {
    Line::read(line).map_err(|(error, group)| Fault::Line(error, group))
}

impl State {
    /// Receives a datagram of one or more lines. Calls `fault` for each dropped line, with its
    /// number, from 1. `wall` is the time since 1970.
    pub fn receive(
        &mut self,
        now: Duration,
        wall: Duration,
        source: IpAddr,
        datagram: &[u8],
        mut fault: impl FnMut(usize, &Fault),
    ) {
        self.counters.datagrams += 1;
        self.wall_at_zero = wall.saturating_sub(now);
        // A dual-stack socket reports IPv4 senders as IPv6.
        let sender = source.to_canonical();
        let mut end = |state: &mut Self, number, read: Result<(), Fault>| {
            let Err(why) = read else { return state.counters.count(Outcome::Accepted, None) };
            state.counters.count(why.outcome(), why.distrust());
            fault(number, &why);
            if why.outcome() != Outcome::Late {
                state.dropped = Some(Dropped { received: now, sender, fault: why });
            }
        };
        if !self.settings.sources.iter().any(|network| network.contains(&sender)) {
            return end(self, 1, Err(Fault::NotAllowed));
        }
        for (number, line) in wire::datagram::lines(datagram) {
            let read = self.receive_line(now, wall, sender, line);
            end(self, number, read);
        }
    }

    fn receive_line(&mut self, now: Duration, wall: Duration, sender: IpAddr, line: &[u8]) -> Result<(), Fault> {
        let settings = &self.settings;
        let mut line = settings.parse(line).inspect_err(|fault| {
            if let Fault::Line(_, Some((channel, name))) = fault
                && let Some(group) = self.groups.get_mut(*channel, name)
            {
                group.invalid = Some(now);
            }
        })?;
        line.collector.get_or_insert_with(|| Collector::at(sender));
        let is_signed = !settings.keys.is_empty();
        let order = if is_signed { Order::signed(wall, self.longest_time_to_live) } else { Order::Unsigned };
        let accepted = match settings.check_time(wall, &line) {
            Ok(()) => self.groups.accept(now, &line, order, settings),
            Err(refusal) => {
                if let Some(group) = self.groups.get_mut(line.channel, &line.group) {
                    group.refuse(now, refusal, line.statistics.time.unwrap_or(0));
                }
                Err(refusal)
            }
        };
        accepted.map_err(|refusal| Fault::Refused(refusal, line.channel, line.group))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::format;
    use std::net::Ipv4Addr;
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;
    use crate::counters::Distrust;
    use crate::limits::GROUPS;
    use crate::pacing::{Algorithm, Options};
    use crate::wire::channel::Channel;
    use crate::wire::group_name::GroupName;
    use crate::wire::jws::{KEY_BYTES, Key, Keys};

    const SENDER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn settings(seconds: u64) -> Settings {
        let pacing = Options { algorithm: Algorithm::External, ..Options::default() };
        let sources = ["127.0.0.0/8".parse().unwrap(), "10.1.0.0/16".parse().unwrap()].into_iter().collect();
        Settings { pacing, time_to_live: Duration::from_secs(seconds), sources, ..Settings::default() }
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
        (all.fresh_groups, all.capacity)
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
        assert_eq!(state.counters.received(), 4);
        assert_eq!(capacity(&mut state, 0), (2, 3));
    }

    #[test]
    fn a_datagram_of_nothing_is_one_malformed_line() {
        let mut state = State::new(settings(30));
        for nothing in ["", "\n", " \r\n\t\n"] {
            assert_eq!(receive(&mut state, 0, nothing).len(), 1, "{nothing:?}");
        }
        assert_eq!((state.counters.lines(Outcome::Malformed), state.counters.received()), (3, 3));
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
            let before = state.counters.lines(Outcome::Accepted);
            let mut faults = 0;
            state.receive(at(0), Duration::ZERO, sender.parse().unwrap(), line("A", 1).as_bytes(), |_, fault| {
                assert_eq!(fault, &Fault::NotAllowed);
                faults += 1;
            });
            assert_eq!(state.counters.lines(Outcome::Accepted) - before, u64::from(allowed), "{sender}");
            assert_eq!(faults, u64::from(!allowed), "{sender}");
        }
        assert_eq!(state.counters.lines(Outcome::NotAllowed), 3);
    }

    #[test]
    fn every_fault_is_counted_as_what_it_is() {
        let mut state = State::new(settings(30));
        for index in 0..GROUPS {
            receive(&mut state, 0, &line(&format!("g{index}"), 1).replace('}', r#","time":9}"#));
        }
        for (datagram, outcome) in [
            (line("g0", 1).replace('}', r#","time":8}"#), Outcome::Late),
            (line("more", 1), Outcome::TableFull),
            (line("", 1), Outcome::OutOfRange),
            ("{}".into(), Outcome::Malformed),
        ] {
            assert_eq!(receive(&mut state, 0, &datagram).len(), 1);
            assert_eq!(state.counters.lines(outcome), 1, "{outcome:?}");
        }
        assert_eq!(state.counters.received(), GROUPS as u64 + 4);
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
        let note = |_, fault: &Fault| end = Err(fault.distrust().unwrap_or_else(|| panic!("{fault}")));
        state.receive(at(now), at(wall), SENDER, line.as_bytes(), note);
        end
    }

    #[test]
    fn a_signed_line_is_accepted_once_and_each_group_has_its_own_order() {
        let mut state = State::new(signed_settings(30));
        let (first, second) = (signed("A", WALL), signed("A", WALL + 1));
        assert_eq!(ends(&mut state, 0, WALL, &first), Ok(()));
        assert_eq!(ends(&mut state, 0, WALL, &first), Err(Distrust::Replayed));
        assert_eq!(ends(&mut state, 1, WALL + 1, &second), Ok(()));
        assert_eq!(ends(&mut state, 1, WALL + 1, &first), Err(Distrust::Replayed));
        assert_eq!(ends(&mut state, 1, WALL + 1, &signed("B", WALL)), Ok(()));
        // However far back a time is, no clock was set.
        for now in [31, 32, 3600, 7200, 1_000_000] {
            let end = ends(&mut state, now, WALL + now, &first);
            assert!(matches!(end, Err(Distrust::Replayed | Distrust::Stale)), "{now}");
        }
        assert_eq!(ends(&mut state, 2, WALL + 2, &signed("A", WALL + 33)), Err(Distrust::Early));
        assert_eq!(state.counters.lines(Outcome::Replayed), 8);
        assert_eq!(state.counters.lines(Outcome::Accepted), 3);
        assert_eq!(state.counters.received(), 11);
    }

    #[test]
    fn a_signed_line_is_accepted_once_also_after_a_reload_that_shortens_the_time_to_live() {
        let mut state = State::new(signed_settings(300));
        for time in [0, 100, 200] {
            assert_eq!(ends(&mut state, 0, WALL, &signed("A", WALL + time)), Ok(()));
        }
        state.configure(signed_settings(30), core::iter::empty());
        for second in 0..230 {
            let recorded = signed("A", WALL + second.min(200));
            assert_eq!(ends(&mut state, second, WALL + second, &recorded), Err(Distrust::Replayed), "{second}");
        }
        assert_eq!(ends(&mut state, 230, WALL + 230, &signed("A", WALL + 201)), Ok(()));
    }

    #[test]
    fn a_dormant_group_accepts_no_line_of_before() {
        for seconds in [30, 3600] {
            let mut state = State::new(signed_settings(seconds));
            // From a clock as far ahead as can be.
            let ahead = signed("A", WALL + seconds);
            assert_eq!(ends(&mut state, 0, WALL, &ahead), Ok(()));
            while state.refresh(at(3600), 9) {}
            assert!(state.groups().all()[0].is_dormant(at(3600)));
            assert!(ends(&mut state, 3600, WALL + 3600, &ahead).is_err());
        }
    }

    #[test]
    fn signed_lines_of_a_collector_whose_clock_is_set_back_are_refused_until_they_are_later_or_it_cannot_matter() {
        for (back, accepted_after) in [(5, 6), (25, 26)] {
            let mut state = State::new(signed_settings(30));
            assert_eq!(ends(&mut state, 0, WALL, &signed("A", WALL)), Ok(()));
            let first = (1..100)
                .find(|second| ends(&mut state, *second, WALL + second, &signed("A", WALL + second - back)).is_ok());
            assert_eq!(first, Some(accepted_after), "set back by {back} s");
        }
        let mut state = State::new(signed_settings(30));
        assert_eq!(ends(&mut state, 0, WALL, &signed("A", WALL)), Ok(()));
        for second in 1..100 {
            let old = signed("A", WALL + second - 3 * 3600);
            assert_eq!(ends(&mut state, second, WALL + second, &old), Err(Distrust::Stale));
        }
        // The clock here is set back, too.
        assert_eq!(ends(&mut state, 100, WALL - 3 * 3600, &signed("A", WALL - 3 * 3600)), Ok(()));
    }

    #[test]
    fn a_clock_here_that_is_set_back_locks_no_collector_out() {
        let mut state = State::new(signed_settings(30));
        let future = WALL + 400_000_000;
        assert_eq!(ends(&mut state, 0, future, &signed("A", future)), Ok(()));
        assert_eq!(ends(&mut state, 1, WALL, &signed("A", WALL)), Ok(()), "set by the network, after years ahead");
        assert_eq!(ends(&mut state, 2, WALL + 1, &signed("A", future)), Err(Distrust::Early));
        assert_eq!(ends(&mut state, 2, WALL + 1, &signed("A", WALL)), Err(Distrust::Replayed));
    }

    #[test]
    fn the_time_of_unsigned_lines_locks_no_signed_one_out() {
        let mut state = State::new(settings(30));
        receive(&mut state, 0, &line("A", 1).replace('}', &format!(r#","time":{}}}"#, u64::MAX)));
        state.configure(signed_settings(30), core::iter::empty());
        assert_eq!(ends(&mut state, 1, WALL, &signed("A", WALL)), Ok(()));
        assert_eq!(state.counters.received(), 2);
    }

    #[test]
    fn a_signed_line_needs_a_time_and_is_checked_like_any_other() {
        let mut state = State::new(signed_settings(30));
        let key = Key::new(&SECRET).unwrap();
        let mut fault_of = |payload: &str| {
            let line = key.sign(payload.as_bytes()).unwrap();
            let mut text = String::new();
            state.receive(at(0), at(WALL), SENDER, line.as_bytes(), |_, fault| text = fault.to_string());
            text
        };
        assert_eq!(fault_of(&line("A", 1)), "time is missing; every signed line has it");
        assert_eq!(fault_of("{}"), "channel is missing; every line has channel, group and ready");
        assert_eq!(fault_of("\u{fc}"), "not JSON from column 1 on: \"ü\"; a line is a JSON object");
        assert!(fault_of(&line("", 1)).starts_with("group is empty"));
        assert_eq!(state.counters.lines(Outcome::Malformed), 3);
        assert_eq!(state.counters.lines(Outcome::OutOfRange), 1);
    }

    #[test]
    fn a_signed_line_is_malformed_where_no_key_is_configured() {
        let mut state = State::new(settings(30));
        let faults = receive(&mut state, 0, &signed("A", WALL));
        assert_eq!(faults, ["1: signed, but no key is configured here (statistics.key-files)"]);
        assert_eq!(state.counters.lines(Outcome::Malformed), 1);
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
        state.configure(settings(10), core::iter::empty());
        assert_eq!(capacity(&mut state, 20), (0, 0), "a shorter time to live");
        state.configure(settings(7200), core::iter::empty());
        assert_eq!(capacity(&mut state, 3599), (1, 1));
        while state.refresh(at(3600), 1) {}
        assert_eq!(capacity(&mut state, 7200), (1, 1));
        assert_eq!(capacity(&mut state, 7201), (0, 0));
    }

    #[test]
    fn more_declared_groups_than_places_are_left_out() {
        let mut state = State::new(settings(30));
        let names: Vec<GroupName> = (0..GROUPS + 3).map(|index| GroupName::new(&index.to_string()).unwrap()).collect();
        let declared = names.iter().map(|name| (Channel::Chat, name));
        state.configure(settings(30), declared);
        assert_eq!(state.groups().all().len(), GROUPS);
        state.configure(settings(30), core::iter::empty());
        assert_eq!(state.groups().all().len(), 0, "those no longer declared make room");
    }

    #[test]
    fn collectors_behind_one_address_are_distinguished_by_their_names() {
        let mut state = State::new(settings(30));
        let mut counted = |seconds, collector: &str, entered: u64| {
            let line = format!(
                r#"{{"collector":"{collector}","channel":"chat","group":"A","ready":1,"reactiveEntered":{entered}}}"#
            );
            assert_eq!(receive(&mut state, seconds, &line), Vec::<String>::new());
            state.groups().all()[0].report().unwrap().statistics.reactive_entered
        };
        assert_eq!(counted(1, "one", 40), Some(40));
        // A little higher: from the same collector it would be a growth.
        assert_eq!(counted(1, "two", 60), Some(40));
        assert_eq!(counted(2, "one", 41), Some(41));
        assert_eq!(counted(2, "two", 61), Some(41));
        assert_eq!(counted(3, "two", 63), Some(43));
        let faults = receive(&mut state, 4, r#"{"collector":7,"channel":"chat","group":"A","ready":1}"#);
        assert_eq!(faults, ["1: collector is 7; want a string of 1 to 64 bytes"]);
    }

    #[test]
    fn the_last_dropped_line_is_kept_but_no_late_one() {
        let mut state = State::new(settings(30));
        assert!(state.dropped.is_none());
        receive(&mut state, 1, "garbage");
        receive(&mut state, 2, &line("A", 1).replace('}', r#","time":9}"#));
        receive(&mut state, 3, &line("A", 1).replace('}', r#","time":8}"#));
        let dropped = state.dropped.as_ref().unwrap();
        assert_eq!((dropped.received, dropped.sender, dropped.fault.outcome()), (at(1), SENDER, Outcome::Malformed));
        receive(&mut state, 4, &line("", 1));
        assert_eq!(state.dropped.as_ref().unwrap().fault.outcome(), Outcome::OutOfRange);
    }
}
