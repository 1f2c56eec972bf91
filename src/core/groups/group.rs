//! One agent group on one channel.

use alloc::string::String;
use core::time::Duration;

use crate::groups::last_hour::LastHour;
use crate::groups::order::{Order, Refusal};
use crate::groups::totals::Totals;
use crate::limits::DORMANT_AFTER;
use crate::pacing::{self, Algorithm, OptimizationTarget, Options, Pacer, Prediction, Reason, Stakes};
use crate::settings::Settings;
use crate::wire::channel::Channel;
use crate::wire::group_name::GroupName;
use crate::wire::line::{Line, Statistics};

/// How long all lines of a group must be late before its collector's clock counts as set back:
/// longer than the network delays a datagram.
const SET_BACK_AFTER: Duration = Duration::from_secs(3);

/// Resolution of timers.
const MOMENT: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    pub received: Duration,
    /// With running totals counted over all collectors of the group.
    pub statistics: Statistics,
}

impl Report {
    pub fn is_fresh(&self, now: Duration, time_to_live: Duration) -> bool {
        now.saturating_sub(self.received) <= time_to_live
    }
}

/// Lines of a group that were refused for their `time` since the last accepted one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Untimely {
    /// Why the last line was refused.
    pub refusal: Refusal,
    pub lines: u32,
    /// When the last line was received.
    pub received: Duration,
    /// When the first line was received.
    since: Duration,
    /// The latest `time` among them.
    time: u64,
}

crate::named! {
    /// An event of a group that is logged once.
    pub enum Notice {
        /// The statistics are older than the time to live.
        Silent => "silent",
        /// The statistics are fresh again.
        Resumed => "resumed",
        /// More visitors abandoned in an hour than the goal allows, by more than chance. Only for
        /// `ABANDONMENT_RATE`: a busy factor can be low for want of demand.
        GoalMissed => "goal missed",
        GoalMet => "goal met",
        /// An earlier `time` was accepted: the clock was set back, or another collector took over.
        ClockSetBack => "clock set back",
        Contradiction => "contradiction",
        /// The algorithm is `EXTERNAL`, and the statistics have no `reactiveState`.
        NoReactiveState => "no reactive state",
    }
}

/// Notices that were logged.
#[derive(Clone, Copy, Debug, Default)]
struct Logged {
    silent: bool,
    goal_missed: bool,
    contradiction: bool,
    no_reactive_state: bool,
}

#[derive(Clone, Debug)]
pub struct Group {
    pub channel: Channel,
    pub name: GroupName,
    pub declared: bool,
    report: Option<Report>,
    /// The `time` of the last accepted line that had one.
    pub(super) last_time: Option<u64>,
    totals: Totals,
    /// `abandoned` and entered of the last line with both, as sent: totals counted over all
    /// collectors hide contradictions.
    sent_totals: Option<(u64, u64)>,
    pacer: Pacer,
    prediction: Option<Prediction>,
    pub(crate) next_refresh: Duration,
    pub last_hour: LastHour,
    pub untimely: Option<Untimely>,
    /// When the last invalid line of this group was received.
    pub(crate) invalid: Option<Duration>,
    /// Whether what was learned was dropped, and nothing received since.
    is_dormant: bool,
    logged: Logged,
    /// Seconds by which the collector's clock was set back, until that is logged.
    pub set_back: Option<u32>,
}

impl Group {
    pub(super) fn new(channel: Channel, name: GroupName) -> Self {
        Self {
            channel,
            name,
            declared: false,
            report: None,
            last_time: None,
            totals: Totals::NEW,
            sent_totals: None,
            pacer: Pacer::new(),
            prediction: None,
            next_refresh: Duration::ZERO,
            last_hour: LastHour::default(),
            untimely: None,
            invalid: None,
            is_dormant: false,
            logged: Logged::default(),
            set_back: None,
        }
    }

    /// A group with that report and prediction.
    #[cfg(test)]
    pub(crate) fn made_of(report: Report, prediction: Prediction) -> Self {
        let nameless = Self::new(Channel::Chat, GroupName::new("A").unwrap());
        Self { report: Some(report), prediction: Some(prediction), ..nameless }
    }

    /// Whether the group has been silent for an hour: only its name is still known.
    pub fn is_dormant(&self, now: Duration) -> bool {
        self.report.is_some_and(|report| now.saturating_sub(report.received) >= DORMANT_AFTER)
    }

    /// The last statistics, fresh or not. `None`: declared, and none were ever accepted.
    pub fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }

    /// The last statistics, if they are fresh.
    pub fn fresh_report(&self, now: Duration, time_to_live: Duration) -> Option<&Report> {
        self.report.as_ref().filter(|report| report.is_fresh(now, time_to_live))
    }

    /// The prediction made from the last statistics.
    pub fn prediction(&self) -> Option<&Prediction> {
        self.prediction.as_ref()
    }

    /// Why the predicted reactive state is what it is.
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

    /// Share of the slots in use, 0..=1. `None`: no statistics, or no slots.
    pub fn busy_factor(&self, options: &Options) -> Option<f64> {
        pacing::busy_factor(&self.report?.statistics, options)
    }

    /// Whether more abandoned in the last hour than the goal allows and chance explains.
    pub fn is_over_goal(&self, now: Duration, settings: &Settings) -> bool {
        settings.pacing.optimization_target == OptimizationTarget::AbandonmentRate
            && self.last_hour.entries(now).misses(settings.goal())
    }

    /// The contradiction in the last statistics. `wall_at_zero` is the wall clock at `now` = 0.
    pub fn contradiction(&self, wall_at_zero: Duration) -> Option<String> {
        let Report { received, statistics } = self.report?;
        let (abandoned, reactive_entered) = self.sent_totals.unzip();
        let sent = Statistics { abandoned, reactive_entered, proactive_entered: None, ..statistics };
        sent.contradiction(wall_at_zero.saturating_add(received))
    }

    /// Whether the algorithm is `EXTERNAL` and the fresh statistics have no `reactiveState`.
    fn lacks_reactive_state(&self, now: Duration, settings: &Settings) -> bool {
        let fresh = self.fresh_report(now, settings.time_to_live);
        settings.pacing.algorithm == Algorithm::External
            && fresh.is_some_and(|report| report.statistics.reactive_state.is_none())
    }

    /// Whether there is a notice of that kind that was not logged yet. `wall_at_zero` is the
    /// wall-clock time at `now` = 0.
    pub fn has_notice(&self, notice: Notice, now: Duration, wall_at_zero: Duration, settings: &Settings) -> bool {
        let is_fresh = self.fresh_report(now, settings.time_to_live).is_some();
        let has_goal = settings.pacing.optimization_target == OptimizationTarget::AbandonmentRate;
        let (logged, last_hour) = (self.logged, &self.last_hour);
        match notice {
            Notice::Silent => !logged.silent && !is_fresh && self.report.is_some(),
            Notice::Resumed => logged.silent && is_fresh,
            Notice::GoalMissed => !logged.goal_missed && last_hour.is_whole(now) && self.is_over_goal(now, settings),
            Notice::GoalMet => logged.goal_missed && (!has_goal || last_hour.entries(now).meets(settings.goal())),
            Notice::ClockSetBack => self.set_back.is_some(),
            Notice::Contradiction => !logged.contradiction && self.contradiction(wall_at_zero).is_some(),
            Notice::NoReactiveState => !logged.no_reactive_state && self.lacks_reactive_state(now, settings),
        }
    }

    pub(crate) fn mark_logged(&mut self, notice: Notice) {
        match notice {
            Notice::Silent => self.logged.silent = true,
            Notice::Resumed => self.logged.silent = false,
            Notice::GoalMissed => self.logged.goal_missed = true,
            Notice::GoalMet => self.logged.goal_missed = false,
            Notice::ClockSetBack => self.set_back = None,
            Notice::Contradiction => self.logged.contradiction = true,
            Notice::NoReactiveState => self.logged.no_reactive_state = true,
        }
    }

    /// Drops what was learned if the group has become dormant.
    pub(crate) fn drop_if_dormant(&mut self, now: Duration) {
        if self.is_dormant(now) && !self.is_dormant {
            self.is_dormant = true;
            (self.totals, self.sent_totals) = (Totals::NEW, None);
            self.pacer = Pacer::new();
            self.prediction = None;
            self.last_hour = LastHour::default();
            // The end of the silence is still logged.
            self.logged = Logged { silent: self.logged.silent, ..Logged::default() };
        }
    }

    /// Accepts a line if its `time` allows it. Makes the first prediction of a new or silent group.
    pub(super) fn accept(
        &mut self,
        now: Duration,
        line: &Line,
        order: Order,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        self.drop_if_dormant(now);
        let mut statistics = line.statistics;
        if let (Some(last), Some(time)) = (self.last_time, statistics.time) {
            let is_set_back = || order == Order::Unsigned && self.is_set_back(now, time);
            if !order.allows(last, time) && !is_set_back() {
                let refusal = if order == Order::Unsigned { Refusal::Late } else { Refusal::Replayed };
                self.refuse(now, refusal, time);
                return Err(refusal);
            }
            if time < last {
                self.set_back = Some(u32::try_from((last - time) / 1000).unwrap_or(u32::MAX));
            }
        }
        (self.untimely, self.is_dormant) = (None, false);
        // A line without `time`, such as one sent by hand, must not make old ones acceptable.
        self.last_time = statistics.time.or(self.last_time);
        if let (Some(abandoned), Some(entered)) = (statistics.abandoned, statistics.reactive_entered) {
            self.sent_totals = Some((abandoned, entered.saturating_add(statistics.proactive_entered.unwrap_or(0))));
        }
        let was_silent = self.fresh_report(now, settings.time_to_live).is_none();
        let growth = self.totals.count(now, line.collector, settings.time_to_live, &mut statistics);
        self.last_hour.count(now, &growth);
        self.report = Some(Report { received: now, statistics });
        self.pacer.report(now, &statistics, &growth, &settings.pacing);
        // A value computed elsewhere is served at once.
        if was_silent || settings.pacing.algorithm == Algorithm::External {
            self.refresh(now, &settings.pacing);
        }
        Ok(())
    }

    /// Whether a late line shows that the collector's clock was set back: lines have been late for
    /// some time, none was accepted, and their times advance.
    fn is_set_back(&self, now: Duration, time: u64) -> bool {
        self.untimely
            .is_some_and(|untimely| time > untimely.time && now.saturating_sub(untimely.since) >= SET_BACK_AFTER)
    }

    /// Records a line that was refused for its `time`.
    pub(crate) fn refuse(&mut self, now: Duration, refusal: Refusal, time: u64) {
        let before = self.untimely.unwrap_or(Untimely { refusal, lines: 0, received: now, since: now, time });
        let (lines, time) = (before.lines.saturating_add(1), before.time.max(time));
        self.untimely = Some(Untimely { refusal, lines, received: now, time, ..before });
    }

    pub(super) fn refresh(&mut self, now: Duration, options: &Options) {
        if let Some(report) = &self.report {
            self.prediction = Some(self.pacer.refresh(now, &report.statistics, options));
            self.next_refresh = next_tick(now, options.refresh_period);
        }
    }

    /// When the next refresh, the end of the time to live, or dormancy is due. `None`: never.
    pub(super) fn next_wakeup(&self, now: Duration, time_to_live: Duration) -> Option<Duration> {
        let report = self.report.as_ref()?;
        let dormant = (!self.is_dormant).then_some(report.received.saturating_add(DORMANT_AFTER));
        if !report.is_fresh(now, time_to_live) {
            return dormant;
        }
        let silent = report.received.saturating_add(time_to_live).saturating_add(MOMENT);
        let next = self.next_refresh.min(silent);
        Some(dormant.map_or(next, |dormant| dormant.min(next)))
    }
}

/// The next multiple of the period that is at least half a period away: all groups are refreshed on
/// the same tick, and the daemon wakes once a period.
fn next_tick(now: Duration, period: Duration) -> Duration {
    let period = period.as_nanos().max(1);
    let ticks = (now.as_nanos() + period / 2) / period + 1;
    Duration::from_nanos(u64::try_from(ticks * period).unwrap_or(u64::MAX))
}
