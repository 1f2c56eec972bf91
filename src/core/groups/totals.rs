//! Running totals of several collectors made one: those of a group grow by what happened, whoever tells it.
//!
//! A site has a stand-by collector, which pushes the same groups. Each counts from its own start, so that the totals of one
//! say nothing beside those of the other: taken as one row of numbers they would jump up and down with every line. The
//! collectors are therefore told apart: by the name that a line gives or the address that it comes from, and behind a broker,
//! where all lines come from one address, by the totals themselves: a line goes on with that row of its sender that it is
//! nearest to without any total going down.
//!
//! Each row is laid beside what was counted so far when it begins, and grows from there. What is counted is the
//! highest of them. So a row that stops, because its collector died, leaves the other one counting; a row that lags counts
//! nothing twice; and a row that begins, of a collector that was restarted or is new, counts nothing at first. What may be
//! missed is what happened between two lines when a collector begins, once.

use core::time::Duration;

use crate::limits::COLLECTORS;
use crate::wire::collector::Collector;
use crate::wire::line::Statistics;

/// Running totals of a line.
const TOTALS: usize = 5;
/// More interactions a second than any site sees: such a growth is the total of another collector.
const MOST_PER_SECOND: u64 = 100;
/// … beyond what a collector tells at once that learns its totals every few minutes only.
const MOST_AT_ONCE: u64 = 1000;
/// A total that a line does not tell.
const UNTOLD: u64 = u64::MAX;

/// The running totals of a line, in the order of [`Statistics`]' fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told([u64; TOTALS]);

impl Told {
    const NOTHING: Self = Self([UNTOLD; TOTALS]);

    fn of(statistics: &Statistics) -> Self {
        let told = |field: Option<u64>| field.map_or(UNTOLD, |total| total.min(UNTOLD - 1));
        Self([
            told(statistics.reactive_entered),
            told(statistics.proactive_entered),
            told(statistics.abandoned),
            told(statistics.invitations_sent),
            told(statistics.invitations_accepted),
        ])
    }

    /// By how much `self` has grown since `last`, each total: 0 where one of the two does not tell. `None`: one went down.
    fn since(&self, last: &Self) -> Option<[u64; TOTALS]> {
        let mut grown = [0; TOTALS];
        for ((grown, now), last) in grown.iter_mut().zip(&self.0).zip(&last.0) {
            if *now != UNTOLD && *last != UNTOLD {
                *grown = now.checked_sub(*last)?;
            }
        }
        Some(grown)
    }

    /// Takes over what a newer line tells.
    fn update(&mut self, newer: &Self) {
        for (total, newer) in self.0.iter_mut().zip(&newer.0) {
            if *newer != UNTOLD {
                *total = *newer;
            }
        }
    }
}

/// The row of totals of one collector.
#[derive(Clone, Copy, Debug)]
struct Row {
    collector: Option<Collector>,
    told: Told,
    /// By how much it is behind what was counted.
    behind: [u32; TOTALS],
    /// When it went on.
    heard: Duration,
}

/// What was counted of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Totals {
    rows: [Option<Row>; COLLECTORS],
    counted: Told,
}

impl Totals {
    pub(crate) const NEW: Self = Self { rows: [None; COLLECTORS], counted: Told::NOTHING };

    /// Puts what was counted in the place of what a line tells. Says whether it begins a row: then nothing is known of the
    /// time before it.
    ///
    /// A row that was not heard of for so long as `patience` is forgotten when another one is heard.
    pub(crate) fn take(
        &mut self,
        now: Duration,
        collector: Option<Collector>,
        patience: Duration,
        statistics: &mut Statistics,
    ) -> bool {
        let told = Told::of(statistics);
        let begins = match self.nearest(now, collector, patience, &told) {
            Some((index, grown)) => {
                self.go_on(index, now, &told, &grown);
                false
            }
            None => self.begin(now, collector, patience, &told),
        };
        let [reactive, proactive, abandoned, sent, accepted] = self.counted.0;
        let counted = |field: &mut Option<u64>, counted| {
            if let Some(told) = field {
                *told = counted;
            }
        };
        counted(&mut statistics.reactive_entered, reactive);
        counted(&mut statistics.proactive_entered, proactive);
        counted(&mut statistics.abandoned, abandoned);
        counted(&mut statistics.invitations_sent, sent);
        counted(&mut statistics.invitations_accepted, accepted);
        begins
    }

    /// The row that these totals go on with, and what they have grown by.
    fn nearest(
        &self,
        now: Duration,
        collector: Option<Collector>,
        patience: Duration,
        told: &Told,
    ) -> Option<(usize, [u64; TOTALS])> {
        let own = |row: &&Row| row.collector == collector;
        let latest = self.rows.iter().flatten().filter(own).map(|row| row.heard).max()?;
        let mut nearest = None;
        for (index, row) in self.rows.iter().enumerate() {
            let Some(row) = row.as_ref().filter(own) else { continue };
            let silence = now.saturating_sub(row.heard);
            // The sender's last one goes on after any silence: what was lost on the way loses nothing.
            if silence > patience && row.heard != latest {
                continue;
            }
            let Some(grown) = told.since(&row.told) else { continue };
            let most = MOST_AT_ONCE.saturating_add(MOST_PER_SECOND.saturating_mul(silence.as_secs()));
            if grown.iter().any(|grown| *grown > most) {
                continue;
            }
            let distance = grown.iter().fold(0_u64, |sum, grown| sum.saturating_add(*grown));
            if nearest.is_none_or(|(_, _, least)| distance < least) {
                nearest = Some((index, grown, distance));
            }
        }
        nearest.map(|(index, grown, _)| (index, grown))
    }

    fn go_on(&mut self, index: usize, now: Duration, told: &Told, grown: &[u64; TOTALS]) {
        let Some(row) = self.rows.get_mut(index).and_then(Option::as_mut) else { return };
        let mut ahead = [0; TOTALS];
        for (((grown, behind), ahead), counted) in
            grown.iter().zip(&mut row.behind).zip(&mut ahead).zip(&mut self.counted.0)
        {
            *ahead = grown.saturating_sub(u64::from(*behind));
            *behind = u32::try_from(u64::from(*behind).saturating_sub(*grown)).unwrap_or(u32::MAX);
            if *counted != UNTOLD {
                *counted = counted.saturating_add(*ahead).min(UNTOLD - 1);
            }
        }
        row.told.update(told);
        row.heard = now;
        for (other, row) in self.rows.iter_mut().enumerate() {
            let Some(row) = row.as_mut().filter(|_| other != index) else { continue };
            for (behind, ahead) in row.behind.iter_mut().zip(&ahead) {
                *behind = behind.saturating_add(u32::try_from(*ahead).unwrap_or(u32::MAX));
            }
        }
        self.learn_of(told);
    }

    /// A row takes a free place, or that of one that is forgotten. With none it waits: its collector counts nothing until
    /// one of the others is silent.
    fn begin(&mut self, now: Duration, collector: Option<Collector>, patience: Duration, told: &Told) -> bool {
        self.learn_of(told);
        let free = |row: &&mut Option<Row>| row.is_none_or(|row| now.saturating_sub(row.heard) > patience);
        let Some(place) = self.rows.iter_mut().find(free) else { return false };
        *place = Some(Row { collector, told: *told, behind: [0; TOTALS], heard: now });
        true
    }

    /// A total that was never told before is counted from what it is.
    fn learn_of(&mut self, told: &Told) {
        for (counted, told) in self.counted.0.iter_mut().zip(&told.0) {
            if *counted == UNTOLD {
                *counted = *told;
            }
        }
    }
}

#[cfg(test)]
#[path = "totals_tests.rs"]
mod tests;
