//! What all tasks share: the state, the configuration in force, the log. One thread, so nothing is locked.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::time::Duration;

use pacingd::state::State;
use tokio::sync::Notify;

use crate::clock;
use crate::configuration::Configuration;
use crate::group_changes::GroupChanges;
use crate::http::counters::Traffic;
use crate::http::operator_pages::Permits;
use crate::http::respond::Dates;
use crate::http::turns::Turns;
use crate::https::Tls;
use crate::log::{Cause, Log};
use crate::statistics::listeners::Listeners;
use crate::systemd::notify::Manager;
use crate::systemd::status::Status;

pub(crate) struct Shared {
    /// Never borrowed across an `.await`.
    state: RefCell<Box<State>>,
    configuration: RefCell<Configuration>,
    /// Where HTTPS is configured.
    pub(crate) tls: Option<Tls>,
    pub(crate) log: Log,
    pub(crate) dates: Dates,
    pub(crate) manager: Manager,
    pub(crate) status: Status,
    pub(crate) traffic: Traffic,
    /// For requests that are sent ahead of answers, and for what is discarded.
    pub(crate) turns: Turns,
    pub(crate) documents: Permits,
    pub(crate) group_changes: GroupChanges,
    /// When the daemon was started.
    pub(crate) started: Duration,
    /// Where statistics arrive.
    pub(crate) listeners: Listeners,
    /// When the ticker means to wake up; see there.
    pub(crate) wakeup: Cell<Option<Duration>>,
    pub(crate) wake_ticker: Notify,
    is_stopping: Cell<bool>,
    stopping: Notify,
}

impl Shared {
    pub(crate) fn new(configuration: Configuration, tls: Option<Tls>, log: Log, manager: Manager) -> Self {
        Self {
            // Made where it stays: passed along it would leave its size behind on the stack, and what of it is never
            // used would have been written to. Both would be resident for good.
            state: RefCell::new(Box::write(Box::new_uninit(), State::new(configuration.settings()))),
            configuration: RefCell::new(configuration),
            tls,
            log,
            dates: Dates::default(),
            manager,
            status: Status::new(),
            traffic: Traffic::default(),
            turns: Turns::default(),
            documents: Permits::default(),
            group_changes: GroupChanges::default(),
            started: clock::now(),
            listeners: Listeners::default(),
            wakeup: Cell::new(None),
            wake_ticker: Notify::new(),
            is_stopping: Cell::new(false),
            stopping: Notify::new(),
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
        self.wake_ticker.notify_one();
    }

    pub(crate) fn declare_groups(&self) {
        let configuration = self.configuration();
        let declared = configuration.statistics.groups.iter().map(|(channel, name)| (*channel, name));
        let configured = self.state().configure(configuration.settings(), declared);
        if let Err(refused) = configured {
            self.log.limited(
                Cause::Declared,
                format_args!(
                    "{refused} groups of statistics.groups found no place: at most {} can be declared",
                    pacingd::limits::GROUPS
                ),
            );
        }
    }

    /// Tells every task that it is time to end.
    pub(crate) fn stop(&self) {
        self.is_stopping.set(true);
        self.stopping.notify_waiters();
    }

    /// Whether it is time to end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.get()
    }

    /// Waits until it is time to end.
    pub(crate) async fn stopped(&self) {
        if !self.is_stopping.get() {
            self.stopping.notified().await;
        }
    }
}
