//! The books: what happened, in all and in each clock hour.

use core::ops::AddAssign;

/// What happened in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Books {
    /// Reactive visitors who asked.
    pub offered: u64,
    /// Reactive visitors who were let in.
    pub reactive_entered: u64,
    /// Proactive interactions that entered.
    pub proactive_entered: u64,
    /// Reactive visitors who gave up waiting.
    pub reactive_abandoned: u64,
    /// Proactive visitors who gave up waiting.
    pub proactive_abandoned: u64,
    /// Interactions that an agent took.
    pub answered: u64,
    /// Invitations sent.
    pub invited: u64,
    /// Seconds waited, by all who were answered or gave up in this stretch.
    pub waited: f64,
    /// Seconds of slots in use for reactive interactions.
    pub reactive_busy: f64,
    /// Seconds of slots in use for proactive interactions.
    pub proactive_busy: f64,
    /// Seconds of slots there were.
    pub slots: f64,
    /// Seconds of slots that were free or in use: without breaks and work after an interaction.
    pub at_work: f64,
}

impl Books {
    /// Interactions that entered.
    #[must_use]
    pub const fn entered(&self) -> u64 {
        self.reactive_entered + self.proactive_entered
    }

    /// Visitors who gave up waiting.
    #[must_use]
    pub const fn abandoned(&self) -> u64 {
        self.reactive_abandoned + self.proactive_abandoned
    }

    /// Share of those who entered that gave up, 0..=1.
    #[must_use]
    pub fn abandonment(&self) -> f64 {
        share(self.abandoned() as f64, self.entered() as f64)
    }

    /// Share of the proactive ones who entered that gave up, 0..=1.
    #[must_use]
    pub fn proactive_abandonment(&self) -> f64 {
        share(self.proactive_abandoned as f64, self.proactive_entered as f64)
    }

    /// Share of the slots in use, 0..=1.
    #[must_use]
    pub fn busy_factor(&self) -> f64 {
        share(self.reactive_busy + self.proactive_busy, self.slots)
    }

    /// Share of the slots at work in use, 0..=1.
    #[must_use]
    pub fn busy_at_work(&self) -> f64 {
        share(self.reactive_busy + self.proactive_busy, self.at_work)
    }

    /// Share of the slots at work in use for reactive interactions, 0..=1.
    #[must_use]
    pub fn reactive_at_work(&self) -> f64 {
        share(self.reactive_busy, self.at_work)
    }

    /// Visitors served less visitors who abandoned, as a share of what the slots can serve at this
    /// mean handle time.
    #[must_use]
    pub fn net(&self, handle_time: f64) -> f64 {
        share((self.answered as f64 - self.abandoned() as f64) * handle_time, self.slots)
    }

    /// Share of the slots in use for reactive interactions, 0..=1.
    #[must_use]
    pub fn reactive_share(&self) -> f64 {
        share(self.reactive_busy, self.slots)
    }

    /// Share of the slots in use for proactive interactions, 0..=1.
    #[must_use]
    pub fn proactive_share(&self) -> f64 {
        share(self.proactive_busy, self.slots)
    }

    /// Share of those who asked that were let in, 0..=1.
    #[must_use]
    pub fn admission(&self) -> f64 {
        share(self.reactive_entered as f64, self.offered as f64)
    }

    /// Mean wait, seconds, of those who were answered or gave up.
    #[must_use]
    pub fn mean_wait(&self) -> f64 {
        share(self.waited, (self.answered + self.abandoned()) as f64)
    }
}

impl AddAssign for Books {
    fn add_assign(&mut self, other: Self) {
        self.offered += other.offered;
        self.reactive_entered += other.reactive_entered;
        self.proactive_entered += other.proactive_entered;
        self.reactive_abandoned += other.reactive_abandoned;
        self.proactive_abandoned += other.proactive_abandoned;
        self.answered += other.answered;
        self.invited += other.invited;
        self.waited += other.waited;
        self.reactive_busy += other.reactive_busy;
        self.proactive_busy += other.proactive_busy;
        self.slots += other.slots;
        self.at_work += other.at_work;
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
