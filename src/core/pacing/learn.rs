//! The engine's state of one group, and what it learns from reports.

use core::mem::{replace, size_of, take};
use core::time::Duration;

use super::{
    Growth, Options, Reason, Stakes,
    demand::Demand,
    entry_delay::{EntriesWhileShut, EntryDelay},
    invitations::Invitations,
    mean_time::MeanTime,
    occupancy::Occupancy,
    price::Price,
    set_point::SetPoint,
};
use crate::wire::line::Statistics;

/// The least exposure a second: visitors who enter while the door is shut were late or never asked,
/// and without a bound the demand would grow without limit.
const LEAST_OPEN: f64 = 0.01;
/// The door counts as shut if at most this many visitors a second are expected: four an hour.
const SHUT: f64 = 0.001;
/// Seconds within which allowed visitors have entered and are in the statistics.
const ON_THE_WAY: f64 = 3.0;
/// The largest plausible growth since the last entry: this many, and this times the capacity.
const PLAUSIBLE: (f64, f64) = (100.0, 30.0);
/// The most visitors who never ask that are expected to be due.
const UNASKED_AT_MOST: f64 = 10.0;
/// Abandonments over which the patience is averaged.
const ABANDONED_REMEMBERED: f64 = 30.0;
/// Limits the measured patience to this factor of the option, because abandonments are few.
pub(super) const PATIENCE_WRONG: f64 = 10.0;
/// Ends of interactions over which the handle time is averaged, and more for each slot.
const ENDED_REMEMBERED: (f64, f64) = (100.0, 10.0);
/// Silence is not evidence: a constant total of abandonments counts as correct after this many
/// seconds, because collectors may update it every quarter of an hour …
const SILENT_SECONDS: f32 = 1_000.0;
/// … and after this many expected abandonments.
const SILENT_EXPECTED: f32 = 5.0;

/// Since the running totals were last reported.
#[derive(Clone, Copy, Debug, Default)]
struct SinceTotals {
    seconds: f32,
    /// Exposure, seconds.
    exposure: f32,
}

/// Since the total of entries last moved.
#[derive(Clone, Copy, Debug, Default)]
struct SinceEntry {
    seconds: f32,
    /// Time of interactions in progress, in expected handle times.
    worked: f32,
    abandoned: f32,
}

/// Since the total of abandonments last moved, or counted as constant.
#[derive(Clone, Copy, Debug, Default)]
struct SinceAbandonment {
    seconds: f32,
    entered: f32,
    /// Time waited, in expected patiences.
    waited: f32,
}

/// The engine's state of one group.
#[derive(Clone, Debug, Default)]
pub struct Pacer {
    pub(super) reactive: Demand,
    /// Interactions that enter while the door is shut: their visitors never ask, or did long ago.
    pub(super) unasked: Demand,
    /// Those expected while the door was open that did not enter yet.
    unasked_expected: f32,
    /// Proactive interactions without a counted invitation.
    pub(super) uninvited: Demand,
    pub(super) price: Price,
    pub(super) patience: MeanTime,
    pub(super) handle_time: MeanTime,
    pub(super) busy: SetPoint,
    pub(super) reactive_share: SetPoint,
    pub(super) invitations: Invitations,
    pub(super) entry_delay: EntryDelay,
    entries_while_shut: EntriesWhileShut,
    since_totals: SinceTotals,
    since_entry: SinceEntry,
    since_abandonment: SinceAbandonment,
    pub(super) has_reactive_total: bool,
    pending: Option<u32>,
    /// Seconds since the last report.
    pub(super) age: f64,
    exposed_until: Duration,
    /// Exposure since the last report, seconds.
    pub(super) exposure: f64,
    /// Seconds for which the door has been shut.
    shut: f32,
    pub(super) probability: f64,
    pub(super) reason: Reason,
    /// The marginal risk if all are allowed.
    pub(super) risk_of_all: f32,
    /// Whether the reactive demand is more than an assumption.
    pub(super) knows_demand: bool,
}

const _: () = assert!(size_of::<Pacer>() <= 400, "the pacing of a group has outgrown its place in the table");

impl Pacer {
    pub fn new() -> Self {
        Self::default()
    }

    pub const fn reason(&self) -> Reason {
        self.reason
    }

    pub fn stakes(&self, options: &Options) -> Stakes {
        Stakes { risk: self.risk_of_all.into(), worth: self.price.of_worth(options.abandonment_cost) }
    }

    /// Whether visitors enter so late that the option `entry-delay` would help.
    pub fn enters_late(&self) -> bool {
        self.entries_while_shut.are_late()
    }

    /// Learns from an accepted report.
    pub fn report(&mut self, now: Duration, statistics: &Statistics, growth: &Growth, options: &Options) {
        self.pass_time(now, options);
        let passed = take(&mut self.age);
        self.exposure = 0.0;
        let occupancy = Occupancy::of(statistics, options);
        self.since_abandonment.seconds += passed as f32;
        self.since_abandonment.waited += (occupancy.queued * passed / occupancy.patience) as f32;
        self.since_entry.seconds += passed as f32;
        self.since_entry.worked += (occupancy.busy * passed / occupancy.handle_time) as f32;
        let before = replace(&mut self.pending, statistics.invitations_pending);
        if self.pending.is_some() {
            self.invitations.reported();
        }
        if statistics.reactive_entered.is_some() && !replace(&mut self.has_reactive_total, true) {
            self.reactive.assume(occupancy.capacity());
        } else if self.is_plausible(growth, &occupancy) {
            self.learn(growth, &occupancy, options);
            self.learn_invitations(growth, before, passed);
        }
        if growth.starts_row || growth.reactive_entered.is_some() {
            self.since_totals = SinceTotals::default();
        }
    }

    /// Whether a growth is that of a known row, and not larger than a group may have.
    fn is_plausible(&self, growth: &Growth, occupancy: &Occupancy) -> bool {
        let (at_once, overload) = PLAUSIBLE;
        let most = at_once + overload * occupancy.capacity() * f64::from(self.since_entry.seconds);
        let grown = [growth.reactive_entered, growth.proactive_entered, growth.abandoned];
        !growth.starts_row && grown.into_iter().flatten().all(|grown| grown as f64 <= most)
    }

    fn learn(&mut self, growth: &Growth, occupancy: &Occupancy, options: &Options) {
        let Some(entered) = growth.reactive_entered.map(|entered| entered as f64) else { return };
        let SinceTotals { seconds, exposure } = self.since_totals;
        let (seconds, exposure) = (f64::from(seconds), f64::from(exposure));
        // A growth beyond the capacity belongs to a total that is updated in lumps. With a busy
        // factor as goal the doors of a fleet are shut at different times.
        let is_lump = entered > 3.0 + 5.0 * occupancy.capacity() * seconds;
        if !options.holds_busy_factor() && !is_lump && f64::from(self.shut) >= seconds + ON_THE_WAY {
            self.unasked.learn(entered, seconds);
            self.entries_while_shut.learn(entered, seconds, self.shut.into());
        } else {
            let unasked = f64::from(self.unasked_expected) + self.unasked.per_second() * seconds;
            self.unasked_expected = (unasked - entered).clamp(0.0, UNASKED_AT_MOST) as f32;
            self.reactive.learn((entered - unasked).max(0.0), exposure.max(LEAST_OPEN * seconds));
        }
        self.knows_demand |= self.reactive.is_learned();
        // Without `abandoned` the price stays at its careful start.
        let Some(abandoned) = growth.abandoned.map(|abandoned| abandoned as f64) else { return };
        let entered = entered + growth.proactive_entered.unwrap_or(0) as f64;
        self.since_entry.abandoned += abandoned as f32;
        if entered > 0.0 {
            let SinceEntry { worked, abandoned, .. } = take(&mut self.since_entry);
            let (remembered, of_each_slot) = ENDED_REMEMBERED;
            let ended = (entered - f64::from(abandoned)).max(0.0);
            self.handle_time.learn(worked.into(), ended, remembered + of_each_slot * occupancy.slots);
        }
        // With `proactive-ratio` the goal is for proactive interactions; statistics do not tell
        // their abandonments apart.
        let proactive = growth.proactive_entered.unwrap_or(0) as f64;
        self.since_abandonment.entered += (if options.proactive_ratio > 0 { proactive } else { entered }) as f32;
        let SinceAbandonment { seconds, entered, waited } = self.since_abandonment;
        if abandoned > 0.0 || (seconds >= SILENT_SECONDS && waited >= SILENT_EXPECTED) {
            self.since_abandonment = SinceAbandonment::default();
            if waited > 0.0 {
                self.patience.learn(waited.into(), abandoned, ABANDONED_REMEMBERED);
            }
            // While more enter unasked than agents can serve, the price has no influence.
            if self.unasked.per_second() < occupancy.capacity() {
                self.price.learn(options, occupancy.at_work(), entered.into(), abandoned);
            } else {
                self.price.restart();
            }
        } else {
            let expected = f64::from(waited) / self.patience.factor(PATIENCE_WRONG);
            self.price.expect(options, occupancy.at_work(), entered.into(), expected);
        }
    }

    /// Learns from invitations; `before` were pending at the previous report.
    fn learn_invitations(&mut self, growth: &Growth, before: Option<u32>, passed: f64) {
        let grown = |growth: Option<u64>| growth.unwrap_or(0) as f64;
        let accepted = grown(growth.invitations_accepted);
        // Proactive interactions beyond the accepted invitations have a rate of their own.
        self.uninvited.learn((grown(growth.proactive_entered) - accepted).max(0.0), passed);
        if let Some((pending, before)) = self.pending.zip(before) {
            let answered = grown(growth.invitations_sent) + f64::from(before) - f64::from(pending);
            self.invitations.learn(answered.max(accepted), accepted, before.into(), passed);
        }
    }

    /// Whether the total of reactive entries was last reported more than `seconds` ago.
    pub(super) fn totals_older_than(&self, seconds: f32) -> bool {
        self.since_totals.seconds > seconds
    }

    /// Counts the time until `now`, with the probability in force.
    pub(super) fn pass_time(&mut self, now: Duration, options: &Options) {
        let passed = now.saturating_sub(self.exposed_until).as_secs_f64();
        self.exposed_until = now;
        self.age += passed;
        let exposure = self.entry_delay.pass(self.probability, passed, options.entry_delay.as_secs_f64());
        self.exposure += exposure;
        self.since_totals.seconds += passed as f32;
        self.since_totals.exposure += exposure as f32;
        let is_shut = exposure <= LEAST_OPEN * passed && self.reactive.per_second() * exposure <= SHUT * passed;
        self.shut = if is_shut { self.shut + passed as f32 } else { 0.0 };
    }
}
