//! The only place that reads the clocks: through 64-bit system calls, which outlive the year 2038
//! on every platform.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// A moment, by both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Since the machine started, sleep included: never steps.
    pub monotonic: Duration,
    /// Wall-clock time since 1970.
    pub since_epoch: Duration,
}

/// Returns the present moment.
pub fn now() -> Moment {
    Moment {
        monotonic: duration(clock_gettime(ClockId::Boottime)),
        since_epoch: duration(clock_gettime(ClockId::Realtime)),
    }
}

/// A time before 1970 is zero.
fn duration(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}
