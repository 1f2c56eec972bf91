//! Signals as something to wait for: handlers set a flag, and a byte in a pipe wakes the event loop.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

/// How long to wait after an error of the pipe before the flags are looked at again.
const PAUSE: Duration = Duration::from_millis(200);

/// What a signal asks for.
pub(crate) enum Signal {
    /// Read the configuration again.
    Reload,
    /// Finish the answers under way and exit.
    Stop,
}

/// Handlers that are in place, from before the configuration is read: none of these signals kills the daemon unseen.
pub(crate) struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    pipe: tokio::net::UnixStream,
}

impl Signals {
    /// Installs the handlers. Needs the event loop.
    pub(crate) fn install() -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        let pipe = tokio::net::UnixStream::from_std(reader)?;
        let (stop, reload) = (Arc::default(), Arc::default());
        // The flag first, so that whoever is woken by the pipe sees it.
        flag::register(SIGHUP, Arc::clone(&reload))?;
        pipe::register(SIGHUP, writer.try_clone()?)?;
        for signal in [SIGTERM, SIGINT] {
            // In this order: the first signal finds the flag down and raises it, a second one ends the process at once,
            // with the exit code that a shell reports for it.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
            flag::register(signal, Arc::clone(&stop))?;
            pipe::register(signal, writer.try_clone()?)?;
        }
        Ok(Self { stop, reload, pipe })
    }

    /// Waits for the next signal. One that was sent several times in between counts once.
    ///
    /// An error of the pipe is no reason to end: the flags are looked at again after a pause.
    pub(crate) async fn next(&self) -> Signal {
        loop {
            // Before the flags are read: a signal in between leaves its byte for the next round.
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
