//! What tasks share: state, configuration, log, stop. One thread needs no locks.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::sync::Arc;
use std::time::Duration;

use pacingd::state::State;
use tokio::sync::{Notify, Semaphore};

use crate::alarm::Alarm;
use crate::clock;
use crate::configuration::Configuration;
use crate::http::counters::Traffic;
use crate::http::dates::Date;
use crate::http::places::Turns;
use crate::https::Tls;
use crate::log::Log;
use crate::statistics::listeners::Listeners;

/// Large responses sent to operators concurrently. One takes a millisecond on a local network.
pub(crate) const LARGE_RESPONSES: usize = 8;

pub(crate) struct Context {
    /// Never borrowed across an `.await`.
    state: RefCell<Box<State>>,
    configuration: RefCell<Configuration>,
    pub(crate) tls: Option<Tls>,
    pub(crate) log: &'static Log,
    pub(crate) date: Date,
    pub(crate) last_modified: Date,
    pub(crate) traffic: Traffic,
    /// For pipelined requests and discarded input.
    pub(crate) turns: Turns,
    /// Permits for [`LARGE_RESPONSES`].
    pub(crate) documents: Arc<Semaphore>,
    pub(crate) started: Duration,
    pub(crate) listeners: Listeners,
    /// Wakes the timer.
    pub(crate) alarm: Alarm,
    is_stopping: Cell<bool>,
    stopped: Notify,
}

impl Context {
    pub(crate) fn new(configuration: Configuration, tls: Option<Tls>, log: &'static Log) -> Self {
        Self {
            // Constructed in place: moving it would make its size resident on the stack, and its
            // unused parts on the heap.
            state: RefCell::new(Box::write(Box::new_uninit(), State::new(configuration.settings()))),
            configuration: RefCell::new(configuration),
            tls,
            log,
            date: Date::default(),
            last_modified: Date::default(),
            traffic: Traffic::default(),
            turns: Turns::default(),
            documents: Arc::new(Semaphore::new(LARGE_RESPONSES)),
            started: clock::now(),
            listeners: Listeners::default(),
            alarm: Alarm::default(),
            is_stopping: Cell::new(false),
            stopped: Notify::new(),
        }
    }

    pub(crate) fn state(&self) -> RefMut<'_, State> {
        RefMut::map(self.state.borrow_mut(), |state| &mut **state)
    }

    pub(crate) fn configuration(&self) -> Ref<'_, Configuration> {
        self.configuration.borrow()
    }

    pub(crate) fn configure(&self, configuration: Configuration) {
        *self.configuration.borrow_mut() = configuration;
        self.declare_groups();
        self.alarm.wake();
    }

    pub(crate) fn declare_groups(&self) {
        let configuration = self.configuration();
        self.state().configure(configuration.settings(), configuration.declared_groups());
    }

    /// Ends all listeners and handshakes, and connections when their tasks are woken.
    pub(crate) fn stop(&self) {
        self.is_stopping.set(true);
        self.stopped.notify_waiters();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.get()
    }

    /// Waits until [`stop`](Self::stop).
    pub(crate) async fn stopped(&self) {
        if !self.is_stopping.get() {
            self.stopped.notified().await;
        }
    }
}
