//! The pacing engine: how likely a new reactive engagement should be allowed, and how many invitations may be sent.

mod options;

pub use options::{Algorithm, OptimizationTarget, Options};

use core::time::Duration;

use crate::statistics::Statistics;

/// What the engine says of one group until its next refresh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Probability, 0..=1, that a new reactive engagement should be allowed.
    /// `None`: the algorithm is not a dual one, or (`EXTERNAL`) the collector sent no value.
    pub reactive_state: Option<f64>,
    /// Invitations that may be sent until the next refresh. `None` under `EXTERNAL`.
    pub proactive_allowance: Option<f64>,
    /// Reactive interactions that visitors ask for, per second, let in or not. `None`: not known (yet).
    pub reactive_demand: Option<f64>,
}

/// The pacing of one group: what was learned from its reports, and the prediction made of it.
///
/// Time is the time since any fixed moment, and never goes back.
#[derive(Clone, Debug)]
pub struct Pacer {}

impl Pacer {
    /// A group of which nothing is known yet.
    pub const fn new() -> Self {
        Self {}
    }

    /// Takes what a new report says (already accepted: neither late nor malformed).
    pub fn report(&mut self, _now: Duration, _statistics: &Statistics, _options: &Options) {}

    /// Makes the prediction anew. Called once per refresh period, and at once when a group's first report came.
    pub fn refresh(&mut self, _now: Duration, _statistics: &Statistics, _options: &Options) -> Prediction {
        Prediction { reactive_state: None, proactive_allowance: None, reactive_demand: None }
    }
}

impl Default for Pacer {
    fn default() -> Self {
        Self::new()
    }
}
