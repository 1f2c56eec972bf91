//! A simulated contact centre: discrete events, seeded, in virtual or real time.

pub mod bound;
pub mod erlang;
