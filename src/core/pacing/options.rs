//! The options that steer the engine, under the reference's names; all values are valid ones.

use core::fmt;
use core::time::Duration;

/// How the prediction is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Proactive traffic only; groups of 1–30 agents.
    SuperProgressive,
    /// Proactive and reactive traffic; groups of 1–30 agents.
    SuperProgressiveDual,
    /// Proactive traffic only; groups from 30 agents.
    PredictiveB,
    /// Proactive and reactive traffic; groups from 30 agents.
    PredictiveBDual,
    /// The collector sends the reactive state; it is served as it is.
    External,
}

impl Algorithm {
    /// Every algorithm, in the reference's order.
    pub const ALL: [Self; 5] =
        [Self::SuperProgressive, Self::SuperProgressiveDual, Self::PredictiveB, Self::PredictiveBDual, Self::External];

    /// The reference's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SuperProgressive => "SUPER_PROGRESSIVE",
            Self::SuperProgressiveDual => "SUPER_PROGRESSIVE_DUAL",
            Self::PredictiveB => "PREDICTIVE_B",
            Self::PredictiveBDual => "PREDICTIVE_B_DUAL",
            Self::External => "EXTERNAL",
        }
    }

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

    /// The algorithm of that name, spelt exactly so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What the optimization goal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptimizationTarget {
    /// The largest share of the interactions that may be abandoned.
    AbandonmentRate,
    /// The share of the time that agents are busy.
    BusyFactor,
}

impl OptimizationTarget {
    /// Every target.
    pub const ALL: [Self; 2] = [Self::AbandonmentRate, Self::BusyFactor];

    /// The reference's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AbandonmentRate => "ABANDONMENT_RATE",
            Self::BusyFactor => "BUSY_FACTOR",
        }
    }

    /// The target of that name. `ABANDONEMENT_RATE`, as the reference misspells it, is understood too.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ABANDONEMENT_RATE" => Some(Self::AbandonmentRate),
            _ => Self::ALL.into_iter().find(|target| target.name() == name),
        }
    }
}

impl fmt::Display for OptimizationTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
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
        within(self.optimization_goal, 0.1, 99.0) / 100.0
    }

    /// The cost of an abandonment, in visitors served.
    pub(super) fn cost(&self) -> f64 {
        within(self.abandonment_cost, 0.0, 100.0)
    }

    /// The least share of the slots that is kept for proactive interactions, 0..=1.
    pub(super) fn kept(&self) -> f64 {
        f64::from(self.proactive_ratio.min(100)) / 100.0
    }
}

/// `value` clamped to `least..=most`; what is no number is the least.
fn within(value: f64, least: f64, most: f64) -> f64 {
    if value >= least { value.min(most) } else { least }
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
