//! The settings of the core, which can change at any time.

use core::time::Duration;

use ipnet::IpNet;

use crate::limits::SOURCES;
use crate::pacing::Options;
use crate::wire::jws::Keys;

#[derive(Clone, Debug)]
pub struct Settings {
    pub pacing: Options,
    /// How long statistics are used after their reception.
    pub time_to_live: Duration,
    /// Networks from which statistics are accepted.
    pub sources: heapless::Vec<IpNet, SOURCES>,
    /// Each line must be signed with one of them. Empty: lines are not signed.
    pub keys: Keys,
}

impl Settings {
    /// The optimization goal as a share, 0..1.
    pub fn goal(&self) -> f64 {
        self.pacing.optimization_goal / 100.0
    }
}

/// Loopback only, and 30 s.
impl Default for Settings {
    fn default() -> Self {
        Self {
            pacing: Options::default(),
            time_to_live: Duration::from_secs(30),
            sources: ["127.0.0.0/8", "::1/128"].into_iter().flat_map(str::parse).collect(),
            keys: Keys::default(),
        }
    }
}
