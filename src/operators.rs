//! For operators: what is known, and why, in their forms.
//!
//! [`why`] has the words; [`status`] and [`metrics`] (in Prometheus' [`exposition`] format) write all of it as streams;
//! [`change`] says what the log should tell.

pub mod change;
pub mod exposition;
pub mod metrics;
pub mod status;
pub mod why;
