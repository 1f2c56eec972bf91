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
    // One handle time with half a slot missing, less what has faded of it.
    assert!((hold.set_point(7.0) - 7.5).abs() < 0.5 / FADES, "{}", hold.set_point(7.0));
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
    assert!((wound - 0.01..=wound).contains(&hold.set_point(7.0)));
}

#[test]
fn two_that_were_started_at_different_times_come_to_agree() {
    let mut holds = [Hold::NEW, Hold { offset: 3.0, open: 0.0 }];
    for refresh in 0..150 * 60 {
        for hold in &mut holds {
            hold.learn(if refresh % 2 == 0 { 0.5 } else { -0.5 }, 0.5, 2.0, &SITUATION);
        }
    }
    let [one, other] = holds.map(|hold| hold.set_point(7.0));
    assert!((one - other).abs() < 3.0 * libm::exp(-1.9), "{one}, {other}");
}

#[test]
fn a_set_point_lower_than_that_of_other_daemons_rises_as_expected_visitors_do_not_come() {
    let mut hold = Hold::NEW;
    hold.follow(5.0);
    assert!((hold.set_point(7.0) - 7.05).abs() < 1e-9);
    hold.follow(-1_000.0);
    assert!((hold.set_point(7.0) - 6.95).abs() < 1e-9, "a jump in demand says nothing of others");
}
