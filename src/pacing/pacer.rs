//! One group's pacing: what is kept from one report to the next.

use core::{mem::size_of, time::Duration};

use super::{
    Options, Reason, demand::Demand, hold::Hold, invitations::Invitations, price::Price, situation::Situation,
    unevenness::Unevenness,
};
use crate::statistics::Statistics;

/// Running totals of the last report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Totals {
    pub(super) reactive_entered: Option<u64>,
    proactive_entered: u64,
    abandoned: u64,
    invitations_sent: u64,
    invitations_accepted: u64,
    invitations_pending: u32,
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
    pub(super) totals: Totals,
    /// When the last report came. `None`: none yet.
    pub(super) reported: Option<Duration>,
    /// Until when exposure was counted.
    exposed_until: Duration,
    /// Exposure since the last report, seconds.
    pub(super) exposure: f64,
    /// The probability in force.
    pub(super) probability: f64,
    pub(super) reason: Reason,
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
            totals: Totals {
                reactive_entered: None,
                proactive_entered: 0,
                abandoned: 0,
                invitations_sent: 0,
                invitations_accepted: 0,
                invitations_pending: 0,
            },
            reported: None,
            exposed_until: Duration::ZERO,
            exposure: 0.0,
            probability: 0.0,
            reason: Reason::NotYet,
        }
    }

    /// Why the last prediction of the reactive state was what it was.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Takes what a new report says (already accepted: neither late nor malformed).
    pub fn report(&mut self, now: Duration, statistics: &Statistics, options: &Options) {
        self.count_exposure(now);
        let exposure = core::mem::take(&mut self.exposure);
        let last = self.totals;
        self.totals = Totals {
            reactive_entered: statistics.reactive_entered,
            proactive_entered: statistics.proactive_entered.unwrap_or(0),
            abandoned: statistics.abandoned.unwrap_or(0),
            invitations_sent: statistics.invitations_sent.unwrap_or(0),
            invitations_accepted: statistics.invitations_accepted.unwrap_or(0),
            invitations_pending: statistics.invitations_pending.unwrap_or(0),
        };
        let situation = Situation::of(statistics, options);
        let Some(reported) = self.reported.replace(now) else {
            self.reactive.suppose(situation.capacity());
            return;
        };
        let passed = now.saturating_sub(reported).as_secs_f64();
        // A total that went down is a collector that was restarted: a new base line, and nothing learned from this step.
        let restarted = self.totals.proactive_entered < last.proactive_entered
            || self.totals.abandoned < last.abandoned
            || self.totals.reactive_entered < last.reactive_entered
            || self.totals.invitations_sent < last.invitations_sent
            || self.totals.invitations_accepted < last.invitations_accepted;
        if restarted {
            return;
        }
        let since = |now: u64, before: u64| now.saturating_sub(before) as f64;
        let reactive = match (self.totals.reactive_entered, last.reactive_entered) {
            (Some(now), Some(before)) => Some(since(now, before)),
            _ => None,
        };
        let proactive = since(self.totals.proactive_entered, last.proactive_entered);
        if let Some(entered) = reactive {
            self.reactive.learn(entered, exposure);
            // Slots are kept for proactive interactions: the goal is theirs, too.
            let weight = if options.proactive_ratio > 0 { self.unevenness.ratio() } else { 1.0 };
            self.price.learn(
                options.goal(),
                situation.working(),
                entered + proactive,
                weight * since(self.totals.abandoned, last.abandoned),
            );
        }
        // Who accepted an invitation was to be expected; the rest of the proactive interactions comes at a rate of its own.
        let accepted = since(self.totals.invitations_accepted, last.invitations_accepted);
        self.uninvited.learn((proactive - accepted).max(0.0), passed);
        if statistics.invitations_pending.is_none() {
            return;
        }
        let sent = since(self.totals.invitations_sent, last.invitations_sent);
        let pending = f64::from(last.invitations_pending);
        let answered = (sent + pending - f64::from(self.totals.invitations_pending)).max(accepted);
        self.invitations.learn(answered, accepted, pending, passed);
    }

    /// Time has gone on: the door stood open by the probability in force.
    pub(super) fn count_exposure(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.exposed_until).as_secs_f64();
        self.exposed_until = now;
        self.exposure += self.probability * passed;
    }
}

impl Default for Pacer {
    fn default() -> Self {
        Self::new()
    }
}
