//! A client that asks in a loop, each time on a new connection, and notes what became of it.

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::client::Client;

const TARGET: &str = "/backend/data/pacing/channelCapacity?channel=chat";

/// Asks until the file is gone, and prints: requests, refused, cut, and of these those that failed
/// again at once.
///
/// The pause between two requests lets the others on the box's one slow core get on.
pub(crate) fn visit(port: u16, while_there: &Path, pause: Duration) {
    let (mut asked, mut refused, mut cut, mut in_vain) = (0, 0, 0, 0);
    while while_there.exists() {
        asked += 1;
        match ask(port) {
            Ok(()) => {}
            Err(error) => {
                if error.kind() == io::ErrorKind::ConnectionRefused {
                    refused += 1;
                } else {
                    cut += 1;
                }
                if ask(port).is_err() {
                    in_vain += 1;
                }
            }
        }
        thread::sleep(pause);
    }
    println!("{asked} {refused} {cut} {in_vain}");
}

/// True for any answer: whether it is a good one depends on the statistics.
fn ask(port: u16) -> io::Result<()> {
    Client::connect(port)?.ask(TARGET).map(drop)
}
