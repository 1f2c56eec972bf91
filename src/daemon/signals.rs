//! Signals, as something to wait for.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

/// What a signal asks for.
pub(crate) enum Signal {
    /// Read the configuration again.
    Reload,
    /// End well.
    Stop,
}

/// The signals the daemon knows.
pub(crate) struct Signals {
    stop: tokio::net::UnixStream,
    reload: tokio::net::UnixStream,
}

impl Signals {
    /// From here on signals are ours. Needs the event loop.
    pub(crate) fn register() -> io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            // In this order: the first one finds the flag down and raises it, a second one ends the process at once,
            // with the exit code that a shell gives to one killed so.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stopping))?;
            flag::register(signal, Arc::clone(&stopping))?;
        }
        Ok(Self { stop: pipe_of(&[SIGTERM, SIGINT])?, reload: pipe_of(&[SIGHUP])? })
    }

    /// The next signal. One that came several times before it was asked for counts once.
    pub(crate) async fn next(&mut self) -> io::Result<Signal> {
        loop {
            let signal = tokio::select! {
                biased;
                ready = self.stop.readable() => ready.map(|()| Signal::Stop)?,
                ready = self.reload.readable() => ready.map(|()| Signal::Reload)?,
            };
            let pipe = if let Signal::Stop = signal { &self.stop } else { &self.reload };
            if is_drained(pipe)? {
                return Ok(signal);
            }
        }
    }
}

fn pipe_of(signals: &[i32]) -> io::Result<tokio::net::UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    for signal in signals {
        pipe::register(*signal, theirs.try_clone()?)?;
    }
    tokio::net::UnixStream::from_std(ours)
}

/// Takes all there is; false if there was nothing.
fn is_drained(pipe: &tokio::net::UnixStream) -> io::Result<bool> {
    let mut any = false;
    loop {
        match pipe.try_read(&mut [0; 16]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => any = true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(any),
            Err(error) => return Err(error),
        }
    }
}
