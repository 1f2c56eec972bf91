//! The wire: bytes in, checked values out. Nothing behind it checks again.

pub mod channel;
pub mod collector;
pub mod excerpt;
pub mod group_name;
pub mod jws;
pub mod line;
pub mod query;
