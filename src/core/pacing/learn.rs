//! One group's pacing: what is kept from one report to the next.

use core::{mem::size_of, time::Duration};

use super::{
    Growth, OptimizationTarget, Options, Reason, demand::Demand, invitations::Invitations, occupancy::Situation,
    price::Price, proactive_risk::Unevenness, set_point::Hold,
};
use crate::wire::line::Statistics;

/// Whether the door stood wide open: this daemon's, and with it that of every other daemon that hears the same statistics.
#[derive(Clone, Copy, Debug)]
pub(super) struct WideOpen {
    now: bool,
    since_report: bool,
    between_the_last_two: bool,
}

impl WideOpen {
    const NEW: Self = Self { now: false, since_report: false, between_the_last_two: false };

    /// A refresh was made.
    pub(super) fn see(&mut self, now: bool) {
        self.now = now;
        self.since_report &= now;
    }

    /// A report came. True: all that it tells of happened while the door stood wide open. What a report tells is older than
    /// its arrival, so the door must have stood so for the whole time between the two reports before, too.
    fn report(&mut self) -> bool {
        let before = core::mem::replace(&mut self.between_the_last_two, self.since_report);
        core::mem::replace(&mut self.since_report, self.now) && before
    }
}

/// The pacing of one group: what was learned from its reports, and the prediction made of it.
///
/// Time is the time since any fixed moment, and never goes back.
#[derive(Clone, Debug)]
pub struct Pacer {
    pub(super) reactive: Demand,
    /// Proactive interactions that no invitation counted here led to.
    pub(super) uninvited: Demand,
    pub(super) price: Price,
    pub(super) busy: Hold,
    pub(super) reactive_share: Hold,
    pub(super) invitations: Invitations,
    pub(super) unevenness: Unevenness,
    /// A report had a reactive total.
    pub(super) has_reactive_total: bool,
    /// Invitations pending by the last report.
    pending: Option<u32>,
    /// Whether a report has come.
    reported: bool,
    /// Seconds since the last report.
    pub(super) age: f64,
    /// Until when exposure was counted.
    exposed_until: Duration,
    /// Exposure since the last report, seconds.
    pub(super) exposure: f64,
    /// Exposure from the last reactive total until the last report, seconds.
    exposure_before: f64,
    /// The probability in force.
    pub(super) probability: f64,
    pub(super) reason: Reason,
    /// The reactive demand is more than a supposition.
    pub(super) knows_demand: bool,
    pub(super) wide_open: WideOpen,
}

/// Each group of the table holds one.
const _: () = assert!(size_of::<Pacer>() <= 320, "the pacing of a group has outgrown its place in the table");

impl Pacer {
    /// A group of which nothing is known yet.
    pub const fn new() -> Self {
        Self {
            reactive: Demand::NEW,
            uninvited: Demand::NEW,
            price: Price::NEW,
            busy: Hold::NEW,
            reactive_share: Hold::NEW,
            invitations: Invitations::NEW,
            unevenness: Unevenness::NEW,
            has_reactive_total: false,
            pending: None,
            reported: false,
            age: 0.0,
            exposed_until: Duration::ZERO,
            exposure: 0.0,
            exposure_before: 0.0,
            probability: 0.0,
            reason: Reason::NotYet,
            knows_demand: false,
            wide_open: WideOpen::NEW,
        }
    }

    /// Why the last prediction of the reactive state was what it was.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Takes what a new report says (already accepted: neither late nor malformed).
    pub fn report(&mut self, now: Duration, statistics: &Statistics, growth: &Growth, options: &Options) {
        self.count_exposure(now);
        // State may be reported every second, and totals once a minute.
        let exposure = self.exposure_before + core::mem::take(&mut self.exposure);
        let is_counted = growth.reactive_entered.is_some() || growth.starts_row;
        self.exposure_before = if is_counted { 0.0 } else { exposure };
        self.has_reactive_total |= statistics.reactive_entered.is_some();
        let before = core::mem::replace(&mut self.pending, statistics.invitations_pending);
        if self.pending.is_some() {
            self.invitations.reported();
        }
        let situation = Situation::of(statistics, options);
        let passed = core::mem::take(&mut self.age);
        if !core::mem::replace(&mut self.reported, true) {
            self.reactive.suppose(situation.capacity());
            return;
        }
        // … a new base line, and nothing learned from this step.
        if growth.starts_row {
            return;
        }
        let known = |growth: Option<u64>| growth.map(|growth| growth as f64);
        let proactive = known(growth.proactive_entered).unwrap_or(0.0);
        let accepted = known(growth.invitations_accepted).unwrap_or(0.0);
        let was_wide_open = self.wide_open.report();
        if let Some(entered) = known(growth.reactive_entered) {
            let expected = self.reactive.per_second() * exposure;
            self.reactive.learn(entered, exposure);
            self.knows_demand |= self.reactive.is_learned();
            // Without the abandoned the price stays where it began, which is careful.
            if let Some(abandoned) = known(growth.abandoned) {
                // Slots are kept for proactive interactions: the goal is theirs, too.
                let weight = if options.proactive_ratio > 0 { self.unevenness.ratio() } else { 1.0 };
                self.price.learn(options.goal(), situation.working(), entered + proactive, weight * abandoned);
                if was_wide_open && self.knows_demand {
                    self.price.follow(options.goal(), situation.working(), expected - entered);
                }
            }
            let holds_busy = options.optimization_target == OptimizationTarget::BusyFactor;
            if was_wide_open && self.knows_demand && holds_busy {
                self.busy.follow(expected - entered);
            }
        }
        // Who accepted an invitation was to be expected; the rest of the proactive interactions comes at a rate of its own.
        self.uninvited.learn((proactive - accepted).max(0.0), passed);
        if let Some((pending, before)) = self.pending.zip(before) {
            let sent = known(growth.invitations_sent).unwrap_or(0.0);
            let answered = sent + f64::from(before) - f64::from(pending);
            self.invitations.learn(answered.max(accepted), accepted, before.into(), passed);
        }
    }

    /// Time has gone on: the door stood open by the probability in force.
    pub(super) fn count_exposure(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.exposed_until).as_secs_f64();
        self.exposed_until = now;
        self.age += passed;
        self.exposure += self.probability * passed;
    }
}

impl Default for Pacer {
    fn default() -> Self {
        Self::new()
    }
}
