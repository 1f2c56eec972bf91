//! How clients share the daemon: places, a fixed number of them for connections or handshakes, and turns.
//!
//! A client that holds a place and sends nothing must not keep others out. So when all places are taken, the holder that has
//! waited longest for its client gives its place up; a holder whose client is being answered keeps it until then.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard, Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;

/// A fixed number of places.
#[derive(Clone)]
pub(crate) struct Places(Rc<PlacesInner>);

struct PlacesInner {
    permits: Arc<Semaphore>,
    count: usize,
    holders: RefCell<Vec<Rc<Holder>>>,
    /// Counts up; orders holders by when they began to wait.
    ticks: Cell<u64>,
}

struct Holder {
    /// Since which tick it has waited for its client; [`BUSY`] while it does not wait.
    waiting_since: Cell<u64>,
    is_asked_to_leave: Cell<bool>,
    leave: Notify,
}

/// Later than every tick: who is busy leaves last.
const BUSY: u64 = u64::MAX;

/// A place, free again once it is dropped.
pub(crate) struct Place {
    places: Places,
    holder: Rc<Holder>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(count: usize) -> Self {
        let permits = Arc::new(Semaphore::new(count));
        Self(Rc::new(PlacesInner { permits, count, holders: RefCell::default(), ticks: Cell::new(0) }))
    }

    /// Takes a place. If there is none, asks the holder that has waited longest to leave, and waits.
    pub(crate) async fn take(&self) -> Place {
        if self.0.permits.available_permits() == 0 {
            // What has arrived from a holder's client by now is read first: that holder waits no longer.
            yield_now().await;
            self.ask_one_to_leave();
        }
        let Ok(permit) = Arc::clone(&self.0.permits).acquire_owned().await else {
            // Never: nothing closes the semaphore.
            return pending().await;
        };
        let waiting_since = Cell::new(self.tick());
        let holder = Rc::new(Holder { waiting_since, is_asked_to_leave: Cell::new(false), leave: Notify::new() });
        self.0.holders.borrow_mut().push(Rc::clone(&holder));
        Place { places: self.clone(), holder, _permit: permit }
    }

    /// How many are taken.
    #[cfg(any(test, feature = "tls"))]
    pub(crate) fn taken(&self) -> usize {
        self.0.holders.borrow().len()
    }

    /// Waits until every place is free.
    pub(crate) async fn wait_until_empty(&self) {
        let all = u32::try_from(self.0.count).unwrap_or(u32::MAX);
        let _ = self.0.permits.acquire_many(all).await;
    }

    fn tick(&self) -> u64 {
        self.0.ticks.replace(self.0.ticks.get() + 1)
    }

    fn ask_one_to_leave(&self) {
        let holders = self.0.holders.borrow();
        let candidates = holders.iter().filter(|holder| !holder.is_asked_to_leave.get());
        if let Some(holder) = candidates.min_by_key(|holder| holder.waiting_since.get()) {
            holder.is_asked_to_leave.set(true);
            holder.leave.notify_one();
        }
    }
}

impl Place {
    /// The client is to be answered now: if this holder was asked to leave, another one is asked instead.
    pub(crate) fn busy(&self) {
        self.holder.waiting_since.set(BUSY);
        if self.holder.is_asked_to_leave.replace(false) {
            self.places.ask_one_to_leave();
        }
    }

    /// It was answered, and is waited for from now on.
    pub(crate) fn waiting(&self) {
        self.holder.waiting_since.set(self.places.tick());
        if self.holder.is_asked_to_leave.get() {
            self.holder.leave.notify_one();
        }
    }

    /// Completes when the place is needed for another client, and this one is not being answered.
    pub(crate) async fn needed(&self) {
        while !self.holder.is_asked_to_leave.get() || self.holder.waiting_since.get() == BUSY {
            self.holder.leave.notified().await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut holders = self.places.0.holders.borrow_mut();
        if let Some(index) = holders.iter().position(|holder| Rc::ptr_eq(holder, &self.holder)) {
            holders.swap_remove(index);
        }
    }
}

/// Turns of the event loop: what clients can ask for without end is done one piece in a turn, first come, first served.
/// Between two turns every socket that is ready is served.
#[derive(Default)]
pub(crate) struct Turns(Mutex<()>);

impl Turns {
    /// Waits for a turn, which lasts until what is returned is dropped.
    pub(crate) async fn next(&self) -> MutexGuard<'_, ()> {
        // Whoever waits is served in the order of arrival.
        let turn = self.0.lock().await;
        yield_now().await;
        turn
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Polls past the yielding, so that one is asked to leave.
    fn assert_waits<F: Future>(mut future: std::pin::Pin<&mut F>) {
        assert!(poll(future.as_mut()).is_pending());
        assert!(poll(future).is_pending());
    }

    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("it has to wait"),
        }
    }

    fn is_needed(place: &Place) -> bool {
        pin!(place.needed()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn who_has_waited_longest_leaves_for_another() {
        let places = Places::new(3);
        let [first, second, third] = [now(places.take()), now(places.take()), now(places.take())];
        first.busy();
        first.waiting();
        let mut fourth = pin!(places.take());
        assert_waits(fourth.as_mut());
        assert_eq!([&first, &second, &third].map(is_needed), [false, true, false]);
        drop(second);
        let Poll::Ready(fourth) = poll(fourth) else { panic!("a place is free") };
        assert_eq!([&first, &third, &fourth].map(is_needed), [false, false, false]);
        assert_eq!(places.taken(), 3);
    }

    #[test]
    fn who_is_being_answered_leaves_only_when_all_are_and_then_after_its_answer() {
        let places = Places::new(2);
        let [first, second] = [now(places.take()), now(places.take())];
        let mut third = pin!(places.take());
        assert_waits(third.as_mut());
        assert_eq!([&first, &second].map(is_needed), [true, false]);
        first.busy();
        assert_eq!([&first, &second].map(is_needed), [false, true], "it was asked too late");
        second.busy();
        assert_eq!([&first, &second].map(is_needed), [false, false]);
        for place in [&first, &second] {
            place.waiting();
        }
        assert_eq!([&first, &second].map(is_needed).into_iter().filter(|is_needed| *is_needed).count(), 1);
    }

    #[test]
    fn two_who_wait_ask_two_to_leave() {
        let places = Places::new(2);
        let [first, second] = [now(places.take()), now(places.take())];
        let [mut third, mut fourth] = [Box::pin(places.take()), Box::pin(places.take())];
        assert_waits(third.as_mut());
        assert_waits(fourth.as_mut());
        assert_eq!([&first, &second].map(is_needed), [true, true]);
    }

    #[test]
    fn no_two_have_the_same_turn() {
        let runtime = tokio::runtime::Builder::new_current_thread().build_local(Default::default()).unwrap();
        let (turns, number, taken) = (Rc::new(Turns::default()), Rc::new(Cell::new(0)), Rc::new(RefCell::default()));
        runtime.block_on(async {
            for _ in 0..5 {
                let (turns, number, taken) = (Rc::clone(&turns), Rc::clone(&number), Rc::clone(&taken));
                tokio::task::spawn_local(async move {
                    for _ in 0..2 {
                        let _turn = turns.next().await;
                        RefCell::<Vec<u32>>::borrow_mut(&taken).push(number.get());
                    }
                });
            }
            while taken.borrow().len() < 10 {
                number.set(number.get() + 1);
                yield_now().await;
            }
        });
        assert!(taken.borrow().is_sorted_by(|one, next| one < next), "{taken:?}");
    }
}
