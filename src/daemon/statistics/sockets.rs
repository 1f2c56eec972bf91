//! What only the kernel knows: datagrams that it dropped because a socket was full.

use std::fs;
use std::net::SocketAddr;

/// Returns how many datagrams were dropped at the UDP socket of that address and inode since it was opened. `None`: the
/// kernel does not say.
pub(crate) fn datagrams_dropped(address: SocketAddr, inode: u64) -> Option<u64> {
    // `/proc/self` is there also where a sandbox hides the rest of `/proc`.
    let table = if address.is_ipv4() { "/proc/self/net/udp" } else { "/proc/self/net/udp6" };
    drops_in(&fs::read_to_string(table).ok()?, inode)
}

/// proc(5): the tenth column is the socket's inode, the last one the drops. (Its address does not suffice: several sockets may
/// receive from one multicast group.)
fn drops_in(table: &str, inode: u64) -> Option<u64> {
    let inode = inode.to_string();
    let mut lines = table.lines().map(|line| line.split_ascii_whitespace());
    lines.find_map(|mut columns| (columns.nth(9) == Some(&inode)).then(|| columns.last())?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_the_last_column_of_the_socket_s_line() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
                     73: 0100007F:1FBF 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 11 2 0 7\n\
                     74: 030201EF:1FBF 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12 2 0 42\n";
        assert_eq!(drops_in(table, 12), Some(42));
        assert_eq!(drops_in(table, 42), None);
    }
}
