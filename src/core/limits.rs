//! The capacities of the core, with their reasons. No input from the network can exceed them.

use core::time::Duration;

/// Groups known at once, over both channels. A large site has dozens; 256 leaves room and keeps the
/// table, the bit set of a request's groups and a sweep over all of them small.
#[cfg(not(test))]
pub const GROUPS: usize = 256;
/// Small in the core's own tests, so that they reach "full".
#[cfg(test)]
pub const GROUPS: usize = 8;

/// Bytes of UTF-8 in a group's name.
pub const GROUP_NAME_BYTES: usize = 64;

/// Networks from which statistics are accepted; more call for a firewall.
pub const SOURCES: usize = 16;

/// Collectors of a group whose running totals are kept apart: one and its stand-by. Totals of a
/// third count only while one of them is silent.
pub const COLLECTORS: usize = 2;

/// Bytes of the longest datagram, by UDP's length field: none is cut off.
pub const DATAGRAM_BYTES: usize = 65_536;

/// Keys that may sign statistics: the one in use and, while it is being replaced, the next.
pub const KEYS: usize = 2;

/// Bytes of JSON in a signed line, and of its header: decoded on the stack. A line with every field
/// at its widest and every character of its name escaped has 898; the rest is for fields to come.
pub const PAYLOAD_BYTES: usize = 4096;

/// Bytes of an answer's body. The longest is `/health`: about 660 with every number at its widest.
pub const BODY_BYTES: usize = 768;

/// Silence after which what was learned of a group is dropped: longer than any restart of a
/// collector, shorter than a night, so that yesterday's demand does not decide this morning.
pub const DORMANT_AFTER: Duration = Duration::from_secs(3600);

/// Bytes of bad input that an error quotes: enough to recognise it, and fits a log line.
pub const EXCERPT_BYTES: usize = 48;

/// Bytes of the state: 1 KiB for each group, of which the engine has up to 400 bytes, and 16 KiB.
pub const STATE_BYTES: usize = 272 * 1024;
