//! What only the kernel knows: datagrams that found the socket full.

use std::fs;
use std::net::SocketAddr;

/// Datagrams dropped at the UDP socket of that address since it was opened. `None`: the kernel does not tell.
pub(crate) fn datagrams_dropped(address: SocketAddr) -> Option<u64> {
    // `/proc/self` is there also where a sandbox hides the rest of `/proc`.
    let table = if address.is_ipv4() { "/proc/self/net/udp" } else { "/proc/self/net/udp6" };
    drops_in(&fs::read_to_string(table).ok()?, address)
}

/// proc(5): the second column is address and port in hexadecimal, the last one the drops.
fn drops_in(table: &str, address: SocketAddr) -> Option<u64> {
    let octets = match address {
        SocketAddr::V4(address) => address.ip().octets().to_vec(),
        SocketAddr::V6(address) => address.ip().octets().to_vec(),
    };
    // Words of four octets in the machine's order, as the kernel prints them.
    let words = octets.chunks_exact(4).filter_map(|word| word.try_into().ok()).map(u32::from_ne_bytes);
    let mut local: String = words.map(|word| format!("{word:08X}")).collect();
    local.push_str(&format!(":{:04X}", address.port()));
    let mut lines = table.lines().map(|line| line.split_ascii_whitespace());
    lines.find_map(|mut columns| (columns.nth(1) == Some(&local)).then(|| columns.last())?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_of_a_socket_of_ours() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(socket) = std::net::UdpSocket::bind(any) else { continue };
            let address = socket.local_addr().unwrap();
            let table = if address.is_ipv4() { "/proc/self/net/udp" } else { "/proc/self/net/udp6" };
            if fs::exists(table).unwrap() {
                assert_eq!(datagrams_dropped(address), Some(0), "{address}");
            }
        }
    }

    #[test]
    fn drops_are_the_last_column_of_the_socket_s_line() {
        if cfg!(target_endian = "big") {
            return;
        }
        let table = "  sl  local_address rem_address   st ... drops\n\
                     73: 0100007F:1FBF 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 11 2 0 42\n";
        assert_eq!(drops_in(table, "127.0.0.1:8127".parse().unwrap()), Some(42));
        assert_eq!(drops_in(table, "127.0.0.1:8128".parse().unwrap()), None);
    }
}
