//! Collector for pacingd: reads the queues of Asterisk (`app_queue`) over AMI and pushes their
//! statistics.
//!
//! In the order in which data passes through:
//!
//! 1. [`ami`]: bytes to messages.
//! 2. [`session`]: login, one `QueueStatus` a second, time-outs. No I/O and no clock: time is an
//!    argument.
//! 3. [`answer`]: the events of a `QueueStatus` to queues, members and callers.
//! 4. [`queues`]: what pacingd wants to know of each queue, from one answer after the other.
//! 5. [`mod@line`]: the text of a statistics line, signed if there is a key.
//! 6. [`collector`]: the sockets around them.
//!
//! [`settings`] reads the configuration, [`back_off`] spaces the attempts to connect, [`limits`]
//! has every limit.
#![forbid(unsafe_code)]

pub mod ami;
pub mod answer;
pub mod back_off;
pub mod clock;
pub mod collector;
pub mod excerpt;
pub mod limits;
pub mod line;
pub mod log;
pub mod queues;
pub mod session;
pub mod settings;
