//! The pacing engine: how likely a new reactive engagement should be allowed, and how many invitations may be sent.
//!
//! `docs/pacing.md` explains it to those who have never met a queue. From the outside inwards: [`Pacer`] is one group's
//! pacing; `situation` makes sense of its statistics; `risk` asks how many may enter at a price; `price` sets the price by
//! the abandonment measured; `demand` and `invitations` learn what will come; `hold` keeps a mean where it should
//! be; `unevenness` tells proactive abandonment from the rest.
//! No clock, no I/O, no allocation: time and statistics are arguments. Whatever they are, the answers are numbers in range.
//!
//! # Important terms
//!
//! - **group**: agents who serve one channel. **slot**: room for one interaction; agents × interactions that each can hold.
//! - **ready**: free for an interaction now. **queued**: waiting for an agent.
//! - **reactive** interaction: the visitor asked. Each request is allowed with the probability `p`, the reactive state.
//! - **proactive** interaction: a visitor accepted an invitation that the site sent.
//! - **handle time**: how long an agent is taken up by an interaction, mean 1/μ. **patience**: how long a visitor waits, mean 1/θ.
//! - **abandoned**: gave up waiting. **abandonment**: share of all who entered that abandoned.
//! - **busy factor**: share of the slots in use.
//! - **demand**: interactions asked for, let in or not. It *suffices* where letting everyone in would miss the goal.
//! - **exposure**: `∫ p dt`, the time during which the door stood open.
//! - **refresh period**: how often the prediction is made anew; **horizon**: until when it looks ahead, from the moment that
//!   the statistics tell of to the end of the period.
//! - **marginal risk**: how likely one more visitor would abandon. **price**: the marginal risk at which the door closes.
//! - **allowance**: invitations that may be sent until the next refresh.

mod demand;
mod growth;
mod invitations;
mod learn;
mod occupancy;
mod options;
mod predict;
mod price;
mod proactive_risk;
mod risk;
mod set_point;

pub use growth::Growth;
pub use learn::Pacer;
pub use occupancy::busy_factor;
pub use options::{Algorithm, OptimizationTarget, Options};

/// What the engine says of one group until its next refresh.
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

/// Why the reactive state is what it is: what stands in the way of letting everyone in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reason {
    /// No refresh was made yet.
    #[default]
    NotYet,
    /// Nothing: all who ask may enter.
    DemandFits,
    /// More would be at too great a risk to abandon.
    Abandonment,
    /// More would make the agents busier than wanted.
    BusyFactor,
    /// The rest of the slots is kept for proactive interactions.
    ProactiveShare,
    /// Nobody is at work.
    NoAgents,
    /// The statistics say too little for a prediction: open while someone is ready and nobody waits.
    FewStatistics,
    /// The collector sends the value, or should.
    External,
    /// The algorithm does not predict reactive traffic.
    ProactiveOnly,
}

#[cfg(test)]
#[path = "pacing_tests.rs"]
mod tests;
