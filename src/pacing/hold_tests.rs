//! Holding a mean: what moves the set point, and what does not wind it up.

use super::*;

const SITUATION: Situation =
    Situation { slots: 10.0, free: 5.0, busy: 5.0, reactive: 5.0, queued: 0.0, handle_time: 300.0, patience: 60.0 };

#[test]
fn what_is_missed_in_the_mean_moves_the_set_point() {
    let mut hold = Hold::NEW;
    for _ in 0..150 {
        hold.learn(0.5, 0.5, 2.0, &SITUATION);
    }
    // One handle time with half a slot missing.
    assert!((hold.set_point(7.0) - 7.5).abs() < 1e-9, "{}", hold.set_point(7.0));
}

#[test]
fn a_door_that_stands_open_does_not_wind_up_the_set_point() {
    let mut hold = Hold::NEW;
    for _ in 0..10_000 {
        hold.learn(5.0, 1.0, 2.0, &SITUATION);
    }
    // It moved while the recent past still knew a closed door, and not beyond what chance makes of ten slots.
    assert!(hold.set_point(7.0) < 7.0 + 2.0 + 2.0 * libm::sqrt(10.0) + 1e-9);
    let wound = hold.set_point(7.0);
    hold.learn(5.0, 1.0, 2.0, &SITUATION);
    assert!((hold.set_point(7.0) - wound).abs() < 1e-12);
}
