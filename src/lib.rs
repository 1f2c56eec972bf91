//! The core of pacingd: from a statistics datagram's bytes to an answer's body, with the time as an argument.
#![no_std]

pub mod answer;
pub mod channel;
pub mod consolidation;
pub mod counters;
pub mod excerpt;
pub mod group_name;
pub mod groups;
pub mod limits;
pub mod pacing;
pub mod query;
pub mod state;
pub mod statistics;
