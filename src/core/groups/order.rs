//! The order of a group's lines by their times.

use core::fmt;
use core::time::Duration;

use crate::counters::Distrust;
use crate::limits::GROUPS;
use crate::wire::contradiction::CLOCK_TOLERANCE;

/// Why a valid line is refused. Times are in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Unsigned, and `time` is before that of the last accepted line.
    Late,
    /// Signed, and `time` is not after that of the last accepted line.
    Replayed,
    /// Signed, and `time` is too far behind the local clock.
    Stale { by: u64, most: u64 },
    /// Signed, and `time` is too far ahead of the local clock.
    Early { by: u64, most: u64 },
    /// A new group, with all places taken.
    TableFull,
}

impl Refusal {
    /// Why the line is not trusted; `None` if it is refused for another reason.
    pub const fn distrust(self) -> Option<Distrust> {
        match self {
            Self::Late | Self::TableFull => None,
            Self::Replayed => Some(Distrust::Replayed),
            Self::Stale { .. } => Some(Distrust::Stale),
            Self::Early { .. } => Some(Distrust::Early),
        }
    }
}

/// How the times of a group's lines are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Equal times are accepted, because two events can have the same millisecond.
    Unsigned,
    /// Times must increase, or the line may be a replay. A last line after `latest`, Unix
    /// milliseconds, does not count: it was accepted while the local clock was ahead, or unsigned.
    Signed { latest: u64 },
}

impl Order {
    pub fn signed(wall: Duration, time_to_live: Duration) -> Self {
        Self::Signed { latest: u64::try_from(wall.saturating_add(time_to_live).as_millis()).unwrap_or(u64::MAX) }
    }

    /// Whether a line with `time` can follow one with `last`.
    pub(super) fn allows(self, last: u64, time: u64) -> bool {
        match self {
            Self::Unsigned => time >= last,
            Self::Signed { latest } => time > last || last > latest,
        }
    }
}

/// Checks that the time of a signed line is within the time to live of `wall`, the time since 1970.
pub fn check_time(milliseconds: u64, wall: Duration, time_to_live: Duration) -> Result<(), Refusal> {
    let (time, most) = (Duration::from_millis(milliseconds), time_to_live.as_secs());
    let by = wall.abs_diff(time).as_secs();
    if wall.abs_diff(time) <= time_to_live {
        Ok(())
    } else if time < wall {
        Err(Refusal::Stale { by, most })
    } else {
        Err(Refusal::Early { by, most })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = |by: u64| if by >= CLOCK_TOLERANCE.as_secs() { " Is it in Unix milliseconds?" } else { "" };
        match *self {
            Self::Late => formatter.write_str("its time is before that of the group's last line"),
            Self::Replayed => formatter.write_str("its time is not later than that of the group's last line"),
            Self::Stale { by, most } => write!(
                formatter,
                "its time is {by} s behind the clock here; want at most {most} s: is a clock wrong, or is it an old line?{}",
                unit(by)
            ),
            Self::Early { by, most } => write!(
                formatter,
                "its time is {by} s ahead of the clock here; want at most {most} s: is a clock wrong?{}",
                unit(by)
            ),
            Self::TableFull => write!(
                formatter,
                "all {GROUPS} places for groups are taken; send fewer groups, or declare those that matter \
                 (statistics.groups)"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_within_the_time_to_live_of_the_clock() {
        let wall = Duration::from_millis(1_790_000_000_123);
        let at = |difference: i64| 1_790_000_000_123_u64.saturating_add_signed(difference);
        let check = |difference, seconds| check_time(at(difference), wall, Duration::from_secs(seconds));
        for difference in [-30_000, 0, 30_000] {
            assert_eq!(check(difference, 30), Ok(()));
        }
        assert_eq!(check(-30_001, 30).unwrap_err().distrust(), Some(Distrust::Stale));
        assert_eq!(check(30_001, 30).unwrap_err().distrust(), Some(Distrust::Early));
        assert_eq!(check(-3_600_000, 3600), Ok(()));
        for (time, wall) in [(0, Duration::MAX), (u64::MAX, Duration::ZERO)] {
            assert!(check_time(time, wall, Duration::from_secs(30)).is_err());
        }
        assert_eq!(Order::signed(wall, Duration::from_secs(30)), Order::Signed { latest: at(30_000) });
        assert_eq!(Order::signed(Duration::MAX, Duration::MAX), Order::Signed { latest: u64::MAX });
    }
}
