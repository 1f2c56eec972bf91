//! The floor: agents on duty, what each has in hand, and who leaves when the interaction in hand
//! ends.

/// One agent's desk.
#[derive(Clone, Copy, Debug, Default)]
struct Desk {
    /// Interactions in hand.
    holds: u32,
    /// Interactions that have ended and are still worked on.
    wrapping_up: u32,
    /// On a break.
    pausing: bool,
    /// Someone sits here.
    taken: bool,
    /// … and leaves as soon as nothing is in hand.
    leaving: bool,
}

/// All agents of the group.
#[derive(Clone, Debug)]
pub(crate) struct Floor {
    desks: Vec<Desk>,
    slots_per_agent: u32,
}

/// What a collector can count on the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) ready: u32,
    pub(crate) logged_in: u32,
    pub(crate) slots: u32,
    pub(crate) free_slots: u32,
    /// Slots that are free or in use.
    pub(crate) at_work: u32,
}

impl Floor {
    pub(crate) fn new(slots_per_agent: u32) -> Self {
        Self { desks: Vec::new(), slots_per_agent }
    }

    /// Sets how many agents are on duty from now on. Who leaves with something in hand finishes it
    /// first.
    pub(crate) fn set_staff(&mut self, agents: u32) {
        let on_duty = self.desks.iter().filter(|desk| desk.taken && !desk.leaving).count();
        let agents = agents as usize;
        for _ in on_duty..agents {
            if let Some(desk) = self.desks.iter_mut().find(|desk| desk.leaving) {
                desk.leaving = false;
            } else if let Some(desk) = self.desks.iter_mut().find(|desk| !desk.taken) {
                desk.taken = true;
            } else {
                self.desks.push(Desk { taken: true, ..Desk::default() });
            }
        }
        for _ in agents..on_duty {
            // Who has least in hand goes first: nobody is kept longer than needed.
            let leaver = self.desks.iter_mut().filter(|desk| desk.taken && !desk.leaving).min_by_key(|desk| desk.holds);
            if let Some(desk) = leaver {
                desk.leaving = desk.holds > 0;
                desk.taken = desk.leaving;
            }
        }
    }

    /// Gives an interaction to the agent who has least in hand, and returns who; `None` if no agent
    /// has room.
    pub(crate) fn take(&mut self) -> Option<usize> {
        let room = self.slots_per_agent;
        let mut best: Option<(usize, &mut Desk)> = None;
        for (index, desk) in self.desks.iter_mut().enumerate() {
            if desk.taken && !desk.leaving && !desk.pausing && desk.holds + desk.wrapping_up < room {
                if desk.holds == 0 {
                    best = Some((index, desk));
                    break;
                }
                if best.as_ref().is_none_or(|(_, least)| desk.holds < least.holds) {
                    best = Some((index, desk));
                }
            }
        }
        let (index, desk) = best?;
        desk.holds += 1;
        Some(index)
    }

    /// Interactions that this agent has in hand.
    pub(crate) fn holds(&self, agent: usize) -> u32 {
        self.desks.get(agent).map_or(0, |desk| desk.holds)
    }

    /// An interaction of this agent's has ended.
    pub(crate) fn release(&mut self, agent: usize) {
        if let Some(desk) = self.desks.get_mut(agent) {
            desk.holds = desk.holds.saturating_sub(1);
            if desk.leaving && desk.holds == 0 {
                *desk = Desk::default();
            }
        }
    }

    /// This agent works on an interaction that has ended, or no longer does.
    pub(crate) fn wrap_up(&mut self, agent: usize, begins: bool) {
        if let Some(desk) = self.desks.get_mut(agent).filter(|desk| desk.taken) {
            desk.wrapping_up = if begins { desk.wrapping_up + 1 } else { desk.wrapping_up.saturating_sub(1) };
        }
    }

    /// This agent takes a break, or is back.
    pub(crate) fn pause(&mut self, agent: usize, begins: bool) {
        if let Some(desk) = self.desks.get_mut(agent).filter(|desk| desk.taken) {
            desk.pausing = begins;
        }
    }

    /// What a collector can count now. Who is leaving is still logged in, with as many slots as are
    /// in hand.
    pub(crate) fn count(&self) -> Count {
        let mut count = Count { ready: 0, logged_in: 0, slots: 0, free_slots: 0, at_work: 0 };
        for desk in self.desks.iter().filter(|desk| desk.taken) {
            count.logged_in += 1;
            if desk.leaving {
                count.slots += desk.holds;
                count.at_work += desk.holds;
            } else {
                count.slots += self.slots_per_agent;
                let taken = desk.holds + desk.wrapping_up;
                let free = if desk.pausing { 0 } else { self.slots_per_agent.saturating_sub(taken) };
                count.free_slots += free;
                count.at_work += desk.holds + free;
                count.ready += u32::from(free > 0);
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_who_leaves_finishes_the_interaction_in_hand() {
        let mut floor = Floor::new(1);
        floor.set_staff(2);
        let busy = floor.take().unwrap();
        floor.set_staff(0);
        assert_eq!(floor.count(), Count { ready: 0, logged_in: 1, slots: 1, free_slots: 0, at_work: 1 });
        assert_eq!(floor.take(), None);
        floor.release(busy);
        assert_eq!(floor.count(), Count { ready: 0, logged_in: 0, slots: 0, free_slots: 0, at_work: 0 });
    }

    #[test]
    fn an_interaction_goes_to_the_agent_with_least_in_hand() {
        let mut floor = Floor::new(2);
        floor.set_staff(2);
        assert_eq!([floor.take(), floor.take(), floor.take()], [Some(0), Some(1), Some(0)]);
        assert_eq!(floor.count(), Count { ready: 1, logged_in: 2, slots: 4, free_slots: 1, at_work: 4 });
        assert_eq!([floor.take(), floor.take()], [Some(1), None]);
    }

    #[test]
    fn who_works_on_an_interaction_that_has_ended_or_takes_a_break_is_logged_in_and_not_at_work() {
        let mut floor = Floor::new(1);
        floor.set_staff(2);
        let agent = floor.take().unwrap();
        floor.release(agent);
        floor.wrap_up(agent, true);
        assert_eq!(floor.count(), Count { ready: 1, logged_in: 2, slots: 2, free_slots: 1, at_work: 1 });
        floor.wrap_up(agent, false);
        floor.pause(agent, true);
        assert_eq!(floor.count(), Count { ready: 1, logged_in: 2, slots: 2, free_slots: 1, at_work: 1 });
        floor.pause(agent, false);
        assert_eq!(floor.count(), Count { ready: 2, logged_in: 2, slots: 2, free_slots: 2, at_work: 2 });
    }

    #[test]
    fn who_was_about_to_leave_can_be_asked_to_stay() {
        let mut floor = Floor::new(1);
        floor.set_staff(1);
        floor.take();
        floor.set_staff(0);
        floor.set_staff(1);
        floor.release(0);
        assert_eq!(floor.count(), Count { ready: 1, logged_in: 1, slots: 1, free_slots: 1, at_work: 1 });
    }
}
