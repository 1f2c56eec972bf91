//! The contact centre itself: a queue of events in virtual time, and what each of them does.
//!
//! Each kind of chance (arrivals, handle times, patience, …) draws from a stream of its own, so
//! that two rules tried with the same seed meet the same visitors and the same interactions as far
//! as they let them in.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BinaryHeap, VecDeque},
};

use rand::RngExt as _;
use rand_pcg::{Pcg64Mcg, rand_core::SeedableRng as _};

use crate::{Agents, Books, Bursts, Collector, Curve, Proactive, Scenario, Snapshot, Times, floor::Floor};

/// The collector's clock at the simulation's start, Unix milliseconds. Any value does that is not
/// near 0.
const CLOCK_AT_START: u64 = 1_790_000_000_000;
/// The books are kept by clock hour.
const HOUR: f64 = 3600.0;
/// Weight of one interaction that ended in the mean handle time that the collector reports: about
/// the last hundred count.
const HANDLE_TIME_WEIGHT: f64 = 0.01;

/// What the driver has to deal with.
#[derive(Debug)]
pub enum Happening {
    /// A visitor asks for an interaction: answer with [`Centre::admit`], now or later.
    Visitor(Visitor),
    /// Statistics have arrived over the network: [`Centre::line`] makes the datagram's bytes of
    /// them.
    Statistics(Snapshot),
}

/// A visitor who has asked and was not answered yet. Dropped without an answer, the visitor goes
/// away.
#[derive(Debug)]
pub struct Visitor {
    /// 0..1; let in with every probability above it.
    coin: f64,
    /// Whom the visitor would like to speak to.
    kind: Kind,
    /// How often this visitor has asked, with this time.
    attempt: u32,
}

impl Visitor {
    /// Whether the visitor asks for the second group of the same agents.
    #[must_use]
    pub fn is_for_second_group(&self) -> bool {
        self.kind == Kind::Second
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Reactive,
    Proactive,
    /// Reactive, of the second group of the same agents.
    Second,
}

impl Kind {
    /// The group it counts for: 0, or 1 for the second.
    const fn group(self) -> usize {
        match self {
            Self::Reactive | Self::Proactive => 0,
            Self::Second => 1,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// A reactive visitor may turn up (thinned by the demand curve).
    Visitor,
    /// The same for the second group.
    SecondVisitor,
    /// Who was turned away asks again.
    AsksAgain {
        kind: Kind,
        attempt: u32,
    },
    /// Who was let in a while ago enters.
    Enters {
        kind: Kind,
    },
    BurstChanges,
    TotalsUpdated,
    AbandonedUpdated,
    /// A proactive interaction, or a visitor who could be invited, may turn up (thinned likewise).
    Proactive,
    InvitationAnswered {
        accepted: bool,
    },
    HandleEnds {
        agent: usize,
        kind: Kind,
        handle_time: f64,
    },
    WrapUpEnds {
        agent: usize,
    },
    BreakEnds {
        agent: usize,
    },
    PatienceEnds {
        number: u64,
    },
    StaffChanges,
    CollectorSends,
    CollectorRestarts,
    StatisticsArrive,
    HourEnds,
}

/// An event in the queue; those of the same moment keep the order in which they were planned.
#[derive(Clone, Copy, Debug)]
struct Planned {
    at: f64,
    sequence: u64,
    event: Event,
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    /// The earliest is the greatest, since the heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.total_cmp(&self.at).then(other.sequence.cmp(&self.sequence))
    }
}

/// A visitor who waits for an agent.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    number: u64,
    kind: Kind,
    since: f64,
    /// Has given up, and nobody knows.
    gone: bool,
}

/// The streams of chance.
#[derive(Clone, Debug)]
struct Chance {
    visitors: Pcg64Mcg,
    coins: Pcg64Mcg,
    proactive: Pcg64Mcg,
    answers: Pcg64Mcg,
    handle_times: Pcg64Mcg,
    patience: Pcg64Mcg,
    network: Pcg64Mcg,
    bursts: Pcg64Mcg,
    habits: Pcg64Mcg,
    second: Pcg64Mcg,
    agents: Pcg64Mcg,
}

/// Running totals as the collector has them since its (re)start.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    reactive_entered: u64,
    proactive_entered: u64,
    abandoned: u64,
    invited: u64,
    accepted: u64,
}

/// A contact centre in virtual time. All times are seconds since its start.
#[derive(Clone, Debug)]
pub struct Centre {
    scenario: Scenario,
    chance: Chance,
    now: f64,
    planned: BinaryHeap<Planned>,
    sequence: u64,
    floor: Floor,
    /// Slots there are now, kept beside the floor since the books want it at each event.
    slots: u32,
    /// … and those that are free or in use.
    at_work: u32,
    queue: VecDeque<Waiting>,
    /// The number of the next who has to wait.
    next_waiting: u64,
    reactive: u32,
    proactive: u32,
    second: u32,
    /// Whether demand is high just now.
    bursting: bool,
    /// For each group the answer that a proxy keeps, and until when.
    cached: [(f64, f64); 2],
    /// Invitations that may still be sent. The fraction is kept for the next period.
    allowance: f64,
    invitations_pending: u32,
    totals: [Totals; 2],
    /// The totals as the collector has them, which may be those of a while ago.
    known_totals: [Totals; 2],
    handle_time: Option<f64>,
    /// Statistics on their way, by the sequence of the event of their arrival.
    under_way: BTreeMap<u64, Snapshot>,
    hour: Books,
    hours: Vec<Books>,
}

impl Centre {
    /// A centre at time 0: all agents free, nobody waits. The same scenario and seed give the same
    /// run.
    #[must_use]
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let stream = |number: u64| Pcg64Mcg::seed_from_u64(seed.wrapping_mul(64).wrapping_add(number));
        let mut centre = Self {
            scenario: scenario.clone(),
            chance: Chance {
                visitors: stream(0),
                coins: stream(1),
                proactive: stream(2),
                answers: stream(3),
                handle_times: stream(4),
                patience: stream(5),
                network: stream(6),
                bursts: stream(7),
                habits: stream(8),
                second: stream(9),
                agents: stream(10),
            },
            now: 0.0,
            planned: BinaryHeap::new(),
            sequence: 0,
            floor: Floor::new(scenario.slots_per_agent),
            slots: 0,
            at_work: 0,
            queue: VecDeque::new(),
            next_waiting: 0,
            reactive: 0,
            proactive: 0,
            second: 0,
            bursting: false,
            cached: [(f64::NEG_INFINITY, 0.0); 2],
            allowance: 0.0,
            invitations_pending: 0,
            totals: [Totals::default(); 2],
            known_totals: [Totals::default(); 2],
            handle_time: None,
            under_way: BTreeMap::new(),
            hour: Books::default(),
            hours: Vec::new(),
        };
        centre.plan(0.0, Event::StaffChanges);
        centre.plan(0.0, Event::CollectorSends);
        centre.plan(centre.scenario.collector.restart_every, Event::CollectorRestarts);
        centre.plan(HOUR, Event::HourEnds);
        let every = |seconds: f64| if seconds > 0.0 { seconds } else { f64::INFINITY };
        centre.plan(every(centre.scenario.collector.totals_every), Event::TotalsUpdated);
        centre.plan(every(centre.scenario.collector.abandoned_every), Event::AbandonedUpdated);
        centre.plan_burst();
        centre.plan_visitor();
        centre.plan_second();
        centre.plan_proactive();
        centre
    }

    /// Seconds since the start.
    #[must_use]
    pub const fn now(&self) -> f64 {
        self.now
    }

    /// When the next event is due, seconds since the start; a real-time driver sleeps until then.
    #[must_use]
    pub fn next_event_at(&self) -> f64 {
        self.planned.peek().map_or(f64::INFINITY, |planned| planned.at)
    }

    /// Goes on until something happens that the driver has to deal with, or until the time `until`
    /// is reached (`None`).
    pub fn advance(&mut self, until: f64) -> Option<Happening> {
        while let Some(planned) = self.planned.peek().copied().filter(|planned| planned.at <= until) {
            self.planned.pop();
            self.pass_time(planned.at);
            if let Some(happening) = self.happen(planned) {
                return Some(happening);
            }
        }
        self.pass_time(until);
        None
    }

    /// Answers a visitor: let in with this probability (0..=1). Says whether it was so.
    #[must_use = "says whether the visitor was let in"]
    pub fn admit(&mut self, visitor: Visitor, probability: f64) -> bool {
        let Visitor { coin, kind, attempt } = visitor;
        let (until, cached) = &mut self.cached[kind.group()];
        if self.now >= *until {
            (*until, *cached) = (self.now + self.scenario.habits.cached, probability);
        }
        let admitted = coin < *cached;
        if admitted {
            match self.scenario.habits.entry_delay.draw(&mut self.chance.habits) {
                delay if delay > 0.0 => self.plan(self.now + delay, Event::Enters { kind }),
                _ => self.enter(kind),
            }
        } else if attempt < self.scenario.habits.attempts {
            let again = self.now + self.scenario.habits.retry_after;
            self.plan(again, Event::AsksAgain { kind, attempt: attempt + 1 });
        }
        admitted
    }

    /// Allows `allowance` invitations from now until this is called again. A fraction is carried
    /// over; whole ones lapse.
    pub fn allow_invitations(&mut self, allowance: f64) {
        self.allowance = self.allowance.fract() + allowance;
    }

    /// What a collector would see at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_of(false)
    }

    fn snapshot_of(&self, second_group: bool) -> Snapshot {
        let fields = self.scenario.collector.fields;
        let count = self.floor.count();
        let clock = CLOCK_AT_START + (self.now * 1000.0).round() as u64;
        let Collector { totals_every, abandoned_every, .. } = self.scenario.collector;
        let group = usize::from(second_group);
        let mut totals = if totals_every > 0.0 { self.known_totals[group] } else { self.totals[group] };
        if abandoned_every > 0.0 {
            totals.abandoned = self.known_totals[group].abandoned;
        }
        let queued = self.queue.iter().filter(|waiting| waiting.kind.group() == group).count() as u32;
        Snapshot {
            second_group,
            ready: count.ready,
            logged_in: fields.logged_in.then_some(count.logged_in),
            slots: fields.slots.then_some(count.slots),
            free_slots: fields.slots.then_some(count.free_slots),
            reactive: fields.in_progress.then_some(if second_group { self.second } else { self.reactive }),
            proactive: fields.in_progress.then_some(if second_group { 0 } else { self.proactive }),
            queued: fields.queued.then_some(queued),
            handle_time: self
                .handle_time
                .filter(|_| fields.handle_time)
                .map(|handle_time| handle_time * self.scenario.collector.handle_time_bias)
                .map(|told| if self.now < self.scenario.collector.handle_time_from { 0.0 } else { told }),
            reactive_entered: fields.entered.then_some(totals.reactive_entered),
            proactive_entered: fields.entered.then_some(totals.proactive_entered),
            abandoned: fields.abandoned.then_some(totals.abandoned),
            invitations_sent: fields.invitations.then_some(totals.invited),
            invitations_accepted: fields.invitations.then_some(totals.accepted),
            invitations_pending: fields.invitations.then_some(self.invitations_pending),
            time: fields.time.then_some(clock),
        }
    }

    /// The statistics line, as JSON, that says this of the group.
    #[must_use]
    pub fn line(&self, snapshot: &Snapshot) -> String {
        let mut line = String::with_capacity(320);
        let group = if snapshot.second_group { "Second" } else { &self.scenario.group };
        snapshot.write(&self.scenario.channel, group, &mut line);
        line
    }

    /// What is simulated.
    #[must_use]
    pub const fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The books of each clock hour that has ended.
    #[must_use]
    pub fn hours(&self) -> &[Books] {
        &self.hours
    }

    /// The books from the start until now.
    #[must_use]
    pub fn books(&self) -> Books {
        self.hours.iter().fold(self.hour, |mut sum, hour| {
            sum += *hour;
            sum
        })
    }

    fn plan(&mut self, at: f64, event: Event) {
        if at.is_finite() {
            self.planned.push(Planned { at, sequence: self.sequence, event });
            self.sequence += 1;
        }
    }

    /// Arrivals at the peak rate, of which the event itself keeps the share that the curve says
    /// (thinning: Lewis & Shedler 1979).
    fn plan_visitor(&mut self) {
        let peak = self.scenario.visitors.peak() * self.scenario.bursts.map_or(1.0, |bursts| bursts.high);
        let gap = Times::Exponential { mean: 1.0 / peak }.draw(&mut self.chance.visitors);
        self.plan(self.now + gap, Event::Visitor);
    }

    fn plan_second(&mut self) {
        let gap = Times::Exponential { mean: 1.0 / self.scenario.second_group.peak() }.draw(&mut self.chance.second);
        self.plan(self.now + gap, Event::SecondVisitor);
    }

    fn plan_burst(&mut self) {
        if let Some(Bursts { last, pause, .. }) = self.scenario.bursts {
            let mean = if self.bursting { last } else { pause };
            let lasts = Times::Exponential { mean }.draw(&mut self.chance.bursts);
            self.plan(self.now + lasts, Event::BurstChanges);
        }
    }

    fn count_slots(&mut self) {
        let count = self.floor.count();
        (self.slots, self.at_work) = (count.slots, count.at_work);
    }

    fn plan_proactive(&mut self) {
        let peak = self.proactive_curve().peak();
        let gap = Times::Exponential { mean: 1.0 / peak }.draw(&mut self.chance.proactive);
        self.plan(self.now + gap, Event::Proactive);
    }

    const fn proactive_curve(&self) -> &Curve {
        match &self.scenario.proactive {
            Proactive::Uncontrolled(curve) | Proactive::Invitations { candidates: curve, .. } => curve,
        }
    }

    fn pass_time(&mut self, until: f64) {
        let passed = (until - self.now).max(0.0);
        self.now = self.now.max(until);
        self.hour.reactive_busy += passed * f64::from(self.reactive + self.second);
        self.hour.proactive_busy += passed * f64::from(self.proactive);
        self.hour.slots += passed * f64::from(self.slots);
        self.hour.at_work += passed * f64::from(self.at_work);
    }

    fn happen(&mut self, planned: Planned) -> Option<Happening> {
        match planned.event {
            Event::Visitor => {
                self.plan_visitor();
                let curve = &self.scenario.visitors;
                let (high, now) = self
                    .scenario
                    .bursts
                    .map_or((1.0, 1.0), |bursts| (bursts.high, if self.bursting { bursts.high } else { bursts.low }));
                let turns_up = self.chance.visitors.random::<f64>() * curve.peak() * high < curve.at(self.now) * now;
                let coin = self.chance.coins.random::<f64>();
                if turns_up {
                    return self.turns_up(Kind::Reactive, coin, 1);
                }
            }
            Event::SecondVisitor => {
                self.plan_second();
                let curve = &self.scenario.second_group;
                let turns_up = self.chance.second.random::<f64>() * curve.peak() < curve.at(self.now);
                let coin = self.chance.second.random::<f64>();
                if turns_up {
                    return self.turns_up(Kind::Second, coin, 1);
                }
            }
            Event::AsksAgain { kind, attempt } => {
                let coin = self.chance.habits.random::<f64>();
                return self.turns_up(kind, coin, attempt);
            }
            Event::Enters { kind } => self.enter(kind),
            Event::BurstChanges => {
                self.bursting = !self.bursting;
                self.plan_burst();
            }
            Event::TotalsUpdated => {
                self.plan(self.now + self.scenario.collector.totals_every, Event::TotalsUpdated);
                self.known_totals = self.totals;
            }
            Event::AbandonedUpdated => {
                self.plan(self.now + self.scenario.collector.abandoned_every, Event::AbandonedUpdated);
                for (known, totals) in self.known_totals.iter_mut().zip(self.totals) {
                    known.abandoned = totals.abandoned;
                }
            }
            Event::Proactive => {
                self.plan_proactive();
                let curve = self.proactive_curve();
                let (peak, rate) = (curve.peak(), curve.at(self.now));
                if self.chance.proactive.random::<f64>() * peak < rate {
                    self.proactive_turns_up();
                }
            }
            Event::InvitationAnswered { accepted } => {
                self.invitations_pending -= 1;
                if accepted {
                    self.totals[0].accepted += 1;
                    self.enter(Kind::Proactive);
                }
            }
            Event::HandleEnds { agent, kind, handle_time } => {
                self.floor.release(agent);
                *self.in_progress(kind) -= 1;
                self.after_interaction(agent);
                self.count_slots();
                let mean = self.handle_time.unwrap_or(self.scenario.handle_time.mean());
                self.handle_time = Some(mean + HANDLE_TIME_WEIGHT * (handle_time - mean));
                self.answer_waiting();
            }
            Event::WrapUpEnds { agent } => {
                self.floor.wrap_up(agent, false);
                self.count_slots();
                self.answer_waiting();
            }
            Event::BreakEnds { agent } => {
                self.floor.pause(agent, false);
                self.count_slots();
                self.answer_waiting();
            }
            Event::PatienceEnds { number } => self.give_up(number),
            Event::StaffChanges => {
                self.floor.set_staff(self.scenario.staff.at(self.now));
                self.count_slots();
                self.plan(self.scenario.staff.next_change(self.now), Event::StaffChanges);
                self.answer_waiting();
            }
            Event::CollectorSends => {
                self.plan(self.now + self.scenario.collector.interval, Event::CollectorSends);
                let lost = self.chance.network.random::<f64>() < self.scenario.network.loss;
                let delay = self.scenario.network.delay.draw(&mut self.chance.network);
                if !lost {
                    let groups = if self.scenario.second_group.peak() > 0.0 { 2 } else { 1 };
                    for second in [false, true].into_iter().take(groups) {
                        self.under_way.insert(self.sequence, self.snapshot_of(second));
                        self.plan(self.now + delay, Event::StatisticsArrive);
                    }
                }
            }
            Event::CollectorRestarts => {
                self.totals = [Totals::default(); 2];
                self.known_totals = self.totals;
                self.plan(self.now + self.scenario.collector.restart_every, Event::CollectorRestarts);
            }
            Event::StatisticsArrive => {
                return self.under_way.remove(&planned.sequence).map(Happening::Statistics);
            }
            Event::HourEnds => {
                self.hours.push(core::mem::take(&mut self.hour));
                self.plan(self.now + HOUR, Event::HourEnds);
            }
        }
        None
    }

    /// A visitor asks, or enters unasked.
    fn turns_up(&mut self, kind: Kind, coin: f64, attempt: u32) -> Option<Happening> {
        self.hour.offered += 1;
        let unasked = self.scenario.habits.unasked.at(self.now);
        if attempt == 1 && unasked > 0.0 && self.chance.habits.random::<f64>() < unasked {
            self.enter(kind);
            return None;
        }
        Some(Happening::Visitor(Visitor { coin, kind, attempt }))
    }

    const fn in_progress(&mut self, kind: Kind) -> &mut u32 {
        match kind {
            Kind::Reactive => &mut self.reactive,
            Kind::Proactive => &mut self.proactive,
            Kind::Second => &mut self.second,
        }
    }

    /// What the agent does before the next interaction.
    fn after_interaction(&mut self, agent: usize) {
        let Agents { wrap_up, break_share, break_time, .. } = self.scenario.agents;
        let wrap_up = wrap_up.draw(&mut self.chance.agents);
        if wrap_up > 0.0 {
            self.floor.wrap_up(agent, true);
            self.plan(self.now + wrap_up, Event::WrapUpEnds { agent });
        }
        if break_share > 0.0 && self.chance.agents.random::<f64>() < break_share {
            self.floor.pause(agent, true);
            let pause = break_time.draw(&mut self.chance.agents);
            self.plan(self.now + pause, Event::BreakEnds { agent });
        }
    }

    fn proactive_turns_up(&mut self) {
        match self.scenario.proactive {
            Proactive::Uncontrolled(_) => self.enter(Kind::Proactive),
            Proactive::Invitations { acceptance, answer, .. } => {
                if self.allowance >= 1.0 {
                    self.allowance -= 1.0;
                    self.totals[0].invited += 1;
                    self.hour.invited += 1;
                    self.invitations_pending += 1;
                    let accepted = self.chance.answers.random::<f64>() < acceptance;
                    let after = answer.draw(&mut self.chance.answers);
                    self.plan(self.now + after, Event::InvitationAnswered { accepted });
                }
            }
        }
    }

    fn enter(&mut self, kind: Kind) {
        match kind {
            Kind::Reactive | Kind::Second => {
                self.hour.reactive_entered += 1;
                self.totals[kind.group()].reactive_entered += 1;
            }
            Kind::Proactive => {
                self.hour.proactive_entered += 1;
                self.totals[0].proactive_entered += 1;
            }
        }
        let number = self.next_waiting;
        self.next_waiting += 1;
        self.queue.push_back(Waiting { number, kind, since: self.now, gone: false });
        self.answer_waiting();
        if self.queue.back().is_some_and(|last| last.number == number) {
            let patience = self.scenario.patience.draw(&mut self.chance.patience);
            let balks = self.scenario.balking > 0.0 && self.chance.habits.random::<f64>() < self.scenario.balking;
            self.plan(self.now + if balks { 0.0 } else { patience }, Event::PatienceEnds { number });
        }
    }

    /// Who waits longest goes to an agent who has room, as long as there are both.
    fn answer_waiting(&mut self) {
        while let Some(next) = self.queue.front().copied() {
            let Some(agent) = self.floor.take() else { break };
            self.queue.pop_front();
            *self.in_progress(next.kind) += 1;
            let handle_time = if next.gone {
                self.totals[next.kind.group()].abandoned += 1;
                self.scenario.silent.unwrap_or_default()
            } else {
                self.hour.answered += 1;
                self.hour.waited += self.now - next.since;
                self.scenario.handle_time.draw(&mut self.chance.handle_times) * self.pace(agent)
            };
            self.plan(self.now + handle_time, Event::HandleEnds { agent, kind: next.kind, handle_time });
        }
    }

    /// How much longer than usual this agent takes for an interaction that begins now.
    fn pace(&self, agent: usize) -> f64 {
        let Agents { uneven, slowdown, .. } = self.scenario.agents;
        let own = if agent.is_multiple_of(2) { 1.0 - uneven } else { 1.0 + uneven };
        let others = f64::from(self.floor.holds(agent).saturating_sub(1));
        own * (1.0 + slowdown * others) * self.scenario.handle_time_scale.at(self.now)
    }

    fn give_up(&mut self, number: u64) {
        // Numbers grow along the queue. Who is not there any more has been answered in time.
        let Ok(place) = self.queue.binary_search_by_key(&number, |waiting| waiting.number) else { return };
        let waiting = if self.scenario.silent.is_some() {
            let Some(waiting) = self.queue.get_mut(place) else { return };
            waiting.gone = true;
            *waiting
        } else {
            let Some(waiting) = self.queue.remove(place) else { return };
            self.totals[waiting.kind.group()].abandoned += 1;
            waiting
        };
        self.hour.waited += self.now - waiting.since;
        match waiting.kind {
            Kind::Reactive | Kind::Second => self.hour.reactive_abandoned += 1,
            Kind::Proactive => self.hour.proactive_abandoned += 1,
        }
    }
}

#[cfg(test)]
#[path = "centre_tests.rs"]
mod tests;
