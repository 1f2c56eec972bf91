//! The table of agent groups: what was last heard of each, and the pacing made of it.
//!
//! A fixed number of groups over both channels, sorted by channel and name, so that a group is found by halving and
//! the groups of a channel lie together. (A look-up among 256 names of 27 bytes takes 481 instructions so; 464 in
//! heapless' `IndexMap`, which keeps no order, and 2,686 in its `LinearMap`.) A full table refuses new groups; a group not heard of for an hour is
//! forgotten and makes room; one that the configuration declares keeps its place for ever.

pub mod change;
pub mod consolidation;
pub mod last_hour;
pub(crate) mod totals;

use core::fmt;
use core::time::Duration;

use crate::groups::change::{Change, Told};
use crate::groups::last_hour::LastHour;
use crate::groups::totals::Totals;
use crate::limits::GROUPS;
use crate::pacing::{self, Algorithm, Options, Pacer, Prediction, Reason, Stakes};
use crate::wire::channel::Channel;
use crate::wire::group_name::GroupName;
use crate::wire::line::{Line, Statistics};

/// How long a group is remembered after its last statistics: longer than any restart of a collector, shorter than a
/// working day, so that yesterday's groups make room for today's.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// The first moment after the time to live is over: timers count milliseconds.
const MOMENT: Duration = Duration::from_millis(1);

/// The last statistics of a group, and when they came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// When they were received.
    pub received: Duration,
    /// What they say; the running totals as they were counted over all collectors of the group.
    pub statistics: Statistics,
}

impl Report {
    /// Whether they still count.
    pub fn is_fresh(&self, now: Duration, time_to_live: Duration) -> bool {
        now.saturating_sub(self.received) <= time_to_live
    }
}

/// One agent group on one channel.
#[derive(Clone, Debug)]
pub struct Group {
    channel: Channel,
    name: GroupName,
    declared: bool,
    report: Option<Report>,
    totals: Totals,
    pacer: Pacer,
    prediction: Option<Prediction>,
    next_refresh: Duration,
    last_hour: LastHour,
    told: Told,
    /// Lines of it still come, but are refused for their `time`.
    is_late: bool,
}

impl Group {
    fn new(channel: Channel, name: GroupName) -> Self {
        Self {
            channel,
            name,
            declared: false,
            report: None,
            totals: Totals::NEW,
            pacer: Pacer::new(),
            prediction: None,
            next_refresh: Duration::ZERO,
            last_hour: LastHour::new(),
            told: Told::default(),
            is_late: false,
        }
    }

    /// A group that was heard of and predicted so.
    #[cfg(test)]
    pub(crate) fn made_of(report: Report, prediction: Prediction) -> Self {
        let nameless = Self::new(Channel::Chat, GroupName::new("A").unwrap());
        Self { report: Some(report), prediction: Some(prediction), ..nameless }
    }

    /// The channel.
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// The name.
    pub fn name(&self) -> &GroupName {
        &self.name
    }

    /// Whether the configuration declares it.
    pub fn is_declared(&self) -> bool {
        self.declared
    }

    /// The last statistics, fresh or not. `None`: declared, and never heard of.
    pub fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }

    /// The last statistics, if they still count.
    pub fn fresh_report(&self, now: Duration, time_to_live: Duration) -> Option<&Report> {
        self.report.as_ref().filter(|report| report.is_fresh(now, time_to_live))
    }

    /// Whether lines of it still come, but are refused for their `time`.
    pub fn is_late(&self) -> bool {
        self.is_late
    }

    /// What was predicted of the last statistics.
    pub fn prediction(&self) -> Option<&Prediction> {
        self.prediction.as_ref()
    }

    /// Why the reactive state was predicted as it was.
    pub fn reason(&self) -> Reason {
        self.pacer.reason()
    }

    /// Whether visitors enter later than they were let in: the option `entry-delay` is for them.
    pub fn enters_late(&self) -> bool {
        self.pacer.enters_late()
    }

    /// What is at stake with one more visitor.
    pub fn stakes(&self, options: &Options) -> Stakes {
        self.pacer.stakes(options)
    }

    /// Who entered and who abandoned lately.
    pub fn last_hour(&self) -> &LastHour {
        &self.last_hour
    }

    /// Share of the slots in use by the last statistics, 0..=1. `None`: no statistics, or no slots.
    pub fn busy_factor(&self, options: &Options) -> Option<f64> {
        pacing::busy_factor(&self.report?.statistics, options)
    }

    pub(crate) fn told(&self) -> Told {
        self.told
    }

    fn is_forgotten(&self, now: Duration) -> bool {
        self.report.is_none_or(|report| now.saturating_sub(report.received) >= FORGOTTEN_AFTER)
    }

    /// Nothing is left but its place.
    fn forget(&mut self) {
        self.report = None;
        self.totals = Totals::NEW;
        self.prediction = None;
        self.pacer = Pacer::new();
        self.last_hour = LastHour::new();
        self.told = Told::default();
        self.is_late = false;
    }

    fn refresh(&mut self, now: Duration, options: &Options) {
        if let Some(report) = &self.report {
            self.prediction = Some(self.pacer.refresh(now, &report.statistics, options));
            self.next_refresh = next_tick(now, options.refresh_period);
        }
    }
}

/// The next multiple of the period that is at least half a period away, so that all groups are refreshed on the same
/// tick and the appliance wakes once a period, whenever each group was first heard of.
fn next_tick(now: Duration, period: Duration) -> Duration {
    let period = period.as_nanos().max(1);
    let ticks = (now.as_nanos() + period / 2) / period + 1;
    Duration::from_nanos(u64::try_from(ticks * period).unwrap_or(u64::MAX))
}

/// Why the table did not take a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its `time` is not later than that of the last accepted one of its group.
    Late,
    /// The same of a signed line.
    Replayed,
    /// It is of a new group, and all places are taken.
    TableFull,
}

/// The table.
#[derive(Clone, Debug)]
pub struct Groups {
    /// Sorted by channel, then name, without doubles.
    sorted: heapless::Vec<Group, GROUPS>,
}

impl Groups {
    /// No group is known.
    pub const fn new() -> Self {
        Self { sorted: heapless::Vec::new() }
    }

    /// Every group, by channel, then name.
    pub fn all(&self) -> &[Group] {
        &self.sorted
    }

    /// The groups of a channel, by name, and the index of the first.
    pub fn of(&self, channel: Channel) -> (usize, &[Group]) {
        let from = self.sorted.partition_point(|group| group.channel < channel);
        let to = self.sorted.partition_point(|group| group.channel <= channel);
        (from, self.sorted.get(from..to).unwrap_or_default())
    }

    /// The index of a group: declared, or heard of within the hour.
    pub fn find(&self, channel: Channel, name: &str, now: Duration) -> Option<usize> {
        let index = self.place(channel, name).ok()?;
        self.sorted.get(index).filter(|group| group.declared || !group.is_forgotten(now)).map(|_| index)
    }

    fn place(&self, channel: Channel, name: &str) -> Result<usize, usize> {
        self.sorted.binary_search_by(|group| group.channel.cmp(&channel).then_with(|| group.name.as_str().cmp(name)))
    }

    fn place_for(&mut self, now: Duration, channel: Channel, name: &GroupName) -> Result<usize, Refused> {
        let mut place = match self.place(channel, name.as_str()) {
            Ok(index) => return Ok(index),
            Err(place) => place,
        };
        if self.sorted.is_full() {
            self.forget(now);
            place = self.place(channel, name.as_str()).unwrap_or_else(|place| place);
        }
        let group = Group::new(channel, name.clone());
        self.sorted.insert(place, group).map(|()| place).map_err(|_| Refused::TableFull)
    }

    /// Takes a line, and makes the first prediction of a group that is new or comes back.
    ///
    /// # Errors
    ///
    /// Why it changed nothing.
    pub fn accept(
        &mut self,
        now: Duration,
        line: &Line,
        order: Order,
        time_to_live: Duration,
        options: &Options,
    ) -> Result<(), Refused> {
        let index = self.place_for(now, line.channel, &line.group)?;
        let Some(group) = self.sorted.get_mut(index) else { return Err(Refused::TableFull) };
        if group.is_forgotten(now) {
            // Nobody has looked since the hour was over.
            group.forget();
        }
        let mut statistics = line.statistics;
        let last_time = group.report.as_ref().and_then(|last| last.statistics.time);
        if let Some((last, new)) = last_time.zip(statistics.time) {
            order.check(last, new, time_to_live).inspect_err(|_| {
                // What the network doubles comes sooner.
                group.is_late |= group.fresh_report(now, time_to_live / 2).is_none();
            })?;
        }
        group.is_late = false;
        // A line without one, sent by hand perhaps, does not make an old one of the collector count.
        statistics.time = statistics.time.or(last_time);
        let is_back = group.fresh_report(now, time_to_live).is_none();
        let growth = group.totals.count(now, line.collector, time_to_live, &mut statistics);
        group.last_hour.count(now, &growth);
        group.report = Some(Report { received: now, statistics });
        group.pacer.report(now, &statistics, &growth, options);
        // A value computed elsewhere is served as it comes; there is nothing to wait for.
        if is_back || options.algorithm == Algorithm::External {
            group.refresh(now, options);
        }
        Ok(())
    }

    /// Makes due predictions anew, at most so many. Stale groups get none. Says how many it made.
    pub fn refresh(&mut self, now: Duration, time_to_live: Duration, options: &Options, at_most: usize) -> usize {
        let due = self
            .sorted
            .iter_mut()
            .filter(|group| group.next_refresh <= now && group.fresh_report(now, time_to_live).is_some());
        due.take(at_most).map(|group| group.refresh(now, options)).count()
    }

    /// When something is to be done next without a datagram: a refresh of a fresh group, one that goes silent, or one
    /// to forget.
    /// `None`: never.
    pub fn next_wakeup(&self, now: Duration, time_to_live: Duration) -> Option<Duration> {
        let moments = self.sorted.iter().filter_map(|group| {
            let report = group.report?;
            let forgotten = report.received + FORGOTTEN_AFTER;
            let silent = report.received.saturating_add(time_to_live).saturating_add(MOMENT);
            let is_fresh = report.is_fresh(now, time_to_live);
            Some(if is_fresh { group.next_refresh.min(silent).min(forgotten) } else { forgotten })
        });
        moments.min()
    }

    /// Forgets what was not heard of for an hour. A declared group keeps its place, but nothing of what it was.
    pub fn forget(&mut self, now: Duration) {
        self.sorted.iter_mut().filter(|group| group.declared && group.is_forgotten(now)).for_each(Group::forget);
        self.sorted.retain(|group| group.declared || !group.is_forgotten(now));
    }

    /// The change was told, of every group that it happened to.
    pub(crate) fn tell(&mut self, change: Change, happened: impl Fn(&Group) -> bool) {
        for group in &mut self.sorted {
            if happened(group) {
                group.told.tell(change);
            }
        }
    }

    /// Makes every prediction due: they were made under other options.
    pub fn hurry(&mut self) {
        for group in &mut self.sorted {
            group.next_refresh = Duration::ZERO;
        }
    }

    /// Takes back every declaration. Groups that statistics keep alive stay.
    pub fn declare_none(&mut self) {
        for group in &mut self.sorted {
            group.declared = false;
        }
    }

    /// Gives a group a place for as long as the daemon runs.
    ///
    /// # Errors
    ///
    /// All places are taken.
    pub fn declare(&mut self, now: Duration, channel: Channel, name: &GroupName) -> Result<(), Refused> {
        let index = self.place_for(now, channel, name)?;
        if let Some(group) = self.sorted.get_mut(index) {
            group.declared = true;
        }
        Ok(())
    }
}

impl Default for Groups {
    fn default() -> Self {
        Self::new()
    }
}

/// Which line of a group can follow which, by their times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// What is not later was overtaken on the way, or doubled; but a clock that goes back by more than the time to live
    /// was set.
    Unsigned,
    /// What is not later is refused, however much earlier it is: it may be an old line that somebody sends again.
    Signed {
        /// The latest time that a line can have now. A last line that is later does not count, for it is of a time when
        /// the clock here was ahead, or when lines were not signed.
        latest: u64,
    },
}

impl Order {
    fn check(self, last: u64, new: u64, time_to_live: Duration) -> Result<(), Refused> {
        match self {
            Self::Unsigned if new <= last && u128::from(last - new) <= time_to_live.as_millis() => Err(Refused::Late),
            Self::Signed { latest } if new <= last && last <= latest => Err(Refused::Replayed),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late | Self::Replayed => {
                formatter.write_str("its time is not later than that of the group's last line")
            }
            Self::TableFull => write!(
                formatter,
                "all {GROUPS} places for groups are taken; one not heard of for an hour makes room, so send fewer groups"
            ),
        }
    }
}

impl core::error::Error for Refused {}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    const TIME_TO_LIVE: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn accept_at(groups: &mut Groups, seconds: u64, name: &str, statistics: Statistics) -> Result<(), Refused> {
        let group = GroupName::new(name).unwrap();
        let line = Line { channel: Channel::Chat, group, collector: None, statistics };
        groups.accept(at(seconds), &line, Order::Unsigned, TIME_TO_LIVE, &Options::default())
    }

    fn accept(groups: &mut Groups, seconds: u64, name: &str) -> Result<(), Refused> {
        accept_at(groups, seconds, name, Statistics::default())
    }

    fn with_time(time: u64) -> Statistics {
        Statistics { time: Some(time), ..Statistics::default() }
    }

    fn names(groups: &Groups) -> Vec<String> {
        groups.all().iter().map(|group| group.name().as_str().into()).collect()
    }

    fn full() -> Groups {
        let mut groups = Groups::new();
        for index in 0..GROUPS {
            accept(&mut groups, index as u64, &std::format!("group {index}")).unwrap();
        }
        groups
    }

    #[test]
    fn groups_are_kept_sorted_by_channel_and_name_and_found_again() {
        let mut groups = Groups::new();
        for name in ["m", "a", "z", "b", "a"] {
            accept(&mut groups, 0, name).unwrap();
        }
        groups.declare(at(0), Channel::Webcallback, &GroupName::new("a").unwrap()).unwrap();
        assert_eq!(names(&groups), ["a", "b", "m", "z", "a"]);
        assert_eq!(groups.of(Channel::Chat).1.len(), 4);
        let (first, webcallback) = groups.of(Channel::Webcallback);
        assert_eq!((first, webcallback.len()), (4, 1));
        assert_eq!(groups.find(Channel::Chat, "m", at(0)), Some(2));
        assert_eq!(groups.find(Channel::Webcallback, "m", at(0)), None);
    }

    #[test]
    fn a_full_table_refuses_new_groups_and_loses_no_old_one() {
        let mut groups = full();
        assert_eq!(accept(&mut groups, 100, "one more"), Err(Refused::TableFull));
        assert_eq!(
            groups.declare(at(100), Channel::Webcallback, &GroupName::new("x").unwrap()),
            Err(Refused::TableFull)
        );
        assert_eq!(accept(&mut groups, 100, "group 3"), Ok(()));
        assert_eq!(groups.all().len(), GROUPS);
    }

    #[test]
    fn a_group_silent_for_an_hour_makes_room_and_is_no_longer_known() {
        let mut groups = full();
        assert_eq!(accept(&mut groups, 3599, "one more"), Err(Refused::TableFull));
        assert!(groups.find(Channel::Chat, "group 0", at(3599)).is_some());
        assert!(groups.find(Channel::Chat, "group 0", at(3600)).is_none());
        assert_eq!(accept(&mut groups, 3600, "one more"), Ok(()));
        assert!(!names(&groups).contains(&"group 0".into()));
        assert!(names(&groups).contains(&"group 1".into()));
    }

    #[test]
    fn a_group_silent_for_an_hour_is_forgotten_though_nobody_has_looked() {
        let mut groups = Groups::new();
        accept_at(&mut groups, 0, "A", with_time(100_000)).unwrap();
        assert_eq!(accept_at(&mut groups, 3599, "A", with_time(100_000)), Err(Refused::Late));
        assert_eq!(accept_at(&mut groups, 3600, "A", with_time(100_000)), Ok(()));
    }

    #[test]
    fn a_declared_group_is_known_before_statistics_and_keeps_its_place() {
        let mut groups = Groups::new();
        let name = GroupName::new("Sales").unwrap();
        groups.declare(at(0), Channel::Chat, &name).unwrap();
        assert_eq!(groups.find(Channel::Chat, "Sales", at(9999)), Some(0));
        assert!(groups.all()[0].report().is_none());
        accept(&mut groups, 10, "Sales").unwrap();
        groups.forget(at(3610));
        assert!(groups.all()[0].report().is_none() && groups.all()[0].prediction().is_none());
        groups.declare_none();
        groups.forget(at(3610));
        assert_eq!(groups.all().len(), 0);
    }

    #[test]
    fn a_late_or_doubled_line_changes_nothing() {
        let mut groups = Groups::new();
        let mut second = with_time(100_000);
        second.ready = 7;
        accept_at(&mut groups, 0, "A", with_time(100_000)).unwrap();
        assert_eq!(accept_at(&mut groups, 1, "A", second), Err(Refused::Late));
        second.time = Some(70_000);
        assert_eq!(accept_at(&mut groups, 1, "A", second), Err(Refused::Late));
        assert_eq!(groups.all()[0].report(), Some(&Report { received: at(0), statistics: with_time(100_000) }));
        assert_eq!(accept_at(&mut groups, 1, "B", with_time(1)), Ok(()), "each group has its own clock");
    }

    #[test]
    fn a_clock_set_back_by_more_than_the_time_to_live_is_believed() {
        let mut groups = Groups::new();
        accept_at(&mut groups, 0, "A", with_time(100_000)).unwrap();
        assert_eq!(accept_at(&mut groups, 1, "A", with_time(69_999)), Ok(()));
        assert_eq!(accept_at(&mut groups, 2, "A", with_time(70_000)), Ok(()));
        assert_eq!(accept_at(&mut groups, 3, "A", Statistics::default()), Ok(()), "no time, no order");
        assert_eq!(
            accept_at(&mut groups, 4, "A", with_time(70_000)),
            Err(Refused::Late),
            "but that of the others stays"
        );
        assert_eq!(accept_at(&mut groups, 5, "A", with_time(70_001)), Ok(()));
    }

    #[test]
    fn all_groups_are_refreshed_on_the_same_tick_whenever_they_were_first_heard_of() {
        let mut groups = Groups::new();
        let options = Options::default();
        let mut line = |millis, name| {
            let line = Line {
                channel: Channel::Chat,
                group: GroupName::new(name).unwrap(),
                collector: None,
                statistics: Statistics::default(),
            };
            groups.accept(Duration::from_millis(millis), &line, Order::Unsigned, TIME_TO_LIVE, &options).unwrap();
        };
        line(10_100, "A");
        line(10_900, "B");
        assert!(groups.all().iter().all(|group| group.prediction().is_some()), "answers are alive at once");
        assert_eq!(groups.next_wakeup(at(11), TIME_TO_LIVE), Some(at(12)));
        assert_eq!(groups.refresh(at(11), TIME_TO_LIVE, &options, 99), 0);
        assert_eq!(groups.refresh(at(12), TIME_TO_LIVE, &options, 1), 1);
        assert_eq!(groups.refresh(at(12), TIME_TO_LIVE, &options, 99), 1, "the rest in the next turn");
        assert_eq!(groups.refresh(at(12), TIME_TO_LIVE, &options, 99), 0);
        assert_eq!(groups.next_wakeup(at(12), TIME_TO_LIVE), Some(at(14)));
    }

    #[test]
    fn hurried_groups_are_due_at_once() {
        let mut groups = Groups::new();
        accept(&mut groups, 10, "A").unwrap();
        assert_eq!(groups.refresh(at(10), TIME_TO_LIVE, &Options::default(), 99), 0);
        groups.hurry();
        assert_eq!(groups.next_wakeup(at(10), TIME_TO_LIVE), Some(Duration::ZERO));
        assert_eq!(groups.refresh(at(10), TIME_TO_LIVE, &Options::default(), 99), 1);
    }

    #[test]
    fn stale_groups_wake_nobody_but_to_be_forgotten() {
        let mut groups = Groups::new();
        assert_eq!(groups.next_wakeup(at(0), TIME_TO_LIVE), None);
        accept(&mut groups, 0, "A").unwrap();
        assert_eq!(groups.next_wakeup(at(31), TIME_TO_LIVE), Some(FORGOTTEN_AFTER));
        assert_eq!(groups.refresh(at(31), TIME_TO_LIVE, &Options::default(), 99), 0);
    }
}
