//! Parses bytes into checked values, so that later code need not check again.

pub mod channel;
pub mod collector;
pub mod contradiction;
pub mod datagram;
pub mod excerpt;
mod fields;
pub mod group_name;
mod json;
pub mod jws;
pub mod line;
pub mod line_error;
pub mod query;
