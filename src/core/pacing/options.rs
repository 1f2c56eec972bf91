//! The options that steer the engine, under the reference's names; all values are valid ones.

use core::time::Duration;

crate::named! {
    /// How the prediction is made.
    pub enum Algorithm {
        /// Proactive traffic only; groups of 1–30 agents.
        SuperProgressive => "SUPER_PROGRESSIVE",
        /// Proactive and reactive traffic; groups of 1–30 agents.
        SuperProgressiveDual => "SUPER_PROGRESSIVE_DUAL",
        /// Proactive traffic only; groups from 30 agents.
        PredictiveB => "PREDICTIVE_B",
        /// Proactive and reactive traffic; groups from 30 agents.
        PredictiveBDual => "PREDICTIVE_B_DUAL",
        /// The collector sends the reactive state; it is served as it is.
        External => "EXTERNAL",
    }
}

impl Algorithm {
    /// Whether the reactive state is predicted, too.
    pub const fn is_dual(self) -> bool {
        match self {
            Self::SuperProgressiveDual | Self::PredictiveBDual => true,
            Self::SuperProgressive | Self::PredictiveB | Self::External => false,
        }
    }

    /// Whether the risk is computed in the form for large groups.
    pub(super) const fn is_for_large_groups(self) -> bool {
        match self {
            Self::PredictiveB | Self::PredictiveBDual => true,
            Self::SuperProgressive | Self::SuperProgressiveDual | Self::External => false,
        }
    }
}

crate::named! {
    /// What the optimization goal is about.
    pub enum OptimizationTarget {
        /// The largest share of the interactions that may be abandoned.
        AbandonmentRate => "ABANDONMENT_RATE",
        /// The share of the time that agents are busy.
        BusyFactor => "BUSY_FACTOR",
    }
}

/// The options of the `[pacing]` section.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// How the prediction is made.
    pub algorithm: Algorithm,
    /// What the goal is about.
    pub optimization_target: OptimizationTarget,
    /// The goal, percent, 0.1..=99.
    pub optimization_goal: f64,
    /// How many served visitors one abandoned visitor is worth, 0..=100. 0: the goal is spent in full.
    pub abandonment_cost: f64,
    /// Least share of the slots kept for proactive interactions, percent, 0..=100.
    pub proactive_ratio: u8,
    /// How often the prediction is made anew; ≥ 50 ms.
    pub refresh_period: Duration,
    /// Mean handle time until statistics say better; > 0.
    pub handle_time: Duration,
    /// Mean patience until statistics say better; > 0.
    pub patience: Duration,
    /// Mean time from the answer to the entry of a visitor who was let in.
    pub entry_delay: Duration,
}

impl Options {
    /// The goal as a share, 0.001..=0.99.
    pub(super) fn goal(&self) -> f64 {
        self.optimization_goal / 100.0
    }

    /// Whether the goal is a busy factor.
    pub(super) fn holds_busy_factor(&self) -> bool {
        self.optimization_target == OptimizationTarget::BusyFactor
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::SuperProgressiveDual,
            optimization_target: OptimizationTarget::AbandonmentRate,
            optimization_goal: 3.0,
            abandonment_cost: 1.0,
            proactive_ratio: 0,
            refresh_period: Duration::from_secs(2),
            handle_time: Duration::from_secs(300),
            patience: Duration::from_secs(60),
            entry_delay: Duration::ZERO,
        }
    }
}
