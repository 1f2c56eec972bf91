//! The collector of a line, by its name or else the sender's address: a hash, which separates the
//! running totals of a collector from those of its stand-by. Two that collide are separated by
//! their totals, as behind a broker.

use core::net::IpAddr;

use crate::wire::group_name::GroupName;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collector(u32);

impl Collector {
    pub fn named(name: &GroupName) -> Self {
        Self::hashed(name.as_str().as_bytes())
    }

    /// Ignores the port, which changes with each start or each line.
    pub fn at(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::hashed(&address.octets()),
            IpAddr::V6(address) => Self::hashed(&address.octets()),
        }
    }

    /// FNV-1a (Fowler, Noll, Vo).
    fn hashed(bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collectors_differ_by_name_or_address() {
        let named = |name| Collector::named(&GroupName::new(name).unwrap());
        let at = |address: &str| Collector::at(address.parse().unwrap());
        assert_eq!(named("a"), named("a"));
        assert_ne!(named("a"), named("b"));
        assert_eq!(at("10.0.0.1"), at("10.0.0.1"));
        assert_ne!(at("10.0.0.1"), at("10.0.0.2"));
        assert_ne!(at("fe80::1"), at("fe80::2"));
    }
}
