//! The running totals of several collectors as one.
//!
//! A site has a stand-by collector, which pushes the same groups. Each counts from its own start, so that taken as one row
//! of numbers their totals would jump up and down with every line. The collectors are told apart by the name in the line
//! or the sender's address, and behind a broker, where all lines come from one address, by the totals themselves: a line
//! continues that row of its sender that it is nearest to without any total going down.
//!
//! A new row starts at what was counted so far, and grows from there. What is counted is the highest row. So a row that
//! stops, because its collector died, leaves the other one counting; a row that lags counts nothing twice; and a row that
//! starts, of a collector that is new or was restarted, counts nothing at first. At most the interactions between two lines
//! are missed, once, when a collector starts.
//!
//! This is the only place that knows what a total that went down means; everyone else takes the [`Growth`].

use core::time::Duration;

use crate::limits::COLLECTORS;
use crate::pacing::Growth;
use crate::wire::collector::Collector;
use crate::wire::line::Statistics;

/// Running totals of a line.
const TOTALS: usize = 5;
/// More interactions a second than any site sees: such a growth is the total of another collector.
const MOST_PER_SECOND: u64 = 100;
/// … beyond what a collector may report at once that learns its totals every few minutes only.
const MOST_AT_ONCE: u64 = 1000;
/// A total that was not reported. (`Option` would double the size of the table's rows.)
const UNKNOWN: u64 = u64::MAX;

/// The running totals of a line, in the order of [`Statistics`]' fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RunningTotals([u64; TOTALS]);

impl RunningTotals {
    const UNKNOWN: Self = Self([UNKNOWN; TOTALS]);

    fn of(statistics: &mut Statistics) -> Self {
        let mut totals = Self::UNKNOWN;
        for (total, field) in totals.0.iter_mut().zip(fields(statistics)) {
            *total = field.map_or(UNKNOWN, |reported| reported.min(UNKNOWN - 1));
        }
        totals
    }

    /// What each total has grown by since `last`; 0 where one of the two is unknown. `None`: one went down.
    fn since(&self, last: &Self) -> Option<[u64; TOTALS]> {
        let mut growth = [0; TOTALS];
        for ((growth, total), last) in growth.iter_mut().zip(&self.0).zip(&last.0) {
            if *total != UNKNOWN && *last != UNKNOWN {
                *growth = total.checked_sub(*last)?;
            }
        }
        Some(growth)
    }

    /// Takes over each total that `newer` reports.
    fn update(&mut self, newer: &Self) {
        for (total, newer) in self.0.iter_mut().zip(&newer.0) {
            if *newer != UNKNOWN {
                *total = *newer;
            }
        }
    }
}

fn fields(statistics: &mut Statistics) -> [&mut Option<u64>; TOTALS] {
    [
        &mut statistics.reactive_entered,
        &mut statistics.proactive_entered,
        &mut statistics.abandoned,
        &mut statistics.invitations_sent,
        &mut statistics.invitations_accepted,
    ]
}

/// The totals of one collector. Times are whole seconds, to keep the table small.
#[derive(Clone, Copy, Debug)]
struct Row {
    collector: Option<Collector>,
    last: RunningTotals,
    /// How far each total is behind what was counted.
    behind: [u32; TOTALS],
    /// When its collector last sent a line.
    received: u32,
    /// When a line last had totals: state may come every second, and totals once a minute.
    reported: u32,
}

/// What was counted of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Totals {
    rows: [Option<Row>; COLLECTORS],
    counted: RunningTotals,
}

impl Totals {
    pub(crate) const NEW: Self = Self { rows: [None; COLLECTORS], counted: RunningTotals::UNKNOWN };

    /// Replaces the totals in `statistics` by what was counted over all collectors, and returns what that has grown by.
    ///
    /// A row whose collector is silent for longer than `patience` loses its place when another one needs it.
    pub(crate) fn count(
        &mut self,
        now: Duration,
        collector: Option<Collector>,
        patience: Duration,
        statistics: &mut Statistics,
    ) -> Growth {
        let now = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
        let patience = u32::try_from(patience.as_secs()).unwrap_or(u32::MAX);
        let reported = RunningTotals::of(statistics);
        if reported == RunningTotals::UNKNOWN {
            let own = |row: &&mut Row| row.collector == collector;
            self.rows.iter_mut().flatten().filter(own).for_each(|row| row.received = now);
            return Growth::default();
        }
        let before = self.counted;
        let continued = match self.nearest(now, collector, patience, &reported) {
            Some((index, growth)) => {
                self.continue_row(index, now, &reported, &growth);
                true
            }
            None => false,
        };
        let starts_row = !continued && self.start_row(now, collector, patience, &reported);
        let mut growth = [None; TOTALS];
        let each = fields(statistics).into_iter().zip(&mut growth).zip(self.counted.0).zip(before.0);
        for (((field, growth), counted), before) in each {
            if let Some(field) = field {
                *field = counted;
                *growth = (continued && before != UNKNOWN).then(|| counted - before);
            }
        }
        let [reactive_entered, proactive_entered, abandoned, invitations_sent, invitations_accepted] = growth;
        Growth { reactive_entered, proactive_entered, abandoned, invitations_sent, invitations_accepted, starts_row }
    }

    /// The index of the row that these totals continue, and what they have grown by.
    fn nearest(
        &self,
        now: u32,
        collector: Option<Collector>,
        patience: u32,
        reported: &RunningTotals,
    ) -> Option<(usize, [u64; TOTALS])> {
        let own = |row: &&Row| row.collector == collector;
        let latest = self.rows.iter().flatten().filter(own).map(|row| row.received).max()?;
        let mut nearest = None;
        for (index, row) in self.rows.iter().enumerate() {
            let Some(row) = row.as_ref().filter(own) else { continue };
            // The sender's last row continues after any silence: what was lost on the way loses nothing.
            if now.saturating_sub(row.received) > patience && row.received != latest {
                continue;
            }
            let Some(growth) = reported.since(&row.last) else { continue };
            let seconds = u64::from(now.saturating_sub(row.reported));
            let most = MOST_AT_ONCE.saturating_add(MOST_PER_SECOND.saturating_mul(seconds));
            if growth.iter().any(|growth| *growth > most) {
                continue;
            }
            let distance = growth.iter().fold(0_u64, |sum, growth| sum.saturating_add(*growth));
            if nearest.is_none_or(|(_, _, least)| distance < least) {
                nearest = Some((index, growth, distance));
            }
        }
        nearest.map(|(index, growth, _)| (index, growth))
    }

    fn continue_row(&mut self, index: usize, now: u32, reported: &RunningTotals, growth: &[u64; TOTALS]) {
        let Some(row) = self.rows.get_mut(index).and_then(Option::as_mut) else { return };
        let mut ahead = [0; TOTALS];
        for (((growth, behind), ahead), counted) in
            growth.iter().zip(&mut row.behind).zip(&mut ahead).zip(&mut self.counted.0)
        {
            *ahead = growth.saturating_sub(u64::from(*behind));
            *behind = u32::try_from(u64::from(*behind).saturating_sub(*growth)).unwrap_or(u32::MAX);
            if *counted != UNKNOWN {
                *counted = counted.saturating_add(*ahead).min(UNKNOWN - 1);
            }
        }
        row.last.update(reported);
        (row.received, row.reported) = (now, now);
        for (other, row) in self.rows.iter_mut().enumerate() {
            let Some(row) = row.as_mut().filter(|_| other != index) else { continue };
            for (behind, ahead) in row.behind.iter_mut().zip(&ahead) {
                *behind = behind.saturating_add(u32::try_from(*ahead).unwrap_or(u32::MAX));
            }
        }
        self.adopt_first(reported);
    }

    /// Gives a new row a free place, or that of a silent one. With none it waits: its collector counts nothing until one
    /// of the others is silent. Returns whether it has a place.
    fn start_row(&mut self, now: u32, collector: Option<Collector>, patience: u32, reported: &RunningTotals) -> bool {
        self.adopt_first(reported);
        let free = |row: &&mut Option<Row>| row.is_none_or(|row| now.saturating_sub(row.received) > patience);
        let Some(place) = self.rows.iter_mut().find(free) else { return false };
        *place = Some(Row { collector, last: *reported, behind: [0; TOTALS], received: now, reported: now });
        true
    }

    /// A total that was never reported before is counted from what it is.
    fn adopt_first(&mut self, reported: &RunningTotals) {
        for (counted, reported) in self.counted.0.iter_mut().zip(&reported.0) {
            if *counted == UNKNOWN {
                *counted = *reported;
            }
        }
    }
}

#[cfg(test)]
#[path = "totals_tests.rs"]
mod tests;
