//! Signals as a future: handlers set flags, and a byte in a pipe wakes the event loop.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

/// Pause between two looks at the flags while the pipe is broken.
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) enum Signal {
    Reload,
    Stop,
}

/// Installed handlers.
pub(crate) struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    pipe: tokio::net::UnixStream,
}

impl Signals {
    /// Installs the handlers. Must be called within the runtime.
    pub(crate) fn install() -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        let pipe = tokio::net::UnixStream::from_std(reader)?;
        let (stop, reload) = (Arc::default(), Arc::default());
        // The flag first, so that it is set when the pipe wakes the event loop.
        flag::register(SIGHUP, Arc::clone(&reload))?;
        pipe::register(SIGHUP, writer.try_clone()?)?;
        for signal in [SIGTERM, SIGINT] {
            // In this order: the first signal only sets the flag; a second one finds it set and
            // ends the process at once, with the exit code that a shell reports for the signal.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
            flag::register(signal, Arc::clone(&stop))?;
            pipe::register(signal, writer.try_clone()?)?;
        }
        Ok(Self { stop, reload, pipe })
    }

    /// Waits for the next signal; several equal ones count once. Errors of the pipe end in a pause
    /// and another look at the flags.
    pub(crate) async fn next(&self) -> Signal {
        loop {
            // Read before the flags: a signal in between leaves its byte for the next round.
            let is_broken = match self.pipe.try_read(&mut [0; 16]) {
                Ok(bytes) => bytes == 0,
                Err(error) => !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
            };
            if self.stop.load(Ordering::Relaxed) {
                return Signal::Stop;
            }
            if self.reload.swap(false, Ordering::Relaxed) {
                return Signal::Reload;
            }
            if is_broken || self.pipe.readable().await.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
