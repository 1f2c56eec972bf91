//! The pacing engine: predicts the reactive state and the proactive allowance of a group.
//! `docs/pacing.md` explains it.
//!
//! [`Pacer`] is the state of one group (`learn`, `predict`). `occupancy` normalizes statistics;
//! `risk` computes how many may enter at a price, which `price` sets; `demand`, `mean_time`,
//! `entry_delay` and `invitations` estimate; `set_point` controls a mean. No clock, no I/O, no
//! allocation. Whatever the statistics are, the predictions are finite and in range.
//!
//! # Important terms
//!
//! - **slot**: room for one interaction; agents × interactions that each can hold. **at work**:
//!   free or in use.
//! - **reactive** interaction: the visitor asked; each request is allowed with the probability `p`,
//!   the reactive state. **proactive**: the visitor accepted an invitation. **allowance**:
//!   invitations that may be sent until the next refresh.
//! - **handle time**: how long an interaction takes, mean 1/μ. **patience**: how long a visitor
//!   waits, mean 1/θ.
//! - **abandoned**: gave up waiting. **busy factor**: share of the slots at work in use.
//! - **demand**: interactions asked for, allowed or not. **exposure**: `∫ p dt`, the time for which
//!   the door was open.
//! - **horizon**: from the time of the statistics until the visitors allowed by this refresh have
//!   entered.
//! - **marginal risk**: probability that one more visitor abandons. **price**: the marginal risk at
//!   which the door closes.

mod demand;
mod entry_delay;
mod invitations;
mod learn;
mod mean_time;
mod occupancy;
mod options;
mod predict;
mod price;
mod risk;
mod set_point;

pub use learn::Pacer;
pub use occupancy::busy_factor;
pub use options::{Algorithm, OptimizationTarget, Options};

/// The growth of running totals since each was last reported. `None`: not reported twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    pub reactive_entered: Option<u64>,
    pub proactive_entered: Option<u64>,
    pub abandoned: Option<u64>,
    pub invitations_sent: Option<u64>,
    pub invitations_accepted: Option<u64>,
    /// The totals are the base line of a new or restarted collector; every growth is `None`.
    pub starts_row: bool,
}

/// The prediction for one group until its next refresh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Probability, 0..=1. `None`: not predicted, or (`EXTERNAL`) not sent.
    pub reactive_state: Option<f64>,
    /// Invitations that may be sent until the next refresh; finite, ≥ 0. `None` under `EXTERNAL`.
    pub proactive_allowance: Option<f64>,
    /// Reactive interactions asked for per second, allowed or not. `None`: not known.
    pub reactive_demand: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stakes {
    /// Probability, 0..=1, that one more visitor abandons if all are allowed.
    pub risk: f64,
    /// The highest such probability that is worth it, 0..=1.
    pub worth: f64,
}

crate::named! {
    /// What limits the reactive state, with its name in `/status` and `/metrics`.
    #[derive(Default)]
    pub enum Reason {
        /// No prediction yet.
        #[default]
        NotYet => "notYet",
        /// Nothing: all are allowed.
        DemandFits => "demandFits",
        /// One more visitor would cost more than it brings.
        Worth => "worth",
        /// One more visitor would miss the goal.
        Abandonment => "abandonment",
        /// More would make the agents busier than wanted.
        BusyFactor => "busyFactor",
        /// The other slots are kept for proactive interactions.
        ProactiveShare => "proactiveShare",
        /// No slot is at work.
        NoAgents => "noAgents",
        /// Too few statistics for a prediction: open while more are ready than queued.
        FewStatistics => "fewStatistics",
        /// The collector sends the value.
        External => "external",
        /// The algorithm does not predict reactive traffic.
        ProactiveOnly => "proactiveOnly",
    }
}

#[cfg(test)]
#[path = "pacing_tests.rs"]
mod tests;
