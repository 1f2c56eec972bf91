//! The wire: bytes in, checked values out. After the check nothing behind it checks again: every value is of its type and in
//! its range, and no accessor can fail.

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
