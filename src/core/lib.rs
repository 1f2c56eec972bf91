//! The core of pacingd: from a datagram's bytes to an answer's body. Time is an argument.
//!
//! Each part uses only those before it:
//!
//! 1. [`limits`]: every capacity, with its reason. [`counters`]: one for each way a line can end.
//! 2. [`wire`]: bytes to checked values. Later parts do not check again.
//! 3. [`pacing`]: the engine, one [`Pacer`](pacing::Pacer) per group.
//! 4. [`settings`]: what the configuration gives the core.
//! 5. [`groups`]: the last statistics of each group, and what was learned from them.
//! 6. [`state`]: all of it together. Time passes with [`State::refresh`](state::State::refresh).
//! 7. [`receive`]: takes a datagram with [`State::receive`](state::State::receive); each line is
//!    accepted, or dropped for a [`fault`].
//! 8. [`answer`]: method and target to an answer; for operators the state as text, with a reason
//!    for each reactive state.
//!
//! The core does no I/O, reads no clock and does not panic. A time is a
//! [`Duration`](core::time::Duration) since a fixed moment, and must not decrease.
//!
//! ```
//! use std::time::Duration;
//! use pacingd::{answer::answer, settings::Settings, state::State};
//!
//! let mut state = State::new(Settings::default());
//! let datagram = br#"{"channel":"chat","group":"Sales","ready":4,"loggedIn":12}"#;
//! let now = Duration::from_secs(1);
//! let wall = Duration::from_secs(1_790_000_000);
//! state.receive(now, wall, "127.0.0.1".parse()?, datagram, |line, fault| panic!("line {line}: {fault}"));
//!
//! let path = "/backend/data/pacing/channelCapacity";
//! let capacity = answer(&state, now, "GET", path, "channel=chat&groups=Sales");
//! assert_eq!((capacity.status.code(), capacity.body.as_str()), (200, r#"{"capacity":4}"#));
//!
//! // Stale statistics are not used.
//! let later = now + Duration::from_secs(31);
//! assert_eq!(answer(&state, later, "GET", path, "channel=chat").status.code(), 503);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]

extern crate alloc;

mod named;

pub mod answer;
pub mod counters;
pub mod fault;
pub mod groups;
pub mod limits;
pub mod pacing;
pub mod receive;
pub mod settings;
pub mod state;
pub mod wire;
