//! Every limit, with its reason: together they bound the memory, whatever is at the other end of
//! the connection.

use std::time::Duration;

/// Bytes of a line of AMI that are kept. Asterisk's own fields of a queue are shorter; only a
/// caller's name, which is not used, may be longer.
pub const LINE_BYTES: usize = 512;

/// Bytes of a message that are kept: a `QueueMember` has some 300.
pub const MESSAGE_BYTES: usize = 4096;

/// The largest number. Asterisk's counters have 32 bits, and Unix seconds 31; sums of these never
/// overflow.
pub const NUMBER: u64 = 1 << 40;

/// Queues: as many as pacingd has places for groups.
pub const QUEUES: usize = 256;

/// Members of all queues together: ten for each queue with all places taken, and eight times 40
/// queues of 50.
pub const MEMBERS: usize = 16_384;

/// Waiting callers of all queues together that are told apart. Of more, only the number is used.
pub const CALLERS: usize = 16_384;

/// Events of an answer. More than members and callers can be; an answer without an end must end.
pub const EVENTS: u64 = 100_000;

/// Bytes of a group's name, as pacingd takes it.
pub const GROUP_NAME_BYTES: usize = 64;

/// Bytes of a datagram: what fits into one Ethernet frame.
pub const DATAGRAM_BYTES: usize = 1400;

/// Bytes of the secret, and of the key that signs: a file that is longer is another file.
pub const SECRET_BYTES: usize = 1024;

/// Intervals of the collector.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Between one `QueueStatus` and the next.
    pub poll: Duration,
    /// For the whole answer to an action. With `connect` and `longest_pause` it is less than half
    /// of pacingd's time to live (30 s), so an interruption shorter than that is not seen by
    /// visitors.
    pub answer: Duration,
    /// For the connection to be made.
    pub connect: Duration,
    /// Before the second attempt to connect; doubled from attempt to attempt.
    pub first_pause: Duration,
    /// Before any later attempt.
    pub longest_pause: Duration,
    /// After a refused login. Tools that ban addresses count five failures in ten minutes
    /// (fail2ban's default).
    pub refused_pause: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            answer: Duration::from_secs(5),
            connect: Duration::from_secs(3),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(5),
            refused_pause: Duration::from_secs(300),
        }
    }
}
