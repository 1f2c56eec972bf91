//! A simulated contact centre: discrete events, seeded, in virtual or real time.
//!
//! Agents, visitors with patience, handle times, a demand curve, invitations, shift changes; and a
//! collector that sends statistics lines over a network that loses, delays and reorders them.
//! [`Centre`] does no I/O and reads no clock: whoever drives it says how far time has gone, decides
//! on each visitor who asks, and carries the statistics. A day of virtual time takes milliseconds;
//! driven by the wall clock it is a demo.
//!
//! ```
//! use contact_centre::{Centre, Happening, Scenario};
//!
//! let mut centre = Centre::new(&Scenario::default(), 42);
//! let hour = 3600.0;
//! while let Some(happening) = centre.advance(hour) {
//!     match happening {
//!         // The probability would come from the daemon.
//!         Happening::Visitor(visitor) => drop(centre.admit(visitor, 0.5)),
//!         // The line would go to the daemon: `centre.line(&snapshot)`.
//!         Happening::Statistics(_snapshot) => {}
//!     }
//! }
//! assert!(centre.books().reactive_entered > 50);
//! ```

pub mod bound;
pub mod erlang;

mod books;
mod centre;
mod curve;
mod floor;
mod scenario;
mod snapshot;
mod times;

pub use books::Books;
pub use centre::{Centre, Happening, Visitor};
pub use curve::{Curve, Steps};
pub use scenario::{Agents, Bursts, Collector, Fields, Habits, Network, Proactive, Scenario};
pub use snapshot::Snapshot;
pub use times::Times;
