//! Endpoints of statistics: a UDP address of this machine, or a multicast group with its interface,
//! in the notation of systemd's socket units: `127.0.0.1:8127`, `239.1.2.3:8127%eth0`,
//! `[ff15::7061]:8127%eth0`.
//!
//! The interface is mandatory: otherwise it would depend on the routes while joining.

use std::fmt;
use std::net::SocketAddr;

/// Bytes of an interface's name: IFNAMSIZ less the NUL.
const INTERFACE_BYTES: usize = 15;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    /// For a multicast group; else empty.
    pub(crate) interface: String,
}

impl Endpoint {
    pub(crate) const WANT: &str = "an address with port such as \"127.0.0.1:8127\", or a multicast group with port and interface such as \"239.1.2.3:8127%eth0\" or \"[ff15::7061]:8127%eth0\"";

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, interface) = text.rsplit_once('%').map_or((text, None), |(start, end)| (start, Some(end)));
        let address: SocketAddr = address.parse().ok()?;
        let is_valid = match interface {
            None => !address.ip().is_multicast(),
            Some(name) => address.ip().is_multicast() && is_interface(name) && address.port() != 0,
        };
        is_valid.then(|| Self { address, interface: interface.unwrap_or_default().into() })
    }

    pub(crate) fn is_multicast(&self) -> bool {
        !self.interface.is_empty()
    }

    pub(crate) fn unicast(&self) -> Option<SocketAddr> {
        (!self.is_multicast()).then_some(self.address)
    }
}

/// Like the kernel's `dev_valid_name`.
fn is_interface(name: &str) -> bool {
    let is_bad = |byte: u8| byte == b'/' || byte == b':' || !byte.is_ascii_graphic();
    (1..=INTERFACE_BYTES).contains(&name.len()) && !matches!(name, "." | "..") && !name.bytes().any(is_bad)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.is_multicast() { "%" } else { "" };
        write!(formatter, "{}{separator}{}", self.address, self.interface)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_written_with_its_interface_and_an_address_without() {
        for text in ["127.0.0.1:8127", "[::]:8127", "239.1.2.3:8127%eth0", "[ff15::7061]:8127%br-lan.7"] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), text);
        }
        assert!(Endpoint::parse("239.1.2.3:8127%lo").unwrap().is_multicast());
        for text in [
            "239.1.2.3:8127",
            "239.1.2.3:0%eth0",
            "239.1.2.3:8127%",
            "239.1.2.3:8127%a/b",
            "239.1.2.3:8127%0123456789abcdef",
            "239.1.2.3%eth0:8127",
            "10.0.0.1:8127%eth0",
            "eth0",
        ] {
            assert_eq!(Endpoint::parse(text), None, "{text}");
        }
    }
}
