//! The table of groups: a fixed number over both channels, sorted by channel and name for binary
//! search. (A look-up among 256 names of 27 bytes takes 481 instructions; 464 in heapless'
//! `IndexMap`, which keeps no order, and 2,686 in its `LinearMap`.)
//!
//! A group stays known until its place is needed. When the table is full, a new group takes the
//! place of the undeclared one that has been stale longest; with none stale it is refused. A
//! declared group takes the place of the undeclared one that has been silent longest, stale or not.

use core::time::Duration;

use crate::groups::group::Group;
use crate::groups::order::{Order, Refusal};
use crate::limits::GROUPS;
use crate::pacing::Options;
use crate::settings::Settings;
use crate::wire::channel::Channel;
use crate::wire::group_name::GroupName;
use crate::wire::line::Line;

#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// Sorted by channel, then name, without duplicates.
    sorted: heapless::Vec<Group, GROUPS>,
    /// The latest `time` of a group that lost its place: signed lines of new groups must be later,
    /// or they could be replays.
    replaced_until: u64,
}

impl Groups {
    /// All groups, by channel, then name.
    pub fn all(&self) -> &[Group] {
        &self.sorted
    }

    /// The groups of a channel, by name.
    pub fn of(&self, channel: Channel) -> &[Group] {
        let from = self.sorted.partition_point(|group| group.channel < channel);
        let to = self.sorted.partition_point(|group| group.channel <= channel);
        self.sorted.get(from..to).unwrap_or_default()
    }

    /// The index of a known group.
    pub fn find(&self, channel: Channel, name: &str) -> Option<usize> {
        self.position(channel, name).ok()
    }

    pub(crate) fn get_mut(&mut self, channel: Channel, name: &GroupName) -> Option<&mut Group> {
        let index = self.find(channel, name.as_str())?;
        self.sorted.get_mut(index)
    }

    /// Channel and name of a group must not change.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Group> {
        self.sorted.iter_mut()
    }

    /// The index of a group, or where it would be inserted.
    fn position(&self, channel: Channel, name: &str) -> Result<usize, usize> {
        self.sorted.binary_search_by(|group| group.channel.cmp(&channel).then_with(|| group.name.as_str().cmp(name)))
    }

    /// The index of a group, which is inserted if it is new: into a full table in place of the one
    /// that has been silent longest among those that may be replaced.
    fn find_or_insert(
        &mut self,
        channel: Channel,
        name: &GroupName,
        may_be_replaced: impl Fn(&Group) -> bool,
    ) -> Result<usize, Refusal> {
        let mut place = match self.position(channel, name.as_str()) {
            Ok(index) => return Ok(index),
            Err(place) => place,
        };
        if self.sorted.is_full() {
            let candidates = self.sorted.iter().enumerate().filter(|(_, group)| may_be_replaced(group));
            let silent_longest = candidates.min_by_key(|(_, group)| group.report().map(|report| report.received));
            let (index, replaced) = silent_longest.ok_or(Refusal::TableFull)?;
            self.replaced_until = self.replaced_until.max(replaced.last_time.unwrap_or(0));
            self.sorted.remove(index);
            place -= usize::from(index < place);
        }
        let group = Group::new(channel, name.clone());
        self.sorted.insert(place, group).map(|()| place).map_err(|_| Refusal::TableFull)
    }

    /// Accepts or refuses a line. Makes the first prediction of a new or silent group.
    pub fn accept(&mut self, now: Duration, line: &Line, order: Order, settings: &Settings) -> Result<(), Refusal> {
        let index = match self.find(line.channel, line.group.as_str()) {
            Some(index) => index,
            None => {
                let is_signed = order != Order::Unsigned;
                if line.statistics.time.is_some_and(|time| is_signed && !order.allows(self.replaced_until, time)) {
                    return Err(Refusal::Replayed);
                }
                let is_stale = |group: &Group| group.fresh_report(now, settings.time_to_live).is_none();
                let may_be_replaced = |group: &Group| !group.declared && is_stale(group);
                self.find_or_insert(line.channel, &line.group, may_be_replaced)?
            }
        };
        let group = self.sorted.get_mut(index).ok_or(Refusal::TableFull)?;
        group.accept(now, line, order, settings)
    }

    /// Refreshes due predictions of fresh groups, at most `at_most`. Returns their number.
    pub fn refresh(&mut self, now: Duration, time_to_live: Duration, options: &Options, at_most: usize) -> usize {
        let due = self
            .sorted
            .iter_mut()
            .filter(|group| group.next_refresh <= now && group.fresh_report(now, time_to_live).is_some());
        due.take(at_most).map(|group| group.refresh(now, options)).count()
    }

    pub fn next_wakeup(&self, now: Duration, time_to_live: Duration) -> Option<Duration> {
        self.sorted.iter().filter_map(|group| group.next_wakeup(now, time_to_live)).min()
    }

    /// Declares these groups and no others, as many as there are places.
    pub fn declare<'a>(&mut self, declared: impl Iterator<Item = (Channel, &'a GroupName)> + Clone) {
        for group in &mut self.sorted {
            group.declared = declared.clone().any(|(channel, name)| (channel, name) == (group.channel, &group.name));
        }
        // Drops names that only the former configuration had.
        self.sorted.retain(|group| group.declared || group.report().is_some());
        for (channel, name) in declared {
            let index = self.find_or_insert(channel, name, |group| !group.declared);
            if let Some(group) = index.ok().and_then(|index| self.sorted.get_mut(index)) {
                group.declared = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::String;
    use std::vec::Vec;

    use super::*;
    use crate::groups::{Notice, Report};
    use crate::limits::DORMANT_AFTER;
    use crate::wire::line::Statistics;

    const TIME_TO_LIVE: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn name(text: &str) -> GroupName {
        GroupName::new(text).unwrap()
    }

    fn accept_millis(groups: &mut Groups, millis: u64, group: &str, statistics: Statistics) -> Result<(), Refusal> {
        let line = Line { channel: Channel::Chat, group: name(group), collector: None, statistics };
        groups.accept(Duration::from_millis(millis), &line, Order::Unsigned, &Settings::default())
    }

    fn accept_at(groups: &mut Groups, seconds: u64, group: &str, statistics: Statistics) -> Result<(), Refusal> {
        accept_millis(groups, 1000 * seconds, group, statistics)
    }

    fn accept(groups: &mut Groups, seconds: u64, group: &str) -> Result<(), Refusal> {
        accept_at(groups, seconds, group, Statistics::default())
    }

    fn declare(groups: &mut Groups, names: &[&str]) {
        let names: Vec<GroupName> = names.iter().map(|text| name(text)).collect();
        groups.declare(names.iter().map(|name| (Channel::Webcallback, name)));
    }

    fn with_time(time: u64) -> Statistics {
        Statistics { time: Some(time), ..Statistics::default() }
    }

    fn names(groups: &Groups) -> Vec<String> {
        groups.all().iter().map(|group| group.name.as_str().into()).collect()
    }

    /// Groups 0, 1, … each received a second after the one before.
    fn full() -> Groups {
        let mut groups = Groups::default();
        for index in 0..GROUPS {
            accept(&mut groups, index as u64, &std::format!("group {index}")).unwrap();
        }
        groups
    }

    #[test]
    fn groups_are_kept_sorted_by_channel_and_name_and_found_again() {
        let mut groups = Groups::default();
        for name in ["m", "a", "z", "b", "a"] {
            accept(&mut groups, 0, name).unwrap();
        }
        declare(&mut groups, &["a"]);
        assert_eq!(names(&groups), ["a", "b", "m", "z", "a"]);
        assert_eq!((groups.of(Channel::Chat).len(), groups.of(Channel::Webcallback).len()), (4, 1));
        assert_eq!(groups.find(Channel::Chat, "m"), Some(2));
        assert_eq!(groups.find(Channel::Webcallback, "a"), Some(4));
        assert_eq!(groups.find(Channel::Webcallback, "m"), None);
    }

    #[test]
    fn a_new_group_takes_the_place_of_the_one_stale_longest_and_of_no_fresh_one() {
        let mut groups = full();
        assert_eq!(accept(&mut groups, 30, "new"), Err(Refusal::TableFull), "none is stale");
        accept(&mut groups, 30, "group 0").unwrap();
        assert_eq!(accept(&mut groups, 35, "new"), Ok(()), "groups 1 to 4 are stale");
        assert!(!names(&groups).contains(&"group 1".into()));
        assert_eq!(accept(&mut groups, 35, "newer"), Ok(()));
        assert!(!names(&groups).contains(&"group 2".into()) && names(&groups).contains(&"group 3".into()));
        assert_eq!(groups.all().len(), GROUPS);
    }

    #[test]
    fn invented_names_keep_a_real_group_out_for_one_time_to_live_at_most() {
        let mut groups = Groups::default();
        for index in 0..GROUPS {
            accept(&mut groups, 0, &std::format!("invented {index}")).unwrap();
        }
        assert_eq!(accept(&mut groups, 30, "real"), Err(Refusal::TableFull));
        assert_eq!(accept(&mut groups, 31, "real"), Ok(()));
    }

    #[test]
    fn a_declared_group_gets_a_place_in_a_full_table_and_keeps_it() {
        let mut groups = full();
        declare(&mut groups, &["declared", "other"]);
        assert!(!names(&groups).contains(&"group 0".into()) && !names(&groups).contains(&"group 1".into()));
        // All are stale, the declared ones were never received.
        for index in 0..GROUPS + 9 {
            assert_eq!(accept(&mut groups, 1000, &std::format!("new {index}")).is_ok(), index < GROUPS - 2);
        }
        assert_eq!((groups.all().len(), groups.of(Channel::Webcallback).len()), (GROUPS, 2));
    }

    #[test]
    fn declaring_a_new_group_replaces_none_that_is_declared_too() {
        let mut groups = Groups::default();
        let all: Vec<String> = (0..GROUPS).map(|index| std::format!("{index}")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        declare(&mut groups, all.get(1..).unwrap());
        assert_eq!(accept(&mut groups, 0, "undeclared"), Ok(()));
        declare(&mut groups, &all);
        assert!(names(&groups).iter().map(String::as_str).eq(all.iter().copied()));
        declare(&mut groups, &[&all[..], &["too", "many"]].concat());
        assert_eq!(groups.all().iter().filter(|group| group.declared).count(), GROUPS);
        declare(&mut groups, &[]);
        assert_eq!(groups.all().len(), 0, "a name that is no longer declared, and that no statistics gave, is unknown");
    }

    #[test]
    fn a_group_silent_for_an_hour_keeps_its_name_and_loses_what_was_learned() {
        let mut groups = Groups::default();
        let with_total = |total| Statistics { reactive_entered: Some(total), ..Statistics::default() };
        accept_at(&mut groups, 0, "A", with_total(100)).unwrap();
        accept_at(&mut groups, 1, "A", with_total(110)).unwrap();
        let entered = |groups: &Groups, seconds| groups.all()[0].last_hour.entries(at(seconds)).entered;
        groups.iter_mut().for_each(|group| group.drop_if_dormant(at(3600)));
        assert!(!groups.all()[0].is_dormant(at(3600)) && groups.all()[0].prediction().is_some());
        assert_eq!(groups.next_wakeup(at(3600), TIME_TO_LIVE), Some(at(3601)));
        groups.iter_mut().for_each(|group| group.drop_if_dormant(at(3601)));
        assert!(groups.all()[0].is_dormant(at(3601)) && groups.all()[0].prediction().is_none());
        assert_eq!((entered(&groups, 3601), groups.find(Channel::Chat, "A")), (0, Some(0)));
        assert_eq!(groups.next_wakeup(at(3601), TIME_TO_LIVE), None);
        accept_at(&mut groups, 9000, "A", with_total(120)).unwrap();
        assert!(!groups.all()[0].is_dormant(at(9000)));
        assert_eq!(entered(&groups, 9000), 0, "a new base line");
        assert_eq!(groups.next_wakeup(at(9030), at(9999)), Some(at(9002)));
    }

    #[test]
    fn an_earlier_line_is_late_and_an_equal_one_is_not() {
        let mut groups = Groups::default();
        let line = |time, ready| Statistics { ready, ..with_time(time) };
        accept_at(&mut groups, 0, "A", line(100_000, 9)).unwrap();
        assert_eq!(accept_at(&mut groups, 0, "A", line(100_000, 0)), Ok(()));
        assert_eq!(accept_at(&mut groups, 1, "A", line(99_999, 7)), Err(Refusal::Late));
        assert_eq!(groups.all()[0].report(), Some(&Report { received: at(0), statistics: line(100_000, 0) }));
        assert_eq!(accept_at(&mut groups, 1, "B", line(1, 1)), Ok(()), "each group has its own order");
        assert_eq!(accept_at(&mut groups, 2, "A", Statistics::default()), Ok(()), "no time, no order");
        assert_eq!(accept_at(&mut groups, 3, "A", line(99_999, 7)), Err(Refusal::Late), "but that of the others stays");
    }

    #[test]
    fn a_clock_set_back_is_followed_after_three_seconds_whatever_the_distance() {
        for back in [1, 5_000, 25_000, 3 * 3600 * 1000] {
            let mut groups = Groups::default();
            let time = 100_000_000;
            accept_at(&mut groups, 0, "A", with_time(time)).unwrap();
            for second in 1..=4 {
                let accepted = accept_at(&mut groups, second, "A", with_time(time - back - 100 + second));
                assert_eq!(accepted.is_ok(), second == 4, "{back} at {second}");
            }
            assert_eq!(groups.all()[0].set_back, Some(u32::try_from((back + 96) / 1000).unwrap()));
            groups.iter_mut().for_each(|group| group.mark_logged(Notice::ClockSetBack));
            assert_eq!(groups.all()[0].set_back, None);
        }
    }

    #[test]
    fn the_line_ahead_wins_while_it_is_received_and_the_one_behind_follows_when_it_ends() {
        let mut groups = Groups::default();
        let both = |groups: &mut Groups, second: u64, ahead: bool| {
            if ahead {
                accept_at(groups, second, "A", with_time(100_000 + 1000 * second)).unwrap();
            }
            accept_millis(groups, 1000 * second + 500, "A", with_time(75_000 + 1000 * second)).is_ok()
        };
        assert!((0..60).all(|second| !both(&mut groups, second, true)));
        let followed: Vec<bool> = (60..70).map(|second| both(&mut groups, second, false)).collect();
        assert_eq!(followed.iter().filter(|accepted| !**accepted).count(), 2, "late since 59.5 s");
        assert!(both(&mut groups, 70, true) || groups.all()[0].last_time == Some(170_000), "it leads again at once");
    }

    #[test]
    fn late_lines_whose_own_times_do_not_advance_are_never_accepted() {
        let mut groups = Groups::default();
        accept_at(&mut groups, 0, "A", with_time(100_000)).unwrap();
        for second in 1..100 {
            assert_eq!(accept_at(&mut groups, second, "A", with_time(90_000)), Err(Refusal::Late));
            assert_eq!(accept_at(&mut groups, second, "A", with_time(90_000 - second)), Err(Refusal::Late));
        }
        let untimely = groups.all()[0].untimely.unwrap();
        assert_eq!((untimely.lines, untimely.received, untimely.refusal), (198, at(99), Refusal::Late));
    }

    #[test]
    fn a_signed_line_of_a_new_group_is_later_than_all_of_a_group_that_lost_its_place() {
        let mut groups = Groups::default();
        let settings = Settings::default();
        let mut accept = |seconds: u64, group: &str, time: u64| {
            let line =
                Line { channel: Channel::Chat, group: name(group), collector: None, statistics: with_time(time) };
            groups.accept(at(seconds), &line, Order::Signed { latest: 1000 * (seconds + 30) }, &settings)
        };
        for index in 0..GROUPS as u64 {
            assert_eq!(accept(index, &std::format!("group {index}"), 1000 * (index + 30)), Ok(()));
        }
        assert_eq!(accept(31, "new", 60_000), Ok(()), "in the place of group 0");
        assert_eq!(accept(32, "group 0", 30_000), Err(Refusal::Replayed));
        assert_eq!(accept(32, "group 0", 30_001), Ok(()), "in the place of group 1");
        assert_eq!(accept(33, "group 1", 31_000), Err(Refusal::Replayed));
    }

    #[test]
    fn all_groups_are_refreshed_on_the_same_tick_whenever_they_were_first_received() {
        let mut groups = Groups::default();
        let options = Options::default();
        accept_millis(&mut groups, 10_100, "A", Statistics::default()).unwrap();
        accept_millis(&mut groups, 10_900, "B", Statistics::default()).unwrap();
        assert!(groups.all().iter().all(|group| group.prediction().is_some()), "answers are possible at once");
        assert_eq!(groups.next_wakeup(at(11), TIME_TO_LIVE), Some(at(12)));
        assert_eq!(groups.refresh(at(11), TIME_TO_LIVE, &options, 99), 0);
        assert_eq!(groups.refresh(at(12), TIME_TO_LIVE, &options, 1), 1);
        assert_eq!(groups.refresh(at(12), TIME_TO_LIVE, &options, 99), 1, "the rest in the next turn");
        assert_eq!(groups.refresh(at(12), TIME_TO_LIVE, &options, 99), 0);
        assert_eq!(groups.next_wakeup(at(12), TIME_TO_LIVE), Some(at(14)));
    }

    #[test]
    fn groups_that_are_made_due_are_refreshed_at_once() {
        let mut groups = Groups::default();
        accept(&mut groups, 10, "A").unwrap();
        assert_eq!(groups.refresh(at(10), TIME_TO_LIVE, &Options::default(), 99), 0);
        groups.iter_mut().for_each(|group| group.next_refresh = Duration::ZERO);
        assert_eq!(groups.next_wakeup(at(10), TIME_TO_LIVE), Some(Duration::ZERO));
        assert_eq!(groups.refresh(at(10), TIME_TO_LIVE, &Options::default(), 99), 1);
    }

    #[test]
    fn stale_groups_cause_no_wakeup_but_the_one_that_makes_them_dormant() {
        let mut groups = Groups::default();
        assert_eq!(groups.next_wakeup(at(0), TIME_TO_LIVE), None);
        accept(&mut groups, 0, "A").unwrap();
        assert_eq!(groups.next_wakeup(at(31), TIME_TO_LIVE), Some(DORMANT_AFTER));
        assert_eq!(groups.refresh(at(31), TIME_TO_LIVE, &Options::default(), 99), 0);
    }
}
