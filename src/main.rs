//! pacingd: the daemon around the core. The edge: it reads the clock and the files, and talks to sockets.

mod daemon;

use std::process::ExitCode;

fn main() -> ExitCode {
    daemon::main()
}
