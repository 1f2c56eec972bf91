//! The core of pacingd: from a statistics datagram's bytes to an answer's body, with the time as an argument.
#![no_std]

pub mod limits;
pub mod pacing;
pub mod statistics;
