//! The pacing engine: how likely a new reactive engagement should be allowed, and how many invitations may be sent.
//!
//! `docs/pacing.md` explains it to those who have never met a queue. From the outside inwards: [`Pacer`] is one group's
//! pacing (`learn`, `predict`); `occupancy` makes sense of its statistics; `risk` asks how many may enter at a price, and `price`
//! sets it; `demand`, `mean_time`, `entry_delay` and `invitations` learn what will come; `set_point` keeps a mean where it should be.
//! No clock, no I/O, no allocation: time and statistics are arguments. Whatever they are, the answers are numbers in range.
//!
//! # Important terms
//!
//! - **slot**: room for one interaction; agents × interactions that each can hold. **at work**: free or in use.
//! - **reactive** interaction: the visitor asked; each request is allowed with the probability `p`, the reactive state.
//!   **proactive**: the visitor accepted an invitation. **allowance**: invitations that may be sent until the next refresh.
//! - **handle time**: how long an interaction takes, mean 1/μ. **patience**: how long a visitor waits, mean 1/θ.
//! - **abandoned**: gave up waiting. **busy factor**: share of the slots at work in use.
//! - **demand**: interactions asked for, let in or not. **exposure**: `∫ p dt`, the time for which the door was open.
//! - **horizon**: from the moment of the statistics until whoever is let in by this refresh has entered.
//! - **marginal risk**: how likely one more visitor would abandon. **price**: the marginal risk at which the door closes.

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

/// What the running totals of a group have grown by since each was last reported. `None`: the line does not report the
/// total, or is the first to do so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// Reactive interactions that entered.
    pub reactive_entered: Option<u64>,
    /// Proactive interactions that entered.
    pub proactive_entered: Option<u64>,
    /// Interactions abandoned.
    pub abandoned: Option<u64>,
    /// Invitations sent.
    pub invitations_sent: Option<u64>,
    /// Invitations accepted.
    pub invitations_accepted: Option<u64>,
    /// The totals are a base line, of a collector that is new or was restarted: nothing is known of the time before,
    /// and every growth is `None`.
    pub starts_row: bool,
}

/// The prediction for one group until its next refresh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Probability, 0..=1, that a new reactive engagement should be allowed.
    /// `None`: the algorithm is not a dual one, or (`EXTERNAL`) the collector sent no value.
    pub reactive_state: Option<f64>,
    /// Invitations that may be sent until the next refresh; finite, ≥ 0. `None` under `EXTERNAL`.
    pub proactive_allowance: Option<f64>,
    /// Reactive interactions that visitors ask for, per second, let in or not. `None`: not known (yet).
    pub reactive_demand: Option<f64>,
}

/// What is at stake with one more visitor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stakes {
    /// Probability, 0..=1, that one more visitor abandons if everyone who asks is let in.
    pub risk: f64,
    /// The highest such probability that is worth taking, 0..=1.
    pub worth: f64,
}

/// Why the reactive state is what it is: what stands in the way of letting everyone in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reason {
    /// No refresh was made yet.
    #[default]
    NotYet,
    /// Nothing does: all who ask may enter.
    DemandFits,
    /// One more visitor would cost more than it brings.
    Worth,
    /// One more visitor would miss the goal.
    Abandonment,
    /// More would make the agents busier than wanted.
    BusyFactor,
    /// The rest of the slots is kept for proactive interactions.
    ProactiveShare,
    /// No slot is at work.
    NoAgents,
    /// The statistics say too little for a prediction: open while more are ready than wait.
    FewStatistics,
    /// The collector sends the value, or should.
    External,
    /// The algorithm does not predict reactive traffic.
    ProactiveOnly,
}

#[cfg(test)]
#[path = "pacing_tests.rs"]
mod tests;
