//! What the configuration gives the core. It can change at any time; all statistics are kept.

use core::net::{Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::limits::SOURCES;
use crate::pacing::Options;
use crate::wire::jws::Keys;

/// The settings in force.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How predictions are made.
    pub pacing: Options,
    /// How long statistics are used after they were received.
    pub time_to_live: Duration,
    /// Networks that may send statistics.
    pub sources: heapless::Vec<IpNet, SOURCES>,
    /// Keys one of which must have signed each line. Without keys, lines are not signed.
    pub keys: Keys,
}

impl Settings {
    /// The optimization goal as a share, 0..1.
    pub fn goal(&self) -> f64 {
        self.pacing.optimization_goal / 100.0
    }
}

/// The machine itself may send, and statistics are used for 30 s.
impl Default for Settings {
    fn default() -> Self {
        let loopback = [
            IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
            IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
        ];
        Self {
            pacing: Options::default(),
            time_to_live: Duration::from_secs(30),
            sources: loopback.into_iter().collect(),
            keys: Keys::default(),
        }
    }
}
