//! The state of the daemon: settings, groups, counters.

use core::mem::size_of;
use core::time::Duration;

use crate::counters::Counters;
use crate::fault::Dropped;
use crate::groups::consolidation::Consolidation;
use crate::groups::{Group, Groups, Notice};
use crate::limits::STATE_BYTES;
use crate::settings::Settings;
use crate::wire::channel::Channel;
use crate::wire::group_name::GroupName;

const _: () = assert!(size_of::<State>() <= STATE_BYTES, "the tables outgrew their budget");

#[derive(Clone, Debug)]
pub struct State {
    pub(crate) settings: Settings,
    /// The longest time to live since the first signed line: shortening it by a reload must not
    /// make old lines acceptable.
    pub(crate) longest_time_to_live: Duration,
    pub(crate) groups: Groups,
    pub counters: Counters,
    /// The last dropped line. Late ones do not count: networks reorder datagrams.
    pub(crate) dropped: Option<Dropped>,
    /// Wall-clock time at `now` = 0, as of the last datagram.
    pub(crate) wall_at_zero: Duration,
}

impl State {
    pub fn new(settings: Settings) -> Self {
        Self {
            longest_time_to_live: settings.time_to_live,
            settings,
            groups: Groups::default(),
            counters: Counters::default(),
            dropped: None,
            wall_at_zero: Duration::ZERO,
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Wall-clock time at `now` = 0, as of the last datagram.
    pub fn wall_at_zero(&self) -> Duration {
        self.wall_at_zero
    }

    /// Applies other settings, and declares these groups and no others; more than there are places
    /// are left out. All statistics are kept.
    pub fn configure<'a>(
        &mut self,
        settings: Settings,
        declared: impl Iterator<Item = (Channel, &'a GroupName)> + Clone,
    ) {
        let is_signed = !settings.keys.is_empty();
        let before = if is_signed { self.longest_time_to_live } else { Duration::ZERO };
        self.longest_time_to_live = before.max(settings.time_to_live);
        self.settings = settings;
        // Predictions were made under other options.
        self.groups.iter_mut().for_each(|group| group.next_refresh = Duration::ZERO);
        self.groups.declare(declared);
    }

    /// Does what is due at `now` for at most `at_most` groups. Returns whether there may be more.
    pub fn refresh(&mut self, now: Duration, at_most: usize) -> bool {
        let Settings { pacing, time_to_live, .. } = &self.settings;
        let refreshed = self.groups.refresh(now, *time_to_live, pacing, at_most);
        if refreshed < at_most {
            self.groups.iter_mut().for_each(|group| group.drop_if_dormant(now));
        }
        refreshed == at_most
    }

    /// Groups with a notice of that kind that was not logged yet.
    pub fn noticed(&self, now: Duration, notice: Notice) -> impl Iterator<Item = &Group> {
        let has = move |group: &&Group| group.has_notice(notice, now, self.wall_at_zero, &self.settings);
        self.groups.all().iter().filter(has)
    }

    /// Marks the notices that [`noticed`](Self::noticed) returns as logged.
    pub fn mark_logged(&mut self, now: Duration, notice: Notice) {
        let (settings, wall_at_zero) = (&self.settings, self.wall_at_zero);
        let has = |group: &&mut Group| group.has_notice(notice, now, wall_at_zero, settings);
        self.groups.iter_mut().filter(has).for_each(|group| group.mark_logged(notice));
    }

    /// When to call [`refresh`](Self::refresh) next if no datagram is received. `None`: never.
    pub fn next_wakeup(&self, now: Duration) -> Option<Duration> {
        self.groups.next_wakeup(now, self.settings.time_to_live)
    }

    pub fn consolidate(&self, now: Duration, channel: Channel) -> Consolidation {
        Consolidation::of(self.groups.of(channel).iter(), now, self.settings.time_to_live)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::String;
    use std::vec::Vec;

    use super::*;
    use crate::pacing::{Algorithm, Options};

    /// The time since 1970 when `now` is 0.
    const WALL: Duration = Duration::from_secs(1_790_000_000);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn receive(state: &mut State, seconds: u64, group: &str, more: &str) {
        let line = std::format!(r#"{{"channel":"chat","group":"{group}","ready":1{more}}}"#);
        let sender = "127.0.0.1".parse().unwrap();
        state.receive(at(seconds), WALL + at(seconds), sender, line.as_bytes(), |_, _| ());
    }

    /// The notices to be logged, which are marked as logged.
    fn notices(state: &mut State, seconds: u64) -> Vec<(Notice, String)> {
        let name = |notice| move |group: &Group| (notice, group.name.as_str().into());
        let all = Notice::ALL.into_iter();
        let noticed = all.flat_map(|notice| state.noticed(at(seconds), notice).map(name(notice))).collect();
        Notice::ALL.into_iter().for_each(|notice| state.mark_logged(at(seconds), notice));
        noticed
    }

    #[test]
    fn silence_and_its_end_are_noticed_once_each() {
        let mut state = State::new(Settings::default());
        receive(&mut state, 0, "A", "");
        receive(&mut state, 20, "B", "");
        assert_eq!(notices(&mut state, 30), []);
        assert_eq!(notices(&mut state, 31), [(Notice::Silent, "A".into())]);
        assert_eq!(notices(&mut state, 32), []);
        receive(&mut state, 33, "A", "");
        assert_eq!(notices(&mut state, 33), [(Notice::Resumed, "A".into())]);
        notices(&mut state, 64);
        while state.refresh(at(3700), 9) {}
        assert_eq!(notices(&mut state, 3700), [], "dormant");
        receive(&mut state, 9000, "A", "");
        assert_eq!(notices(&mut state, 9000), [(Notice::Resumed, "A".into())]);
    }

    #[test]
    fn a_clock_set_back_and_a_contradiction_are_noticed_once() {
        let mut state = State::new(Settings::default());
        let time = |seconds: u64| std::format!(r#","time":{}"#, 1000 * (WALL.as_secs() + seconds));
        receive(&mut state, 100, "A", &time(100));
        (101..=103).for_each(|second| receive(&mut state, second, "A", &time(second - 25)));
        assert_eq!(notices(&mut state, 103), []);
        receive(&mut state, 104, "A", &time(79));
        assert_eq!(state.groups().all()[0].set_back, Some(21));
        assert_eq!(notices(&mut state, 104), [(Notice::ClockSetBack, "A".into())]);
        receive(&mut state, 105, "A", r#","loggedIn":0"#);
        assert_eq!(notices(&mut state, 105), [(Notice::Contradiction, "A".into())]);
        receive(&mut state, 106, "A", "");
        receive(&mut state, 107, "A", r#","loggedIn":0"#);
        assert_eq!(notices(&mut state, 107), []);
        receive(&mut state, 108, "B", r#","time":1790000108"#);
        assert_eq!(notices(&mut state, 108), [(Notice::Contradiction, "B".into())], "seconds");
        // A restarted collector, whose total of one kind is of the day; and one that does not send
        // all that another does.
        receive(&mut state, 109, "D", r#","reactiveEntered":1000,"abandoned":10"#);
        receive(&mut state, 109, "D", r#","reactiveEntered":5,"proactiveEntered":6,"abandoned":50"#);
        receive(&mut state, 109, "D", "");
        receive(&mut state, 109, "E", r#","collector":"new","reactiveEntered":10"#);
        receive(&mut state, 109, "E", r#","collector":"old","reactiveEntered":10000,"abandoned":97"#);
        assert_eq!(notices(&mut state, 109), [(Notice::Contradiction, "D".into())]);
        let restarted = state.groups().all().iter().find(|group| group.name.as_str() == "D").unwrap();
        assert_eq!(
            restarted.contradiction(WALL).unwrap(),
            "abandoned is 50, but reactiveEntered + proactiveEntered is only 11"
        );
        // A line without a time says nothing of any clock, however long ago the last one was.
        receive(&mut state, 110, "C", &time(110));
        receive(&mut state, 200_000, "C", "");
        assert!(!notices(&mut state, 200_000).contains(&(Notice::Contradiction, "C".into())));
        receive(&mut state, 200_001, "C", &time(109));
        let late = state.groups().all().iter().find(|group| group.name.as_str() == "C").unwrap().untimely;
        assert_eq!(late.unwrap().lines, 1, "the last time is still known");
    }

    #[test]
    fn external_without_a_value_is_noticed_once_and_for_no_other_algorithm() {
        for algorithm in Algorithm::ALL {
            let pacing = Options { algorithm, ..Options::default() };
            let mut state = State::new(Settings { pacing, ..Settings::default() });
            receive(&mut state, 0, "A", "");
            receive(&mut state, 0, "B", r#","reactiveState":0.5"#);
            let want = [(Notice::NoReactiveState, "A".into())];
            let is_external = algorithm == Algorithm::External;
            assert_eq!(notices(&mut state, 0), if is_external { &want[..] } else { &[] });
            assert_eq!(notices(&mut state, 1), []);
        }
    }

    #[test]
    fn the_end_of_the_time_to_live_is_a_wakeup_whatever_the_refresh_period() {
        let pacing = Options { refresh_period: at(3000), ..Options::default() };
        let mut state = State::new(Settings { pacing, ..Settings::default() });
        receive(&mut state, 1, "A", "");
        assert_eq!(state.next_wakeup(at(1)), Some(Duration::from_millis(31_001)));
    }

    #[test]
    fn a_goal_missed_for_an_hour_is_noticed_once_and_so_is_its_end() {
        let mut state = State::new(Settings::default());
        let mut minutes = |from: u64, to: u64, each: u64, (entered, abandoned): (u64, u64)| -> Vec<Notice> {
            let mut all = Vec::new();
            for minute in from..to {
                let (entered, abandoned) = (entered + 10 * (minute - from), abandoned + each * (minute - from));
                let totals = std::format!(r#","reactiveEntered":{entered},"abandoned":{abandoned}"#);
                receive(&mut state, 60 * minute, "A", &totals);
                all.extend(notices(&mut state, 60 * minute).into_iter().map(|(notice, _)| notice));
            }
            all.retain(|notice| matches!(notice, Notice::GoalMissed | Notice::GoalMet));
            all
        };
        assert_eq!(minutes(0, 180, 1, (0, 0)), [Notice::GoalMissed]);
        assert_eq!(minutes(180, 360, 0, (1800, 180)), [Notice::GoalMet]);
    }
}
