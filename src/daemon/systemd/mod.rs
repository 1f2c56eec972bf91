//! systemd, where it is: sockets that it holds for the daemon, and notifications of the daemon's life.
//!
//! Without it nothing here does anything.

pub(crate) mod notify;
pub(crate) mod sockets;
pub(crate) mod status;
