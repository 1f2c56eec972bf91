//! Shares the daemon among clients: places, of which there is a fixed number for connections or
//! handshakes, and turns of the event loop.
//!
//! When all places are taken and another is needed, the connection that has been idle longest is
//! evicted. One that is being answered is not idle.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use tokio::sync::{Mutex, MutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;

#[derive(Clone)]
pub(crate) struct Places(Rc<PlacesInner>);

struct PlacesInner {
    permits: Arc<Semaphore>,
    count: usize,
    holders: RefCell<Vec<Rc<Holder>>>,
    /// A counter by which holders are ordered.
    ticks: Cell<u64>,
}

struct Holder {
    /// The tick at which it became idle, or [`BUSY`].
    idle_since: Cell<u64>,
    is_evicted: Cell<bool>,
    /// The task that has the place.
    task: RefCell<Waker>,
}

/// Later than every tick.
const BUSY: u64 = u64::MAX;

/// A place, which is released on drop.
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

    /// Takes a place. If there is none, evicts the holder that has been idle longest, and waits.
    pub(crate) async fn take(&self) -> Place {
        if self.0.permits.available_permits() == 0 {
            // Requests that have arrived are read first: their holders are not idle.
            yield_now().await;
            self.evict_one();
        }
        let Ok(permit) = Arc::clone(&self.0.permits).acquire_owned().await else {
            // The semaphore is never closed.
            return pending().await;
        };
        let holder = Rc::new(Holder {
            idle_since: Cell::new(self.tick()),
            is_evicted: Cell::new(false),
            task: RefCell::new(Waker::noop().clone()),
        });
        self.0.holders.borrow_mut().push(Rc::clone(&holder));
        Place { places: self.clone(), holder, _permit: permit }
    }

    #[cfg(any(test, feature = "tls"))]
    pub(crate) fn taken(&self) -> usize {
        self.0.holders.borrow().len()
    }

    pub(crate) async fn wait_until_empty(&self) {
        let all = u32::try_from(self.0.count).unwrap_or(u32::MAX);
        let _ = self.0.permits.acquire_many(all).await;
    }

    fn tick(&self) -> u64 {
        self.0.ticks.replace(self.0.ticks.get() + 1)
    }

    fn evict_one(&self) {
        let holders = self.0.holders.borrow();
        let candidates = holders.iter().filter(|holder| !holder.is_evicted.get());
        if let Some(holder) = candidates.min_by_key(|holder| holder.idle_since.get()) {
            holder.is_evicted.set(true);
            holder.task.borrow().wake_by_ref();
        }
    }

    /// Wakes the tasks of all holders.
    pub(crate) fn wake(&self) {
        self.0.holders.borrow().iter().for_each(|holder| holder.task.borrow().wake_by_ref());
    }
}

impl Place {
    /// Marks the holder as busy. If it was to be evicted, another one is instead.
    pub(crate) fn busy(&self) {
        self.holder.idle_since.set(BUSY);
        if self.holder.is_evicted.replace(false) {
            self.places.evict_one();
        }
    }

    /// Marks the holder as idle.
    pub(crate) fn idle(&self) {
        self.holder.idle_since.set(self.places.tick());
    }

    /// Completes when the holder is idle and to be evicted. To be polled after what makes it idle.
    pub(crate) async fn evicted(&self) {
        poll_fn(|task| {
            self.holder.task.borrow_mut().clone_from(task.waker());
            let is_idle = self.holder.idle_since.get() != BUSY;
            if is_idle && self.holder.is_evicted.get() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
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

/// Turns of the event loop: work that clients can cause without limit is done one piece in a turn,
/// first come, first served. Between two turns all ready sockets are served.
#[derive(Default)]
pub(crate) struct Turns(Mutex<()>);

impl Turns {
    /// Waits for a turn, which lasts until the guard is dropped.
    pub(crate) async fn next(&self) -> MutexGuard<'_, ()> {
        // The mutex is fair.
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

    /// Polls past the yielding, so that one is evicted.
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

    fn is_evicted(place: &Place) -> bool {
        pin!(place.evicted()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn the_holder_idle_longest_is_evicted_for_another() {
        let places = Places::new(3);
        let [first, second, third] = [now(places.take()), now(places.take()), now(places.take())];
        first.busy();
        first.idle();
        let mut fourth = pin!(places.take());
        assert_waits(fourth.as_mut());
        assert_eq!([&first, &second, &third].map(is_evicted), [false, true, false]);
        drop(second);
        let Poll::Ready(fourth) = poll(fourth) else { panic!("a place is free") };
        assert_eq!([&first, &third, &fourth].map(is_evicted), [false, false, false]);
        assert_eq!(places.taken(), 3);
    }

    #[test]
    fn a_busy_holder_is_evicted_only_when_all_are_busy_and_then_after_its_answer() {
        let places = Places::new(2);
        let [first, second] = [now(places.take()), now(places.take())];
        let mut third = pin!(places.take());
        assert_waits(third.as_mut());
        assert_eq!([&first, &second].map(is_evicted), [true, false]);
        first.busy();
        assert_eq!([&first, &second].map(is_evicted), [false, true], "it became busy first");
        second.busy();
        assert_eq!([&first, &second].map(is_evicted), [false, false]);
        for place in [&first, &second] {
            place.idle();
        }
        assert_eq!([&first, &second].map(is_evicted).into_iter().filter(|is_evicted| *is_evicted).count(), 1);
    }

    #[test]
    fn two_who_wait_evict_two() {
        let places = Places::new(2);
        let [first, second] = [now(places.take()), now(places.take())];
        let [mut third, mut fourth] = [Box::pin(places.take()), Box::pin(places.take())];
        assert_waits(third.as_mut());
        assert_waits(fourth.as_mut());
        assert_eq!([&first, &second].map(is_evicted), [true, true]);
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
