//! The core of pacingd: from a statistics datagram's bytes to an answer's body, with the time as an argument.
//!
//! Data walks one way, and so do the rooms:
//!
//! 1. [`limits`]: every capacity, with its reason.
//! 2. [`statistics`]: the wire format. After it, nothing is out of range. ([`channel`], [`group_name`], [`collector`] and [`excerpt`] are
//!    its words.) Where a key is configured, [`signature`] comes before it.
//! 3. [`groups`]: the table of what was last heard of each group, and when.
//! 4. [`pacing`]: the engine, one [`Pacer`](pacing::Pacer) a group.
//! 5. [`state`]: all of it together. A datagram goes in with [`State::receive`](state::State::receive), and each of its
//!    lines ends in one of the [`counters`]; time passes with [`State::refresh`](state::State::refresh).
//! 6. [`answer`]: a request's method and target (see [`query`]) go in, an answer comes out, for several groups through
//!    a [`consolidation`].
//!
//! 7. [`operators`]: all of it once more in their forms, with the reason in words; [`last_hour`] keeps the abandonment that
//!    those need.
//!
//! It does no I/O, reads no clock, allocates nothing and never panics. Time is the time since any fixed moment, as a
//! [`Duration`](core::time::Duration), and never goes back.
//!
//! ```
//! use std::time::Duration;
//! use pacingd::{answer::answer, pacing::Options, wire::jws::Keys, state::{Settings, State}};
//!
//! let mut state = State::new(Settings {
//!     pacing: Options::default(),
//!     time_to_live: Duration::from_secs(30),
//!     sources: ["127.0.0.0/8".parse()?].into_iter().collect(),
//!     keys: Keys::default(),
//! });
//! let datagram = br#"{"channel":"chat","group":"Sales","ready":4,"loggedIn":12}"#;
//! let now = Duration::from_secs(1);
//! let wall = Duration::from_secs(1_790_000_000);
//! state.receive(now, wall, "127.0.0.1".parse()?, datagram, |line, fault| panic!("line {line}: {fault}"));
//!
//! let path = "/backend/data/pacing/channelCapacity";
//! let told = answer(&mut state, now, "GET", path, "channel=chat&groups=Sales");
//! assert_eq!((told.status.code(), told.body.as_str()), (200, r#"{"capacity":4}"#));
//!
//! // No answer is made of stale statistics.
//! let later = now + Duration::from_secs(31);
//! assert_eq!(answer(&mut state, later, "GET", path, "channel=chat").status.code(), 503);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]

extern crate alloc;

pub mod answer;
pub mod counters;
pub mod groups;
pub mod limits;
pub mod pacing;
pub mod state;
pub mod wire;
