//! Measures mean times: time spent ÷ number of ends, from statistics alone, so that all daemons
//! agree. Where times are not exponential, that is the patience that the risk needs.

use libm::expf;

/// Ends assumed at first, with the expected time.
const ASSUMED: f32 = 5.0;

/// A measured time as a multiple of the expected one, with fading past.
#[derive(Clone, Copy, Debug)]
pub(super) struct MeanTime {
    spent: f32,
    ended: f32,
}

impl Default for MeanTime {
    fn default() -> Self {
        Self { spent: ASSUMED, ended: ASSUMED }
    }
}

impl MeanTime {
    /// Learns from `spent`, in expected times, and `ended`, averaged over `remembered` ends.
    pub(super) fn learn(&mut self, spent: f64, ended: f64, remembered: f64) {
        // A single report weighs no more than all that is remembered.
        let scale = remembered / spent.max(ended).max(remembered);
        let (spent, ended, remembered) = ((scale * spent) as f32, (scale * ended) as f32, remembered as f32);
        let keep = expf(-spent.max(ended) / remembered);
        self.spent = keep * self.spent + spent;
        self.ended = keep * self.ended + ended;
    }

    /// Measured ÷ expected time, within `most` and its inverse.
    pub(super) fn factor(&self, most: f64) -> f64 {
        f64::from(self.spent / self.ended.max(1e-9)).clamp(1.0 / most, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_expectation_is_found_out_and_a_change_followed() {
        let mut patience = MeanTime::default();
        let mut after = |times: u32, spent: f64| {
            (0..times).for_each(|_| patience.learn(spent, 1.0, 30.0));
            patience.factor(10.0)
        };
        assert!((after(300, 3.0) / 3.0 - 1.0).abs() < 0.05);
        assert!((after(300, 0.5) / 0.5 - 1.0).abs() < 0.05);
        assert!(after(10, 1e300) <= 10.0);
        assert!(after(1_000, 0.0) >= 0.1 - 1e-6);
    }
}
