//! The options of the engine, with the reference's names; all values are valid.

use core::time::Duration;

crate::named! {
    pub enum Algorithm {
        /// Proactive traffic only; groups of 1–30 agents.
        SuperProgressive => "SUPER_PROGRESSIVE",
        /// Proactive and reactive traffic; groups of 1–30 agents.
        SuperProgressiveDual => "SUPER_PROGRESSIVE_DUAL",
        /// Proactive traffic only; groups from 30 agents.
        PredictiveB => "PREDICTIVE_B",
        /// Proactive and reactive traffic; groups from 30 agents.
        PredictiveBDual => "PREDICTIVE_B_DUAL",
        /// The collector sends the reactive state.
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

    /// Whether there is a reactive state, predicted here or by the collector.
    pub const fn has_reactive_state(self) -> bool {
        match self {
            Self::SuperProgressiveDual | Self::PredictiveBDual | Self::External => true,
            Self::SuperProgressive | Self::PredictiveB => false,
        }
    }

    /// Whether the risk is computed by normal approximation.
    pub(super) const fn is_for_large_groups(self) -> bool {
        match self {
            Self::PredictiveB | Self::PredictiveBDual => true,
            Self::SuperProgressive | Self::SuperProgressiveDual | Self::External => false,
        }
    }
}

crate::named! {
    pub enum OptimizationTarget {
        /// The largest share of interactions that may be abandoned.
        AbandonmentRate => "ABANDONMENT_RATE",
        /// The share of time that agents are busy.
        BusyFactor => "BUSY_FACTOR",
    }
}

/// The options of the `[pacing]` section.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    pub algorithm: Algorithm,
    pub optimization_target: OptimizationTarget,
    /// Percent, 0.1..=99.
    pub optimization_goal: f64,
    /// Served visitors that one abandoned visitor is worth, 0..=100. 0: the goal is spent in full.
    pub abandonment_cost: f64,
    /// Least share of the slots for proactive interactions, percent, 0..=100.
    pub proactive_ratio: u8,
    /// ≥ 50 ms.
    pub refresh_period: Duration,
    /// Mean handle time until statistics have one, > 0.
    pub handle_time: Duration,
    /// Mean patience until it is measured, > 0.
    pub patience: Duration,
    /// Mean time from the answer to the entry of an allowed visitor.
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
