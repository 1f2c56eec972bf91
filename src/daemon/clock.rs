//! The only place that reads the clocks.
//!
//! Through rustix, whose calls are the kernel's 64-bit ones on every platform: they outlive the year 2038.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// The last time that is reported: a day before the end of the year 9999, with which the dates of HTTP, of the log and of
/// their libraries end in every time zone.
const LAST: Duration = Duration::from_secs(253_402_300_799 - 24 * 60 * 60);

/// Returns the time since the machine started, including the time it was suspended: statistics age meanwhile.
pub(crate) fn now() -> Duration {
    duration(clock_gettime(ClockId::Boottime))
}

/// Returns the time since the machine started, without the time it was suspended, as the service manager counts it.
pub(crate) fn monotonic() -> Duration {
    duration(clock_gettime(ClockId::Monotonic))
}

/// Returns the wall-clock time since 1970: zero if the clock is set before that, and at most [`LAST`].
pub(crate) fn since_epoch() -> Duration {
    duration(clock_gettime(ClockId::Realtime)).min(LAST)
}

fn duration(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}
