//! What changes over the day by plan: a rate along straight lines ([`Curve`]), and a head count in
//! steps ([`Steps`]).

/// A rate, per second, as straight lines between points `(seconds since the start, rate)`.
///
/// Before the first point and after the last the rate stays what it is there. Two points at the
/// same moment make a jump.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    points: Vec<(f64, f64)>,
    /// Seconds after which the curve starts again; infinite: never.
    period: f64,
}

impl Curve {
    /// Nothing at all.
    #[must_use]
    pub fn zero() -> Self {
        Self::constant(0.0)
    }

    /// The same rate for ever.
    #[must_use]
    pub fn constant(rate: f64) -> Self {
        Self::lines([(0.0, rate)])
    }

    /// Straight lines between points, which must be in the order of time.
    #[must_use]
    pub fn lines(points: impl Into<Vec<(f64, f64)>>) -> Self {
        Self { points: points.into(), period: f64::INFINITY }
    }

    /// From each point on its rate, until the next point.
    #[must_use]
    pub fn steps(points: &[(f64, f64)]) -> Self {
        let mut lines = Vec::with_capacity(2 * points.len());
        for (at, rate) in points {
            if let Some((_, before)) = lines.last().copied() {
                lines.push((*at, before));
            }
            lines.push((*at, *rate));
        }
        Self::lines(lines)
    }

    /// The same again each `period` seconds.
    #[must_use]
    pub fn repeated(self, period: f64) -> Self {
        Self { period, ..self }
    }

    /// All rates times `factor`.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for (_, rate) in &mut self.points {
            *rate *= factor;
        }
        self
    }

    /// The rate at a moment.
    #[must_use]
    pub fn at(&self, seconds: f64) -> f64 {
        let seconds = if self.period.is_finite() { seconds % self.period } else { seconds };
        let after = self.points.partition_point(|(at, _)| *at <= seconds);
        let before = after.checked_sub(1).and_then(|index| self.points.get(index));
        match (before, self.points.get(after)) {
            (Some((from, low)), Some((to, high))) => low + (high - low) * (seconds - from) / (to - from),
            (Some((_, rate)), None) | (None, Some((_, rate))) => *rate,
            (None, None) => 0.0,
        }
    }

    /// The highest rate there ever is.
    #[must_use]
    pub fn peak(&self) -> f64 {
        self.points.iter().map(|(_, rate)| *rate).fold(0.0, f64::max)
    }
}

/// A number that changes in steps: from each moment `(seconds since the start, number)` on.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    points: Vec<(f64, u32)>,
    period: f64,
}

impl Steps {
    /// The same number for ever.
    #[must_use]
    pub fn constant(number: u32) -> Self {
        Self::new([(0.0, number)])
    }

    /// From each moment its number; the first moment must be 0 and the order that of time.
    #[must_use]
    pub fn new(points: impl Into<Vec<(f64, u32)>>) -> Self {
        Self { points: points.into(), period: f64::INFINITY }
    }

    /// The same again each `period` seconds.
    #[must_use]
    pub fn repeated(self, period: f64) -> Self {
        Self { period, ..self }
    }

    /// The highest number there ever is.
    #[must_use]
    pub fn peak(&self) -> u32 {
        self.points.iter().map(|(_, number)| *number).max().unwrap_or(0)
    }

    /// The number at a moment.
    #[must_use]
    pub fn at(&self, seconds: f64) -> u32 {
        let seconds = if self.period.is_finite() { seconds % self.period } else { seconds };
        let after = self.points.partition_point(|(at, _)| *at <= seconds);
        after.checked_sub(1).and_then(|index| self.points.get(index)).map_or(0, |(_, number)| *number)
    }

    /// The first change after a moment, in seconds since the start; infinite when there is none.
    #[must_use]
    pub fn next_change(&self, seconds: f64) -> f64 {
        let (round, within) = if self.period.is_finite() {
            let rounds = (seconds / self.period).floor();
            (rounds * self.period, seconds - rounds * self.period)
        } else {
            (0.0, seconds)
        };
        let after = self.points.partition_point(|(at, _)| *at <= within);
        self.points.get(after).map_or(round + self.period, |(at, _)| round + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_runs_along_straight_lines_and_starts_again() {
        let day = Curve::lines([(0.0, 1.0), (10.0, 3.0), (20.0, 3.0), (20.0, 0.0), (30.0, 0.0)]).repeated(40.0);
        for (at, rate) in [(0.0, 1.0), (5.0, 2.0), (15.0, 3.0), (20.0, 0.0), (35.0, 0.0), (45.0, 2.0)] {
            assert!((day.at(at) - rate).abs() < 1e-12, "at {at}: {}", day.at(at));
        }
        assert!((day.scaled(2.0).peak() - 6.0).abs() < 1e-12);
    }

    #[test]
    fn a_step_holds_until_the_next() {
        let steps = Curve::steps(&[(0.0, 1.0), (10.0, 5.0)]);
        assert!((steps.at(9.999) - 1.0).abs() < 1e-9 && (steps.at(10.0) - 5.0).abs() < 1e-12);
    }

    #[test]
    fn staff_changes_are_found_across_the_end_of_a_shift_plan() {
        let plan = Steps::new([(0.0, 10), (100.0, 5)]).repeated(200.0);
        assert_eq!((plan.at(50.0), plan.at(100.0), plan.at(399.0), plan.at(400.0)), (10, 5, 5, 10));
        assert!((plan.next_change(0.0) - 100.0).abs() < 1e-9);
        assert!((plan.next_change(100.0) - 200.0).abs() < 1e-9);
        assert!((plan.next_change(250.0) - 300.0).abs() < 1e-9);
        assert!(Steps::constant(3).next_change(7.0).is_infinite());
    }
}
