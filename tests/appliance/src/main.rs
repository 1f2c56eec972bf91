//! What asks, sends and measures on the appliance. It is built for the box, which has nothing that could ask ten thousand
//! times in a minute.

mod ceilings;
mod client;
mod visitor;

use std::io;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: client visit VISITORS-PORT FILE
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
        ["visit", visitors, file] => {
            visitor::visit(port(visitors)?, Path::new(file));
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
