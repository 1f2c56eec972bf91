//! What the configuration gives the core. It can change at any time; all statistics are kept.

use core::time::Duration;

use ipnet::IpNet;

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
        Self {
            pacing: Options::default(),
            time_to_live: Duration::from_secs(30),
            sources: ["127.0.0.0/8", "::1/128"].into_iter().flat_map(str::parse).collect(),
            keys: Keys::default(),
        }
    }
}
