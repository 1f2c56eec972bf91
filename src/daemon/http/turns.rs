//! Turns of the event loop: what clients can ask for without end is done one piece in a turn, first come, first served.
//! Between two turns every socket that is ready is served.

use tokio::sync::{Mutex, MutexGuard};
use tokio::task::yield_now;

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
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    use super::*;

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
