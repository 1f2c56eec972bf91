//! How long things take: handle times, patience, answers to invitations, delays of datagrams.

use rand_distr::{Distribution, Exp1, StandardNormal};
use rand_pcg::Pcg64Mcg;

/// A distribution of durations; means in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Times {
    /// Always the same.
    Fixed(f64),
    /// Exponential: what the formulas of the textbooks suppose.
    Exponential {
        /// Mean, seconds.
        mean: f64,
    },
    /// Lognormal: what measured handle times and patience look like (Brown et al. 2005, sections
    /// 4.3 and 5).
    Lognormal {
        /// Mean, seconds.
        mean: f64,
        /// Coefficient of variation: standard deviation ÷ mean. Exponential times have 1.
        variation: f64,
    },
}

impl Times {
    /// The mean, seconds.
    #[must_use]
    pub const fn mean(&self) -> f64 {
        match self {
            Self::Fixed(mean) | Self::Exponential { mean } | Self::Lognormal { mean, .. } => *mean,
        }
    }

    /// One duration, seconds.
    pub(crate) fn draw(&self, random: &mut Pcg64Mcg) -> f64 {
        match self {
            Self::Fixed(time) => *time,
            Self::Exponential { mean } => {
                let standard: f64 = Exp1.sample(random);
                mean * standard
            }
            Self::Lognormal { mean, variation } => {
                // The mean of a lognormal is e^(location + spread²/2), and 1 + variation² =
                // e^(spread²).
                let spread_squared = libm::log1p(variation * variation);
                let standard: f64 = StandardNormal.sample(random);
                mean * libm::exp(spread_squared.sqrt() * standard - spread_squared / 2.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_pcg::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn draws_have_the_mean_and_the_spread_they_are_named_for() {
        let cases = [
            (Times::Fixed(7.0), 0.0),
            (Times::Exponential { mean: 7.0 }, 1.0),
            (Times::Lognormal { mean: 7.0, variation: 1.6 }, 1.6),
        ];
        for (times, variation) in cases {
            let mut random = Pcg64Mcg::seed_from_u64(1);
            let draws: Vec<f64> = (0..400_000).map(|_| times.draw(&mut random)).collect();
            let mean = draws.iter().sum::<f64>() / 400_000.0;
            let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 400_000.0;
            assert!((mean / 7.0 - 1.0).abs() < 0.01, "{times:?}: mean {mean}");
            assert!((variance.sqrt() / mean - variation).abs() < 0.06, "{times:?}: {}", variance.sqrt() / mean);
        }
    }
}
