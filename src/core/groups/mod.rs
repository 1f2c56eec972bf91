//! Agent groups: the last statistics of each, and what was learned from them.

pub mod consolidation;
pub mod group;
pub mod last_hour;
pub mod order;
pub mod table;
pub(crate) mod totals;

pub use group::{Group, Notice, Report, Untimely};
pub use order::{Order, Refusal};
pub use table::Groups;
