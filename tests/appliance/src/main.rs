//! What asks, sends and measures on the appliance. It is built for the box, which has nothing that
//! could ask ten thousand times in a minute.

mod ceilings;
mod client;
mod visitor;

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_settime};

const USAGE: &str = "\
usage: client set-clock SECONDS-SINCE-1970
       client visit VISITORS-PORT FILE MILLISECONDS
       client measure PID VISITORS-PORT OPERATORS-PORT STATISTICS-PORT";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match act(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("client: {error}");
            ExitCode::FAILURE
        }
    }
}

fn act(words: &[&str]) -> io::Result<bool> {
    let port = |word: &str| word.parse().map_err(|_| io::Error::other(format!("{word:?} is no port; want 1 to 65535")));
    match words {
        // The box's own `date`, and the kernel that reads its clock at the start, count in 32 bits.
        ["set-clock", seconds] => {
            let tv_sec =
                seconds.parse().map_err(|_| io::Error::other(format!("{seconds:?} is no number of seconds")))?;
            clock_settime(ClockId::Realtime, Timespec { tv_sec, tv_nsec: 0 })?;
            Ok(true)
        }
        ["visit", visitors, file, pause] => {
            let pause =
                pause.parse().map_err(|_| io::Error::other(format!("{pause:?} is no number of milliseconds")))?;
            visitor::visit(port(visitors)?, Path::new(file), Duration::from_millis(pause));
            Ok(true)
        }
        ["measure", pid, visitors, operators, statistics] => {
            let ports = ceilings::Ports {
                visitors: port(visitors)?,
                operators: port(operators)?,
                statistics: port(statistics)?,
            };
            ceilings::measure(pid, &ports)
        }
        _ => Err(io::Error::other(USAGE)),
    }
}
