//! The clocks of 32-bit musl past 19 January 2038.
//!
//! For 32-bit musl the standard library still calls the C function `clock_gettime` that counts
//! seconds in 32 bits. From 03:14:08 on that day musl's answer is an error, and `SystemTime::now()`
//! panics. pacingd itself reads its clocks through rustix, but hyper calls `SystemTime::now()` each
//! time it looks after a connection, also where no `date` header is wanted, and rustls with each
//! handshake, for sessions' ages.
//!
//! A program that links this crate has another `clock_gettime`: it asks the kernel in 64 bits, and
//! its answer ends with the last second that 32 bits can hold. So `SystemTime::now()` stands still
//! there instead of panicking. `Instant::now()` counts from the machine's start and is not touched;
//! a time-out that waits in the kernel does not come here.
//!
//! On other targets the crate is empty. It can be deleted once the prebuilt standard library calls
//! musl's 64-bit function (`__clock_gettime64`, musl 1.2 and later).
#![no_std]

/// `struct timespec` of C where it has 32-bit seconds.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timespec32 {
    /// Whole seconds.
    pub seconds: i32,
    /// Nanoseconds of the next second.
    pub nanoseconds: i32,
}

impl Timespec32 {
    /// The last time that it can hold.
    pub const MAX: Self = Self { seconds: i32::MAX, nanoseconds: 999_999_999 };

    /// The time of this many seconds and nanoseconds, or the nearest one that it can hold.
    pub fn saturating(seconds: i64, nanoseconds: i64) -> Self {
        match (i32::try_from(seconds), i32::try_from(nanoseconds)) {
            (Ok(seconds), Ok(nanoseconds)) => Self { seconds, nanoseconds },
            _ if seconds < 0 => Self { seconds: i32::MIN, nanoseconds: 0 },
            _ => Self::MAX,
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "musl", target_pointer_width = "32"))]
mod musl {
    use rustix::time::{ClockId, clock_gettime as of_kernel};

    use super::Timespec32;

    /// clock_gettime(2). Clocks that the standard library does not read are refused.
    #[unsafe(no_mangle)]
    extern "C" fn clock_gettime(clock: i32, time: &mut Timespec32) -> i32 {
        let clock = match clock {
            0 => ClockId::Realtime,
            1 => ClockId::Monotonic,
            7 => ClockId::Boottime,
            _ => return -1,
        };
        // A system call or the vDSO: rustix without its feature `use-libc` does not come back here.
        let now = of_kernel(clock);
        *time = Timespec32::saturating(now.tv_sec, now.tv_nsec.into());
        0
    }
}

#[cfg(test)]
mod tests {
    use super::Timespec32;

    #[test]
    fn times_that_fit_are_kept_and_others_are_the_nearest() {
        let last = i64::from(i32::MAX);
        for (seconds, want) in [(0, 0), (-1, -1), (last, i32::MAX), (i64::from(i32::MIN), i32::MIN)] {
            assert_eq!(Timespec32::saturating(seconds, 7), Timespec32 { seconds: want, nanoseconds: 7 });
        }
        for seconds in [last + 1, 2_208_988_800, i64::MAX] {
            assert_eq!(Timespec32::saturating(seconds, 7), Timespec32::MAX);
        }
        for seconds in [i64::from(i32::MIN) - 1, i64::MIN] {
            assert_eq!(Timespec32::saturating(seconds, 7), Timespec32 { seconds: i32::MIN, nanoseconds: 0 });
        }
    }
}
