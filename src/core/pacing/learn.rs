//! One group's pacing: what is kept from one report to the next.

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

/// Whoever enters while the door is shut came in late, or never asked: the door counts as open by this much, or demand would
/// seem endless.
const LEAST_OPEN: f64 = 0.01;
/// The door is shut if no more visitors than this are to be expected to be let in, per second: four an hour.
const SHUT: f64 = 0.001;
/// Whoever was let in has entered, and is in the statistics, within this many seconds.
const ON_THE_WAY: f64 = 3.0;
/// This many at once, and this many times what the group can do, is the most that may enter or abandon since the total of
/// entries last moved; more is nonsense in the totals.
const PLAUSIBLE: (f64, f64) = (100.0, 30.0);
/// More visitors who did not ask are not awaited: there are fewer of them by now.
const UNASKED_AT_MOST: f64 = 10.0;
/// Abandonments that the patience is averaged over.
const ABANDONED_REMEMBERED: f64 = 30.0;
/// The measured patience is believed within this factor of the option: abandonments are few.
pub(super) const PATIENCE_WRONG: f64 = 10.0;
/// Ends of interactions that the handle time is averaged over, and more for each slot: those in progress end alike.
const ENDED_REMEMBERED: (f64, f64) = (100.0, 10.0);
/// Silence is not evidence: a total of abandonments that does not move is believed after this many seconds, for collectors
/// update it as rarely as every quarter of an hour …
const SILENT_SECONDS: f32 = 1_000.0;
/// … and when this many were to be expected meanwhile.
const SILENT_EXPECTED: f32 = 5.0;

/// What has happened since the running totals were last reported: state may come every second, and totals once a minute.
#[derive(Clone, Copy, Debug, Default)]
struct SinceTotals {
    seconds: f32,
    /// Exposure, seconds.
    exposure: f32,
}

/// What has happened since the total of those who entered last moved.
#[derive(Clone, Copy, Debug, Default)]
struct SinceEntry {
    seconds: f32,
    /// Time of interactions in progress, in expected handle times.
    worked: f32,
    abandoned: f32,
}

/// What has happened since the total of those who abandoned last moved, or was believed not to move.
#[derive(Clone, Copy, Debug, Default)]
struct SinceAbandonment {
    seconds: f32,
    entered: f32,
    /// Time waited, in expected patiences.
    waited: f32,
}

/// The pacing of one group: what was learned from its reports, and the prediction made of it.
///
/// Time is the time since any fixed moment, and never goes back.
#[derive(Clone, Debug, Default)]
pub struct Pacer {
    pub(super) reactive: Demand,
    /// Reactive interactions that enter while the door is shut: their visitors never ask, or did so long before.
    pub(super) unasked: Demand,
    /// Those of them who were to be expected while the door was open, and did not enter yet.
    unasked_expected: f32,
    /// Proactive interactions that no invitation counted here led to.
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
    /// A report had the total of reactive entries.
    pub(super) has_reactive_total: bool,
    /// Invitations pending by the last report.
    pending: Option<u32>,
    /// Seconds since the last report.
    pub(super) age: f64,
    /// Until when exposure was counted.
    exposed_until: Duration,
    /// Exposure since the last report, seconds.
    pub(super) exposure: f64,
    /// For how long the door has been shut, seconds.
    shut: f32,
    /// The probability in force.
    pub(super) probability: f64,
    pub(super) reason: Reason,
    /// The marginal risk, if everyone who asks were let in.
    pub(super) risk_of_all: f32,
    /// The reactive demand is more than an assumption.
    pub(super) knows_demand: bool,
}

/// Each group of the table holds one.
const _: () = assert!(size_of::<Pacer>() <= 400, "the pacing of a group has outgrown its place in the table");

impl Pacer {
    /// A group of which nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Why the last prediction of the reactive state was what it was.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// What is at stake with one more visitor, by the last prediction.
    pub fn stakes(&self, options: &Options) -> Stakes {
        Stakes { risk: self.risk_of_all.into(), worth: self.price.of_worth(options.abandonment_cost) }
    }

    /// Whether visitors enter later than they were let in: the option `entry-delay` is for them.
    pub fn enters_late(&self) -> bool {
        self.entries_while_shut.are_late()
    }

    /// Takes what a new report says (already accepted: neither late nor malformed).
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

    /// Whether something can be learned from a growth: it is that of a known row, and not beyond all that a group may see.
    fn is_plausible(&self, growth: &Growth, occupancy: &Occupancy) -> bool {
        let (at_once, overload) = PLAUSIBLE;
        let most = at_once + overload * occupancy.capacity() * f64::from(self.since_entry.seconds);
        let grown = [growth.reactive_entered, growth.proactive_entered, growth.abandoned];
        !growth.starts_row && grown.into_iter().flatten().all(|grown| grown as f64 <= most)
    }

    /// Learns from what the running totals have grown by.
    fn learn(&mut self, growth: &Growth, occupancy: &Occupancy, options: &Options) {
        let Some(entered) = growth.reactive_entered.map(|entered| entered as f64) else { return };
        let SinceTotals { seconds, exposure } = self.since_totals;
        let (seconds, exposure) = (f64::from(seconds), f64::from(exposure));
        // What enters at once beyond what the group can do is a total that is updated in lumps. And where a busy factor is held,
        // the doors of a fleet are not shut at the same moments.
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
        // Without the abandoned the price stays where it began, which is careful.
        let Some(abandoned) = growth.abandoned.map(|abandoned| abandoned as f64) else { return };
        let entered = entered + growth.proactive_entered.unwrap_or(0) as f64;
        self.since_entry.abandoned += abandoned as f32;
        if entered > 0.0 {
            let SinceEntry { worked, abandoned, .. } = take(&mut self.since_entry);
            let (remembered, of_each_slot) = ENDED_REMEMBERED;
            let ended = (entered - f64::from(abandoned)).max(0.0);
            self.handle_time.learn(worked.into(), ended, remembered + of_each_slot * occupancy.slots);
        }
        // Where slots are kept for proactive interactions the goal is theirs, and statistics do not say who of both abandoned.
        let proactive = growth.proactive_entered.unwrap_or(0) as f64;
        self.since_abandonment.entered += (if options.proactive_ratio > 0 { proactive } else { entered }) as f32;
        let SinceAbandonment { seconds, entered, waited } = self.since_abandonment;
        if abandoned > 0.0 || (seconds >= SILENT_SECONDS && waited >= SILENT_EXPECTED) {
            self.since_abandonment = SinceAbandonment::default();
            if waited > 0.0 {
                self.patience.learn(waited.into(), abandoned, ABANDONED_REMEMBERED);
            }
            // While more enter without asking than the agents can serve, the price has no influence on abandonment, and what
            // was learned on the way there is no knowledge of it.
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

    /// Learns from invitations sent, accepted and pending; `before` were pending by the report before this.
    fn learn_invitations(&mut self, growth: &Growth, before: Option<u32>, passed: f64) {
        let grown = |growth: Option<u64>| growth.unwrap_or(0) as f64;
        let accepted = grown(growth.invitations_accepted);
        // Who accepted an invitation was to be expected; the other proactive interactions come at a rate of their own.
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

    /// Time has gone on to `now`, with the door open by the probability in force.
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
