//! What tasks share: state, configuration, log, and whether it is time to stop. One thread, so nothing is locked.

use std::cell::{Ref, RefCell, RefMut};
use std::sync::Arc;
use std::time::Duration;

use pacingd::state::State;
use tokio::sync::{Semaphore, watch};

use crate::alarm::Alarm;
use crate::clock;
use crate::configuration::Configuration;
use crate::http::counters::Traffic;
use crate::http::dates::Date;
use crate::http::places::Turns;
use crate::https::Tls;
use crate::log::Log;
use crate::statistics::listeners::Listeners;

/// Large responses to operators that are being sent at once. A client on the same network takes one in a millisecond.
pub(crate) const LARGE_RESPONSES: usize = 8;

pub(crate) struct Context {
    /// Never borrowed across an `.await`.
    state: RefCell<Box<State>>,
    configuration: RefCell<Configuration>,
    /// Where HTTPS is configured.
    pub(crate) tls: Option<Tls>,
    pub(crate) log: &'static Log,
    pub(crate) date: Date,
    pub(crate) last_modified: Date,
    pub(crate) traffic: Traffic,
    /// For requests that are sent ahead of answers, and for what is discarded.
    pub(crate) turns: Turns,
    /// Permits to send a document to an operator.
    pub(crate) documents: Arc<Semaphore>,
    pub(crate) started: Duration,
    pub(crate) listeners: Listeners,
    /// Wakes the timer.
    pub(crate) alarm: Alarm,
    stop: watch::Sender<bool>,
}

impl Context {
    pub(crate) fn new(configuration: Configuration, tls: Option<Tls>, log: &'static Log) -> Self {
        Self {
            // Made where it stays: passed along, it would leave its size behind on the stack, and parts of it that are
            // never used would have been written to. Both would stay resident.
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
            stop: watch::Sender::default(),
        }
    }

    pub(crate) fn state(&self) -> RefMut<'_, State> {
        RefMut::map(self.state.borrow_mut(), |state| &mut **state)
    }

    pub(crate) fn configuration(&self) -> Ref<'_, Configuration> {
        self.configuration.borrow()
    }

    /// Puts another configuration into force.
    pub(crate) fn configure(&self, configuration: Configuration) {
        *self.configuration.borrow_mut() = configuration;
        self.declare_groups();
        self.alarm.wake();
    }

    pub(crate) fn declare_groups(&self) {
        let configuration = self.configuration();
        self.state().configure(configuration.settings(), configuration.declared_groups());
    }

    /// Makes every listener and connection end.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until it is time to end.
    pub(crate) async fn stopped(&self) {
        // The sender lives as long as this does.
        let _ = self.stop.subscribe().wait_for(|is_stopping| *is_stopping).await;
    }
}
