//! Reads the clocks, for the whole daemon: by rustix, whose system calls are 64-bit ones on every
//! platform, so that they work after 2038.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// The latest wall-clock time that is reported: a day before the end of year 9999, the last year
/// that dates of HTTP and of the log can have, in any time zone.
const LAST: Duration = Duration::from_secs(253_402_300_799 - 24 * 60 * 60);

/// Time since boot, including suspension, during which statistics age.
pub(crate) fn now() -> Duration {
    duration(clock_gettime(ClockId::Boottime))
}

/// Time since boot without suspension, as the service manager counts it.
pub(crate) fn monotonic() -> Duration {
    duration(clock_gettime(ClockId::Monotonic))
}

/// Wall-clock time since 1970: 0 if the clock is set to an earlier year, at most [`LAST`].
pub(crate) fn since_epoch() -> Duration {
    duration(clock_gettime(ClockId::Realtime)).min(LAST)
}

fn duration(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}
