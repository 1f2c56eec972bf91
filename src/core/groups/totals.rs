//! Combines the running totals of several collectors of a group, such as one and its stand-by.
//!
//! Each collector counts from its own start, so their totals form separate rows. Collectors are
//! distinguished by name or address, and behind a broker, where all lines come from one address, by
//! the totals themselves: a line continues the nearest row of its sender that makes no total
//! decrease. Without one it starts a row, as after a restart of the collector.
//!
//! A new row starts at the count so far and grows from there; the count is the highest row. So a
//! row that stops leaves the other one counting, and a row that lags counts nothing twice. At most
//! the interactions between two lines are missed when a collector starts.

use core::array;
use core::time::Duration;

use crate::limits::COLLECTORS;
use crate::pacing::Growth;
use crate::wire::collector::Collector;
use crate::wire::line::Statistics;

const TOTALS: usize = 5;
/// More interactions a second than any site has: a larger growth belongs to another collector …
const MOST_PER_SECOND: u64 = 100;
/// … beyond what a collector that reads its totals every few minutes may report at once.
const MOST_AT_ONCE: u64 = 1000;
/// Seconds for which totals count as unchanged while lines without them are received.
const KEPT_SECONDS: u32 = 600;
/// A total that was not reported. (`Option` would double the size of a row.)
const UNKNOWN: u64 = u64::MAX;

/// In the order of [`fields`].
type RunningTotals = [u64; TOTALS];

fn fields(statistics: &mut Statistics) -> [&mut Option<u64>; TOTALS] {
    [
        &mut statistics.reactive_entered,
        &mut statistics.proactive_entered,
        &mut statistics.abandoned,
        &mut statistics.invitations_sent,
        &mut statistics.invitations_accepted,
    ]
}

/// The growth of each total since `last`; 0 where one of the two is unknown. `None`: one decreased.
fn growth(reported: &RunningTotals, last: &RunningTotals) -> Option<[u64; TOTALS]> {
    let mut growth = [0; TOTALS];
    for (index, growth) in growth.iter_mut().enumerate() {
        if reported[index] != UNKNOWN && last[index] != UNKNOWN {
            *growth = reported[index].checked_sub(last[index])?;
        }
    }
    Some(growth)
}

/// The totals of one collector. Times are whole seconds, to save memory.
#[derive(Clone, Copy, Debug)]
struct Row {
    collector: Option<Collector>,
    last: RunningTotals,
    /// How far each total is behind the count.
    behind: [u32; TOTALS],
    /// When the collector's last line was received.
    received: u32,
    /// When its last line with totals was received.
    reported: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Totals {
    rows: [Option<Row>; COLLECTORS],
    counted: RunningTotals,
}

impl Totals {
    pub(crate) const NEW: Self = Self { rows: [None; COLLECTORS], counted: [UNKNOWN; TOTALS] };

    /// Replaces the totals in `statistics` by those counted over all collectors, and returns their
    /// growth. A line without totals gets the last ones: state may be reported every second, and
    /// totals once a minute. A row loses its place to a new one if its collector has been silent
    /// for longer than `patience`.
    pub(crate) fn count(
        &mut self,
        now: Duration,
        collector: Option<Collector>,
        patience: Duration,
        statistics: &mut Statistics,
    ) -> Growth {
        let now = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
        let patience = u32::try_from(patience.as_secs()).unwrap_or(u32::MAX);
        let reported = fields(statistics).map(|total| total.map_or(UNKNOWN, |total| total.min(UNKNOWN - 1)));
        if reported == [UNKNOWN; TOTALS] {
            let own = |row: &&mut Row| row.collector == collector;
            self.rows.iter_mut().flatten().filter(own).for_each(|row| row.received = now);
            self.fill(now, statistics);
            return Growth::default();
        }
        let before = self.counted;
        let continued = self.nearest(now, collector, patience, &reported);
        if let Some((index, growth)) = continued {
            self.continue_row(index, now, &reported, &growth);
        }
        // A total that was never reported before counts from its first value.
        for (counted, reported) in self.counted.iter_mut().zip(reported) {
            if *counted == UNKNOWN {
                *counted = reported;
            }
        }
        let starts_row = continued.is_none() && self.start_row(now, collector, patience, &reported);
        self.fill(now, statistics);
        let [reactive_entered, proactive_entered, abandoned, invitations_sent, invitations_accepted] =
            array::from_fn(|index| {
                let is_known = continued.is_some() && reported[index] != UNKNOWN && before[index] != UNKNOWN;
                is_known.then(|| self.counted[index] - before[index])
            });
        Growth { reactive_entered, proactive_entered, abandoned, invitations_sent, invitations_accepted, starts_row }
    }

    fn fill(&self, now: u32, statistics: &mut Statistics) {
        let is_kept = self.rows.iter().flatten().any(|row| now.saturating_sub(row.reported) <= KEPT_SECONDS);
        for (field, counted) in fields(statistics).into_iter().zip(self.counted) {
            if counted != UNKNOWN && (is_kept || field.is_some()) {
                *field = Some(counted);
            }
        }
    }

    /// The index of the row that these totals continue, and their growth.
    fn nearest(
        &self,
        now: u32,
        collector: Option<Collector>,
        patience: u32,
        reported: &RunningTotals,
    ) -> Option<(usize, [u64; TOTALS])> {
        let rows = self.rows.iter().enumerate().filter_map(|(index, row)| Some((index, row.as_ref()?)));
        let own = rows.filter(|(_, row)| row.collector == collector);
        let latest = own.clone().map(|(_, row)| row.received).max()?;
        // The sender's last row continues after any silence, so that lost datagrams lose no counts.
        let candidates = own.filter(|(_, row)| now.saturating_sub(row.received) <= patience || row.received == latest);
        let grown = candidates.filter_map(|(index, row)| {
            let seconds = u64::from(now.saturating_sub(row.reported));
            let most = MOST_AT_ONCE.saturating_add(MOST_PER_SECOND.saturating_mul(seconds));
            let growth = growth(reported, &row.last)?;
            growth.iter().all(|growth| *growth <= most).then_some((index, growth))
        });
        grown.min_by_key(|(_, growth)| growth.iter().fold(0_u64, |sum, growth| sum.saturating_add(*growth)))
    }

    fn continue_row(&mut self, continued: usize, now: u32, reported: &RunningTotals, growth: &[u64; TOTALS]) {
        let small = |total: u64| u32::try_from(total).unwrap_or(u32::MAX);
        for index in 0..TOTALS {
            let Some(row) = &mut self.rows[continued] else { return };
            let behind = u64::from(row.behind[index]);
            let ahead = growth[index].saturating_sub(behind);
            row.behind[index] = small(behind.saturating_sub(growth[index]));
            (row.received, row.reported) = (now, now);
            if reported[index] != UNKNOWN {
                row.last[index] = reported[index];
            }
            if self.counted[index] != UNKNOWN {
                self.counted[index] = self.counted[index].saturating_add(ahead).min(UNKNOWN - 1);
            }
            for (_, row) in self.rows.iter_mut().enumerate().filter(|(other, _)| *other != continued) {
                row.iter_mut().for_each(|row| row.behind[index] = row.behind[index].saturating_add(small(ahead)));
            }
        }
    }

    /// Starts a row in a free place or that of a silent row. Returns false if there is none: the
    /// collector does not count until another one is silent.
    fn start_row(&mut self, now: u32, collector: Option<Collector>, patience: u32, reported: &RunningTotals) -> bool {
        let free = |row: &&mut Option<Row>| row.is_none_or(|row| now.saturating_sub(row.received) > patience);
        let Some(place) = self.rows.iter_mut().find(free) else { return false };
        *place = Some(Row { collector, last: *reported, behind: [0; TOTALS], received: now, reported: now });
        true
    }
}

#[cfg(test)]
#[path = "totals_tests.rs"]
mod tests;
