//! The only place that reads the clocks.
//!
//! Through rustix, whose calls are the kernel's 64-bit ones on every platform: they outlive the year 2038.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Time since the machine started, the time it slept included: statistics age while an appliance sleeps.
pub(crate) fn now() -> Duration {
    duration(clock_gettime(ClockId::Boottime))
}

/// Time since the machine started, without the time it slept: as the service manager counts it.
pub(crate) fn monotonic() -> Duration {
    duration(clock_gettime(ClockId::Monotonic))
}

/// Wall-clock time since 1970; zero if the clock is set before that.
pub(crate) fn since_epoch() -> Duration {
    duration(clock_gettime(ClockId::Realtime))
}

fn duration(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}
