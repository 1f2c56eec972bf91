//! The answer to a `QueueStatus`: queues, members and callers, from its events.

use std::hash::{DefaultHasher, Hasher as _};

use crate::ami::Message;
use crate::excerpt::excerpt;
use crate::limits::{CALLERS, EVENTS, GROUP_NAME_BYTES, MEMBERS, QUEUES};

/// A name of Asterisk's that is only compared: its hash, so that its length takes no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(u64);

impl Identity {
    /// Returns the identity of `name`.
    pub fn of(name: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(name);
        Self(hasher.finish())
    }
}

/// What Asterisk watches of a member's phone (`Status`, its device state).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phone {
    /// 0 and 1: unknown, which `app_queue` rings as well, and not in use.
    Free,
    /// 6 and 7: ringing, also while in use.
    Ringing,
    /// 4 and 5: invalid and unavailable.
    Absent,
    /// In use, busy, on hold, and what later versions may bring.
    Busy,
}

/// A member of a queue.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its `Location`.
    pub identity: Identity,
    /// Its phone.
    pub phone: Phone,
    /// Whether it is paused.
    pub is_paused: bool,
    /// Whether it is in a call of this queue; with `shared_lastcall`, of any queue.
    pub in_call: bool,
    /// When its last call ended, in seconds of Asterisk's clock; 0 for never.
    pub last_call: u64,
    /// Its own wrap-up time in seconds; 0 where the queue's holds.
    pub wrap_up: u64,
}

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Its name, which is a group name of pacingd.
    pub name: String,
    /// Whether all its members ring for one caller.
    pub rings_all: bool,
    /// Callers who wait, those whose agent's phone rings included.
    pub calls: u64,
    /// Calls completed since Asterisk started, or since the counters were reset.
    pub completed: u64,
    /// Callers who abandoned since then.
    pub abandoned: u64,
    /// Its members.
    pub members: Vec<Member>,
    /// The channels of those who wait, in order; not all of them if they are not `calls`.
    pub callers: Vec<Identity>,
}

/// Why an answer cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub enum AnswerError {
    /// The number of events is not the one at its end.
    Incomplete {
        /// `ListItems`.
        announced: u64,
        /// Events that came.
        received: u64,
    },
    /// It has more than [`EVENTS`] events or [`MEMBERS`] members.
    TooLong,
}

/// An answer, as far as it was received.
#[derive(Debug, Default)]
pub struct Answer {
    /// The queues whose names pacingd takes, in Asterisk's order.
    pub queues: Vec<Queue>,
    /// The others: name and reason, for the log.
    pub skipped: Vec<String>,
    events: u64,
    members: usize,
    callers: usize,
}

impl Answer {
    /// Takes an event; returns whether it was the last of the answer.
    pub fn take(&mut self, event: &Message) -> Result<bool, AnswerError> {
        match event.field("Event") {
            Some(b"QueueParams") => self.take_queue(event),
            Some(b"QueueMember") => self.take_member(event),
            Some(b"QueueEntry") => self.take_caller(event),
            // Asterisk 11 and before say no number.
            Some(b"QueueStatusComplete") => match event.number("ListItems") {
                Some(announced) if announced != self.events => {
                    return Err(AnswerError::Incomplete { announced, received: self.events });
                }
                _ => return Ok(true),
            },
            // Events of a session that did not switch them off.
            _ => return Ok(false),
        }
        self.events += 1;
        if self.events > EVENTS || self.members > MEMBERS {
            return Err(AnswerError::TooLong);
        }
        Ok(false)
    }

    fn take_queue(&mut self, event: &Message) {
        let name = event.field("Queue").unwrap_or_default();
        match self.queue(name, event) {
            Ok(queue) => self.queues.push(queue),
            Err(reason) => {
                // More are of no use to the reader of the log.
                if self.skipped.len() < QUEUES {
                    self.skipped.push(format!("queue \"{}\" is skipped: {reason}", excerpt(name)));
                }
            }
        }
    }

    fn queue(&self, name: &[u8], event: &Message) -> Result<Queue, &'static str> {
        let text = std::str::from_utf8(name).map_err(|_| "its name is not UTF-8")?;
        if text.is_empty() || text.len() > GROUP_NAME_BYTES || text.chars().any(char::is_control) {
            return Err("pacingd takes names of 1 to 64 bytes without control characters");
        }
        if self.queues.len() == QUEUES {
            return Err("there are 256 others already, which is all that pacingd holds");
        }
        let number = |name| event.number(name).ok_or("Calls, Completed or Abandoned is not a number");
        Ok(Queue {
            name: text.to_owned(),
            rings_all: event.field("Strategy") == Some(b"ringall"),
            calls: number("Calls")?,
            completed: number("Completed")?,
            abandoned: number("Abandoned")?,
            members: Vec::new(),
            callers: Vec::new(),
        })
    }

    /// Returns the queue of a member or caller: as a rule the last, for Asterisk lists them behind
    /// their queue.
    fn queue_of(&mut self, event: &Message) -> Option<&mut Queue> {
        let name = event.field("Queue")?;
        self.queues.iter_mut().rev().find(|queue| queue.name.as_bytes() == name)
    }

    fn take_member(&mut self, event: &Message) {
        let status = event.number("Status");
        let phone = match status {
            Some(0 | 1) => Phone::Free,
            Some(4 | 5) => Phone::Absent,
            Some(6 | 7) => Phone::Ringing,
            _ => Phone::Busy,
        };
        let member = Member {
            identity: Identity::of(event.field("Location").unwrap_or_default()),
            phone,
            is_paused: event.number("Paused") != Some(0),
            // Before Asterisk 13 there is no InCall: then whoever is on the phone is taken for one
            // in a call.
            in_call: match event.field("InCall") {
                Some(value) => value == b"1",
                None => matches!(status, Some(2 | 3 | 7 | 8)),
            },
            last_call: event.number("LastCall").unwrap_or_default(),
            wrap_up: event.number("Wrapuptime").unwrap_or_default(),
        };
        if let Some(queue) = self.queue_of(event) {
            queue.members.push(member);
            self.members += 1;
        }
    }

    fn take_caller(&mut self, event: &Message) {
        let has_place = self.callers < CALLERS;
        let Some(caller) = event.field("Uniqueid").map(Identity::of).filter(|_| has_place) else { return };
        if let Some(queue) = self.queue_of(event) {
            queue.callers.push(caller);
            self.callers += 1;
        }
    }
}
