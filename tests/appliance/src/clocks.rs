//! Tries the standard library's clocks and time-outs, and tokio's timers, on a box whose clock is
//! past 2038.
//!
//! Prints a line for each, and ends with 1 if one is wrong.

use std::process::ExitCode;
use std::sync::{Condvar, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

// For its `clock_gettime`.
use clock32 as _;
use rustix::time::{ClockId, clock_gettime};

const TIME: Duration = Duration::from_millis(50);
/// An emulated box is slow, and one that waits for the wrong time waits for decades or not at all.
const LONGEST: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let Ok(runtime) = runtime else { return ExitCode::FAILURE };
    let all = [
        ("SystemTime ends with 32 bits, if need be", wall_clock()),
        ("a sleep", lasts(|| thread::sleep(TIME))),
        ("a condition variable", lasts(condition_variable)),
        ("a channel", lasts(|| _ = mpsc::channel::<()>().1.recv_timeout(TIME))),
        ("a parked thread", lasts(|| thread::park_timeout(TIME))),
        ("a timer of tokio", lasts(|| runtime.block_on(async { tokio::time::sleep(TIME).await }))),
        ("a time-out of tokio", lasts(|| runtime.block_on(time_out()))),
    ];
    for (what, is_right) in all {
        println!("{}{what}", if is_right { "ok      " } else { "FAULT   " });
    }
    ExitCode::from(u8::from(!all.iter().all(|(_, is_right)| *is_right)))
}

fn wall_clock() -> bool {
    let seconds = || u64::try_from(clock_gettime(ClockId::Realtime).tv_sec).unwrap_or_default();
    let is_of_32_bits = cfg!(all(target_env = "musl", target_pointer_width = "32"));
    let clamped = |seconds: u64| if is_of_32_bits { seconds.min(0x7fff_ffff) } else { seconds };
    let before = clamped(seconds());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    (before..=clamped(seconds())).contains(&now)
}

fn lasts(act: impl FnOnce()) -> bool {
    let began = Instant::now();
    act();
    (TIME..LONGEST).contains(&began.elapsed())
}

fn condition_variable() {
    let mutex = Mutex::new(());
    let guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
    // Nothing notifies it; waking early for no reason is allowed, and would be taken for a fault.
    drop(Condvar::new().wait_timeout(guard, TIME));
}

async fn time_out() {
    let _ = tokio::time::timeout(TIME, std::future::pending::<()>()).await;
}
